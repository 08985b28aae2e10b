"""What the venue says with each code, and the HTTP status that goes with it, by market."""

from __future__ import annotations

from typing import Final, NamedTuple

from exchange.demo.futures import refusals


class KnownError(NamedTuple):
    """What the venue says with a code, and the HTTP status and Retry-After that go with it."""

    message: str
    status: int = 400
    seconds: float = 0.0


UNKNOWN: Final = KnownError("An unknown error occurred while processing the request.")
# Codes with a fixed text (`errors.md`); statuses by "HTTP Return Codes" of `rest-api.md`.
KNOWN_ERRORS: Final = {
    -1000: UNKNOWN,
    -1001: KnownError("Internal error; unable to process your request. Please try again.", 500),
    -1003: KnownError(
        "Too much request weight used; current limit is 6000 request weight per 1 MINUTE."
        " Please use WebSocket Streams for live updates to avoid polling the API.",
        429,
        60.0,
    ),
    -1006: KnownError(
        "An unexpected response was received from the message bus. Execution status unknown.", 500
    ),
    -1007: KnownError(
        "Timeout waiting for response from backend server."
        " Send status unknown; execution status unknown.",
        504,
    ),
    -1008: KnownError(
        "Server is currently overloaded with other requests. Please try again in a few minutes.",
        503,
    ),
    -1015: KnownError("Too many new orders; current limit is 100 orders per 10 SECOND.", 429, 10.0),
    -1016: KnownError("This service is no longer available.", 410),
    -1021: KnownError("Timestamp for this request is outside of the recvWindow."),
    -1022: KnownError("Signature for this request is not valid."),
    -1121: KnownError("Invalid symbol."),
    -2010: KnownError("Account has insufficient balance for requested action."),
    -2011: KnownError("Unknown order sent."),
    -2013: KnownError("Order does not exist."),
    -2014: KnownError("API-key format invalid.", 401),
    -2015: KnownError("Invalid API-key, IP, or permissions for action.", 401),
}
# Where the futures API differs: its error codes and general information.
KNOWN_FUTURES_ERRORS: Final = KNOWN_ERRORS | {
    -1001: KnownError("Internal error; unable to process your request. Please try again.", 503),
    -1003: KnownError(
        "Too many requests; current limit of IP(127.0.0.1) is 2400 requests per minute."
        " Please use the websocket for live updates to avoid polling the API.",
        429,
        60.0,
    ),
    -1007: KnownError(
        "Timeout waiting for response from backend server."
        " Send status unknown; execution status unknown.",
        408,
    ),
    -1008: KnownError(
        "Request throttled by system-level protection."
        " Reduce-only/close-position orders are exempt. Please try again.",
        503,
    ),
    -1015: KnownError(
        "Too many new orders; current limit is 300 orders per TEN_SECONDS.", 429, 10.0
    ),
    -2010: KnownError("NEW_ORDER_REJECTED"),
    -2018: KnownError("Balance is insufficient."),
    -2020: KnownError("Unable to fill."),
    -2021: KnownError("Order would immediately trigger."),
    -2023: KnownError("User in liquidation mode now."),
    -2024: KnownError("Position is not sufficient."),
    -2026: KnownError("This OrderType is not supported when reduceOnly."),
    -4028: KnownError("Leverage 50 is not valid"),
    -4118: KnownError(
        "ReduceOnly Order Failed. Please check your existing position and open orders"
    ),
    -4120: KnownError(
        "Order type not supported for this endpoint."
        " Please use the Algo Order API endpoints instead."
    ),
    -4131: KnownError(
        "The counterparty's best price does not meet the PERCENT_PRICE filter limit."
    ),
    -5028: KnownError("Timestamp for this request is outside of the ME recvWindow."),
    **{
        code: KnownError(message)
        for code, message in (
            refusals.INSUFFICIENT_MARGIN,
            refusals.REDUCE_ONLY_REJECTED,
            refusals.TOO_MANY_ORDERS,
            refusals.POSITION_TOO_LARGE,
            refusals.LEVERAGE_TOO_SMALL,
            refusals.SAME_MARGIN_TYPE,
            refusals.MARGIN_TYPE_HAS_ORDERS,
            refusals.MARGIN_TYPE_HAS_POSITION,
            refusals.SAME_POSITION_MODE,
            refusals.WRONG_POSITION_SIDE,
            refusals.POSITION_MODE_HAS_ORDERS,
            refusals.POSITION_MODE_HAS_POSITION,
            refusals.DUPLICATE_CLIENT_ORDER_ID,
            refusals.LEVERAGE_REDUCTION,
            refusals.NOT_FILLABLE,
            refusals.WOULD_TAKE,
        )
    },
}

"""Refusals in the venue's words: an HTTP status, a code and a text that clients already understand.

Source: error codes of the spot API (`errors.md` of binance-spot-api-docs).
"""

from __future__ import annotations

from typing import Any, Final

BAD_REQUEST: Final = 400
UNAUTHORIZED: Final = 401
NOT_FOUND: Final = 404
CONFLICT: Final = 409
GONE: Final = 410
BANNED: Final = 418
TOO_MANY_REQUESTS: Final = 429


class DemoExchangeError(Exception):
    """The exchange cannot start or go on; the text is meant for the person who started it."""


class VenueError(Exception):
    """A request is refused. `code`, `message` and, if any, `data` become the reply's body."""

    def __init__(
        self,
        code: int,
        message: str,
        *,
        status: int = BAD_REQUEST,
        retry_after_seconds: int | None = None,
        data: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.retry_after_seconds = retry_after_seconds
        self.data = data

    def body(self) -> dict[str, Any]:
        """Return the reply's JSON."""
        short: dict[str, Any] = {"code": self.code, "msg": self.message}
        return short if self.data is None else short | {"data": self.data}


def missing(name: str) -> VenueError:
    """Return the refusal of a request that lacks a parameter (-1102)."""
    text = f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
    return VenueError(-1102, text)


def missing_either(first: str, second: str) -> VenueError:
    """Return the refusal of a request that lacks both of two parameters (-1102)."""
    text = f"Param '{first}' or '{second}' must be sent, but both were empty/null!"
    return VenueError(-1102, text)


def illegal_characters(name: str, pattern: str) -> VenueError:
    """Return the refusal of a value that its pattern does not allow (-1100)."""
    text = f"Illegal characters found in parameter '{name}'; legal range is '{pattern}'."
    return VenueError(-1100, text)


def invalid_data(name: str) -> VenueError:
    """Return the refusal of a well-formed value that makes no sense (-1130)."""
    return VenueError(-1130, f"Data sent for parameter '{name}' is not valid.")


def not_required(name: str) -> VenueError:
    """Return the refusal of a parameter that this kind of request may not carry (-1106)."""
    return VenueError(-1106, f"Parameter '{name}' sent when not required.")


def bad_combination() -> VenueError:
    """Return the refusal of parameters that may not be sent together (-1128)."""
    return VenueError(-1128, "Combination of optional parameters invalid.")


def unsupported(what: str) -> VenueError:
    """Return the refusal of a kind of order that the symbol does not allow (-1013)."""
    return VenueError(-1013, f"{what} are not supported for this symbol.")


def not_permitted() -> VenueError:
    """Return the refusal of a key that may not do this (-2015, HTTP 401)."""
    message = "Invalid API-key, IP, or permissions for action."
    return VenueError(-2015, message, status=UNAUTHORIZED)


def not_authorized() -> VenueError:
    """Return the refusal of a key that may not move money between wallets (-1002, HTTP 401)."""
    message = "You are not authorized to execute this request."
    return VenueError(-1002, message, status=UNAUTHORIZED)


def filter_failure(name: str) -> VenueError:
    """Return the refusal of an order by one of the symbol's filters (-1013)."""
    return VenueError(-1013, f"Filter failure: {name}")


def not_built(what: str) -> VenueError:
    """Return the refusal of something that the venue has and this exchange has not (-1020)."""
    return VenueError(
        -1020, f"This operation is not supported: the demo exchange has no {what} yet."
    )


INVALID_SYMBOL: Final = (-1121, "Invalid symbol.")
INSUFFICIENT_BALANCE: Final = (-2010, "Account has insufficient balance for requested action.")
DUPLICATE_ORDER: Final = (-2010, "Duplicate order sent.")
UNKNOWN_ORDER: Final = (-2013, "Order does not exist.")
UNKNOWN_LIST: Final = UNKNOWN_ORDER
CANCEL_REJECTED: Final = (-2011, "Unknown order sent.")
CANCEL_RESTRICTED: Final = (-2011, "Order was not canceled due to cancel restrictions.")
WRONG_CLIENT_ID: Final = (-2039, "Client order ID is not correct for this order ID.")
ACCOUNT_DISABLED: Final = "This account may not place or cancel orders."
MARKET_CLOSED: Final = (-1013, "Market is closed.")
WOULD_TRIGGER: Final = (-2010, "Order would trigger immediately.")
WOULD_TAKE: Final = (-2010, "Order would immediately match and take.")
WRONG_PRICE_RELATION: Final = (
    -2010,
    "The relationship of the prices for the orders is not correct.",
)

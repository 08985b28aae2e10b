from __future__ import annotations

import socket
import time

import pytest
import requests
import urllib3

from exchange.binance.errors import (
    AlreadySoError,
    RefusedReplyError,
    from_reply,
    from_transport,
    provably_not_sent,
)
from exchange.binance.hints import hint
from exchange.binance.outcomes import OUTCOMES, Outcome
from exchange.domain.errors import (
    CredentialsError,
    GatewayError,
    OrderRejectedError,
    OutcomeUnknownError,
    RateLimitedError,
    TimestampError,
    UnavailableError,
    UnknownSymbolError,
)
from exchange.domain.types import Market

UNKNOWN, LATER, LIMITED, CLOCK = (
    OutcomeUnknownError,
    UnavailableError,
    RateLimitedError,
    TimestampError,
)
REJECTED, KEY, SYMBOL = OrderRejectedError, CredentialsError, UnknownSymbolError


def refused(
    status: int, code: int = 0, text: str = "", retry_after: float | None = None
) -> RefusedReplyError:
    return RefusedReplyError(status=status, code=code, text=text, retry_after=retry_after)


# status, code, text -> the class for an order, the class for a read
SPOT_TABLE = [
    (500, 0, "", UNKNOWN, LATER),
    (502, 0, "", UNKNOWN, LATER),
    (503, -1, "Unknown error, please check your request or try again later.", UNKNOWN, LATER),
    (504, -1007, "Timeout waiting for response from backend server.", UNKNOWN, LATER),
    (400, -1006, "An unexpected response was received.", UNKNOWN, LATER),
    (400, -1000, "An unknown error occurred while processing the request.", UNKNOWN, LATER),
    (500, -1001, "Internal error; unable to process your request.", UNKNOWN, LATER),
    (503, -1008, "Server is currently overloaded with other requests.", UNKNOWN, LATER),
    (408, 0, "", UNKNOWN, LATER),
    (404, 0, "", UNKNOWN, LATER),
    (307, 0, "", UNKNOWN, LATER),
    (400, -1021, "Timestamp for this request is outside of the recvWindow.", CLOCK, CLOCK),
    (429, -1003, "Too many requests.", LIMITED, LIMITED),
    (418, -1003, "Way too many requests; IP banned until 1700000000000.", LIMITED, LIMITED),
    (429, 0, "", LIMITED, LIMITED),
    (418, 0, "", LIMITED, LIMITED),
    (429, -1015, "Too many new orders.", LIMITED, LIMITED),
    (403, 0, "", LIMITED, LIMITED),
    (451, 0, "", LATER, LATER),
    (401, -2014, "API-key format invalid.", KEY, KEY),
    (401, -2015, "Invalid API-key, IP, or permissions for action.", KEY, KEY),
    (400, -1022, "Signature for this request is not valid.", KEY, KEY),
    (401, -1002, "You are not authorized to execute this request.", KEY, KEY),
    (401, 0, "", KEY, KEY),
    (400, -1121, "Invalid symbol.", SYMBOL, SYMBOL),
    (400, -1013, "Filter failure: NOTIONAL", REJECTED, REJECTED),
    (400, -2010, "Account has insufficient balance for requested action.", REJECTED, REJECTED),
    (400, -2010, "Duplicate order sent.", UNKNOWN, REJECTED),
    (400, -2013, "Order does not exist.", REJECTED, REJECTED),
    (400, -1104, "Not all sent parameters were read.", REJECTED, REJECTED),
    (400, -9999, "A code of the future.", REJECTED, REJECTED),
]


@pytest.mark.parametrize(("status", "code", "text", "for_order", "for_read"), SPOT_TABLE)
def test_spot_replies_are_sorted_by_what_the_caller_may_do_next(
    status: int,
    code: int,
    text: str,
    for_order: type[GatewayError],
    for_read: type[GatewayError],
) -> None:
    order = from_reply(refused(status, code, text), market=Market.SPOT, creates_order=True)
    read = from_reply(refused(status, code, text), market=Market.SPOT, creates_order=False)

    assert (type(order), type(read)) == (for_order, for_read)
    assert (order.code, read.code) == (code or None, code or None)


# Where USD-M futures differ from spot, or have codes of their own.
FUTURES_TABLE = [
    (503, 0, "Unknown error, please check your request or try again later.", UNKNOWN, LATER),
    (503, -1, "Service Unavailable.", LATER, LATER),
    (503, -1, "Internal error; unable to process your request. Please try again.", LATER, LATER),
    (503, -1008, "Server is currently overloaded with other requests.", LATER, LATER),
    (500, -1001, "Internal error; unable to process your request.", UNKNOWN, LATER),
    (400, -1007, "Timeout waiting for response from backend server.", UNKNOWN, LATER),
    (400, -5028, "Timestamp for this request is outside of the ME recvWindow.", CLOCK, CLOCK),
    (400, -4116, "ClientOrderId is duplicated.", UNKNOWN, REJECTED),
    (400, -2021, "Order would immediately trigger.", REJECTED, REJECTED),
    (400, -2022, "ReduceOnly Order is rejected.", REJECTED, REJECTED),
    (400, -2019, "Margin is insufficient.", REJECTED, REJECTED),
    (400, -4120, "Order type not supported for this endpoint.", REJECTED, REJECTED),
    (400, -4061, "Order's position side does not match user's setting.", REJECTED, REJECTED),
    (400, -4164, "Order's notional must be no smaller than 5.0", REJECTED, REJECTED),
    (400, -5022, "Due to the order could not be executed as maker.", REJECTED, REJECTED),
    (400, -4088, "User can not place order currently", KEY, KEY),
    (401, -2015, "Invalid API-key, IP, or permissions for action.", KEY, KEY),
    (429, -1015, "Too many new orders.", LIMITED, LIMITED),
    (400, -1121, "Invalid symbol.", SYMBOL, SYMBOL),
]


@pytest.mark.parametrize(("status", "code", "text", "for_order", "for_read"), FUTURES_TABLE)
def test_futures_replies_are_sorted_by_what_the_caller_may_do_next(
    status: int,
    code: int,
    text: str,
    for_order: type[GatewayError],
    for_read: type[GatewayError],
) -> None:
    order = from_reply(refused(status, code, text), market=Market.FUTURES, creates_order=True)
    read = from_reply(refused(status, code, text), market=Market.FUTURES, creates_order=False)

    assert (type(order), type(read)) == (for_order, for_read)


@pytest.mark.parametrize("code", [-4046, -4059, -4171, -5027])
def test_no_need_to_change_is_a_success_on_futures_alone(code: int) -> None:
    error = refused(400, code, "No need to change.")

    with pytest.raises(AlreadySoError):
        from_reply(error, market=Market.FUTURES, creates_order=True)
    assert type(from_reply(error, market=Market.SPOT, creates_order=True)) is REJECTED


def test_every_code_of_a_table_has_one_meaning_in_each_market() -> None:
    for (market, code), outcome in OUTCOMES.items():
        assert code < 0, (market, code)
        assert isinstance(outcome, Outcome)
    refusals = [key for key, outcome in OUTCOMES.items() if outcome is Outcome.REFUSED]
    for market, code in refusals:
        error = from_reply(refused(500, code, "x"), market=market, creates_order=True)
        assert type(error) is UNKNOWN, "no 5xx is a final answer"


@pytest.mark.parametrize(("status", "code"), [(400, -1016), (451, 0)])
def test_what_the_venue_does_not_offer_is_not_worth_asking_again(status: int, code: int) -> None:
    for market in Market:
        error = from_reply(refused(status, code), market=market, creates_order=False)
        assert isinstance(error, UnavailableError)
        assert error.is_lasting


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("Too many new orders; current limit is 50 orders per 10 SECOND.", 10),
        ("Too many new orders; current limit is 160000 orders per 1 DAY.", 86_400),
        ("Too many new orders.", 10),
    ],
)
def test_too_many_orders_wait_for_the_end_of_their_window(text: str, length: int) -> None:
    left = length - time.time() % length

    error = from_reply(refused(429, -1015, text), market=Market.SPOT, creates_order=True)

    assert isinstance(error, RateLimitedError)
    assert error.retry_after == pytest.approx(left, abs=1) or error.retry_after > length - 1


def test_a_refusal_keeps_the_venues_text_the_hint_and_the_halves_of_a_cancel_replace() -> None:
    halves = {"cancelResult": "SUCCESS", "newOrderResult": "FAILURE"}
    reply = RefusedReplyError(
        status=409, code=-2021, text="Partly failed.", retry_after=None, data=halves
    )

    error = from_reply(reply, market=Market.SPOT, creates_order=True)

    assert isinstance(error, OrderRejectedError)
    assert (error.code, error.venue_text, error.details) == (-2021, "Partly failed.", halves)
    futures = from_reply(refused(400, -2021, "x"), market=Market.FUTURES, creates_order=True)
    assert isinstance(futures, OrderRejectedError)
    assert futures.hint == hint(Market.FUTURES, -2021)


def test_the_same_number_can_mean_different_things_on_futures() -> None:
    busy = refused(503, -1008, "Server is currently overloaded.")

    spot = from_reply(busy, market=Market.SPOT, creates_order=True)
    futures = from_reply(busy, market=Market.FUTURES, creates_order=True)

    assert (type(spot), type(futures)) == (UNKNOWN, LATER)


def test_both_markets_know_the_codes_that_every_caller_must_handle() -> None:
    for code in (-1000, -1003, -1006, -1007, -1015, -1021, -1022, -1121, -2014, -2015):
        assert (Market.SPOT, code) in OUTCOMES
        assert (Market.FUTURES, code) in OUTCOMES


@pytest.mark.parametrize("code", [-2015, -1013])
def test_a_refusal_is_explained_in_plain_words_behind_the_venues_own(code: int) -> None:
    error = from_reply(refused(400, code, "Venue words."), market=Market.SPOT, creates_order=True)

    assert str(error) == f"Venue words. (code {code}): {hint(Market.SPOT, code)}"


@pytest.mark.parametrize("code", [-2015, -1013, -2021, -4164])
def test_futures_have_hints_of_their_own(code: int) -> None:
    assert hint(Market.FUTURES, code)


def test_retry_after_is_obeyed_to_the_second() -> None:
    error = from_reply(
        refused(429, -1003, "Too many requests.", 17.0), market=Market.SPOT, creates_order=False
    )

    assert isinstance(error, RateLimitedError)
    assert error.retry_after == 17.0


def test_a_ban_without_the_header_ends_at_the_time_in_the_text() -> None:
    until = time.time_ns() // 1_000_000 + 120_000
    text = f"Way too much request weight used; IP banned until {until}. Please use WebSocket."

    error = from_reply(refused(418, -1003, text), market=Market.SPOT, creates_order=True)

    assert isinstance(error, RateLimitedError)
    assert 119 < error.retry_after <= 120


def test_a_limit_without_any_time_waits_for_a_whole_window() -> None:
    error = from_reply(refused(403), market=Market.SPOT, creates_order=False)

    assert isinstance(error, RateLimitedError)
    assert error.retry_after == 60.0


def _closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_refused_connection_proves_that_an_order_was_not_sent() -> None:
    with pytest.raises(requests.ConnectionError) as caught:
        requests.post(f"http://127.0.0.1:{_closed_port()}/api/v3/order", timeout=1)

    error = from_transport(caught.value, host="venue", creates_order=True)

    assert type(error) is UnavailableError
    assert str(error) == "venue: the connection was refused or the name not found"


def test_a_connect_timeout_proves_it_too_and_a_read_timeout_does_not() -> None:
    assert provably_not_sent(requests.ConnectTimeout())
    assert not provably_not_sent(requests.ReadTimeout())
    assert type(from_transport(requests.ReadTimeout(), host="v", creates_order=True)) is UNKNOWN
    assert type(from_transport(requests.ReadTimeout(), host="v", creates_order=False)) is LATER


@pytest.mark.parametrize(
    "error",
    [
        requests.ConnectionError(urllib3.exceptions.ProtocolError("Connection aborted.")),
        requests.exceptions.ChunkedEncodingError(),
        requests.exceptions.SSLError(),
        urllib3.exceptions.ProtocolError("broken"),
        ConnectionResetError(),
    ],
)
def test_a_connection_that_broke_leaves_an_order_unknown(error: Exception) -> None:
    assert type(from_transport(error, host="v", creates_order=True)) is OutcomeUnknownError
    assert type(from_transport(error, host="v", creates_order=False)) is UnavailableError

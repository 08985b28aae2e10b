from __future__ import annotations

import socket
import time
from functools import partial

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
    (400, -4087, "User can only place reduce only order", REJECTED, REJECTED),
    (400, -4117, "stop order is triggering", REJECTED, REJECTED),
    (400, -4045, "Reach max stop order limit.", REJECTED, REJECTED),
    (400, -4131, "The counterparty's best price does not meet the filter.", REJECTED, REJECTED),
    (401, -2015, "Invalid API-key, IP, or permissions for action.", KEY, KEY),
    (429, -1015, "Too many new orders.", LIMITED, LIMITED),
    (400, -1121, "Invalid symbol.", SYMBOL, SYMBOL),
]


@pytest.mark.parametrize(
    ("market", "status", "code", "text", "for_order", "for_read"),
    [
        *((Market.SPOT, *row) for row in SPOT_TABLE),
        *((Market.FUTURES, *row) for row in FUTURES_TABLE),
    ],
)
def test_replies_are_sorted_by_what_the_caller_may_do_next(
    market: Market,
    status: int,
    code: int,
    text: str,
    for_order: type[GatewayError],
    for_read: type[GatewayError],
) -> None:
    order = from_reply(refused(status, code, text), market=market, creates_order=True)
    read = from_reply(refused(status, code, text), market=market, creates_order=False)

    assert (type(order), type(read)) == (for_order, for_read)
    assert (order.code, read.code) == (code or None, code or None)


# What an order may do after each code that the venue documents, apart from the table of outcomes.
BOTH_CODES: dict[type[GatewayError], list[int]] = {
    UNKNOWN: [-1000, -1001, -1006, -1007],
    LATER: [-1016],
    LIMITED: [-1003, -1015],
    CLOCK: [-1021],
    KEY: [-1002, -1022, -2014, -2015, -2017],
    SYMBOL: [-1121],
    REJECTED: [
        *(-1020, -1100, -1101, -1102, -1103, -1104, -1105, -1106, -1111, -1114, -1115, -1116),
        *(-1117, -1120, -1122, -1128, -1130, -2010, -2011, -2013, -2021, -2022, -2026),
    ],
}
SPOT_CODES: dict[type[GatewayError], list[int]] = {
    UNKNOWN: [-1008],
    REJECTED: [
        *(-1013, -1158, -1159, -1160, -1161, -1162, -1163, -1164, -1165, -1166, -1167, -1168),
        *(-1196, -1197, -1198, -1199, -1220, -2039),
    ],
}
FUTURES_CODES: dict[type[GatewayError], list[int]] = {
    UNKNOWN: [-4116, -20132],
    LATER: [-1008],
    CLOCK: [-5028],
    KEY: [-4088, -4109],
    REJECTED: [
        *(
            -1013,
            -1108,
            -1136,
            -2007,
            -4136,
            -2018,
            -2019,
            -2020,
            -2023,
            -2024,
            -2025,
            -2027,
            -2028,
            -4000,
        ),
        *(-4001, -4002, -4003, -4004, -4005, -4006, -4007, -4013, -4014, -4015, -4016, -4023),
        *(-4024, -4028, -4031, -4045, -4047, -4048, -4049, -4050, -4051, -4054, -4055, -4060),
        *(-4061, -4062, -4067, -4068, -4087, -4114, -4115, -4117, -4118, -4120, -4131, -4135),
        *(-4137, -4138, -4139, -4140, -4141, -4142, -4161, -4164, -4165, -4167, -4168, -4169),
        *(-4170, -4172, -4183, -4184, -4189, -4192, -4202, -4203, -4204, -4205, -4206, -4207),
        *(-4208, -4209, -4210, -4211, -4400, -4401, -4402, -4403, -4531, -5021, -5022, -5037),
        *(-5038, -5039, -5040, -5041),
    ],
}
DOCUMENTED = [
    (market, code, expected)
    for market, tables in (
        (Market.SPOT, (BOTH_CODES, SPOT_CODES)),
        (Market.FUTURES, (BOTH_CODES, FUTURES_CODES)),
    )
    for table in tables
    for expected, codes in table.items()
    for code in codes
]


@pytest.mark.parametrize(("market", "code", "expected"), DOCUMENTED)
def test_every_documented_code_is_sorted_for_orders_and_for_reads(
    market: Market, code: int, expected: type[GatewayError]
) -> None:
    def of(status: int, *, creates_order: bool) -> type[GatewayError]:
        error = refused(status, code, "x")
        return type(from_reply(error, market=market, creates_order=creates_order))

    for_read = expected
    if expected is UNKNOWN:
        for_read = REJECTED if code in (-4116, -20132) else LATER
    assert (of(400, creates_order=True), of(400, creates_order=False)) == (expected, for_read)
    if expected is REJECTED:
        assert (of(500, creates_order=True), of(500, creates_order=False)) == (UNKNOWN, LATER)
    else:
        assert (of(500, creates_order=True), of(500, creates_order=False)) == (expected, for_read)


def test_every_code_of_the_table_of_outcomes_is_documented_here() -> None:
    documented = {(market, code) for market, code, _ in DOCUMENTED}
    already_so = {(Market.FUTURES, code) for code in (-4046, -4059, -4171, -5027)}
    others = {(market, -2008) for market in Market}

    assert set(OUTCOMES) - documented == already_so | others
    assert documented <= set(OUTCOMES)


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
        ("Too many new orders; current limit is 1200 orders per 1 MINUTE.", 60),
        ("Too many new orders; current limit is 300 orders per TEN_SECONDS.", 10),
        ("Too many new orders; current limit is 1200 orders per ONE_MINUTE.", 60),
        ("Too many new orders.", 10),
    ],
)
def test_too_many_orders_wait_for_the_end_of_their_window(
    monkeypatch: pytest.MonkeyPatch, text: str, length: int
) -> None:
    midnight = 1_795_046_400
    for seconds, left in ((0.0, length), (1.5, length - 1.5), (length - 0.25, 1.0)):
        now = partial(float, midnight + seconds)
        monkeypatch.setattr("exchange.binance.errors.time.time", now)
        for market in Market:
            error = from_reply(refused(429, -1015, text), market=market, creates_order=True)

            assert isinstance(error, RateLimitedError)
            assert error.retry_after == left


def test_the_venues_own_wait_comes_before_that_of_the_window() -> None:
    text = "Too many new orders; current limit is 1200 orders per 1 MINUTE."

    error = from_reply(refused(429, -1015, text, 7.0), market=Market.FUTURES, creates_order=True)

    assert isinstance(error, RateLimitedError)
    assert error.retry_after == 7.0


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


def test_a_ban_that_seems_to_be_over_lasts_a_window_because_our_clock_is_ahead() -> None:
    until = time.time_ns() // 1_000_000 - 1_000
    text = f"Way too many requests; IP banned until {until}."

    error = from_reply(refused(418, -1003, text), market=Market.SPOT, creates_order=True)

    assert isinstance(error, RateLimitedError)
    assert error.retry_after == 60.0


@pytest.mark.parametrize(
    ("told", "text", "seconds"),
    [
        (0.0, "", 1.0),  # rounded down: at once would be one more offence
        (1e9, "", 259_200.0),
        (None, "IP banned until 9999999999999.", 259_200.0),
    ],
)
def test_a_wait_is_at_least_a_second_and_at_most_the_longest_ban(
    told: float | None, text: str, seconds: float
) -> None:
    error = from_reply(refused(418, -1003, text, told), market=Market.SPOT, creates_order=False)

    assert isinstance(error, RateLimitedError)
    assert error.retry_after == seconds


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

"""How long a venue is left alone, with chance taken out."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st
from websockets.datastructures import Headers
from websockets.exceptions import InvalidStatus, InvalidURI
from websockets.http11 import Response

from exchange.binance.streams.backoff import Backoff
from exchange.binance.streams.losses import (
    LinkLostError,
    lost_by_dialing,
    lost_by_gateway,
    lost_by_reply,
)
from exchange.binance.streams.settings import StreamSettings
from exchange.domain.errors import CredentialsError, RateLimitedError, UnavailableError

BROKE = LinkLostError("the connection broke")
REFUSED = LinkLostError("the key was refused", is_refusal=True)
PLANNED = LinkLostError("the connection grew old", is_planned=True)


def longest(first: float, last: float) -> float:
    return max(first, last)


def shortest(first: float, last: float) -> float:
    return min(first, last)


def refused(status: int, **headers: str) -> InvalidStatus:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return InvalidStatus(Response(status, "", Headers(named), b""))


def test_the_ceiling_doubles_from_failure_to_failure_up_to_a_limit() -> None:
    backoff = Backoff(StreamSettings(), uniform=longest)

    assert [backoff.next_delay(BROKE) for _ in range(9)] == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]


def test_the_jitter_is_full() -> None:
    backoff = Backoff(StreamSettings(), uniform=shortest)

    assert [backoff.next_delay(BROKE) for _ in range(3)] == [0, 0, 0]


def test_a_healthy_connection_ends_the_row_of_failures() -> None:
    backoff = Backoff(StreamSettings(), uniform=longest)
    for _ in range(5):
        backoff.next_delay(BROKE)

    backoff.reset()

    assert backoff.next_delay(BROKE) == 0.5


def test_a_key_that_was_refused_is_not_tried_again_for_minutes() -> None:
    often = Backoff(StreamSettings(), uniform=shortest)
    rarely = Backoff(StreamSettings(), uniform=longest)

    assert [often.next_delay(REFUSED) for _ in range(7)] == [5, 10, 20, 40, 80, 150, 150]
    assert [rarely.next_delay(REFUSED) for _ in range(7)] == [10, 20, 40, 80, 160, 300, 300]


def test_what_was_planned_is_followed_at_once_unless_it_repeats() -> None:
    backoff = Backoff(StreamSettings(), uniform=longest)

    assert [backoff.next_delay(PLANNED) for _ in range(3)] == [0, 1, 2]


def test_the_venues_word_comes_first() -> None:
    backoff = Backoff(StreamSettings(), uniform=shortest)

    assert backoff.next_delay(LinkLostError("banned", wait=120)) == 120
    assert backoff.next_delay(LinkLostError("banned", wait=120, is_refusal=True)) == 120


@given(st.lists(st.booleans(), max_size=200))
def test_no_delay_is_negative_or_longer_than_the_limits(refusals: list[bool]) -> None:
    backoff = Backoff(StreamSettings())
    for is_refusal in refusals:
        delay = backoff.next_delay(LinkLostError("lost", is_refusal=is_refusal))
        assert 0 <= delay <= (300 if is_refusal else 30)


def test_a_refused_handshake_says_how_long_to_wait() -> None:
    waits = {
        refused(429, Retry_After="7"): 7,
        refused(429): 60,
        refused(418, Retry_After="soon"): 120,
        refused(403): 60,
        refused(418, Retry_After="-1"): 120,
        refused(429, Retry_After="inf"): 60,
        refused(418, Retry_After="1e9"): 3 * 86_400,
        refused(503, Retry_After="9"): 0,
        refused(404): 0,
    }

    assert {error: lost_by_dialing(error).wait for error in waits} == waits


def test_a_country_that_the_venue_does_not_serve_is_a_refusal() -> None:
    assert lost_by_dialing(refused(451)).is_refusal
    assert not lost_by_dialing(refused(403)).is_refusal
    assert lost_by_gateway(UnavailableError("not offered", is_lasting=True)).is_refusal
    assert not lost_by_gateway(UnavailableError("no answer")).is_refusal


def test_no_reason_quotes_the_address() -> None:
    secret = "ws://host/private/ws?listenKey=verysecret"
    for error in (InvalidURI(secret, "no URI"), OSError(secret), TimeoutError(secret)):
        assert "verysecret" not in lost_by_dialing(error).reason


def test_errors_of_the_gateway_and_of_replies_are_sorted() -> None:
    banned = lost_by_gateway(RateLimitedError("too much", retry_after=9))
    wrong = lost_by_gateway(CredentialsError("no", code=-2015))
    assert (banned.wait, banned.is_refusal) == (9, False)
    assert (wrong.wait, wrong.is_refusal) == (0, True)

    for code in (-1002, -1022, -2008, -2014, -2015):
        assert lost_by_reply({"error": {"code": code, "msg": "no"}}, "it").is_refusal
    late = lost_by_reply({"error": {"code": -1021, "msg": "Timestamp for this request…"}}, "it")
    assert (late.is_refusal, late.wait) == (False, 0)
    assert late.reason == "it was refused: Timestamp for this request… (code -1021)"


def test_a_reply_that_names_a_time_is_obeyed_within_reason() -> None:
    def wait(until: object, **more: object) -> float:
        error = {"code": -1, "data": {"retryAfter": until, **more}}
        return lost_by_reply({"error": error}, "it").wait

    now = int(time.time() * 1000)  # signing time
    assert 8 < wait(now + 10_000) <= 10
    assert wait(now - 10_000) == 0
    assert wait("soon") == 0
    assert wait(float("nan")) == 0
    assert wait(now * 1000) == 3 * 86_400
    assert wait(10**400) == 3 * 86_400
    assert wait(-(10**400)) == 0
    assert 8 < wait(now + 10_000, serverTime="now") <= 10
    assert lost_by_reply({"error": {"code": -1, "data": [1]}}, "it").wait == 0


def test_a_ban_is_counted_from_the_venues_clock_and_not_from_ours() -> None:
    # web-socket-api.md, "IP limits"; by our clock it was over years ago
    banned = {
        "id": "fc93a61a-a192-4cf4-bb2a-a8f0f0c51e06",
        "status": 418,
        "error": {
            "code": -1003,
            "msg": "Way too much request weight used; IP banned until 1659146400000.",
            "data": {"serverTime": 1659142907531, "retryAfter": 1659146400000},
        },
    }

    assert lost_by_reply(banned, "it").wait == 3492.469


def test_a_limit_without_a_time_is_waited_out_all_the_same() -> None:
    def wait(status: object, code: object, data: object = None) -> float:
        return lost_by_reply({"status": status, "error": {"code": code, "data": data}}, "it").wait

    assert wait(418, -1003) == 120
    assert wait(429, -1015) == 60
    assert wait(None, -1003) == 60
    assert wait(400, -1034) == 60
    assert wait(418, -1003, {"retryAfter": 5}) == 120  # over, says our clock, which may be wrong
    assert wait(503, -1008) == 0
    assert wait([], {}) == 0

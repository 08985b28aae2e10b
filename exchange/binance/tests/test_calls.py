"""What one call sends, how often, and what it costs, over real HTTP."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from exchange.binance.calls import ALREADY_SO_REPLY, Caller
from exchange.binance.client import build_client
from exchange.binance.clock import wall_milliseconds
from exchange.binance.governor import Governor
from exchange.binance.ledgers import MINUTE_MS
from exchange.binance.local_ledger import LocalLedger
from exchange.binance.retry import Retry, RetryPolicy
from exchange.binance.tests.conftest import KEY, SECRET, loopback_urls
from exchange.binance.tests.scripted_server import Reply, ScriptedServer
from exchange.domain.budget import Priority, asking_for
from exchange.domain.errors import (
    CredentialsError,
    GatewayError,
    OrderRejectedError,
    OutcomeUnknownError,
    RateLimitedError,
    TimestampError,
    UnavailableError,
)
from exchange.domain.types import Market

TIME, ACCOUNT, ORDER = "/api/v3/time", "/api/v3/account", "/api/v3/order"
LEVERAGE = "/fapi/v1/marginType"
WEIGHT_HEADER = "X-MBX-USED-WEIGHT-1M"
OK = Reply(body="{}", headers={WEIGHT_HEADER: "1"})


def refusal(status: int, code: int, text: str = "no", **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status=status, body=f'{{"code": {code}, "msg": "{text}"}}', headers=named)


class CountingLedger(LocalLedger):
    """Counts what would be round trips to Redis."""

    def __init__(self) -> None:
        super().__init__()
        self.trips: list[str] = []

    def reserve(self, *arguments: Any, **named: Any) -> Any:
        self.trips.append("reserve")
        return super().reserve(*arguments, **named)

    def settle(self, *arguments: Any, **named: Any) -> None:
        self.trips.append("settle")
        super().settle(*arguments, **named)

    def ban(self, *arguments: Any, **named: Any) -> None:
        self.trips.append("ban")
        super().ban(*arguments, **named)


class Venue:
    """A caller, the script that answers it, and everything it counted."""

    def __init__(self, script: ScriptedServer, market: Market = Market.SPOT) -> None:
        self.script = script
        self.ledger = CountingLedger()
        self.retries: list[Retry] = []
        self.slept: list[float] = []
        self.governor = Governor(
            self.ledger,
            market=market,
            retry=RetryPolicy(max_attempts=3, backoff_base=0.01),
            count_retry=self.retries.append,
            sleep=self.slept.append,
        )
        self.client = build_client(
            loopback_urls(script.url), key=KEY, secret=SECRET, timeout=(0.5, 0.5)
        )
        self.caller = Caller(
            self.client, market=market, host="venue", has_key=True, governor=self.governor
        )

    def read(self) -> Any:
        return self.caller.read("GET /time", self.client.get_server_time, dict, weight=1)

    def signed_read(self) -> Any:
        return self.caller.signed_read("GET /account", self.client.get_account, dict, weight=20)

    def order(self) -> Any:
        return self.caller.write(
            "POST /order",
            lambda: self.client.create_order(symbol="BTCUSDT"),
            dict,
            weight=1,
            permit=self.caller.permit_orders(),
        )

    def cancel(self) -> Any:
        return self.caller.write(
            "DELETE /order", lambda: self.client.cancel_order(symbol="X"), dict, weight=1
        )

    def change_margin(self) -> Any:
        return self.caller.write(
            "POST /marginType",
            lambda: self.client.futures_change_margin_type(symbol="X", marginType="ISOLATED"),
            lambda reply: reply,
            weight=1,
        )

    def room(self, weight: int, *, orders: int = 0) -> bool:
        """Say whether an exit of `weight` and `orders` would be let through now."""
        with asking_for(Priority.EXIT, patience=0):
            try:
                reservation = self.governor.take(weight=weight, orders=orders)
            except RateLimitedError:
                return False
        self.governor.release(reservation)
        return True


@pytest.fixture
def venue(script: ScriptedServer) -> Iterator[Venue]:
    """Return a venue of spot, in the middle of its minute."""
    venue = Venue(script)
    now = wall_milliseconds()
    venue.governor.note_offset(now // MINUTE_MS * MINUTE_MS + 35_000 - now)
    yield venue
    venue.client.session.close()


FAULTS = {
    "drop": (Reply(drops=True), OutcomeUnknownError),
    "html": (Reply(status=502, body="<html>Bad Gateway</html>"), OutcomeUnknownError),
    "garbage": (Reply(body='{"symbol":"BTC'), OutcomeUnknownError),
    "brackets": (Reply(body="[" * 100_000), OutcomeUnknownError),
    "refused with brackets": (Reply(status=400, body="[" * 100_000), OutcomeUnknownError),
    "timeout": (refusal(408, -1007), OutcomeUnknownError),
    "-1000": (refusal(400, -1000), OutcomeUnknownError),
    "-1001": (refusal(500, -1001), OutcomeUnknownError),
    "-1006": (refusal(400, -1006), OutcomeUnknownError),
    "-1007": (refusal(504, -1007), OutcomeUnknownError),
    "-1008": (refusal(503, -1008), OutcomeUnknownError),
    "duplicate": (refusal(400, -2010, "Duplicate order sent."), OutcomeUnknownError),
    "-1021": (refusal(400, -1021), TimestampError),
    "429": (refusal(429, -1003, Retry_After="1"), RateLimitedError),
    "418": (refusal(418, -1003, Retry_After="1"), RateLimitedError),
    "-1015": (refusal(429, -1015, Retry_After="1"), RateLimitedError),
    "403": (Reply(status=403, body="<html>WAF</html>"), RateLimitedError),
    "451": (Reply(status=451, body="<html>"), UnavailableError),
    "409": (refusal(409, -2021), OrderRejectedError),
    "-2010": (refusal(400, -2010), OrderRejectedError),
    "-2015": (refusal(401, -2015), CredentialsError),
    "307": (Reply(status=307, headers={"Location": ORDER}), OutcomeUnknownError),
}


@pytest.mark.parametrize(("reply", "expected"), FAULTS.values(), ids=FAULTS)
def test_an_order_is_sent_once_whatever_comes_back(
    venue: Venue, reply: Reply, expected: type[GatewayError]
) -> None:
    for _ in range(3):
        venue.script.queue(ORDER, reply)

    with pytest.raises(GatewayError) as caught:
        venue.order()

    assert type(caught.value) is expected
    assert [seen.path for seen in venue.script.seen] == [ORDER]
    assert (venue.retries, venue.slept) == ([], [])


def test_an_order_that_is_never_answered_is_sent_once(venue: Venue) -> None:
    venue.script.queue(ORDER, Reply(delay=threading.Event()))

    with pytest.raises(OutcomeUnknownError):
        venue.order()

    assert len(venue.script.seen) == 1


@pytest.mark.parametrize(
    "name", ["drop", "html", "garbage", "brackets", "-1000", "-1001", "-1006", "-1008"]
)
def test_a_read_is_asked_again_until_it_is_answered(venue: Venue, name: str) -> None:
    reply = FAULTS[name][0]
    for one in (reply, reply, OK):
        venue.script.queue(TIME, one)

    assert venue.read() == {}

    assert len(venue.script.seen) == 3
    assert [(r.endpoint, r.attempt, r.of) for r in venue.retries] == [
        ("GET /time", 1, 3),
        ("GET /time", 2, 3),
    ]
    assert venue.slept == [retry.delay for retry in venue.retries]


def test_a_read_gives_up_after_the_last_attempt(venue: Venue) -> None:
    for _ in range(4):
        venue.script.queue(TIME, FAULTS["html"][0])

    with pytest.raises(UnavailableError):
        venue.read()

    assert len(venue.script.seen) == 3


def test_each_attempt_of_a_signed_read_is_signed_anew(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    venue.script.says(TIME, {"serverTime": wall_milliseconds()})
    venue.script.queue(ACCOUNT, Reply(drops=True))
    venue.script.queue(ACCOUNT, OK)
    monkeypatch.setattr(venue.governor, "sleep", lambda _: time.sleep(0.005))

    venue.signed_read()

    first, second = (int(seen.values["timestamp"]) for seen in venue.script.asked(ACCOUNT))
    assert second - first >= 5


def test_a_late_timestamp_is_a_resync_and_one_retry_which_is_counted(
    venue: Venue, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        venue.script.says(TIME, {"serverTime": wall_milliseconds()})
    venue.script.queue(ACCOUNT, FAULTS["-1021"][0])
    venue.script.queue(ACCOUNT, OK)

    with caplog.at_level(logging.WARNING):
        venue.signed_read()

    assert [seen.path for seen in venue.script.seen] == [TIME, ACCOUNT, TIME, ACCOUNT]
    (retry,) = venue.retries
    assert (retry.endpoint, retry.code, retry.attempt, retry.of) == ("GET /account", "-1021", 1, 2)
    assert "code='-1021'" in caplog.text


def test_a_short_retry_after_is_waited_for_and_a_long_one_is_told(venue: Venue) -> None:
    venue.script.queue(TIME, refusal(429, -1003, Retry_After="2"))
    with pytest.raises(RateLimitedError):
        venue.read()  # asleep in name only, so that the ban has not ended
    assert len(venue.script.seen) == 1
    assert venue.slept[0] >= 2

    other = Venue(venue.script)
    venue.script.queue(TIME, refusal(418, -1003, Retry_After="90"))
    with pytest.raises(RateLimitedError) as caught:
        other.read()
    assert (caught.value.retry_after, other.slept) == (90, [])


def test_a_ban_that_one_call_heard_of_keeps_every_other_call_at_home(venue: Venue) -> None:
    venue.script.queue(TIME, refusal(418, -1003, Retry_After="90"))
    with pytest.raises(RateLimitedError):
        venue.read()

    for call in (venue.read, venue.order, venue.cancel):
        with asking_for(Priority.EXIT), pytest.raises(RateLimitedError, match="not asked"):
            call()

    assert len(venue.script.seen) == 1


def test_too_many_orders_stop_orders_and_not_reads(venue: Venue) -> None:
    venue.script.queue(ORDER, refusal(429, -1015, Retry_After="9"))
    venue.script.queue(TIME, OK)
    with pytest.raises(RateLimitedError):
        venue.order()

    with pytest.raises(RateLimitedError, match="not asked"):
        venue.order()

    assert venue.read() == {}
    assert len(venue.script.asked(ORDER)) == 1


def test_a_page_does_not_wait_for_a_venue_that_hangs_more_than_once(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exchange.domain.budget.PATIENCE", {Priority.PAGE: 0.4})
    for _ in range(3):
        venue.script.queue(TIME, Reply(delay=threading.Event()))
    started = time.monotonic()

    with asking_for(Priority.PAGE), pytest.raises(UnavailableError):
        venue.read()

    assert time.monotonic() - started < 1.0  # one timeout of 0.5 s
    assert len(venue.script.seen) == 1


def test_no_need_to_change_is_a_success(script: ScriptedServer) -> None:
    venue = Venue(script, Market.FUTURES)
    script.queue(LEVERAGE, refusal(400, -4046, "No need to change margin type."))

    assert venue.change_margin() == ALREADY_SO_REPLY

    assert len(script.seen) == 1


def test_a_permit_serves_one_order(venue: Venue) -> None:
    permit = venue.caller.permit_orders()
    venue.script.queue(ORDER, OK)

    def send() -> Any:
        return venue.caller.write(
            "POST /order", venue.client.create_order, dict, weight=1, permit=permit
        )

    send()
    with pytest.raises(ValueError, match="has been used"):
        send()

    assert len(venue.script.seen) == 1


@pytest.mark.parametrize(
    "endpoint",
    [
        "POST /api/v3/order",
        "POST /api/v3/order/cancelReplace",
        "POST /api/v3/orderList/oco",
        "POST /fapi/v1/order",
        "POST /fapi/v1/algoOrder",
    ],
)
def test_nothing_that_creates_orders_leaves_without_a_permit(venue: Venue, endpoint: str) -> None:
    with pytest.raises(ValueError, match="needs a permit"):
        venue.caller.write(endpoint, venue.client.create_order, dict, weight=1)

    assert venue.script.seen == []


def test_a_permit_without_a_key_is_none(script: ScriptedServer) -> None:
    caller = Caller(
        build_client(loopback_urls(script.url)), market=Market.SPOT, host="v", has_key=False
    )

    with pytest.raises(CredentialsError):
        caller.permit_orders()


def test_a_permit_reserves_and_its_release_gives_back(venue: Venue) -> None:
    assert venue.room(1, orders=50)
    permit = venue.caller.permit_orders(count=2)
    assert not venue.room(1, orders=49)

    permit.release()

    assert venue.room(1, orders=50)


@pytest.mark.parametrize(
    ("reply", "orders_left"),
    [
        (Reply(body="{}", headers={WEIGHT_HEADER: "1", "X-MBX-ORDER-COUNT-10S": "7"}), 43),
        (OK, 49),
        (refusal(400, -2010), 50),
        (Reply(drops=True), 49),
        (Reply(status=502, body="<html>"), 49),
    ],
)
def test_orders_are_counted_as_the_venue_counts_them(
    venue: Venue, reply: Reply, orders_left: int
) -> None:
    venue.script.queue(ORDER, reply)
    with suppress(GatewayError):
        venue.order()

    assert venue.room(1, orders=orders_left)
    assert not venue.room(1, orders=orders_left + 1)


def test_the_weight_that_the_venue_tells_is_learnt_from_refusals_too(venue: Venue) -> None:
    venue.script.queue(TIME, refusal(400, -1121, **{WEIGHT_HEADER.replace("-", "_"): "5990"}))
    with pytest.raises(OrderRejectedError):
        venue.read()

    assert venue.room(10)
    assert not venue.room(11)


def test_a_request_without_an_answer_keeps_its_weight_and_one_that_never_left_does_not(
    venue: Venue,
) -> None:
    venue.script.queue(ORDER, Reply(drops=True))
    with pytest.raises(OutcomeUnknownError):
        venue.order()
    assert not venue.room(6_000)

    nowhere = Venue(venue.script)
    nowhere.client.API_URL = "http://127.0.0.1:1/api"
    with pytest.raises(UnavailableError):
        nowhere.cancel()
    assert nowhere.room(6_000)


def test_a_request_without_an_answer_is_not_settled_with_the_count_of_the_one_before(
    venue: Venue,
) -> None:
    counts = {WEIGHT_HEADER: "1", "X-MBX-ORDER-COUNT-10S": "7", "X-MBX-ORDER-COUNT-1D": "7"}
    venue.script.queue(ORDER, Reply(body="{}", headers=counts))
    venue.order()
    venue.script.queue(ORDER, Reply(drops=True))
    with pytest.raises(OutcomeUnknownError):
        venue.order()

    assert venue.room(1, orders=42)
    assert not venue.room(1, orders=43)


def test_the_limits_of_exchange_info_are_taken_over(venue: Venue) -> None:
    row = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 100}
    venue.script.says(TIME, {"rateLimits": [row]})

    venue.read()

    assert venue.room(99)
    assert not venue.room(101)


def test_a_call_takes_two_round_trips_to_the_ledger(venue: Venue) -> None:
    venue.script.queue(TIME, OK)
    venue.read()
    assert venue.ledger.trips == ["reserve", "settle"]

    venue.script.queue(ORDER, OK)
    venue.order()
    assert venue.ledger.trips == ["reserve", "settle"] * 2


def test_an_interruption_leaves_the_request_counted_as_under_way(venue: Venue) -> None:
    class SoftTimeLimitError(Exception):
        pass

    def interrupted() -> Any:
        raise SoftTimeLimitError

    with pytest.raises(SoftTimeLimitError):
        venue.caller.read("GET /x", interrupted, dict, weight=1_000)

    assert venue.room(5_000)
    assert not venue.room(5_001)


def test_a_clock_that_was_asked_twice_is_not_measured_wrong(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    venue.script.queue(TIME, Reply(drops=True))
    venue.script.says(TIME, {"serverTime": wall_milliseconds() + 300})
    monkeypatch.setattr(venue.governor, "sleep", lambda _: time.sleep(0.3))

    assert abs(venue.caller.clock.resync()) < 60


@pytest.mark.parametrize("patience", ["1e308", "1e15", "99999999999999999999"])
def test_a_retry_after_beyond_belief_ends_with_the_longest_ban_of_the_venue(
    venue: Venue, patience: str
) -> None:
    venue.script.queue(ORDER, refusal(429, -1003, Retry_After=patience))

    with pytest.raises(RateLimitedError) as caught:
        venue.order()

    assert caught.value.retry_after == 3 * 86_400
    with pytest.raises(RateLimitedError, match="takes no requests"):
        venue.order()


def test_a_failure_carries_neither_key_nor_secret_nor_signature_anywhere(venue: Venue) -> None:
    replies = [
        *(reply for reply, _ in FAULTS.values()),
        refusal(400, -1022, f"bad signature=abc123 of {KEY}"),
        Reply(delay=threading.Event()),
    ]
    for reply in replies:
        venue.script.queue(ORDER, reply)
        fresh = Venue(venue.script)
        with pytest.raises(GatewayError) as caught:
            fresh.order()
        wire = venue.script.seen[-1].values
        told = f"{caught.value} {caught.value!r} {vars(caught.value)}"
        for secret in (KEY, SECRET, wire["signature"], "abc123"):
            assert secret not in told
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None
        fresh.client.session.close()

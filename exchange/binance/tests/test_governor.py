from __future__ import annotations

from typing import Any

import pytest
import redis

from exchange.binance.clock import wall_milliseconds
from exchange.binance.governor import POLITE_DELAY_SECONDS, Aftermath, Governor, Reservation
from exchange.binance.ledgers import MINUTE_MS
from exchange.binance.local_ledger import LocalLedger
from exchange.binance.steady_ledger import ASK_AGAIN_SECONDS, SHARE_ALONE, SteadyLedger
from exchange.domain.budget import PATIENCE, Priority, asking_for, current_asking
from exchange.domain.errors import RateLimitedError
from exchange.domain.types import Market

EXIT, ENTRY, PAGE = Priority
WEIGHT_HEADER = "X-MBX-USED-WEIGHT-1M"


class Nap:
    """Sleeps not at all, and remembers for how long."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


@pytest.fixture
def nap() -> Nap:
    return Nap()


@pytest.fixture
def governor(nap: Nap) -> Governor:
    """Return a governor in the middle of a venue's minute, with 6000 weight a minute."""
    governor = Governor(LocalLedger(), sleep=nap)
    stand_still(governor, 30_000)
    return governor


def stand_still(governor: Governor, ms_of_minute: int) -> None:
    now = wall_milliseconds()
    governor.note_offset(now // MINUTE_MS * MINUTE_MS + ms_of_minute - now)


def used(governor: Governor, weight: int) -> Reservation:
    """Let the venue tell that `weight` has been used in this minute."""
    with asking_for(EXIT):
        reservation = governor.take(weight=1)
    governor.settle(reservation, Aftermath(headers={WEIGHT_HEADER: str(weight)}))
    return reservation


def is_served(governor: Governor, priority: Priority, weight: int = 1) -> bool:
    with asking_for(priority):
        try:
            reservation = governor.take(weight=weight)
        except RateLimitedError:
            return False
    governor.release(reservation)
    return True


@pytest.mark.parametrize(
    ("weight_used", "served"),
    [
        (4_799, [EXIT, ENTRY, PAGE]),
        (4_800, [EXIT, ENTRY]),
        (5_399, [EXIT, ENTRY]),
        (5_400, [EXIT]),
        (5_999, [EXIT]),
        (6_000, []),
    ],
)
def test_in_a_shortage_exits_come_before_entries_before_pages(
    governor: Governor, weight_used: int, served: list[Priority]
) -> None:
    used(governor, weight_used)

    # Pages first: what an exit or an entry waits for would hold them up.
    assert [p for p in reversed(Priority) if is_served(governor, p)] == served[::-1]


def test_the_threshold_can_be_set() -> None:
    governor = Governor(LocalLedger(), threshold=0.5)
    stand_still(governor, 30_000)
    used(governor, 3_000)

    assert not is_served(governor, PAGE)
    assert is_served(governor, ENTRY)


def test_an_entry_above_the_threshold_is_slowed_down_and_an_exit_is_not(
    governor: Governor, nap: Nap
) -> None:
    used(governor, 4_000)
    assert is_served(governor, ENTRY)
    used(governor, 5_000)
    assert is_served(governor, EXIT)
    assert nap.seconds == []

    assert is_served(governor, ENTRY)
    assert nap.seconds == [POLITE_DELAY_SECONDS]


def test_a_refusal_says_when_there_will_be_room(governor: Governor) -> None:
    used(governor, 6_000)

    with asking_for(EXIT), pytest.raises(RateLimitedError, match="no room for more requests") as no:
        governor.take(weight=1)

    assert 30.5 < no.value.retry_after <= 31


def test_a_short_wait_is_waited_politely(governor: Governor, nap: Nap) -> None:
    used(governor, 6_000)
    stand_still(governor, 58_000)  # 3 s to the end of the guard

    with asking_for(EXIT), pytest.raises(RateLimitedError):
        governor.take(weight=1)  # in vain: in this test the clock stands still

    assert 6 < sum(nap.seconds) <= PATIENCE[EXIT]
    assert max(nap.seconds) <= 1


def test_what_is_under_way_is_waited_for_only_for_as_long_as_patience_lasts(
    governor: Governor, nap: Nap
) -> None:
    with asking_for(EXIT):
        governor.take(weight=6_000)

    with asking_for(PAGE), pytest.raises(RateLimitedError):
        governor.take(weight=1)
    assert 0.9 < sum(nap.seconds) <= PATIENCE[PAGE]

    with asking_for(EXIT):
        current_asking().lose(9.99)
        with pytest.raises(RateLimitedError):
            governor.take(weight=1)


@pytest.mark.parametrize("priority", list(Priority))
def test_a_ban_stops_everybody(governor: Governor, priority: Priority) -> None:
    governor.stop_everybody(120)

    with (
        asking_for(priority),
        pytest.raises(RateLimitedError, match="takes no requests") as no,
    ):
        governor.for_account("7").take(weight=1)

    assert 119 < no.value.retry_after <= 120


def test_too_many_orders_stop_the_orders_of_that_account_alone(governor: Governor) -> None:
    mine, others = governor.for_account("7"), governor.for_account("8")
    mine.stop_orders(20)

    with asking_for(EXIT), pytest.raises(RateLimitedError) as no:
        mine.take(weight=1, orders=1)
    assert 19 < no.value.retry_after <= 20
    mine.take(weight=1)
    others.take(weight=1, orders=1)


def test_an_account_has_one_order_count_for_all_its_keys(governor: Governor) -> None:
    one_key, another = governor.for_account("7"), governor.for_account("7")
    stand_still(governor, 35_000)
    with asking_for(EXIT):
        one_key.take(weight=1, orders=30)
        another.take(weight=1, orders=20)
        with pytest.raises(RateLimitedError):
            one_key.take(weight=1, orders=1)
        governor.for_account("8").take(weight=1, orders=1)


def test_a_market_has_a_budget_of_its_own() -> None:
    ledger = LocalLedger()
    spot, futures = (Governor(ledger, origin="http://v", market=m) for m in Market)
    spot.stop_everybody(60)

    assert not is_served(spot, EXIT)
    assert is_served(futures, EXIT)


def test_the_venues_limits_replace_ours(governor: Governor) -> None:
    row = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 100}
    governor.learn({"rateLimits": [row]})
    governor.learn({"serverTime": 1})
    governor.learn([1])

    assert is_served(governor, EXIT, weight=100)
    assert not is_served(governor, EXIT, weight=101)


@pytest.mark.parametrize("header", ["many", "-1", "", "1.5"])
def test_a_count_that_is_none_is_as_good_as_no_answer(governor: Governor, header: str) -> None:
    with asking_for(EXIT):
        reservation = governor.take(weight=6_000)
    governor.settle(reservation, Aftermath(headers={WEIGHT_HEADER: header}))

    assert not is_served(governor, EXIT)


@pytest.mark.parametrize(("created", "counted"), [(True, True), (None, True), (False, False)])
def test_orders_count_unless_the_venue_refused_them(
    governor: Governor, *, created: bool | None, counted: bool
) -> None:
    stand_still(governor, 35_000)
    mine = governor.for_account("7")
    with asking_for(EXIT):
        reservation = mine.take(weight=1, orders=50)
        mine.settle(reservation, Aftermath(headers={WEIGHT_HEADER: "1"}, created_orders=created))
        if not counted:
            mine.take(weight=1, orders=50)
            return
        with pytest.raises(RateLimitedError):
            mine.take(weight=1, orders=1)


class Flaky(LocalLedger):
    """Stands for Redis: fails while `is_away`."""

    is_away = False
    asked = 0

    def reserve(self, *arguments: Any, **named: Any) -> Any:
        self.asked += 1
        if self.is_away:
            raise redis.ConnectionError("away")
        return super().reserve(*arguments, **named)

    def settle(self, *arguments: Any, **named: Any) -> None:
        if self.is_away:
            raise redis.TimeoutError("away")
        super().settle(*arguments, **named)

    def ban(self, *arguments: Any, **named: Any) -> None:
        if self.is_away:
            raise redis.ConnectionError("away")
        super().ban(*arguments, **named)


class Steady:
    """A governor that can lose its Redis."""

    def __init__(self) -> None:
        self.monotonic = 100.0
        self.redis = Flaky()
        ledger = SteadyLedger(self.redis, monotonic=lambda: self.monotonic)
        self.governor = Governor(ledger, sleep=lambda _: None)
        stand_still(self.governor, 30_000)


def test_without_redis_a_process_keeps_to_a_share_and_exits_pass(
    caplog: pytest.LogCaptureFixture,
) -> None:
    steady = Steady()
    steady.redis.is_away = True
    share = int(6_000 * SHARE_ALONE)

    with asking_for(ENTRY):
        reservation = steady.governor.take(weight=share // 2)
    for priority, weight in ((PAGE, share // 2), (ENTRY, share // 2)):
        assert not is_served(steady.governor, priority, weight)
    for _ in range(10):
        assert is_served(steady.governor, EXIT, share)
    steady.governor.settle(reservation, Aftermath(headers={WEIGHT_HEADER: "300"}))

    assert [r.levelname for r in caplog.records] == ["ERROR"]


def test_without_redis_the_share_is_one_of_the_venues_own_limits() -> None:
    steady = Steady()
    row = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 100}
    steady.governor.learn({"rateLimits": [row]})
    steady.redis.is_away = True

    assert is_served(steady.governor, ENTRY, int(100 * SHARE_ALONE * 0.9))
    assert not is_served(steady.governor, ENTRY, int(100 * SHARE_ALONE))


def test_without_redis_a_ban_still_stops_exits() -> None:
    steady = Steady()
    steady.governor.stop_everybody(120)
    steady.redis.is_away = True

    assert not is_served(steady.governor, EXIT)


def test_a_ban_that_came_without_redis_is_kept_when_it_is_back() -> None:
    steady = Steady()
    steady.redis.is_away = True
    steady.governor.stop_everybody(120)
    steady.redis.is_away = False
    steady.monotonic += ASK_AGAIN_SECONDS

    assert not is_served(steady.governor, EXIT)


def test_a_ban_is_told_to_the_others_even_while_redis_is_left_alone() -> None:
    steady, other = Steady(), Steady()
    steady.redis.is_away = True
    assert is_served(steady.governor, EXIT)
    steady.redis.is_away = False  # back, and this process would ask it in a few seconds only

    steady.governor.stop_everybody(120)

    others = Governor(SteadyLedger(steady.redis), sleep=lambda _: None)
    stand_still(others, 30_000)
    assert not is_served(others, EXIT)
    assert is_served(other.governor, EXIT)


def test_redis_is_left_alone_for_a_while_and_asked_again() -> None:
    steady = Steady()
    steady.redis.is_away = True
    assert is_served(steady.governor, EXIT)
    assert is_served(steady.governor, EXIT)
    assert steady.redis.asked == 1

    steady.redis.is_away = False
    steady.monotonic += ASK_AGAIN_SECONDS
    used(steady.governor, 6_000)
    assert not is_served(steady.governor, EXIT)


def test_redis_lost_between_asking_and_reporting_loses_no_request() -> None:
    steady = Steady()
    with asking_for(EXIT):
        reservation = steady.governor.take(weight=1)
    steady.redis.is_away = True

    steady.governor.settle(reservation, Aftermath(headers={WEIGHT_HEADER: "1"}))

    assert is_served(steady.governor, EXIT)


def test_an_interruption_of_the_polite_delay_gives_everything_back(
    governor: Governor, monkeypatch: pytest.MonkeyPatch
) -> None:
    class SoftTimeLimitError(Exception):
        pass

    def interrupted(_: float) -> None:
        raise SoftTimeLimitError

    used(governor, 5_000)
    monkeypatch.setattr(governor, "sleep", interrupted)
    mine = governor.for_account("7")

    with asking_for(ENTRY), pytest.raises(SoftTimeLimitError):
        mine.take(weight=100, orders=40)

    with asking_for(EXIT):
        mine.take(weight=1_000, orders=50)

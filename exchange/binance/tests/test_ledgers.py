"""Both ledgers keep the same promises, and answer every question alike."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exchange.binance.ledgers import (
    FLIGHT_MS,
    GUARD_MS,
    MINUTE_MS,
    SHORTLY_MS,
    WAITS_MS,
    WEIGHT,
    WINDOWS,
    Counted,
    Draw,
    Free,
    Granted,
    Ledger,
    Refused,
    Seen,
    Settlement,
    Unanswered,
    told_limits,
)
from exchange.binance.local_ledger import LocalLedger
from exchange.binance.redis_ledger import RedisLedger
from exchange.domain.budget import Priority
from exchange.domain.types import Market

WINDOW = WINDOWS[Market.SPOT][0]
TEN_SECONDS, DAY = WINDOWS[Market.SPOT][1:]
BASE = "http://venue/spot"
NOON = 1_800_000_000_000 // MINUTE_MS * MINUTE_MS  # the first ms of a minute
EXIT, ENTRY, PAGE = Priority


@pytest.fixture(scope="session")
def connection() -> Iterator[redis.Redis]:
    url = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0").rpartition("/")[0]
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    connection = redis.Redis.from_url(f"{url}/{int(worker) + 1}")
    yield connection
    connection.close()


@pytest.fixture(params=["local", "redis"])
def ledger(request: pytest.FixtureRequest) -> Ledger:
    if request.param == "local":
        return LocalLedger()
    connection: redis.Redis = request.getfixturevalue("connection")
    forget(connection)
    return RedisLedger(connection)


def forget(connection: redis.Redis) -> None:
    for key in connection.scan_iter("tradebot:budget:{http://venue/*"):
        connection.delete(key)


class Asker:
    """Asks one ledger; every request has a name."""

    def __init__(self, ledger: Ledger, *, fraction: float = 1.0) -> None:
        self.ledger = ledger
        self.fraction = fraction

    def ask(
        self,
        name: str,
        at: int,
        *,
        weight: int = 1,
        orders: int = 0,
        priority: Priority = ENTRY,
        fraction: float | None = None,
    ) -> Granted | Refused:
        return self.ledger.reserve(
            BASE,
            name,
            draws(weight, orders),
            priority=priority,
            fraction=self.fraction if fraction is None else fraction,
            clock_ms=at,
        )

    def take(self, name: str, at: int, **wanted: Any) -> Granted:
        granted = self.ask(name, at, **wanted)
        assert isinstance(granted, Granted), granted
        return granted

    def tell(
        self,
        name: str,
        granted: Granted,
        at: int,
        *settlements: Settlement,
        weight: int = 1,
        orders: int = 0,
    ) -> None:
        self.ledger.settle(BASE, name, draws(weight, orders), granted, settlements, clock_ms=at)

    def use(self, name: str, at: int, seen: int, *, weight: int = 1) -> None:
        self.tell(name, self.take(name, at, weight=weight), at, Seen(seen), weight=weight)

    def room(self, at: int, *, limit: int = 6_000, fraction: float = 1.0) -> int:
        """Return the greatest weight that is granted at `at`; reserves nothing.

        Asked as an exit, which waits behind nobody; nothing is kept waiting behind it.
        """
        low, high = 0, limit
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self._fits(at, middle, fraction) else (low, middle - 1)
        self._fits(at, 0, fraction)
        return low

    def _fits(self, at: int, weight: int, fraction: float) -> bool:
        answer = self.ask("probe", at, weight=weight, priority=EXIT, fraction=fraction)
        if isinstance(answer, Refused):
            return False
        self.tell("probe", answer, at, Free(), weight=weight)
        return True


def draws(weight: int, orders: int) -> tuple[Draw, ...]:
    counts = [Draw(f"{w.label}:7", w, orders) for w in (TEN_SECONDS, DAY)] if orders else []
    return (Draw(WEIGHT, WINDOW, weight), *counts)


@pytest.fixture
def asker(ledger: Ledger) -> Asker:
    return Asker(ledger)


INSIDE = NOON + 30_000


def test_what_is_under_way_counts_until_it_is_answered(asker: Asker) -> None:
    granted = asker.take("a", INSIDE, weight=5_999)

    assert asker.room(INSIDE) == 1
    assert asker.ask("b", INSIDE, weight=2) == Refused(SHORTLY_MS, WEIGHT)

    asker.tell("a", granted, INSIDE + 10, Seen(5_999), weight=5_999)
    assert asker.room(INSIDE + 10) == 1


def test_the_venues_own_count_tells_of_consumers_that_we_do_not_know(asker: Asker) -> None:
    asker.use("a", INSIDE, 5_000)

    assert asker.room(INSIDE) == 1_000


def test_a_full_window_is_waited_for_to_its_end_and_past_the_guard(asker: Asker) -> None:
    asker.use("a", INSIDE, 6_000)

    assert asker.ask("b", INSIDE) == Refused(30_000 + GUARD_MS, WEIGHT)
    assert asker.room(NOON + MINUTE_MS + GUARD_MS) == 6_000


def test_a_request_that_costs_nothing_in_the_end_gives_its_weight_back(asker: Asker) -> None:
    asker.use("a", INSIDE, 100)
    granted = asker.take("order", INSIDE + 1)
    asker.tell("order", granted, INSIDE + 2, Seen(100))
    assert asker.room(INSIDE + 3) == 5_900

    asker.use("later", INSIDE + 4, 60)
    assert asker.room(INSIDE + 5) == 5_940


def test_replies_that_overtake_each_other_lower_no_count(asker: Asker) -> None:
    first, second = asker.take("a", INSIDE), asker.take("b", INSIDE)

    asker.tell("b", second, INSIDE + 5, Seen(900))
    asker.tell("a", first, INSIDE + 6, Seen(20))

    assert asker.room(INSIDE + 7) == 5_100


def test_a_reply_may_come_after_the_reservation_has_expired(asker: Asker) -> None:
    granted = asker.take("a", INSIDE, weight=1_000)
    later = INSIDE + FLIGHT_MS
    assert asker.room(later) == 5_000

    asker.tell("a", granted, later, Seen(10), weight=1_000)

    assert asker.room(later + 1) == 5_000


def test_what_is_under_way_at_a_boundary_counts_against_the_new_window(asker: Asker) -> None:
    late = asker.take("late", NOON + 59_000 - GUARD_MS, weight=4_000)
    new = NOON + MINUTE_MS + GUARD_MS + 5_000
    assert asker.room(new) == 2_000

    # The venue counted it in the one window or in the other; the count that it tells is no help.
    asker.tell("late", late, new, Seen(4_500), weight=4_000)
    assert asker.room(new + 1) == 2_000

    asker.use("next", new + 2, 1)
    assert asker.room(new + 3) == 5_999


def test_near_a_boundary_a_request_must_fit_into_both_windows(asker: Asker) -> None:
    asker.use("a", INSIDE, 5_990)

    for at in (NOON + MINUTE_MS - GUARD_MS, NOON + MINUTE_MS, NOON + MINUTE_MS + GUARD_MS - 1):
        assert asker.room(at) == 10, at
    assert asker.room(NOON + MINUTE_MS + GUARD_MS) == 6_000


def test_what_was_answered_near_a_boundary_counts_in_both_windows(asker: Asker) -> None:
    at = NOON + MINUTE_MS - 10  # by our clock; the venue may already be in its next minute
    asker.tell("a", asker.take("a", at, weight=3_000), at, Seen(3_000), weight=3_000)

    assert asker.room(NOON + MINUTE_MS + GUARD_MS) == 3_000


def test_a_killed_process_leaks_nothing_for_ever(asker: Asker) -> None:
    asker.take("killed", INSIDE, weight=6_000)
    expired = INSIDE + FLIGHT_MS

    assert asker.room(expired) == 0  # it may have been sent in the last moment
    assert asker.room(expired + 2 * MINUTE_MS) == 6_000


def test_an_unanswered_request_counts_as_if_it_were_under_way(asker: Asker) -> None:
    granted = asker.take("a", INSIDE, weight=100)

    asker.tell("a", granted, INSIDE + 10, Unanswered(), weight=100)

    assert asker.room(INSIDE + 20) == 5_900


def test_an_unsent_request_costs_nothing(asker: Asker) -> None:
    granted = asker.take("a", INSIDE, weight=100, orders=1)

    asker.tell("a", granted, INSIDE + 10, Free(), Free(), Free(), weight=100, orders=1)

    assert asker.room(INSIDE + 20) == 6_000
    assert isinstance(asker.ask("b", INSIDE + 20, orders=50), Granted)


def test_orders_are_counted_for_ten_seconds_and_for_a_day(asker: Asker) -> None:
    at = NOON + 5_000
    for number in range(50):
        granted = asker.take(f"o{number}", at, orders=1)
        asker.tell(f"o{number}", granted, at, Seen(1), Counted(), Counted(), orders=1)

    assert asker.ask("o51", at, orders=1) == Refused(5_000 + GUARD_MS, f"{TEN_SECONDS.label}:7")
    assert isinstance(asker.ask("read", at), Granted)
    assert isinstance(asker.ask("o51", at + 6_000, orders=50), Granted)


def test_a_fill_gives_the_order_count_back(asker: Asker) -> None:
    at = NOON + 5_000
    first = asker.take("a", at, orders=40)
    asker.tell("a", first, at + 1, Seen(1), Seen(40), Seen(40), orders=40)
    second = asker.take("b", at + 2, orders=1)
    asker.tell("b", second, at + 3, Seen(1), Seen(1), Seen(1), orders=1)

    assert isinstance(asker.ask("c", at + 4, orders=49), Granted)


def test_a_refusal_reserves_nothing_of_any_budget(asker: Asker) -> None:
    at = NOON + 5_000
    assert isinstance(asker.ask("many", at, weight=10, orders=51, priority=PAGE), Refused)

    assert asker.room(at) == 6_000


@pytest.mark.parametrize("priority", list(Priority))
def test_a_ban_stops_everybody_until_its_end(asker: Asker, priority: Priority) -> None:
    asker.ledger.ban(BASE, WEIGHT, 120_000, clock_ms=INSIDE)
    asker.ledger.ban(BASE, WEIGHT, 5_000, clock_ms=INSIDE)  # a shorter one does not end it

    banned = asker.ask("a", INSIDE + 119_000, priority=priority)
    assert banned == Refused(1_000, WEIGHT, is_ban=True)
    assert isinstance(asker.ask("a", INSIDE + 120_000, priority=priority), Granted)


def test_a_ban_of_orders_leaves_reads_alone(asker: Asker) -> None:
    asker.ledger.ban(BASE, f"{TEN_SECONDS.label}:7", 4_000, clock_ms=INSIDE)

    assert isinstance(asker.ask("read", INSIDE), Granted)
    assert isinstance(asker.ask("order", INSIDE, orders=1), Refused)


def test_limits_that_the_venue_tells_replace_our_own(asker: Asker) -> None:
    asker.ledger.learn(BASE, {WINDOW.label: 100, TEN_SECONDS.label: 2})

    assert asker.room(INSIDE, limit=200) == 100
    assert isinstance(asker.ask("o", INSIDE, orders=3), Refused)


def test_who_waits_goes_before_lower_priorities_and_not_before_higher_ones(asker: Asker) -> None:
    granted = asker.take("busy", INSIDE, weight=5_990)
    assert asker.ask("entry", INSIDE, weight=20) == Refused(SHORTLY_MS, WEIGHT)

    assert asker.ask("page", INSIDE + 1, priority=PAGE) == Refused(SHORTLY_MS, WEIGHT)
    assert isinstance(asker.ask("exit", INSIDE + 1, priority=EXIT), Granted)

    asker.tell("busy", granted, INSIDE + 2, Seen(5_000), weight=5_990)
    assert isinstance(asker.ask("entry", INSIDE + 3, weight=20), Granted)
    assert isinstance(asker.ask("page", INSIDE + 4, priority=PAGE), Granted)


def test_who_has_given_up_waiting_holds_nobody_up_for_long(asker: Asker) -> None:
    asker.use("a", INSIDE, 5_990)
    asker.ask("exit", INSIDE, weight=20, priority=EXIT)

    assert isinstance(asker.ask("page", INSIDE + WAITS_MS - 1, priority=PAGE), Refused)
    assert isinstance(asker.ask("page", INSIDE + WAITS_MS, priority=PAGE), Granted)


def test_a_clock_that_nobody_measured_is_this_machines(ledger: Ledger) -> None:
    granted = ledger.reserve(BASE, "a", draws(1, 0), priority=PAGE, fraction=1.0, clock_ms=None)

    assert isinstance(granted, Granted)


def test_a_measured_clock_serves_those_who_never_measured(connection: redis.Redis) -> None:
    forget(connection)
    asker = Asker(RedisLedger(connection))
    asker.take("a", NOON)

    granted = asker.ledger.reserve(
        BASE, "b", draws(1, 0), priority=PAGE, fraction=1.0, clock_ms=None
    )

    assert isinstance(granted, Granted)
    assert 0 <= granted.at_ms - NOON < 5_000


def test_nothing_of_a_budget_stays_in_redis_for_ever(connection: redis.Redis) -> None:
    forget(connection)
    asker = Asker(RedisLedger(connection))
    asker.ledger.learn(BASE, {WINDOW.label: 6_000})
    asker.use("a", INSIDE, 5_990)
    lost = asker.take("lost", INSIDE, orders=1)
    assert isinstance(asker.ask("waiting", INSIDE, weight=20), Refused)
    asker.ledger.ban(BASE, f"{TEN_SECONDS.label}:7", 4_000, clock_ms=INSIDE)

    def lasting() -> list[bytes]:
        keys = connection.scan_iter("tradebot:budget:{http://venue/*")
        return [key for key in keys if connection.pttl(key) < 0]

    assert len(list(connection.scan_iter("tradebot:budget:{http://venue/*"))) == 9
    assert lasting() == []

    # Emptied while a request was under way: its answer begins the count anew.
    forget(connection)
    asker.tell("lost", lost, INSIDE, Seen(7), Seen(1), Counted(), orders=1)
    assert asker.room(INSIDE) == 5_993
    asker.tell("lost", lost, INSIDE, Seen(7), Seen(1), Counted(), orders=1)
    assert lasting() == [b"tradebot:budget:{http://venue/spot}:weight:venue"]


def test_the_limits_of_exchange_info_are_read_and_others_left_out() -> None:
    rows = [
        {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 1200},
        {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 100},
        {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": 200_000},
        {"rateLimitType": "RAW_REQUESTS", "interval": "MINUTE", "intervalNum": 5, "limit": 6100},
        {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": 7},
        {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10.0, "limit": 1},
        {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 0},
        {"rateLimitType": "ORDERS", "interval": ["SECOND"], "intervalNum": 10, "limit": 1},
        "nonsense",
    ]
    told = {"weight:60000": 1200, "orders:10000": 100, "orders:86400000": 200_000}

    assert told_limits([*rows[:6], *rows[7:]], Market.SPOT) == told
    assert told_limits(rows[6:], Market.SPOT) == {}
    assert told_limits(rows[4:5], Market.FUTURES) == {"orders:60000": 7}
    assert told_limits(None, Market.SPOT) == {}


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["ask", "ask", "ask", "tell", "tell", "ban"]),
        st.integers(0, 25_000),  # ms that pass
        st.integers(1, 3_000),  # weight
        st.integers(0, 3),  # orders
        st.sampled_from(list(Priority)),
        st.integers(0, 2**32),
    ),
    max_size=40,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS)
def test_redis_and_memory_answer_alike(connection: redis.Redis, steps: list[Any]) -> None:
    forget(connection)
    pair = [Asker(LocalLedger()), Asker(RedisLedger(connection))]
    now = NOON
    open_requests: dict[str, Any] = {}
    for number, (action, passed, weight, orders, priority, seed) in enumerate(steps):
        now += passed
        if action == "ask":
            wanted = {"weight": weight, "orders": orders, "priority": priority}
            answers = [asker.ask(f"r{number}", now, fraction=0.9, **wanted) for asker in pair]
            assert alike(*answers)
            if isinstance(answers[0], Granted):
                open_requests[f"r{number}"] = (answers, weight, orders)
        elif action == "tell" and open_requests:
            dice = random.Random(seed)
            name = dice.choice(list(open_requests))
            answers, *amounts = open_requests.pop(name)
            taken = draws(*amounts)
            ends: list[Settlement] = [Seen(dice.randrange(6_000)), Counted(), Free(), Unanswered()]
            settlements = [dice.choice(ends) for _ in taken]
            for asker, granted in zip(pair, answers, strict=True):
                asker.ledger.settle(BASE, name, taken, granted, settlements, clock_ms=now)
        elif action == "ban" and weight > 2_500:
            for asker in pair:
                asker.ledger.ban(BASE, WEIGHT, weight, clock_ms=now)


def alike(local: Granted | Refused, shared: Granted | Refused) -> bool:
    if isinstance(local, Refused) or isinstance(shared, Refused):
        return local == shared
    return (local.at_ms, local.numbers) == (shared.at_ms, shared.numbers) and local.share == (
        pytest.approx(shared.share)
    )

"""The promise of the governor: however many ask at once, the venue's limits are not crossed.

The demo exchange counts by itself, over real HTTP; budgets are shared through the real Redis.
"""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from decimal import Decimal
from typing import Any, Final

import pytest
import redis
from django.conf import settings

from exchange.binance.governor import Governor
from exchange.binance.ledgers import Granted, Ledger
from exchange.binance.local_ledger import LocalLedger
from exchange.binance.redis_ledger import RedisLedger
from exchange.binance.retry import RetryPolicy
from exchange.binance.spot import BinanceSpotGateway
from exchange.binance.steady_ledger import SteadyLedger
from exchange.binance.tests.conftest import loopback_urls
from exchange.demo.limits import RateLimits
from exchange.demo.testing import TEST_KEY, TEST_SECRET, RunningExchange
from exchange.domain.budget import Priority, asking_for
from exchange.domain.errors import RateLimitedError
from exchange.domain.orders import MarketOrderRequest
from exchange.domain.types import Environment, Side

ASKERS: Final = 200
PROCESSES: Final = 4  # governors with a Redis connection of their own
LIMIT: Final = 500
ORDER_LIMIT: Final = 12
BOUNDARY_AFTER: Final = 4.0  # seconds from the start to the end of the venue's minute
LASTS: Final = 7.5
MINUTE: Final = 60


class WatchedLimits(RateLimits):
    """The exchange's own counters; remembers what they reached and what they refused."""

    def __init__(self, wall_seconds: Callable[[], float]) -> None:
        super().__init__(wall_seconds)
        self.wall_seconds = wall_seconds
        self.weight: Counter[int] = Counter()
        self.orders: Counter[int] = Counter()
        self.refused: Counter[str] = Counter()

    def charge(self, peer: str, weight: int) -> None:
        """Count as the exchange does."""
        try:
            super().charge(peer, weight)
        except Exception:
            self.refused["weight"] += 1
            raise
        finally:
            minute = int(self.wall_seconds() // MINUTE)
            self.weight[minute] = max(self.weight[minute], self.used_weight(peer))

    def check_orders(self, uid: int, *arguments: Any) -> None:
        """Check as the exchange does."""
        try:
            super().check_orders(uid, *arguments)
        except Exception:
            self.refused["orders"] += 1
            raise
        self.orders[int(self.wall_seconds() // 10)] += 1


class NoLedger(LocalLedger):
    """The governor switched off: everything is granted."""

    def reserve(self, base: str, request_id: str, draws: Any, **_: Any) -> Granted:
        """Grant."""
        return Granted(0, tuple(0 for _ in draws), 0.0)

    def settle(self, *_: Any, **__: Any) -> None:
        """Forget."""

    def ban(self, *_: Any, **__: Any) -> None:
        """Forget."""


@pytest.fixture
def exchange(monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningExchange]:
    """Run an exchange with small limits whose minute ends soon."""
    monkeypatch.setattr("exchange.demo.limits.WEIGHT_LIMIT", LIMIT)
    monkeypatch.setattr("exchange.demo.limits.ORDERS_PER_TEN_SECONDS", ORDER_LIMIT)
    account = f"{TEST_KEY}:{TEST_SECRET}:USDT=1000000"
    with RunningExchange(accounts=[account], is_paused=True) as running:
        yield running


def shift_clock(exchange: RunningExchange, *, seconds_left: float) -> WatchedLimits:
    """Move the venue's wall clock so that its minute ends in `seconds_left`; watch its limits."""
    shift = MINUTE - seconds_left - time.time() % MINUTE

    def wall_seconds() -> float:
        return time.time() + shift

    limits = WatchedLimits(wall_seconds)

    def install(venue: Any) -> None:
        venue.wall_seconds, venue.limits = wall_seconds, limits

    exchange.run_inside(install)
    return limits


class Crowd:
    """Many threads of several processes that ask for whatever comes to their mind."""

    def __init__(self, exchange: RunningExchange, ledger: Callable[[], Ledger]) -> None:
        origin = f"{exchange.url}#{uuid.uuid4().hex}"  # a budget that no other test has touched
        self.answers: Counter[str] = Counter()
        self._lock = threading.Lock()
        governors = [
            Governor(ledger(), origin=origin, retry=RetryPolicy(max_attempts=1)).for_account("1")
            for _ in range(PROCESSES)
        ]
        self.gateways = [
            BinanceSpotGateway(
                environment=Environment.DEMO,
                urls=loopback_urls(exchange.url),
                key=TEST_KEY,
                secret=TEST_SECRET,
                governor=governors[number % PROCESSES],
            )
            for number in range(ASKERS)
        ]

    def __enter__(self) -> Crowd:
        for gateway in self.gateways[:PROCESSES]:
            gateway.resync_clock()
        self.gateways[0]._fetch_rules("BTCUSDT")  # tells the limits
        return self

    def __exit__(self, *_: object) -> None:
        for gateway in self.gateways:
            gateway.close()

    def ask(self, seconds: float) -> None:
        """Let everybody ask at once, for some time."""
        end = time.monotonic() + seconds
        threads = [
            threading.Thread(target=self._run, args=(gateway, random.Random(number), end))
            for number, gateway in enumerate(self.gateways)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _run(self, gateway: BinanceSpotGateway, dice: random.Random, end: float) -> None:
        while time.monotonic() < end:
            priority = dice.choice(list(Priority))
            with asking_for(priority, patience=0.2):
                answer = self._once(gateway, dice)
            with self._lock:
                self.answers[answer] += 1
            if answer != "served":
                time.sleep(dice.uniform(0.05, 0.3))

    def _once(self, gateway: BinanceSpotGateway, dice: random.Random) -> str:
        try:
            dice.choice(QUESTIONS)(gateway)
        except RateLimitedError as error:
            return "refused by us" if str(error).startswith("not asked") else "refused by the venue"
        return "served"


def place(gateway: BinanceSpotGateway) -> None:
    permit = gateway.permit_orders()
    request = MarketOrderRequest(
        symbol="BTCUSDT",
        side=Side.BUY,
        quantity=Decimal("0.0001"),
        client_order_id=uuid.uuid4().hex,
        signed_at_ms=gateway.signing_time_ms(),
        recv_window_ms=5_000,
    )
    gateway.place_market_order(request, permit=permit)


QUESTIONS: Final[tuple[Callable[[BinanceSpotGateway], object], ...]] = (
    lambda gateway: gateway.ticker("BTCUSDT"),
    lambda gateway: gateway.klines("BTCUSDT", "1m", limit=2),
    lambda gateway: gateway.account(),
    lambda gateway: gateway.order_by_client_id("BTCUSDT", "nobody"),
    lambda gateway: gateway.resync_clock(),
    place,
)


def test_two_hundred_threads_never_cross_the_venues_limit(exchange: RunningExchange) -> None:
    with ExitStack() as stack:

        def shared() -> Ledger:
            connection = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=5)
            stack.callback(connection.close)
            return SteadyLedger(RedisLedger(connection))

        crowd = Crowd(exchange, shared)  # takes its time, so before the clock is set
        limits = shift_clock(exchange, seconds_left=BOUNDARY_AFTER)
        first = int(limits.wall_seconds() // MINUTE)
        with crowd:
            crowd.ask(LASTS)

    assert limits.refused == {}
    assert crowd.answers["refused by the venue"] == 0
    assert crowd.answers["refused by us"] > ASKERS  # there was a shortage
    assert set(limits.weight) == {first, first + 1}
    for minute in (first, first + 1):
        # Neither crossed nor left unused: what is not for everybody is for exits.
        assert 0.9 * LIMIT < limits.weight[minute] <= LIMIT
    assert max(limits.orders.values()) <= ORDER_LIMIT


def test_without_the_governor_the_same_crowd_is_refused(exchange: RunningExchange) -> None:
    crowd = Crowd(exchange, NoLedger)
    limits = shift_clock(exchange, seconds_left=30)
    with crowd:
        crowd.ask(1.5)

    assert limits.refused["weight"] > 0
    assert max(limits.weight.values()) > LIMIT
    assert crowd.answers["refused by the venue"] > 0

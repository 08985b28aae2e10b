"""What it costs to let time pass grows with the time and with what is open, and no faster."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from exchange.demo.futures.tests.algo_world import AlgoWorld
from exchange.demo.futures.tests.futures_world import BTC
from exchange.demo.market.track import Track
from exchange.demo.state import State
from exchange.demo.times import DAY_MS
from exchange.demo.trading.tests.engine_world import FLAT


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count questions for prices and candles, and statements."""
    found: Counter[str] = Counter()

    def count(kind: Any, method: str, name: str) -> None:
        original = getattr(kind, method)

        def counted(*arguments: Any, **named: Any) -> Any:
            found[name] += 1
            return original(*arguments, **named)

        monkeypatch.setattr(kind, method, counted)

    count(Track, "price", "prices")
    count(Track, "candle", "prices")
    for method in ("execute", "execute_many", "rows"):
        count(State, method, "statements")
    return found


def world_with_everything() -> AlgoWorld:
    """Return a world of a flat price with a position, a stop, a trailing stop and a limit."""
    world = AlgoWorld({BTC: [FLAT]}, balances="UM.USDT=100000", leverage=2)
    world.buy(1)
    world.place("BUY", "LIMIT", 1, price=60)
    world.stop(60, working_type="MARK_PRICE")
    world.algo("SELL", "TRAILING_STOP_MARKET", quantity=1, callback_rate=20)
    world.go(1)
    return world


def cost_of(counts: Counter[str], days: int) -> Counter[str]:
    world = world_with_everything()
    counts.clear()
    world.go(days * DAY_MS)
    assert len(world.incomes("FUNDING_FEE")) == 3 * days
    return Counter(counts)


def test_the_way_to_the_end_of_a_long_walk_is_looked_along_once(counts: Counter[str]) -> None:
    # Funding interrupts the walk at every stamp: whoever looks ahead anew each time pays for the
    # square of the days.
    short, long = cost_of(counts, 2), cost_of(counts, 8)
    for what in ("prices", "statements"):
        assert long[what] <= 5 * short[what]


def test_where_nothing_is_open_time_passes_without_a_question(counts: Counter[str]) -> None:
    world = AlgoWorld({BTC: [FLAT]})
    world.go(1)
    counts.clear()
    world.go(30 * DAY_MS)
    assert not counts

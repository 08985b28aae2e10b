"""What must hold of klines, ticks and books, against what the venue itself has."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import pytest
from django.conf import settings

from bots.domain.decision import Leg
from bots.engine import snapshot
from bots.engine.ledger_at_venue import verify_bot
from bots.engine.replay import replay_tick
from bots.models import BotConfig, Fill, Order, Tick
from bots.tests.faults.promises import placed_by_us
from exchange.demo.testing import RunningExchange
from exchange.domain.clock import from_milliseconds
from exchange.domain.intervals import closed_only
from exchange.domain.streams import Series
from exchange.domain.types import Environment, Kline, Market
from exchange.feed.tests.running import truth
from exchange.market_data import SeriesStore, shared_klines
from exchange.registry import market_data_gateway

ZERO: Final = Decimal(0)
_DUST: Final = 10  # USDT: less than any order may be worth
_SINCE: Final = 100  # klines that may have closed since the last look
_LOOKED_AT: Final = 60  # newest closed klines of each look

_Execution = tuple[str, str, str]  # market, symbol, id


class Onlooker:
    """Reads the shared klines again and again as anybody might, and remembers what they showed."""

    def __init__(self, every: Collection[Series]) -> None:
        self.looks = 0
        self._every = every
        self._shown: dict[Series, dict[datetime, set[Kline]]] = {one: {} for one in every}
        self._store = SeriesStore()

    def look(self) -> None:
        """Read everything once; there may be nothing, and never a gap or a step back."""
        for series in self._every:
            cached = self._store.read(series, _LOOKED_AT)
            if cached is None:
                continue
            self.looks += 1
            assert_without_gap(cached.closed, series.length)
            shown = self._shown[series]
            newest = cached.closed[-1].open_time
            assert not shown or newest >= max(shown), f"{series} has gone back to {newest}"
            for kline in cached.closed:
                shown.setdefault(kline.open_time, set()).add(kline)

    def assert_all_was_true(self) -> None:
        """Hold every closed kline that was ever shown against the venue's, to the digit."""
        for series, shown in self._shown.items():
            count = (max(shown) - min(shown)) // series.length + 1
            theirs = {one.open_time: {one} for one in truth(series, count + _SINCE)}
            assert all(theirs[opened] == klines for opened, klines in shown.items())


def assert_without_gap(klines: Collection[Kline], length: timedelta) -> None:
    """No kline is missing between the first and the last one, and all of them are closed."""
    opened = [one.open_time for one in klines]
    assert opened == [opened[0] + number * length for number in range(len(opened))]
    assert all(one.is_closed for one in klines)


class Reading:
    """What ticks read while the `with` block runs, held against the venue's own clock.

    ahead   how far the newest closed kline ended after the price that it was read with: time has
            passed between the two
    """

    def __init__(self, venue: RunningExchange) -> None:
        self._venue = venue
        self._patch = pytest.MonkeyPatch()
        self.count = 0
        self.open: list[Kline] = []
        self.ahead: list[timedelta] = []

    def __enter__(self) -> Reading:
        self._patch.setattr(snapshot, "shared_klines", self._read)
        return self

    def __exit__(self, *_: object) -> None:
        self._patch.undo()

    def _read(self, *args: Any, market_time: datetime, **how: Any) -> list[Kline]:
        klines = shared_klines(*args, market_time=market_time, **how)
        now = from_milliseconds(self._venue.run_inside(lambda inside: inside.clock.now_ms()))
        newest = closed_only(klines)[-1]
        self.count += 1
        if newest.close_time >= now:
            self.open.append(newest)
        if newest.close_time >= market_time:
            self.ahead.append(newest.close_time - market_time)
        return klines


def assert_ticks_saw_closed_klines() -> int:
    """No tick went by other klines than the venue has as closed, to the digit; return how many.

    The replay reads the klines from the venue, whose closed ones never change, and holds them
    against the digest of what the tick has read.
    """
    ticks = list(Tick.objects.select_related("bot").exclude(inputs={}))
    for tick in ticks:
        venue = market_data_gateway(Environment.DEMO, Market(tick.bot.position_type))
        assert replay_tick(tick, gateway=venue).differences == {}
    assert not Tick.objects.exclude(error="").exists()
    return len(ticks)


def executed(ledger: dict[str, Any]) -> dict[_Execution, tuple[str, Decimal, Decimal, Decimal]]:
    """Return every execution of our orders: side, quantity, price and commission."""
    names = {one.venue_id for one in placed_by_us(ledger)}
    spot = [one for one in ledger["fills"] if str(one["orderId"]) in names]
    return {
        ("spot", one["symbol"], str(one["id"])): (
            "BUY" if one["isBuyer"] else "SELL",
            Decimal(one["qty"]),
            Decimal(one["price"]),
            Decimal(one["commission"]),
        )
        for one in spot
    } | {
        ("futures", one["symbol"], str(one["id"])): (
            one["side"],
            Decimal(one["qty"]),
            Decimal(one["price"]),
            Decimal(one["commission"]),
        )
        for one in ledger["futures_fills"]
    }


def booked() -> dict[_Execution, tuple[str, Decimal, Decimal, Decimal]]:
    """Return every execution in the books; none of them is there twice."""
    rows = list(Fill.objects.all())
    found = {
        (str(one.market), one.symbol, one.trade_id): (
            str(one.side),
            one.quantity,
            one.price,
            one.commission,
        )
        for one in rows
    }
    assert len(found) == len(rows)
    return found


def assert_no_order_twice(ledger: dict[str, Any]) -> None:
    """No name is at the venue twice or unwritten, and no bot entered while it held something."""
    names = Counter(one.name for one in placed_by_us(ledger))
    assert set(names.values()) <= {1}
    assert set(names) <= set(Order.objects.values_list("client_order_id", flat=True))
    assert all(name.startswith(f"tb{settings.INSTALLATION_ID}-") for name in names)
    held: dict[int, Decimal] = defaultdict(Decimal)
    entering: dict[int, int] = {}
    for fill in sorted(Fill.objects.select_related("order"), key=lambda one: int(one.trade_id)):
        if fill.order.leg == Leg.ENTRY.value and entering.get(fill.bot_id) != fill.order_id:
            worth = abs(held[fill.bot_id]) * fill.price
            assert worth < _DUST, f"{fill.order} came on top of {worth}"
            entering[fill.bot_id] = fill.order_id
        held[fill.bot_id] += fill.quantity if fill.side == "BUY" else -fill.quantity
        if fill.symbol.startswith(fill.commission_asset):
            held[fill.bot_id] -= fill.commission


def assert_books_are_right(ledger: dict[str, Any], bots: Collection[BotConfig]) -> None:
    """Every execution is in the books once, and all that follows from them adds up."""
    assert booked() == executed(ledger)
    for bot in bots:
        report = verify_bot(bot, at_venue=True)
        assert [str(one) for one in report.findings] == []
        assert report.notes == []

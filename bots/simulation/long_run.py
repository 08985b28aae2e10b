"""A day or more of many bots on both markets with nothing going wrong: figures that must be equal.

Prices walk, klines close, bots trade; at the end every wallet of the demo exchange is, to the last
digit, what the bots' books explain.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Final

from bots.engine.reset import wake_daily_pauses
from bots.journal import JOURNAL
from bots.models import BotState, Fill, FundingPayment, Order, Trade
from bots.simulation.errors import InvariantError
from bots.simulation.people import start
from bots.simulation.perils import NO_PERILS
from bots.simulation.quiet import calm_down
from bots.simulation.stage import Stage
from bots.simulation.steps import tick_due
from bots.simulation.world import World
from exchange.domain.types import Market

_ROUND_SECONDS: Final = 300  # of market time
_SPEED: Final = 1
_ROUNDS_BETWEEN_CHECKS: Final = 12
_PEOPLE: Final = 10  # on futures a symbol belongs to one bot of an account
_SCALE: Final = 50  # so much more money than two or three bots need


@dataclass(frozen=True, slots=True, kw_only=True)
class LongRun:
    """What is played. `hours` and `check_seconds` are market time.

    Every bot ticks when a kline of its timeframe closes, and every `check_seconds`.
    """

    seed: int = 1
    bots: int = 50
    hours: float = 24.0
    timeframe: str = "15m"
    check_seconds: int = 900
    markets: tuple[Market, ...] = (Market.SPOT, Market.FUTURES)


@dataclass(slots=True, kw_only=True)
class LongRunReport:
    """What came of it. `error` is empty when everything was equal to the last digit."""

    seed: int
    bots: int
    hours: float
    rounds: int = 0
    ticks: int = 0
    requests: int = 0
    orders: int = 0
    fills: int = 0
    trades: int = 0
    futures_bots: int = 0
    commission: str = "0"
    funding_payments: int = 0
    funding: str = "0"
    realized_pnl: str = "0"
    open_positions: int = 0
    error: str = ""
    seconds: float = 0.0
    ticks_per_second: float = 0.0


def play_long(stage: Stage, run: LongRun, *, tell: Callable[[str], object]) -> LongRunReport:
    """Play a long run; `tell` hears a line every simulated hour."""
    began = time.perf_counter()
    world = World(
        stage,
        run.seed,
        markets=run.markets,
        bots=(run.bots, run.bots),
        odds=NO_PERILS,
        people=_PEOPLE,
        scale=_SCALE,
        speed=_SPEED,
        timeframe=run.timeframe,
        check_seconds=run.check_seconds,
    )
    report = LongRunReport(seed=run.seed, bots=len(world.bots), hours=run.hours)
    try:
        with world.answering():
            _play(world, run, report, tell)
    except InvariantError as error:
        report.error = str(error)
    finally:
        _fill_in(world, report)
        world.close()
    report.seconds = round(time.perf_counter() - began, 1)
    report.ticks_per_second = round(report.ticks / report.seconds, 1)
    return report


def _play(world: World, run: LongRun, report: LongRunReport, tell: Callable[[str], object]) -> None:
    for bot in world.bots:
        start(world, bot.pk)
    end = world.clock.market + timedelta(hours=run.hours)
    day = world.clock.market.date()
    while world.clock.market < end:
        world.wire.pass_time(_ROUND_SECONDS / _SPEED)
        if world.clock.market.date() != day:
            day = world.clock.market.date()
            wake_daily_pauses(world.market_time)
        tick_due(world)
        report.rounds += 1
        if report.rounds % _ROUNDS_BETWEEN_CHECKS == 0:
            world.check()
            tell(f"{world.clock.market:%Y-%m-%d %H:%M} market time, {world.ticks} ticks")
    calm_down(world)
    world.check(is_quiet=True)


def _fill_in(world: World, report: LongRunReport) -> None:
    fills = Fill.objects.using(JOURNAL)
    in_quote = fills.filter(commission_quote__isnull=False)
    funding = FundingPayment.objects.using(JOURNAL).values_list("amount", flat=True)
    states = BotState.objects.all()
    report.ticks, report.requests = world.ticks, world.wire.requests
    report.orders = Order.objects.using(JOURNAL).count()
    report.fills, report.trades = fills.count(), Trade.objects.using(JOURNAL).count()
    report.futures_bots = sum(bot.is_futures for bot in world.bots)
    report.commission = _sum(in_quote.values_list("commission_quote", flat=True))
    report.funding_payments, report.funding = len(funding), _sum(funding)
    report.realized_pnl = _sum(states.values_list("total_realized_pnl", flat=True))
    report.open_positions = states.filter(in_position=True).count()


def _sum(amounts: Iterable[Decimal | None]) -> str:
    return f"{sum((one for one in amounts if one is not None), Decimal(0)).normalize():f}"

"""Sums over a person's bots."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC
from decimal import Decimal

from bots.selectors.bot_view import BotView
from bots.selectors.figures import percent
from exchange.domain.types import ZERO, Environment


@dataclass(slots=True)
class Total:
    """Sums over the bots of one environment and currency."""

    group: str
    environment: str
    quote: str
    equity: Decimal = ZERO
    daily_pnl: Decimal = ZERO

    @property
    def daily_percent(self) -> Decimal:
        """Return today's profit and loss in percent of the equity at the start of the day."""
        return percent(self.daily_pnl, self.equity - self.daily_pnl) or ZERO


@dataclass(frozen=True, slots=True)
class DemoNote:
    """Which recordings the demo venue plays: symbols, and the month that market time is in."""

    symbols: str
    month: str


def demo_note(views: Iterable[BotView]) -> DemoNote | None:
    """Say what the demo bots among `views` trade on, None when there are none."""
    demo = [view for view in views if view.environment == Environment.DEMO]
    if not demo:
        return None
    symbols = " and ".join(sorted({view.bot.symbol for view in demo}))
    moments = [view.state.last_market_time for view in demo if view.state.last_market_time]
    return DemoNote(symbols, f"{max(moments).astimezone(UTC):%B %Y}" if moments else "")


def totals(views: Iterable[BotView]) -> list[Total]:
    """Add up equity and today's profit and loss, real money first."""
    sums: dict[str, Total] = {}
    for view in views:
        total = sums.setdefault(view.group, Total(view.group, view.environment, view.quote))
        total.equity += view.equity
        total.daily_pnl += view.state.daily_pnl
    return sorted(sums.values(), key=lambda total: (-_weight(total.environment), total.quote))


def environments(views: Iterable[BotView]) -> list[str]:
    """Return the environments in use, the one with the most at stake first."""
    return sorted({view.environment for view in views} - {""}, key=_weight, reverse=True)


def _weight(environment: str) -> int:
    order = ["", Environment.DEMO, Environment.TESTNET, Environment.LIVE]
    return order.index(environment)

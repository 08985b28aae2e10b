"""One bot with everything that can be computed from its settings and its state.

`static/js/derive.js` computes the same figures again from every frame that arrives.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, Final

from bots.domain.direction import Direction
from bots.domain.edits import Pending, unplaced_levels, waiting_edits
from bots.domain.estimates import SizeEstimate, size_estimate
from bots.domain.status import State
from bots.models import BotConfig
from bots.selectors.access import state_of
from bots.selectors.figures import clamp, percent, quote_asset
from bots.selectors.freshness import Freshness, freshness_if_known
from bots.selectors.status import state_data
from bots.selectors.transfers import moved_by
from exchange.domain.types import ZERO

NEEDS_A_PERSON: Final = (State.ERROR, State.WAITING)
LIFTED_BY_START: Final = (State.ERROR, State.PAUSED)


@dataclass(frozen=True, slots=True)
class Level:
    """A price that ends the position and how far the market is from it, in percent."""

    price: Decimal | None
    distance: Decimal | None


@dataclass(frozen=True, slots=True)
class Gauge:
    """How much of a daily limit is used up, 0 to 100; `limit` is None when it is not set."""

    limit: Decimal | int | None
    used: Decimal


class BotView:
    """One bot as a page shows it."""

    def __init__(self, bot: BotConfig, freshness: Freshness | None = None) -> None:
        self.bot = bot
        self.state = state_of(bot)
        self.freshness = freshness or Freshness()

    @property
    def environment(self) -> str:
        """Return the environment of the bot's key, empty without a key."""
        return self.bot.api_key.environment if self.bot.api_key else ""

    @property
    def quote(self) -> str:
        """Return the currency of the bot's money."""
        return quote_asset(self.bot.symbol)

    @property
    def base(self) -> str:
        """Return the currency of the bot's quantities."""
        return self.bot.symbol.removesuffix(self.quote)

    @property
    def group(self) -> str:
        """Name what may be added up: paper and real money, dollars and coins never mix."""
        return f"{self.environment or 'none'}-{self.quote or 'none'}"

    @cached_property
    def equity(self) -> Decimal:
        """Return initial capital plus all profit and loss, quote."""
        equity: Decimal = self.bot.initial_capital + self.total_pnl
        return equity

    @property
    def total_pnl(self) -> Decimal:
        """Return realized plus unrealized profit and loss, quote."""
        total: Decimal = self.state.total_realized_pnl + self.state.unrealized_pnl
        return total

    @property
    def daily_percent(self) -> Decimal:
        """Return today's profit and loss in percent of the equity at the start of the day."""
        return percent(self.state.daily_pnl, self.equity - self.state.daily_pnl) or ZERO

    @property
    def unrealized_percent(self) -> Decimal | None:
        """Return how far the price has moved from the entry."""
        if self.state.entry_price is None or self.state.last_price is None:
            return None
        moved = percent(self.state.last_price - self.state.entry_price, self.state.entry_price)
        return -moved if moved and self.is_short else moved

    @property
    def stop(self) -> Level:
        """Return the stop-loss."""
        return self._level(self.state.stop_loss_price)

    @property
    def target(self) -> Level:
        """Return the take-profit."""
        return self._level(self.state.take_profit_price)

    @property
    def trail(self) -> Level:
        """Return the trailing stop."""
        return self._level(self.state.trailing_stop_price)

    @property
    def is_short(self) -> bool:
        """Say whether the position gains when the price falls."""
        return bool(self.state.direction == Direction.SHORT)

    @property
    def guard(self) -> Decimal | None:
        """Return the stop that a price which turns against the position would meet first."""
        stops = [p for p in (self.state.stop_loss_price, self.state.trailing_stop_price) if p]
        return (min if self.is_short else max)(stops, default=None)

    @property
    def track(self) -> dict[str, str] | None:
        """Return where entry and price lie between stop (0) and target (100)."""
        stop, target, state = self.guard, self.state.take_profit_price, self.state
        if None in (stop, target, state.entry_price, state.last_price):
            return None
        way = target - stop  # below zero for a short position
        if not way or (way < ZERO) is not self.is_short:
            return None
        entry = clamp(percent(state.entry_price - stop, way))
        now = clamp(percent(state.last_price - stop, way))
        left, right = sorted((entry, now))
        return {
            "entry": f"{entry:.2f}",
            "now": f"{now:.2f}",
            "from": f"{left:.2f}",
            "width": f"{right - left:.2f}",
            "result": "won" if now >= entry else "lost",
        }

    @property
    def status_word(self) -> str:
        """Return the first word of the status."""
        return self.state.status.partition(" (")[0]

    @property
    def status_note(self) -> str:
        """Return the rest of the status, shown muted behind the word."""
        return self.state.status.removeprefix(self.status_word)

    @property
    def can_start(self) -> bool:
        """Say whether starting would change something: a paused or failed bot is lifted by it."""
        return not self.bot.is_active or self.state.state in LIFTED_BY_START

    @property
    def start_word(self) -> str:
        """Return what the start button says: an active bot is only lifted from its pause."""
        return "Resume" if self.bot.is_active else "Start"

    @property
    def side_word(self) -> str:
        """Say on which side the position is."""
        if self.state.in_position:
            return str(self.state.direction)
        dust = self.state.current_position_size_coins
        return "none, only dust too small to sell" if dust else "none"

    @property
    def periods(self) -> str:
        """Return the periods of both averages, for example 9/21."""
        parameters = self.bot.parameters
        return f"{parameters.ema_fast}/{parameters.ema_slow}"

    @property
    def unguarded(self) -> bool:
        """Say whether a position is held that nothing would close: no bot and no resting stop."""
        return self.state.in_position and not (
            self.bot.is_active or self.state.resting_stop_price is not None
        )

    @property
    def protection_word(self) -> str:
        """Say in a few words what protects the position at the venue."""
        if not self.state.in_position:
            return "nothing to protect"
        if self.state.unprotected_since is not None:
            return "unprotected"
        if self.state.resting_stop_price is not None:
            return "stop rests at the venue"
        return "no stop set" if self.guard is None else "stop not placed yet"

    @property
    def is_unprotected(self) -> bool:
        """Say whether the position lacks the stop that it should have."""
        return self.state.in_position and self.state.unprotected_since is not None

    @property
    def is_closing(self) -> bool:
        """Say whether somebody has asked for the position to be closed."""
        return self.state.in_position and self.state.close_requested_at is not None

    @property
    def can_close(self) -> bool:
        """Say whether there is a position that nobody has asked to close yet."""
        return self.state.in_position and not self.is_closing

    @property
    def can_delete(self) -> bool:
        """Say whether the bot is stopped and flat; an order may still keep it."""
        return not (self.bot.is_active or self.state.in_position)

    @property
    def waiting_edits(self) -> tuple[Pending, ...]:
        """Return the settings that wait for the next entry."""
        return waiting_edits(self.bot, self.state)

    @property
    def unplaced_levels(self) -> tuple[Pending, ...]:
        """Return the stop and target that do not rest at the venue as they are wanted."""
        return unplaced_levels(self.state, is_short=self.is_short)

    @cached_property
    def returnable(self) -> Decimal:
        """Return what the bot has brought to the futures wallet and could move back, quote."""
        is_idle = self.bot.is_futures and self.can_delete
        return moved_by(self.bot) if is_idle else ZERO

    @property
    def estimate(self) -> SizeEstimate | None:
        """Return what a position on futures comes to; None on spot."""
        return size_estimate(self.bot.parameters) if self.bot.is_futures else None

    @property
    def needs_a_person(self) -> bool:
        """Say whether the bot cannot go on without its owner."""
        return self.state.state in NEEDS_A_PERSON or self.is_unprotected

    @property
    def market_time(self) -> datetime | None:
        """Return the market time of whatever has looked last: a tick, or who reads the prices."""
        fresh, ticked_at = self.freshness, self.state.last_run_at
        if fresh.seen_at is None or (ticked_at is not None and ticked_at > fresh.seen_at):
            ticked: datetime | None = self.state.last_market_time
            return ticked
        return fresh.market_time

    @property
    def gauges(self) -> dict[str, Gauge]:
        """Return today's three limits."""
        bot, today = self.bot, self.daily_percent
        return {
            "target": _gauge(bot.daily_target_perc, today),
            "loss": _gauge(bot.max_daily_loss_perc, -today),
            "trades": _gauge(bot.max_daily_trades, Decimal(self.state.daily_trades_count)),
        }

    @property
    def page_data(self) -> dict[str, Any]:
        """Return what the browser needs to compute the same figures from frames."""
        bot = self.bot
        return {
            "bot_id": bot.pk,
            "seq": self.state.sequence,
            "name": bot.name,
            "symbol": bot.symbol,
            "timeframe": bot.timeframe,
            "environment": self.environment,
            "group": self.group,
            "quote": self.quote,
            "initial_capital": str(bot.initial_capital),
            "daily_target_perc": _text(bot.daily_target_perc),
            "max_daily_loss_perc": _text(bot.max_daily_loss_perc),
            "max_daily_trades": bot.max_daily_trades,
            "check_interval_seconds": bot.check_interval_seconds,
            "state": state_data(self.state),
            "feed": self.freshness.data,
        }

    def _level(self, price: Decimal | None) -> Level:
        now = self.state.last_price
        return Level(price, percent(price - now, now) if price and now else None)


def bot_views(bots: Iterable[BotConfig]) -> list[BotView]:
    """Return the bots as a page shows them, with the age and the source of their prices."""
    known = list(bots)
    freshness = freshness_if_known(known)
    return [BotView(bot, freshness.get(bot.pk)) for bot in known]


def _gauge(limit: Decimal | int | None, used: Decimal) -> Gauge:
    return Gauge(limit, clamp(percent(used, Decimal(limit))) if limit else ZERO)


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)

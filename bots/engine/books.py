"""Fold the bot's fills and funding into what BotState shows and what Trade rows say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from django.utils import timezone

from bots import journal
from bots.domain.decision import IntentReason, Leg
from bots.domain.direction import Direction
from bots.domain.edits import entry_settings
from bots.domain.limits import unrealized_pnl
from bots.domain.orders import UNSETTLED
from bots.domain.positions import Position
from bots.domain.snapshot import PositionState
from bots.engine.commissions import is_awaited, value_commissions
from bots.engine.day import count_day, profit_of_the_day
from bots.engine.facts import Books, fold_facts
from bots.engine.trades import write_trades
from bots.models import BotState, EventKind, Fill, IncidentKind, Trade
from exchange.domain.gateway import MarketDataGateway
from exchange.domain.rules import TradingRules
from exchange.domain.types import Market

# Between a market entry's fill and its stop there is always a moment.
WORTH_TELLING_SECONDS: Final = 1
_NOT_FOLDED: Final = -1  # what no row's number is


def fold_books(
    state: BotState, *, rules: TradingRules, gateway: MarketDataGateway | None = None
) -> list[Trade]:
    """Bring position, profit and Trade rows in line with the facts; return the trades written.

    gateway   reads what commissions in a third asset (BNB) were worth; without it that waits

    Reads nothing but a row id or two when nothing has come since the last time. Everything it
    writes can be computed again from the facts, so a tick that dies on the way loses nothing.
    """
    books = Books.of(state.bot)
    _begin_anew_elsewhere(state, books)
    newest = _newest(books)
    if newest == (state.last_folded_fill_id, state.last_folded_funding_id):
        return []
    fills = list(books.fills.select_related("order").order_by("id"))
    value_commissions(fills, rules=rules, gateway=gateway)
    position = fold_facts(fills, books.funding, rules=rules)
    trades = write_trades(state, fills, position)
    _show_position(state, position, rules=rules)
    _note_entries(state, fills)
    count_day(state)
    _tell_of_oversold(state, position, rules=rules)
    if _is_complete(state, fills):
        state.last_folded_fill_id, state.last_folded_funding_id = newest
    return trades


def _newest(books: Books) -> tuple[int, int]:
    fill = books.fills.order_by("-id").values_list("id", flat=True).first() or 0
    if books.market is Market.SPOT:
        return fill, 0
    return fill, books.funding.order_by("-id").values_list("id", flat=True).first() or 0


def _is_complete(state: BotState, fills: Sequence[Fill]) -> bool:
    # Otherwise the next tick folds again: an order may fill further, a fee may get its worth.
    now = state.last_market_time or max(
        (fill.market_time for fill in fills), default=datetime.min.replace(tzinfo=UTC)
    )
    return not any(fill.order.status in UNSETTLED or is_awaited(fill, now=now) for fill in fills)


def _begin_anew_elsewhere(state: BotState, books: Books) -> None:
    """Open new books when the bot was given another account, market or symbol.

    Profit, day and signals of paper money are none of live money's business.
    """
    if state.folded_for == books.name:
        return
    state.folded_for = books.name
    state.last_folded_fill_id = _NOT_FOLDED
    state.last_folded_funding_id = 0
    state.trading_day = state.day_start_equity = state.day_start_pnl = None
    state.last_seen_kline = state.last_order_time = None
    state.last_entry_time = state.last_close_time = state.funding_read_until = None


def _show_position(state: BotState, position: Position, *, rules: TradingRules) -> None:
    was_held, way_before = state.in_position, state.direction
    opened_before = state.position_opened_at
    state.current_position_size_coins = position.quantity
    state.in_position = not position.is_flat(rules)
    state.direction = position.direction.value
    state.entry_price = position.entry_price if state.in_position else None
    state.position_cost = position.cost
    state.position_opened_at = position.opened_at
    state.total_realized_pnl = position.realized_net
    state.total_funding = position.funding
    state.last_close_time = position.closed_at
    state.last_order_time = _later(state.last_order_time, position.newest_fill_at)
    is_another = (
        not was_held
        or way_before != state.direction
        # Not earlier: that is the same position, of which an execution has arrived late.
        or _is_later(position.opened_at, than=opened_before)
    )
    if not state.in_position or is_another:
        _forget_the_last_one(state)
    if state.in_position and is_another:
        state.entry_settings = entry_settings(state.bot)


def _is_later(one: datetime | None, *, than: datetime | None) -> bool:
    return one is not None and than is not None and one > than


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((each for each in (one, other) if each is not None), default=None)


def _forget_the_last_one(state: BotState) -> None:
    _tell_of_naked_seconds(state)
    clear_levels(state)
    state.unprotected_since = None
    state.unprotected_reason = ""
    state.unprotected_seconds = Decimal(0)
    state.stop_failures = 0
    state.entry_settings = {}


def _tell_of_naked_seconds(state: BotState) -> None:
    seconds = state.unprotected_seconds
    if state.unprotected_since is not None:
        seconds += Decimal((timezone.now() - state.unprotected_since).total_seconds())
    if seconds >= WORTH_TELLING_SECONDS:
        words = f"That position was without its stop for {seconds:.0f} s in all."
        data = {"seconds": f"{seconds:.3f}"}
        journal.record_event(state.pk, EventKind.UNPROTECTED, words, data=data)


def clear_levels(state: BotState) -> None:
    """Forget the prices that belonged to a position that is gone, or not yet watched."""
    state.max_price_since_entry = None
    state.min_price_since_entry = None
    state.trailing_stop_price = None
    state.stop_loss_price = None
    state.take_profit_price = None


def _note_entries(state: BotState, fills: Sequence[Fill]) -> None:
    # Never back: an entry that came to nothing is no fill, and was noted by the tick that sent it.
    times = [fill.market_time for fill in fills if _is_entry(fill)]
    state.last_entry_time = _later(state.last_entry_time, max(times, default=None))


def _is_entry(fill: Fill) -> bool:
    return fill.order.leg == Leg.ENTRY and fill.order.intent_reason != IntentReason.ADOPTED


def _tell_of_oversold(state: BotState, position: Position, *, rules: TradingRules) -> None:
    kind, key = IncidentKind.BOOKS, f"oversold {state.folded_for} {position.oversold:f}"
    if position.oversold:
        sold = f"{position.oversold:f} {rules.base_asset}"
        journal.open_incident(
            state.pk,
            kind,
            key,
            f"Sold {sold} more than the bot's fills had bought.",
            data={"oversold": f"{position.oversold:f}", "asset": rules.base_asset},
            account_id=state.bot.api_key.account_id if state.bot.api_key else None,
        )
    journal.close_gone(state.pk, kind, still_there=(key,) if position.oversold else ())


def mark_to_market(state: BotState, price: Decimal) -> None:
    """Value the position at `price`."""
    state.last_price = price
    state.unrealized_pnl = unrealized_pnl(position_state(state), price)
    state.daily_pnl = profit_of_the_day(state)


def position_state(state: BotState) -> PositionState:
    """Return what the bot holds as decisions want it; dust counts, because it was paid for."""
    return PositionState(
        quantity=state.current_position_size_coins,
        direction=Direction(state.direction),
        entry_price=state.entry_price,
        max_price_since_entry=state.max_price_since_entry,
        min_price_since_entry=state.min_price_since_entry,
        trailing_stop_price=state.trailing_stop_price,
        opened_at=state.position_opened_at,
        cost=state.position_cost,
    )

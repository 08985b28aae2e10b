"""Fold the bot's fills into what BotState shows and what Trade rows say."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from django.db.models import QuerySet

from bots import journal
from bots.domain.limits import unrealized_pnl
from bots.domain.orders import UNSETTLED
from bots.domain.positions import Closed, Position, fold
from bots.domain.positions import Fill as DomainFill
from bots.domain.snapshot import PositionState
from bots.engine.day import day_start, equity
from bots.models import BotState, EventKind, Fill, Trade
from bots.models.fields import plain
from exchange.domain.rules import TradingRules
from exchange.domain.types import ZERO, Side

_PRICE_PLACES: Final = 8  # an average may have no end


def fold_books(state: BotState, *, rules: TradingRules) -> list[Trade]:
    """Bring position, profit and Trade rows in line with the fills; return the new trades.

    Reads nothing but one row id when no fill has come since the last time. Everything it
    writes can be computed again from the fills, so a tick that dies on the way loses nothing.
    """
    _begin_anew_elsewhere(state)
    of_these_books = _fills(state)
    newest = of_these_books.order_by("-id").values_list("id", flat=True).first() or 0
    if newest == state.last_folded_fill_id:
        return []
    fills = list(of_these_books.select_related("order").order_by("id"))
    position = fold(
        [_domain_fill(fill) for fill in fills],
        base_asset=rules.base_asset,
        quote_asset=rules.quote_asset,
        quantity_increment=rules.quantity_increment,
    )
    trades = _write_trades(state, fills, position)
    _show_position(state, position, rules=rules)
    if position.oversold:
        journal.record_event(
            state.pk,
            EventKind.BOOKS,
            f"Sold {position.oversold:f} {rules.base_asset} more than the bot's fills had bought.",
        )
    if all(fill.order.status not in UNSETTLED for fill in fills):
        state.last_folded_fill_id = newest
    return trades


def _fills(state: BotState) -> QuerySet[Fill]:
    """Return the fills of what the bot trades now: one account, one market, one symbol."""
    bot = state.bot
    return Fill.objects.using(journal.JOURNAL).filter(
        bot_id=bot.pk,
        account_id=bot.api_key.account_id if bot.api_key else None,
        market=bot.position_type,
        symbol=bot.symbol,
    )


def _begin_anew_elsewhere(state: BotState) -> None:
    """Open new books when the bot was given another account, market or symbol.

    Profit, day and signals of paper money are none of live money's business.
    """
    bot = state.bot
    books = f"{bot.api_key.account_id if bot.api_key else ''}:{bot.position_type}:{bot.symbol}"
    if state.folded_for == books:
        return
    state.folded_for = books
    state.last_folded_fill_id = -1
    state.trading_day = state.day_start_equity = None
    state.last_seen_kline = state.last_order_time = None


def _domain_fill(fill: Fill) -> DomainFill:
    return DomainFill(
        trade_id=fill.trade_id,
        side=Side(fill.side),
        price=fill.price,
        quantity=fill.quantity,
        commission=fill.commission,
        commission_asset=fill.commission_asset,
        market_time=fill.market_time,
    )


def _write_trades(state: BotState, fills: list[Fill], position: Position) -> list[Trade]:
    closed = {item.trade_id: item for item in position.closed}
    by_order: dict[int, list[Fill]] = {}
    for fill in fills:
        by_order.setdefault(fill.order_id, []).append(fill)
    known = dict(
        Trade.objects.using(journal.JOURNAL)
        .filter(bot_id=state.pk)
        .values_list("order_id", "quantity_filled")
    )
    written = []
    for order_id, order_fills in by_order.items():
        order = order_fills[0].order
        if order.status in UNSETTLED or known.get(order_id) == _quantity(order_fills):
            continue
        if order_id not in known:
            journal.record_event(state.pk, EventKind.TRADED, _words(order_fills))
        results = [closed[fill.trade_id] for fill in order_fills if fill.trade_id in closed]
        written.append(
            journal.record_trade(
                order,
                order_fills,
                user_id=state.bot.user_id,
                pnl=_gross(results),
                net=_net(results),
            )
        )
    return written


def _words(fills: list[Fill]) -> str:
    order, quantity = fills[0].order, _quantity(fills)
    quote = sum((fill.quote_quantity for fill in fills), ZERO)
    verb = "Bought" if order.side == Side.BUY else "Sold"
    reason = order.intent_reason.replace("_", " ")
    price = plain(round(quote / quantity, _PRICE_PLACES))
    return f"{verb} {plain(quantity)} {order.symbol} at {price} ({reason})."


def _quantity(fills: list[Fill]) -> Decimal:
    return sum((fill.quantity for fill in fills), ZERO)


def _gross(results: list[Closed]) -> Decimal | None:
    return sum((item.gross_pnl for item in results), ZERO) if results else None


def _net(results: list[Closed]) -> Decimal | None:
    return sum((item.net_pnl for item in results), ZERO) if results else None


def _show_position(state: BotState, position: Position, *, rules: TradingRules) -> None:
    was_in_position = state.in_position
    state.current_position_size_coins = position.quantity
    state.in_position = not position.is_flat(rules)
    state.entry_price = position.entry_price if state.in_position else None
    state.position_cost = position.cost
    state.position_opened_at = position.opened_at
    state.total_realized_pnl = position.realized_net
    state.last_order_time = position.newest_fill_at
    if not state.in_position or not was_in_position:
        clear_levels(state)


def clear_levels(state: BotState) -> None:
    """Forget the prices that belonged to a position that is gone, or not yet watched."""
    state.max_price_since_entry = None
    state.trailing_stop_price = None
    state.stop_loss_price = None
    state.take_profit_price = None


def count_day(state: BotState) -> None:
    """Count entries and profit of the bot's trading day; call when the day or the books changed."""
    if state.trading_day is None:
        return
    state.daily_trades_count = (
        _fills(state)
        .filter(side=Side.BUY, market_time__gte=day_start(state.trading_day))
        .values("order_id")
        .distinct()
        .count()
    )


def mark_to_market(state: BotState, price: Decimal) -> None:
    """Value the position at `price`."""
    state.last_price = price
    state.unrealized_pnl = unrealized_pnl(position_state(state), price)
    if state.day_start_equity is not None:
        state.daily_pnl = equity(state) - state.day_start_equity


def position_state(state: BotState) -> PositionState:
    """Return what the bot holds as decisions want it; dust counts, because it was paid for."""
    return PositionState(
        quantity=state.current_position_size_coins,
        entry_price=state.entry_price,
        max_price_since_entry=state.max_price_since_entry,
        trailing_stop_price=state.trailing_stop_price,
        opened_at=state.position_opened_at,
        cost=state.position_cost,
    )

"""Trade rows: one per order that is done and has fills, folded from them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from bots import journal
from bots.domain.decision import IntentReason, Leg
from bots.domain.direction import Direction
from bots.domain.orders import UNSETTLED
from bots.domain.positions import Closed, Position
from bots.models import BotState, EventKind, Fill, Order, Trade
from bots.models.fields import plain
from exchange.domain.types import ZERO, Market, Side

_PRICE_PLACES: Final = 8  # an average may have no end


def write_trades(state: BotState, fills: Sequence[Fill], position: Position) -> list[Trade]:
    """Write the Trade rows that are new or whose figures have changed, and return them.

    They change when executions arrive late, when the worth of a commission becomes known, and when
    funding is booked after the position has ended. Safe to repeat.
    """
    results = results_by_order(fills, position)
    known = _known(fills)
    written = []
    for order_fills in by_order(fills):
        order = order_fills[0].order
        if order.status in UNSETTLED:
            continue
        pnl, net = results.get(order.pk, (None, None))
        before = known.get(order.pk)
        if before is not None and _says(before, order_fills, pnl, net):
            continue
        reason = IntentReason(before.reason) if before else _reason(state, order)
        if before is None:
            journal.record_event(state.pk, EventKind.TRADED, _words(order_fills, reason))
        user_id = state.bot.user_id
        written.append(
            journal.record_trade(
                order, order_fills, user_id=user_id, pnl=pnl, net=net, reason=reason
            )
        )
    return written


def by_order(fills: Sequence[Fill]) -> list[list[Fill]]:
    """Return the fills of each order together, in the order of their first ones."""
    groups: dict[int, list[Fill]] = {}
    for fill in fills:
        groups.setdefault(fill.order_id, []).append(fill)
    return list(groups.values())


def results_by_order(
    fills: Sequence[Fill], position: Position
) -> dict[int, tuple[Decimal, Decimal]]:
    """Return gross and net result of each order that closed something, by the order's number."""
    closed = {each.trade_id: each for each in position.closed}
    results: dict[int, list[Closed]] = {}
    for fill in fills:
        if fill.trade_id in closed:
            results.setdefault(fill.order_id, []).append(closed[fill.trade_id])
    return {
        order_id: (
            sum((each.gross_pnl for each in parts), ZERO),
            sum((each.net_pnl for each in parts), ZERO),
        )
        for order_id, parts in results.items()
    }


def total_quantity(fills: Sequence[Fill]) -> Decimal:
    """Return the quantity of these fills together."""
    return sum((fill.quantity for fill in fills), ZERO)


def _known(fills: Sequence[Fill]) -> dict[int, Trade]:
    orders = {fill.order_id for fill in fills}
    trades = Trade.objects.using(journal.JOURNAL).filter(order_id__in=orders)
    return {trade.order_id: trade for trade in trades}


def _says(trade: Trade, fills: Sequence[Fill], pnl: Decimal | None, net: Decimal | None) -> bool:
    return (trade.quantity_filled, trade.pnl, trade.realized_pnl) == (
        total_quantity(fills),
        pnl,
        net,
    )


def _reason(state: BotState, order: Order) -> IntentReason:
    """Return why it happened: of what rested at the venue, what its leg says.

    Of stop-loss and trailing stop the tighter one rests.
    """
    wanted_for = IntentReason(order.intent_reason)
    if wanted_for not in (IntentReason.PROTECTION, IntentReason.PROTECTION_MOVED):
        return wanted_for
    if order.leg == Leg.TARGET:
        return IntentReason.TAKE_PROFIT
    trails = state.trailing_stop_price is not None and (
        state.stop_loss_price is None
        or order.trigger_price is None
        or Direction(order.direction).sign * (order.trigger_price - state.stop_loss_price) > 0
    )
    return IntentReason.TRAILING_STOP if trails else IntentReason.STOP_LOSS


def _words(fills: Sequence[Fill], reason: IntentReason) -> str:
    order, quantity = fills[0].order, total_quantity(fills)
    quote = sum((fill.quote_quantity for fill in fills), ZERO)
    price = plain(round(quote / quantity, _PRICE_PLACES))
    why = reason.replace("_", " ")
    return f"{_verb(order)} {plain(quantity)} {order.symbol} at {price} ({why})."


def _verb(order: Order) -> str:
    verb = "Bought" if order.side == Side.BUY else "Sold"
    if order.market == Market.FUTURES and order.direction == Direction.SHORT:
        return f"{verb} short" if order.leg == Leg.ENTRY else f"{verb} back"
    return verb

"""The order that opens a position, together with its exits where the venue can do that."""

from __future__ import annotations

from decimal import Decimal

from bots.domain.decision import Intent, IntentReason, Leg, Levels, Route
from bots.domain.direction import Direction
from bots.domain.exits import guarding_stop, levels_at_entry
from bots.domain.sizing import FEE_SHARE, FUTURES_FEE_SHARE, PRICE_CUSHION, leverage_in_use
from bots.domain.snapshot import Snapshot
from exchange.domain.filters import EXACT
from exchange.domain.orders import OrderType, TimeInForce
from exchange.domain.rules import TradingRules
from exchange.domain.types import Market, Side


def entry_intents(
    snapshot: Snapshot, *, quantity: Decimal, direction: Direction, levels: Levels | None = None
) -> tuple[Intent, ...]:
    """Return the entry as one request; `levels` are those at the price of the snapshot.

    On spot an entry list where the symbol has them: a limit buy at the price plus the slippage
    that is allowed, all at once or nothing, whose stop and target the venue places over what was
    received (opo.md). Otherwise, and on futures, an order at the market; its stops are placed
    when it is filled.
    """
    if direction is Direction.LONG and snapshot.rules.market is Market.SPOT:
        levels = levels or levels_at_entry(
            price=snapshot.price,
            direction=direction,
            parameters=snapshot.parameters,
            price_increment=snapshot.rules.price_increment,
        )
        intents = _entry_list(snapshot, quantity=quantity, levels=levels)
        if intents:
            return intents
    futures, asked = snapshot.futures, snapshot.parameters.leverage
    return (
        market_entry(
            snapshot.rules,
            quantity=quantity,
            price=snapshot.price,
            direction=direction,
            leverage=leverage_in_use(snapshot.parameters, futures) if futures else asked,
        ),
    )


def market_entry(
    rules: TradingRules,
    *,
    quantity: Decimal,
    price: Decimal,
    direction: Direction = Direction.LONG,
    leverage: int = 1,
) -> Intent:
    """Return an entry at the market."""
    is_spot = rules.market is Market.SPOT
    value = quantity * price * (1 + PRICE_CUSHION)
    reserve = value if is_spot else value / leverage + value * FUTURES_FEE_SHARE
    return Intent(
        leg=Leg.ENTRY,
        side=direction.entry_side,
        quantity=quantity,
        reason=IntentReason.ENTRY_SIGNAL,
        direction=direction,
        reserve=reserve,
    )


def _entry_list(snapshot: Snapshot, *, quantity: Decimal, levels: Levels) -> tuple[Intent, ...]:
    """Return entry, stop and target; nothing when the rules or the balance allow no such list."""
    limit = _limit(snapshot)
    if limit is None or not _takes_limit(snapshot, quantity=quantity, limit=limit):
        return ()
    left = snapshot.rules.floor_quantity(quantity * (1 - FEE_SHARE))
    stop = _stop(snapshot, levels, quantity=left)
    target = _target(snapshot, levels, quantity=left, limit=limit)
    if guarding_stop(levels, Direction.LONG) is not None and stop is None:
        return ()  # never a position that brings its target along and not its stop
    if stop is not None and target is not None and not snapshot.rules.allows_oco:
        target = None
    exits = tuple(each for each in (stop, target) if each is not None)
    return (_entry(quantity=quantity, limit=limit), *exits) if exits else ()


def _limit(snapshot: Snapshot) -> Decimal | None:
    """Return the worst price of the entry, within the venue's band; None when there is none."""
    rules, slippage = snapshot.rules, snapshot.parameters.entry_slippage_perc
    if slippage is None or not (rules.allows_opo and rules.allows_oto):
        return None
    limit = snapshot.price * (1 + slippage / 100)
    if rules.buy_band is not None and rules.buy_band.up:
        limit = min(limit, EXACT.multiply(snapshot.price, rules.buy_band.up))
    limit = rules.floor_price(limit)
    return limit if limit >= snapshot.price else None


def _takes_limit(snapshot: Snapshot, *, quantity: Decimal, limit: Decimal) -> bool:
    # The venue locks quantity x limit, although it fills at the market's price.
    return quantity * limit <= snapshot.free_quote and not snapshot.rules.limit_order_violation(
        side=Side.BUY, quantity=quantity, price=limit, reference_price=snapshot.price
    )


def _entry(*, quantity: Decimal, limit: Decimal) -> Intent:
    return Intent(
        leg=Leg.ENTRY,
        side=Side.BUY,
        quantity=quantity,
        reason=IntentReason.ENTRY_SIGNAL,
        type=OrderType.LIMIT,
        route=Route.LIST,
        price=limit,
        time_in_force=TimeInForce.FOK,
        reserve=quantity * limit,
    )


def _stop(snapshot: Snapshot, levels: Levels, *, quantity: Decimal) -> Intent | None:
    level = guarding_stop(levels, Direction.LONG)
    if level is None or level >= snapshot.price:
        return None
    problem = snapshot.rules.stop_order_violation(
        order_type=OrderType.STOP_LOSS, side=Side.SELL, quantity=quantity, stop_price=level
    )
    if problem:
        return None
    return Intent(
        leg=Leg.STOP,
        side=Side.SELL,
        quantity=quantity,
        reason=IntentReason.PROTECTION,
        type=OrderType.STOP_LOSS,
        route=Route.LIST,
        trigger_price=level,
    )


def _target(
    snapshot: Snapshot, levels: Levels, *, quantity: Decimal, limit: Decimal
) -> Intent | None:
    level = levels.take_profit
    if level is None or level <= limit:
        return None
    problem = snapshot.rules.limit_order_violation(
        side=Side.SELL,
        quantity=quantity,
        price=level,
        reference_price=snapshot.price,
        order_type=OrderType.LIMIT_MAKER,
    )
    if problem:
        return None
    return Intent(
        leg=Leg.TARGET,
        side=Side.SELL,
        quantity=quantity,
        reason=IntentReason.PROTECTION,
        type=OrderType.LIMIT_MAKER,
        route=Route.LIST,
        price=level,
    )

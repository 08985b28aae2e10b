"""The arithmetic of isolated margin, without any memory.

Sources: the venue's support articles on the cost required to open a position
(87fa7ee33b574f7084d42bd2ce2e463b) and on liquidation prices (b3c689c1f50a44cabb3a84e663b81d93), and
its formula for what orders of both sides need (dev.binance.vision, topic 17078).
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from exchange.demo.amounts import ZERO, round_up
from exchange.demo.futures.values import Order, Position
from exchange.demo.market.brackets import Brackets


def initial_margin(notional: Decimal, leverage: int) -> Decimal:
    """Return the margin that a notional needs at a leverage, rounded up to 1e-8."""
    return round_up(notional / leverage)


def unrealized(position: Position, mark: Decimal) -> Decimal:
    """Return what closing at a mark price would bring, without fees."""
    return position.amount * mark - position.cost


def reduces(order: Order) -> bool:
    """Say whether an order may only shrink a position, by its own wish or in hedge mode."""
    is_exit = order.position_side == ("SHORT" if order.is_buy else "LONG")
    return order.reduce_only or order.close_position or is_exit


def open_loss(quantity: Decimal, price: Decimal, mark: Decimal, *, is_buy: bool) -> Decimal:
    """Return what an order would lose at once if it were filled at its price; never below 0."""
    distance = price - mark if is_buy else mark - price
    return round_up(quantity * max(distance, ZERO))


def liquidation_price(position: Position, brackets: Brackets) -> Decimal | None:
    """Return the mark price at which the margin left equals the maintenance margin, unrounded.

    None where no price above zero does that, or there is no position. It is the one solution over
    all brackets: the maintenance margin never jumps, and grows slower than the result falls.
    """
    size = abs(position.amount)
    if not size:
        return None
    for row in brackets.rows:
        backing = position.isolated_wallet - position.cost + row.amount
        price = backing / (size * row.rate - position.amount)
        if price <= 0:
            continue
        if row.floor < size * price <= row.cap or row is brackets.rows[-1]:
            return price
    return None


def order_margin(position: Position, orders: Iterable[Order], leverage: int) -> Decimal:
    """Return what the open orders of a position need beyond its own margin.

    Of each side only what would open something after everything closable is closed, those with the
    best price first. Not both sides can do so at once: the larger need counts.
    """
    known = list(orders)
    return max(
        _side_margin(known, leverage, max(-position.amount, ZERO), is_buy=True),
        _side_margin(known, leverage, max(position.amount, ZERO), is_buy=False),
    )


def _side_margin(orders: list[Order], leverage: int, closable: Decimal, *, is_buy: bool) -> Decimal:
    total = ZERO
    sign = -1 if is_buy else 1
    of_side = [order for order in orders if order.is_buy == is_buy]
    for order in sorted(of_side, key=lambda one: (sign * one.price, one.order_id)):
        closes = min(closable, order.remaining)
        closable -= closes
        if not reduces(order):
            total += initial_margin((order.remaining - closes) * order.price, leverage)
    return total

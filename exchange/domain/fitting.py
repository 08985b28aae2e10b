"""From an order that somebody asked for to one that passes the rules, or the reason why none does.

A size only ever shrinks: to the increment, and to the largest that the venue takes at once; what
is left over is the caller's to ask for again. A price moves by less than one increment, the safe
way for its side (`TradingRules.round_price`). What already passes stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from exchange.domain.filters import EXACT, Grid, Violation, number_violation
from exchange.domain.rules import TradingRules
from exchange.domain.types import Side


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedOrder:
    """Values that pass the rules: quantity in base currency, prices in quote.

    price        of an order that rests or waits with a price of its own, else None
    stop_price   of an order that waits for a trigger, else None
    """

    quantity: Decimal
    price: Decimal | None = None
    stop_price: Decimal | None = None


def fit_market_order(
    rules: TradingRules, *, quantity: Decimal, price: Decimal, reduces_only: bool = False
) -> FittedOrder | Violation:
    """Return the market order nearest to `quantity`, not above it; `price` is the market's."""
    if problem := number_violation(quantity=quantity, price=price):
        return problem
    quantity = rules.market_size.largest(quantity, price=price)
    problem = rules.market_order_violation(
        quantity=quantity, price=price, reduces_only=reduces_only
    )
    return problem or FittedOrder(quantity=quantity)


def fit_quote_amount(
    rules: TradingRules, *, quote_quantity: Decimal, price: Decimal
) -> Decimal | Violation:
    """Return the amount of quote currency for a market order, not above `quote_quantity`."""
    if problem := number_violation(quote_quantity=quote_quantity, price=price):
        return problem
    limits = [quote_quantity]
    if rules.max_notional:
        limits.append(rules.max_notional)
    if rules.max_quantity:
        limits.append(EXACT.multiply(rules.max_quantity, price))
    amount = Grid(increment=rules.quote_increment).floor(min(limits))
    return rules.quote_order_violation(quote_quantity=amount, price=price) or amount


def fit_limit_order(
    rules: TradingRules,
    *,
    side: Side,
    quantity: Decimal,
    price: Decimal,
    reference_price: Decimal | None = None,
    order_type: str = "LIMIT",
    reduces_only: bool = False,
) -> FittedOrder | Violation:
    """Return the resting order nearest to what was asked; see `limit_order_violation`."""
    if problem := number_violation(quantity=quantity, price=price):
        return problem
    price = rules.round_price(side, price)
    if problem := number_violation(price=price):  # rounded down to nothing
        return problem
    quantity = rules.priced_size.largest(quantity, price=price)
    problem = rules.limit_order_violation(
        side=side,
        quantity=quantity,
        price=price,
        reference_price=reference_price,
        order_type=order_type,
        reduces_only=reduces_only,
    )
    return problem or FittedOrder(quantity=quantity, price=price)


def fit_stop_order(
    rules: TradingRules,
    *,
    order_type: str,
    side: Side,
    quantity: Decimal,
    stop_price: Decimal,
    limit_price: Decimal | None = None,
    reference_price: Decimal | None = None,
    reduces_only: bool = False,
) -> FittedOrder | Violation:
    """Return the waiting order nearest to what was asked; see `stop_order_violation`."""
    asked = {"quantity": quantity, "stop_price": stop_price, "limit_price": limit_price}
    if problem := number_violation(**asked):
        return problem
    stop_price = rules.round_price(side, stop_price)
    limit_price = None if limit_price is None else rules.round_price(side, limit_price)
    if problem := number_violation(stop_price=stop_price, limit_price=limit_price):
        return problem
    if limit_price is None:
        quantity = rules.market_size.largest(quantity, price=stop_price)
    else:
        quantity = rules.priced_size.largest(quantity, price=limit_price)
    problem = rules.stop_order_violation(
        order_type=order_type,
        side=side,
        quantity=quantity,
        stop_price=stop_price,
        limit_price=limit_price,
        reference_price=reference_price,
        reduces_only=reduces_only,
    )
    return problem or FittedOrder(quantity=quantity, price=limit_price, stop_price=stop_price)

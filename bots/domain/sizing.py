"""How much to buy and how much to sell, within the balance and the venue's rules."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from bots.domain.decision import Denial, DenialCode
from bots.domain.snapshot import Parameters
from bots.domain.wording import money, plain
from exchange.domain.filters import Violation
from exchange.domain.rules import TradingRules
from exchange.domain.types import ZERO

# Share of the free balance that is never spent: a market order is filled a moment after the price
# was read, and the venue refuses the whole order when it has become a cent too dear.
PRICE_CUSHION: Final = Decimal("0.002")
# What the venue keeps of a spot buy without discounts.
FEE_SHARE: Final = Decimal("0.001")


def entry_quantity(
    *,
    parameters: Parameters,
    rules: TradingRules,
    price: Decimal,
    free_quote: Decimal,
    total_realized_pnl: Decimal,
) -> Decimal | Denial:
    """Return the quantity to buy, or why none can be bought.

    price, free_quote, total_realized_pnl   quote currency
    returns                                 base currency, floored to the quantity increment,
                                            at most the venue's maximum

    A size above the free balance less `PRICE_CUSHION` shrinks to it. No margin is left for the
    fee: the venue takes that of a spot buy out of what is received. A position that would be too
    small for the venue when its stop is hit is not opened, because nothing could close it then.
    """
    wanted = wanted_value(parameters, total_realized_pnl)
    problem = _violation(rules, value=wanted, price=price)
    if problem:
        detail = f"position size {money(wanted)} {rules.quote_asset} is too small: {problem}"
        return Denial(code=DenialCode.QUANTITY_BELOW_FILTERS, detail=detail)
    affordable = min(wanted, free_quote * (1 - PRICE_CUSHION))
    if _violation(rules, value=affordable, price=price):
        return _insufficient(rules, wanted=wanted, free_quote=free_quote, price=price)
    quantity = _capped(rules, quantity=affordable / price, price=price)
    problem = _unsellable(parameters, rules, quantity=quantity, price=price)
    if problem:
        detail = f"{money(affordable)} {rules.quote_asset} could not be sold at its stop: {problem}"
        return Denial(code=DenialCode.QUANTITY_BELOW_FILTERS, detail=detail)
    return quantity


def exit_quantity(
    *, rules: TradingRules, price: Decimal, position: Decimal, free_base: Decimal
) -> Decimal | Denial:
    """Return the quantity to sell, or why nothing can be sold.

    position, free_base   base currency: what the bot's fills say and what the account has free
    returns               base currency, floored; what exceeds the venue's maximum is left to
                          the next tick
    """
    held = min(position, free_base)
    quantity = _capped(rules, quantity=held, price=price)
    problem = rules.market_order_violation(quantity=quantity, price=price)
    if problem is None:
        return quantity
    is_dust = _violation(rules, value=position * price, price=price) is not None
    code = DenialCode.QUANTITY_BELOW_FILTERS if is_dust else DenialCode.INSUFFICIENT_BALANCE
    holds = f"holds {plain(position)} {rules.base_asset}, {plain(free_base)} free in the account"
    return Denial(code=code, detail=f"{holds}: {problem}")


def wanted_value(parameters: Parameters, total_realized_pnl: Decimal) -> Decimal:
    """Return the position size in quote currency; the fixed one wins over the percentage."""
    if parameters.position_size_fixed is not None:
        return parameters.position_size_fixed
    if parameters.position_size_perc is None:
        raise ValueError("position_size_fixed or position_size_perc must be set")
    equity = max(parameters.initial_capital + total_realized_pnl, ZERO)
    return equity * parameters.position_size_perc / 100


def _unsellable(
    parameters: Parameters, rules: TradingRules, *, quantity: Decimal, price: Decimal
) -> Violation | None:
    """Say why what is left of `quantity` after its fee could not be sold at the stop."""
    stops = (parameters.stop_loss_perc, parameters.trailing_stop_perc)
    fall = max((stop for stop in stops if stop is not None), default=ZERO)
    left = rules.floor_quantity(quantity * (1 - FEE_SHARE))
    return rules.market_order_violation(quantity=left, price=price * (1 - fall / 100))


def _violation(rules: TradingRules, *, value: Decimal, price: Decimal) -> Violation | None:
    quantity = _capped(rules, quantity=value / price, price=price)
    return rules.market_order_violation(quantity=quantity, price=price)


def _capped(rules: TradingRules, *, quantity: Decimal, price: Decimal) -> Decimal:
    return rules.market_size.largest(quantity, price=price)


def _insufficient(
    rules: TradingRules, *, wanted: Decimal, free_quote: Decimal, price: Decimal
) -> Denial:
    smallest = max(rules.min_notional, rules.min_quantity * price, rules.quantity_increment * price)
    asset = rules.quote_asset
    detail = (
        f"needs {money(wanted)} {asset}, at the very least {money(smallest)}, "
        f"but {money(free_quote)} {asset} is free; add {asset} or lower the position size"
    )
    return Denial(code=DenialCode.INSUFFICIENT_BALANCE, detail=detail)

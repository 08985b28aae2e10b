"""How much to buy and how much to sell, within the balance and the venue's rules.

On futures the position size is margin: notional = size x leverage.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from bots.domain.decision import Denial, DenialCode
from bots.domain.direction import Direction
from bots.domain.snapshot import FuturesView, Parameters
from bots.domain.wording import money, plain
from exchange.domain.filters import Violation
from exchange.domain.rules import TradingRules
from exchange.domain.types import ZERO, Market

# Share of the free balance that is never spent: a market order is filled a moment after the price
# was read, and the venue refuses the whole order when it has become a cent too dear.
PRICE_CUSHION: Final = Decimal("0.002")
# What the venue keeps of a spot buy without discounts.
FEE_SHARE: Final = Decimal("0.001")
# What it takes beside the margin of a futures order, as a share of the notional.
FUTURES_FEE_SHARE: Final = Decimal("0.0005")


def entry_quantity(
    *,
    parameters: Parameters,
    rules: TradingRules,
    price: Decimal,
    free_quote: Decimal,
    total_realized_pnl: Decimal,
    direction: Direction = Direction.LONG,
    futures: FuturesView | None = None,
) -> Decimal | Denial:
    """Return the quantity to buy (or to sell short), or why none can be.

    price, free_quote, total_realized_pnl   quote currency
    futures                                 None on spot
    returns                                 base currency, floored to the quantity increment,
                                            at most the venue's maximum

    A size above what is free shrinks to it, less `PRICE_CUSHION`. On spot no margin is left for
    the fee: the venue takes that of a buy out of what is received. On futures margin, fee and what
    the order would lose at once against the mark price have to be free, and no more is opened than
    the bracket of the leverage allows. A spot position that would be too small for the venue when
    its stop is hit is not opened, because nothing could close it then.
    """
    leverage = leverage_in_use(parameters, futures)
    wanted = wanted_value(parameters, total_realized_pnl) * leverage
    if futures is not None and futures.brackets is not None:
        wanted = min(wanted, futures.brackets.max_notional(leverage))
    problem = _violation(rules, value=wanted, price=price)
    if problem:
        size = _size_words(wanted, leverage, rules.quote_asset)
        detail = f"position size {size} is too small: {problem}"
        return Denial(code=DenialCode.QUANTITY_BELOW_FILTERS, detail=detail)
    share = _share_spent(parameters, rules, price, direction=direction, futures=futures)
    affordable = min(wanted, free_quote * share)
    if _violation(rules, value=affordable, price=price):
        smallest = _smallest(rules, price)
        return _insufficient(
            size=_size_words(wanted, leverage, rules.quote_asset),
            smallest=smallest if futures is None else smallest / share,
            free=free_quote,
            asset=rules.quote_asset,
        )
    quantity = _capped(rules, quantity=affordable / price, price=price)
    problem = _unsellable(parameters, rules, quantity=quantity, price=price)
    if problem:
        detail = f"{money(affordable)} {rules.quote_asset} could not be sold at its stop: {problem}"
        return Denial(code=DenialCode.QUANTITY_BELOW_FILTERS, detail=detail)
    return quantity


def exit_quantity(
    *, rules: TradingRules, price: Decimal, position: Decimal, free_base: Decimal
) -> Decimal | Denial:
    """Return the quantity that closes the position, or why none can.

    position, free_base   base currency: what the bot's fills say and what the account has free
                          (which does not count on futures: what closes there only reduces)
    returns               base currency, floored; what exceeds the venue's maximum is left to
                          the next tick
    """
    is_futures = rules.market is Market.FUTURES
    held = position if is_futures else min(position, free_base)
    quantity = _capped(rules, quantity=held, price=price)
    problem = rules.market_order_violation(quantity=quantity, price=price, reduces_only=is_futures)
    if problem is None:
        return quantity
    is_dust = is_futures or _violation(rules, value=position * price, price=price) is not None
    code = DenialCode.QUANTITY_BELOW_FILTERS if is_dust else DenialCode.INSUFFICIENT_BALANCE
    free = "" if is_futures else f", {plain(free_base)} free in the account"
    holds = f"holds {plain(position)} {rules.base_asset}{free}"
    return Denial(code=code, detail=f"{holds}: {problem}")


def wanted_value(parameters: Parameters, total_realized_pnl: Decimal) -> Decimal:
    """Return the position size in quote currency; the fixed one wins over the percentage.

    On futures it is the margin.
    """
    if parameters.position_size_fixed is not None:
        return parameters.position_size_fixed
    if parameters.position_size_perc is None:
        raise ValueError("position_size_fixed or position_size_perc must be set")
    equity = max(parameters.initial_capital + total_realized_pnl, ZERO)
    return equity * parameters.position_size_perc / 100


def leverage_in_use(parameters: Parameters, futures: FuturesView | None) -> int:
    """Return the leverage that a size is multiplied with: 1 on spot, else at most the symbol's."""
    if futures is None:
        return 1
    if futures.brackets is None:
        return parameters.leverage
    return min(parameters.leverage, futures.brackets.max_leverage(ZERO))


def size_words(
    quantity: Decimal,
    *,
    parameters: Parameters,
    rules: TradingRules,
    price: Decimal,
    free_quote: Decimal,
    futures: FuturesView | None,
) -> str:
    """Say what an entry of `quantity` is worth, what it takes on futures, and what is free."""
    value, leverage = quantity * price, leverage_in_use(parameters, futures)
    size = _size_words(value, leverage, rules.quote_asset)
    return (
        f"{plain(quantity)} {rules.base_asset} for {size}; "
        f"{money(free_quote)} {rules.quote_asset} is free"
    )


def _share_spent(
    parameters: Parameters,
    rules: TradingRules,
    price: Decimal,
    *,
    direction: Direction,
    futures: FuturesView | None,
) -> Decimal:
    """Return how much notional one unit of free quote currency pays for."""
    if futures is None:
        return 1 - _spot_cushion(parameters, rules)
    dearest = 1 + PRICE_CUSHION
    margin = dearest / leverage_in_use(parameters, futures)
    worst = price * (1 + direction.sign * PRICE_CUSHION)
    loss = max(direction.sign * (worst - futures.mark_price) / price, ZERO)
    return 1 / (margin + dearest * FUTURES_FEE_SHARE + loss)


def _spot_cushion(parameters: Parameters, rules: TradingRules) -> Decimal:
    # An entry that brings its stops along is a limit order: the venue locks its worst price.
    slippage = parameters.entry_slippage_perc
    if slippage is None or not rules.allows_opo:
        return PRICE_CUSHION
    return max(PRICE_CUSHION, slippage / 100)


def _unsellable(
    parameters: Parameters, rules: TradingRules, *, quantity: Decimal, price: Decimal
) -> Violation | None:
    """Say why what is left of `quantity` after its fee could not be sold at the stop."""
    if rules.market is Market.FUTURES:
        return None  # an order that only reduces may be of any value
    stops = (parameters.stop_loss_perc, parameters.trailing_stop_perc)
    fall = max((stop for stop in stops if stop is not None), default=ZERO)
    left = rules.floor_quantity(quantity * (1 - FEE_SHARE))
    return rules.market_order_violation(quantity=left, price=price * (1 - fall / 100))


def _violation(rules: TradingRules, *, value: Decimal, price: Decimal) -> Violation | None:
    quantity = _capped(rules, quantity=value / price, price=price)
    return rules.market_order_violation(quantity=quantity, price=price)


def _capped(rules: TradingRules, *, quantity: Decimal, price: Decimal) -> Decimal:
    return rules.market_size.largest(quantity, price=price)


def _smallest(rules: TradingRules, price: Decimal) -> Decimal:
    return max(rules.min_notional, rules.min_quantity * price, rules.quantity_increment * price)


def _size_words(value: Decimal, leverage: int, asset: str) -> str:
    if leverage == 1:
        return f"{money(value)} {asset}"
    margin = money(value / leverage)
    return f"{margin} {asset} margin ({money(value)} {asset} at leverage {leverage})"


def _insufficient(*, size: str, smallest: Decimal, free: Decimal, asset: str) -> Denial:
    detail = (
        f"needs {size}, at the very least {money(smallest)}, "
        f"but {money(free)} {asset} is free; add {asset} or lower the position size"
    )
    return Denial(code=DenialCode.INSUFFICIENT_BALANCE, detail=detail)

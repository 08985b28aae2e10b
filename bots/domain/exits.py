"""Prices that end a position: stop-loss, take-profit and trailing stop.

Percentages are distances of price from the average entry, 2 for 2 %. Every function is plain
arithmetic on its arguments, so that a compiled kernel can restate it line by line. Levels are
rounded to the price increment away from zero for a long position and towards zero for a short one:
a stop then leaves earlier, never later, and a target brings what was asked at least.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import ROUND_DOWN, ROUND_UP, Decimal
from typing import Final

from bots.domain.decision import IntentReason, Levels
from bots.domain.direction import Direction
from bots.domain.snapshot import Parameters, PositionState
from exchange.domain.types import ZERO, Kline

LONG: Final = Direction.LONG


def stop_loss_price(
    *, entry: Decimal, percent: Decimal, increment: Decimal, direction: Direction = LONG
) -> Decimal:
    """Return the price that is `percent` of `entry` on the losing side of it."""
    return _rounded(entry * (1 - direction.sign * percent / 100), increment, direction)


def take_profit_price(
    *, entry: Decimal, percent: Decimal, increment: Decimal, direction: Direction = LONG
) -> Decimal:
    """Return the price that is `percent` of `entry` on the winning side of it.

    Zero or less for a short position whose target no price can reach.
    """
    return _rounded(entry * (1 + direction.sign * percent / 100), increment, direction)


def trailing_stop_price(
    *,
    best: Decimal,
    percent: Decimal,
    increment: Decimal,
    previous: Decimal | None,
    direction: Direction = LONG,
) -> Decimal:
    """Return the price `percent` behind `best`, or `previous` when that is nearer to the gain.

    best   the highest price since the entry of a long position, the lowest of a short one
    """
    trailing = _rounded(best * (1 - direction.sign * percent / 100), increment, direction)
    return trailing if previous is None else _further(direction, trailing, previous)


def best_price(
    *,
    previous: Decimal | None,
    price: Decimal,
    klines: Iterable[Kline] = (),
    opened_at: datetime | None = None,
    direction: Direction = LONG,
) -> Decimal:
    """Return the highest price seen since the entry, of a short position the lowest.

    Highs and lows count of klines that opened after `opened_at`; the kline of the entry itself may
    have had its own before the entry. Without `opened_at` no kline counts.
    """
    seen = [price] if previous is None else [price, previous]
    if opened_at is not None:
        after = [kline for kline in klines if kline.open_time >= opened_at]
        seen += [kline.high if direction is LONG else kline.low for kline in after]
    return _further(direction, *seen)


def exit_levels(
    *,
    position: PositionState,
    price: Decimal,
    klines: Iterable[Kline],
    parameters: Parameters,
    price_increment: Decimal,
) -> Levels:
    """Return the levels of a held position; without an entry price only the best price."""
    direction, entry = position.direction, position.entry_price
    is_long = direction is LONG
    previous = position.max_price_since_entry if is_long else position.min_price_since_entry
    best = best_price(
        previous=previous,
        price=price,
        klines=klines,
        opened_at=position.opened_at,
        direction=direction,
    )
    if entry is not None:
        best = _further(direction, best, entry)
    stop, target, trailing = _prices(position, best, parameters, price_increment)
    return Levels(
        stop_loss=stop,
        take_profit=target,
        trailing_stop=trailing,
        max_price_since_entry=best if is_long else None,
        min_price_since_entry=None if is_long else best,
    )


def levels_at_entry(
    *, price: Decimal, direction: Direction, parameters: Parameters, price_increment: Decimal
) -> Levels:
    """Return the levels that a position has when it is entered at `price`."""
    return exit_levels(
        position=PositionState(quantity=Decimal(1), entry_price=price, direction=direction),
        price=price,
        klines=(),
        parameters=parameters,
        price_increment=price_increment,
    )


def guarding_stop(levels: Levels, direction: Direction) -> Decimal | None:
    """Return the stop that the price meets first: the tighter of stop-loss and trailing stop."""
    stops = [stop for stop in (levels.stop_loss, levels.trailing_stop) if stop is not None]
    return _further(direction, *stops) if stops else None


def level_hit(
    levels: Levels,
    price: Decimal,
    *,
    direction: Direction = LONG,
    mark_price: Decimal | None = None,
) -> tuple[IntentReason, Decimal] | None:
    """Return the rule that `price` ends the position by and its level, or None.

    mark_price   futures: what the stops go by, here as at the venue; targets go by `price`

    When several are hit the order is fixed: stop-loss, take-profit, trailing stop.
    """
    sign = direction.sign
    watched = price if mark_price is None else mark_price
    stop, target, trailing = levels.stop_loss, levels.take_profit, levels.trailing_stop
    if stop is not None and sign * (watched - stop) <= ZERO:
        return IntentReason.STOP_LOSS, stop
    if target is not None and sign * (price - target) >= ZERO:
        return IntentReason.TAKE_PROFIT, target
    if trailing is not None and sign * (watched - trailing) <= ZERO:
        return IntentReason.TRAILING_STOP, trailing
    return None


def _prices(
    position: PositionState, best: Decimal, parameters: Parameters, increment: Decimal
) -> tuple[Decimal | None, Decimal | None, Decimal | None]:
    entry, direction = position.entry_price, position.direction
    if entry is None:
        return None, None, None
    stop = target = trailing = None
    if parameters.stop_loss_perc is not None:
        stop = stop_loss_price(
            entry=entry,
            percent=parameters.stop_loss_perc,
            increment=increment,
            direction=direction,
        )
    if parameters.take_profit_perc is not None:
        target = take_profit_price(
            entry=entry,
            percent=parameters.take_profit_perc,
            increment=increment,
            direction=direction,
        )
    if parameters.trailing_stop_perc is not None:
        trailing = trailing_stop_price(
            best=best,
            percent=parameters.trailing_stop_perc,
            increment=increment,
            previous=position.trailing_stop_price,
            direction=direction,
        )
    # A price does not fall by 100 % and more, so a short position has no such target.
    return stop, target if target is not None and target > ZERO else None, trailing


def _further(direction: Direction, *prices: Decimal) -> Decimal:
    return max(prices) if direction is LONG else min(prices)


def _rounded(price: Decimal, increment: Decimal, direction: Direction) -> Decimal:
    if not increment:
        return price
    rounding = ROUND_UP if direction is LONG else ROUND_DOWN
    return (price / increment).to_integral_value(rounding=rounding) * increment

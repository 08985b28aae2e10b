"""Prices that end a position: stop-loss, take-profit and trailing stop.

Percentages are distances of price from the average entry, 2 for 2 %. Every function is plain
arithmetic on its arguments, so that a compiled kernel can restate it line by line. Levels are
rounded up to the price increment: for a long position that leaves earlier, never later.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import ROUND_UP, Decimal

from bots.domain.decision import IntentReason, Levels
from bots.domain.snapshot import Parameters, PositionState
from exchange.domain.types import Kline


def stop_loss_price(*, entry: Decimal, percent: Decimal, increment: Decimal) -> Decimal:
    """Return the price `percent` below `entry`."""
    return _rounded_up(entry * (1 - percent / 100), increment)


def take_profit_price(*, entry: Decimal, percent: Decimal, increment: Decimal) -> Decimal:
    """Return the price `percent` above `entry`."""
    return _rounded_up(entry * (1 + percent / 100), increment)


def trailing_stop_price(
    *, highest: Decimal, percent: Decimal, increment: Decimal, previous: Decimal | None
) -> Decimal:
    """Return the price `percent` below `highest`, or `previous` when that is higher."""
    trailing = _rounded_up(highest * (1 - percent / 100), increment)
    return trailing if previous is None else max(trailing, previous)


def highest_price(
    *,
    previous: Decimal | None,
    price: Decimal,
    klines: Iterable[Kline] = (),
    opened_at: datetime | None = None,
) -> Decimal:
    """Return the highest price seen since the entry.

    Highs count of klines that opened after `opened_at`; the kline of the entry itself may have
    had its high before the entry. Without `opened_at` no kline counts.
    """
    seen = [price] if previous is None else [price, previous]
    if opened_at is not None:
        seen += [kline.high for kline in klines if kline.open_time >= opened_at]
    return max(seen)


def exit_levels(
    *,
    position: PositionState,
    price: Decimal,
    klines: Iterable[Kline],
    parameters: Parameters,
    price_increment: Decimal,
) -> Levels:
    """Return the levels of a held position; without an entry price only the highest price."""
    entry, increment = position.entry_price, price_increment
    highest = highest_price(
        previous=position.max_price_since_entry,
        price=price,
        klines=klines,
        opened_at=position.opened_at,
    )
    if entry is None:
        return Levels(max_price_since_entry=highest)
    highest = max(highest, entry)
    stop, target = parameters.stop_loss_perc, parameters.take_profit_perc
    trail, previous = parameters.trailing_stop_perc, position.trailing_stop_price
    return Levels(
        stop_loss=None
        if stop is None
        else stop_loss_price(entry=entry, percent=stop, increment=increment),
        take_profit=None
        if target is None
        else take_profit_price(entry=entry, percent=target, increment=increment),
        trailing_stop=None
        if trail is None
        else trailing_stop_price(
            highest=highest, percent=trail, increment=increment, previous=previous
        ),
        max_price_since_entry=highest,
    )


def level_hit(levels: Levels, price: Decimal) -> tuple[IntentReason, Decimal] | None:
    """Return the rule that `price` ends the position by and its level, or None.

    When several are hit the order is fixed: stop-loss, take-profit, trailing stop.
    """
    if levels.stop_loss is not None and price <= levels.stop_loss:
        return IntentReason.STOP_LOSS, levels.stop_loss
    if levels.take_profit is not None and price >= levels.take_profit:
        return IntentReason.TAKE_PROFIT, levels.take_profit
    if levels.trailing_stop is not None and price <= levels.trailing_stop:
        return IntentReason.TRAILING_STOP, levels.trailing_stop
    return None


def _rounded_up(price: Decimal, increment: Decimal) -> Decimal:
    if not increment:
        return price
    return (price / increment).to_integral_value(rounding=ROUND_UP) * increment

"""When a conditional order triggers: the first millisecond at which its price is there.

Source: POST /fapi/v1/algoOrder of the USD-M API for directions and price protection; "How to place
stop loss and take profit orders" of the venue's support pages for the mark price, which is cut
after the decimals that the symbol's prices have before it is compared.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from exchange.demo.amounts import from_units, to_units
from exchange.demo.futures.desk import Desk
from exchange.demo.futures.values import AlgoOrder
from exchange.demo.market.futures_symbols import FuturesSymbol
from exchange.demo.market.track import Track
from exchange.demo.times import MINUTE_MS
from exchange.demo.trading.crossings import Mark, first_crossing

MARK_PRICE: Final = "MARK_PRICE"
TRAILING: Final = "TRAILING_STOP_MARKET"


def rises(kind: str, *, is_buy: bool) -> bool:
    """Say whether a stop or take-profit order waits for the price to rise to its trigger."""
    return is_buy == kind.startswith("STOP")


def working_track(desk: Desk, symbol: str, working_type: str) -> Track:
    """Return the path of the price that triggers."""
    return (desk.marks if working_type == MARK_PRICE else desk.quotes.tracks)[symbol]


def working_price(desk: Desk, symbol: FuturesSymbol, working_type: str, at_ms: int) -> Decimal:
    """Return the price that triggers, as it is compared."""
    price = from_units(working_track(desk, symbol.name, working_type).price(at_ms))
    decimal = Decimal(1).scaleb(-symbol.price_precision)
    return price // decimal * decimal if working_type == MARK_PRICE else price


def waiting_mark(symbol: FuturesSymbol, algo: AlgoOrder) -> Mark:
    """Return what the price has to reach; for a trailing stop to begin to trail, its activation.

    A mark price that falls is there a decimal early, because it is cut before it is compared.
    """
    if algo.type == TRAILING:
        return _mark(symbol, algo, algo.activate_price, is_rising=not algo.is_buy)
    return _mark(symbol, algo, algo.trigger_price, is_rising=rises(algo.type, is_buy=algo.is_buy))


def first_trigger(desk: Desk, algo: AlgoOrder, after_ms: int, until_ms: int) -> int | None:
    """Return when an order that does not trail triggers in (after_ms, until_ms], None if never.

    Not before the millisecond after it was placed. One with price protection waits while mark and
    last price are too far apart: it is looked at when its price is reached, and at every whole
    minute as long as that lasts.
    """
    symbol = desk.symbols[algo.symbol]
    track = working_track(desk, algo.symbol, algo.working_type)
    mark = waiting_mark(symbol, algo)
    found = _reached(track, mark, after_ms, until_ms)
    if not algo.price_protect:
        return found
    if found is not None and _was_looked_at(track, mark, found):
        found = _next_look(track, mark, found - 1, until_ms)
    while found is not None and is_parted(desk, symbol, found):
        found = _next_look(track, mark, found, until_ms)
    return found


def is_parted(desk: Desk, symbol: FuturesSymbol, at_ms: int) -> bool:
    """Say whether mark and last price differ by more than a protected trigger allows."""
    mark = desk.mark(symbol.name, at_ms)
    return abs(desk.last(symbol.name, at_ms) - mark) > symbol.trigger_protect * mark


def _mark(symbol: FuturesSymbol, algo: AlgoOrder, price: Decimal, *, is_rising: bool) -> Mark:
    units = to_units(price)
    if algo.working_type == MARK_PRICE and not is_rising:
        units += to_units(Decimal(1).scaleb(-symbol.price_precision)) - 1
    return Mark(algo.algo_id, units, is_rising, algo.at_ms)


def _reached(track: Track, mark: Mark, after_ms: int, until_ms: int) -> int | None:
    found = first_crossing(track, [mark], after_ms, until_ms)
    return found.at_ms if found else None


def _was_looked_at(track: Track, mark: Mark, at_ms: int) -> bool:
    # So it was if the price was there before, unless somebody has only just put it there.
    before_ms = at_ms - 1
    if before_ms <= mark.since_ms or not mark.is_reached(track.price(before_ms)):
        return False
    steered = track.steering.touching(before_ms - 1, before_ms)
    return not any(before_ms in (one.from_ms, one.until_ms) for one in steered)


def _next_look(track: Track, mark: Mark, after_ms: int, until_ms: int) -> int | None:
    minute_ms = (after_ms // MINUTE_MS + 1) * MINUTE_MS
    away = Mark(
        mark.order_id,
        mark.price + (-1 if mark.is_rising else 1),
        not mark.is_rising,
        mark.since_ms,
    )
    left_ms = _reached(track, away, after_ms, min(minute_ms, until_ms))
    if left_ms is not None:
        return _reached(track, mark, left_ms, until_ms)
    return minute_ms if minute_ms <= until_ms else None

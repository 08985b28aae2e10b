"""Public endpoints of the futures API: klines of last and of mark prices."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from exchange.demo.amounts import from_units
from exchange.demo.fapi.parameters import read_limit
from exchange.demo.http.endpoint import Call, Endpoint
from exchange.demo.http.klines import KlinesAsked, kline_row, read_klines
from exchange.demo.http.wire import Params
from exchange.demo.market.futures_symbols import FuturesSymbol

MOST_KLINES: Final = 1500
USUAL_KLINES: Final = 500
# Requests for fewer than this many klines, and what they weigh.
_WEIGHTS: Final = ((100, 1), (500, 2), (1001, 5))
_MOST_WEIGHT: Final = 10
# Mark prices are not traded: no volumes, and the number of updates in place of trades.
_NO_VOLUME: Final = "0"
_UPDATES_PER_SECOND: Final = 1


def klines(call: Call) -> list[list[Any]]:
    """Return klines of the last price by open time, oldest first; the last may still be open."""
    symbol = call.futures_symbol()
    asked = _read(call)
    candles = asked.candles(call.venue.futures_market.tracks[symbol.name], call.now_ms)
    return [kline_row(one, asked.length_ms, show=shown_price(symbol)) for one in candles]


def mark_price_klines(call: Call) -> list[list[Any]]:
    """Return klines of the mark price; volumes are nothing."""
    symbol = call.futures_symbol()
    asked = _read(call)
    candles = asked.candles(call.venue.futures_market.marks[symbol.name], call.now_ms)
    rows = [kline_row(one, asked.length_ms) for one in candles]
    for row, one in zip(rows, candles, strict=True):
        updates = (one.until_ms - one.open_ms + 1) // 1000 * _UPDATES_PER_SECOND
        row[5], row[7:] = _NO_VOLUME, [_NO_VOLUME, updates, *(_NO_VOLUME,) * 3]
    return rows


def shown_price(symbol: FuturesSymbol) -> Callable[[int], str]:
    """Return what writes prices (units of 1e-8) of a symbol with the decimals they have there."""
    return lambda units: f"{from_units(units):.{symbol.price_precision}f}"


def klines_weight(params: Params) -> int:
    """Return the weight, which grows with the number of klines that are asked for."""
    sent = params.peek("limit")
    is_number = sent.isascii() and sent.isdigit() and len(sent) <= len(str(MOST_KLINES))
    limit = int(sent) if is_number else USUAL_KLINES
    return next((weight for below, weight in _WEIGHTS if limit < below), _MOST_WEIGHT)


def _read(call: Call) -> KlinesAsked:
    limit = partial(read_limit, call.params, default=USUAL_KLINES, maximum=MOST_KLINES)
    asked = read_klines(call.params, limit=limit)
    call.params.finish()
    return asked


ENDPOINTS: Final = {
    ("GET", "/fapi/v1/klines"): Endpoint(handle=klines, weight=klines_weight),
    ("GET", "/fapi/v1/markPriceKlines"): Endpoint(handle=mark_price_klines, weight=klines_weight),
}

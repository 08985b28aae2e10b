"""Signed endpoints of conditional orders, which a service of their own keeps until they trigger."""

from __future__ import annotations

from typing import Any, Final

from exchange.demo.errors import CANCEL_REJECTED, UNKNOWN_ORDER, VenueError, missing_either
from exchange.demo.fapi.algo_parameters import ALGO_KIND, read_algo
from exchange.demo.fapi.order_endpoints import is_shown, refuse_placing
from exchange.demo.fapi.order_history import (
    EVERY_ROW,
    MOST_ROWS,
    USUAL_ROWS,
    is_algo_known,
    page,
    read_span,
)
from exchange.demo.fapi.order_parameters import read_client_id
from exchange.demo.fapi.parameters import read_limit
from exchange.demo.fapi.replies import (
    algo_row,
    all_canceled,
    canceled_algo,
    listed_algo_row,
    new_algo,
)
from exchange.demo.futures.books import FuturesBooks
from exchange.demo.futures.values import AlgoOrder, Order
from exchange.demo.http.endpoint import Call, futures_signed, weight_by_symbol


def place_algo(call: Call) -> dict[str, Any]:
    """Place a conditional order; no margin is checked before it triggers."""
    asked = read_algo(call.params, call.futures_symbol(), now_ms=call.now_ms)
    call.params.finish()
    refuse_placing(call)
    with call.counted(1):
        placed = call.venue.futures.place_algo(call.uid, asked, at_ms=call.now_ms)
    return new_algo(placed, call.venue.futures_market.symbols)


def query_algo(call: Call) -> dict[str, Any]:
    """Return one conditional order; of several with the same client id the newest."""
    algo_id, client_id = _read_ids(call)
    symbol = call.futures_symbol_if_sent()
    call.params.finish()
    algo = _find(call.books.futures, call.uid, algo_id, client_id)
    if algo is None or not is_algo_known(algo, call.now_ms):
        raise VenueError(*UNKNOWN_ORDER)
    if symbol and algo.symbol != symbol.name:
        raise VenueError(*UNKNOWN_ORDER)
    return algo_row(algo, _child(call, algo), call.venue.futures_market.symbols)


def cancel_algo(call: Call) -> dict[str, Any]:
    """Cancel a conditional order that has not triggered."""
    algo_id, client_id = _read_ids(call)
    symbol = call.futures_symbol_if_sent()
    call.params.finish()
    if symbol:
        _refuse_other_symbol(call, symbol.name, algo_id, client_id)
    canceled = call.venue.futures.cancel_algo(
        call.uid, algo_id=algo_id, client_algo_id=client_id, at_ms=call.now_ms
    )
    return canceled_algo(canceled)


def cancel_open_algos(call: Call) -> dict[str, Any]:
    """Cancel every conditional order of a symbol; orders in the book stay."""
    symbol = call.futures_symbol().name
    call.params.finish()
    call.venue.futures.cancel_all_algo(call.uid, symbol, at_ms=call.now_ms)
    return all_canceled()


def open_algos(call: Call) -> list[dict[str, Any]]:
    """Return conditional orders that wait, trigger or have a child in the book."""
    symbol = call.futures_symbol_if_sent()
    call.params.choice("algoType", (ALGO_KIND,), default=ALGO_KIND)
    algo_id = call.params.integer("algoId")
    call.params.finish()
    found = call.books.futures.open_algos(call.uid, symbol.name if symbol else None)
    return [_listed(call, one) for one in found if algo_id in (None, one.algo_id)]


def all_algos(call: Call) -> list[dict[str, Any]]:
    """Return conditional orders of any status within at most seven days, oldest first."""
    symbol = call.futures_symbol().name
    from_id = call.params.integer("algoId")
    is_forward = from_id is not None or call.params.has("startTime")
    span = read_span(call.params, now_ms=call.now_ms)
    limit = read_limit(call.params, default=USUAL_ROWS, maximum=MOST_ROWS)
    call.params.finish()
    found = call.books.futures.algos_of(
        call.uid, symbol, from_id=from_id or 0, span=span, limit=EVERY_ROW
    )
    rows = page(
        found, lambda one: is_algo_known(one, call.now_ms), limit=limit, is_forward=is_forward
    )
    return [_listed(call, one) for one in rows]


def _read_ids(call: Call) -> tuple[int | None, str | None]:
    algo_id = call.params.integer("algoId")
    client_id = read_client_id(call.params, "clientAlgoId")
    if algo_id is None and client_id is None:
        raise missing_either("clientAlgoId", "algoId")
    return algo_id, client_id


def _find(
    books: FuturesBooks, uid: int, algo_id: int | None, client_id: str | None
) -> AlgoOrder | None:
    if algo_id is None:
        return books.algo_by_client_id(uid, client_id or "")
    algo = books.algo_by_id(uid, algo_id)
    is_other = algo is not None and client_id not in (None, algo.client_algo_id)
    return None if is_other else algo


def _refuse_other_symbol(
    call: Call, symbol: str, algo_id: int | None, client_id: str | None
) -> None:
    algo = _find(call.venue.futures.books, call.uid, algo_id, client_id)
    if algo is None or algo.symbol != symbol:
        raise VenueError(*CANCEL_REJECTED)


def _listed(call: Call, algo: AlgoOrder) -> dict[str, Any]:
    return listed_algo_row(algo, _child(call, algo), call.venue.futures_market.symbols)


def _child(call: Call, algo: AlgoOrder) -> Order | None:
    child = call.books.futures.order_by_id(call.uid, algo.symbol, algo.child_id)
    return child if child and is_shown(call, child) else None


ENDPOINTS: Final = {
    # Counted by account, and of no weight, whatever becomes of it.
    ("POST", "/fapi/v1/algoOrder"): futures_signed(place_algo, 0),
    ("GET", "/fapi/v1/algoOrder"): futures_signed(query_algo, 1),
    ("DELETE", "/fapi/v1/algoOrder"): futures_signed(cancel_algo, 1),
    ("DELETE", "/fapi/v1/algoOpenOrders"): futures_signed(cancel_open_algos, 1),
    ("GET", "/fapi/v1/openAlgoOrders"): futures_signed(open_algos, weight_by_symbol(1, 40)),
    ("GET", "/fapi/v1/allAlgoOrders"): futures_signed(all_algos, 5),
}

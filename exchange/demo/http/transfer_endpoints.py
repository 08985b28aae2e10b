"""Signed endpoints that move money between the wallets of an account, on the spot host.

Times are the wall's: no market is behind a transfer.
"""

from __future__ import annotations

from typing import Any, Final

from exchange.demo.amounts import text
from exchange.demo.errors import invalid_data, not_built
from exchange.demo.futures.values import Transfer
from exchange.demo.http.auth import UNIVERSAL_TRANSFER
from exchange.demo.http.endpoint import Call, Counted, Endpoint, reading
from exchange.demo.http.wire import Params
from exchange.demo.times import DAY_MS
from exchange.demo.trading.ledger import TO_FUTURES

TRANSFER_TYPES: Final = ("MAIN_UMFUTURE", "UMFUTURE_MAIN")
_TYPE: Final = r"^[A-Z]{3,20}_[A-Z]{3,20}$"
_ASSET: Final = r"^[A-Z0-9]{1,20}$"
_USUAL_ROWS: Final = 10
_MOST_ROWS: Final = 100
_EVERY_ROW: Final = -1
_USUAL_SPAN_MS: Final = 7 * DAY_MS
_KEPT_MS: Final = 183 * DAY_MS


def transfer(call: Call) -> dict[str, int]:
    """Move money; the venue takes no id of the client's, so whoever asks twice moves it twice."""
    params = call.params
    kind, asset = _read_type(params), params.required_text("asset", _ASSET)
    amount = params.required_decimal("amount")
    params.finish()
    if not amount:
        raise invalid_data("amount")
    wall_ms = call.venue.wall_ms()
    made = call.venue.futures.transfer(
        call.uid, kind, asset, amount, at_ms=call.now_ms, wall_ms=wall_ms
    )
    delta = -amount if kind == TO_FUTURES else amount
    call.venue.engine.tell_moved(call.uid, asset, delta, at_ms=call.now_ms)
    return {"tranId": made.transfer_id}


def transfers(call: Call) -> dict[str, Any]:
    """Return a page of the transfers of one type, newest first; of seven days unless told."""
    params = call.params
    kind, wall_ms = _read_type(params), call.venue.wall_ms()
    start, end = params.moment("startTime"), params.moment("endTime")
    number = _read_count(params, "current", default=1, maximum=2**31)
    size = _read_count(params, "size", default=_USUAL_ROWS, maximum=_MOST_ROWS)
    params.finish()
    last_ms = wall_ms if end is None else end
    usual_ms = last_ms - _USUAL_SPAN_MS if end is None else 0
    first_ms = max(usual_ms if start is None else start, wall_ms - _KEPT_MS)
    found = call.books.futures.transfers(
        call.uid, type=kind, span=(first_ms, last_ms), limit=_EVERY_ROW
    )
    page = found[::-1][(number - 1) * size : number * size]
    return {"total": len(found), "rows": [_row(one) for one in page]}


def _read_type(params: Params) -> str:
    kind = params.required_text("type", _TYPE)
    if kind not in TRANSFER_TYPES:
        raise not_built(f"transfer of type {kind}")
    return kind


def _read_count(params: Params, name: str, *, default: int, maximum: int) -> int:
    count = params.integer(name)
    if count is None:
        return default
    if not 1 <= count <= maximum:
        raise invalid_data(name)
    return count


def _row(one: Transfer) -> dict[str, Any]:
    return {
        "asset": one.asset,
        "amount": text(one.amount),
        "type": one.type,
        "status": "CONFIRMED",
        "tranId": one.transfer_id,
        "timestamp": one.at_ms,
    }


ENDPOINTS: Final = {
    ("POST", "/sapi/v1/asset/transfer"): Endpoint(
        handle=transfer,
        weight=300,
        is_signed=True,
        permission=UNIVERSAL_TRANSFER,
        counted=Counted.ACCOUNT,
    ),
    ("GET", "/sapi/v1/asset/transfer"): reading(transfers, 1),
}

"""What the venue tells about order lists and about a cancel-replace, as domain values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from exchange.binance.errors import DUPLICATE_ORDER
from exchange.binance.hints import hint
from exchange.binance.order_replies import canceled_order, placed_order, reported_order
from exchange.binance.outcomes import OUTCOMES, Outcome
from exchange.binance.parsing import (
    MalformedReplyError,
    mapping,
    moment,
    rows,
    sequence,
    text,
    word,
)
from exchange.domain.orders import CancelReplaceRequest
from exchange.domain.reports import (
    CancelReplaceReport,
    Contingency,
    ListLeg,
    ListOrderStatus,
    ListStatus,
    OrderListReport,
    PartOutcome,
    Refusal,
)
from exchange.domain.types import Market

PARTS: Final = {
    "SUCCESS": PartOutcome.DONE,
    "FAILURE": PartOutcome.REFUSED,
    "NOT_ATTEMPTED": PartOutcome.NOT_ATTEMPTED,
}


def order_list(reply: Any) -> OrderListReport:
    """Read a list: placed or canceled with its orders' reports, queried without."""
    row = mapping(reply, "order list")
    return OrderListReport(
        symbol=text(row, "symbol"),
        list_id=text(row, "orderListId"),
        client_order_id=_own_id(row),
        contingency=word(row, "contingencyType", Contingency),
        status=word(row, "listStatusType", ListStatus),
        order_status=word(row, "listOrderStatus", ListOrderStatus),
        legs=tuple(_leg(leg) for leg in rows(row, "orders")),
        orders=tuple(map(reported_order, rows(row, "orderReports")))
        if "orderReports" in row
        else (),
        market_time=moment(row, "transactionTime"),
    )


def order_lists(reply: Any) -> list[OrderListReport]:
    """Read `GET openOrderList`."""
    return [order_list(row) for row in sequence(reply, "openOrderList")]


def cancel_replace_report(reply: Any, request: CancelReplaceRequest) -> CancelReplaceReport:
    """Read what became of the halves: a reply that went well, or the `data` of one that did not.

    Of a half that the venue refused with a code that proves nothing, the outcome is unknown.
    """
    row = mapping(reply, "cancelReplace")
    cancel, canceled = _half(row, "cancel")
    order, placed = _half(row, "newOrder")
    old_id = request.canceled_client_order_id
    is_canceled, is_placed = cancel is PartOutcome.DONE, order is PartOutcome.DONE
    return CancelReplaceReport(
        cancel=cancel,
        order=order,
        canceled=canceled_order(canceled, client_order_id=old_id) if is_canceled else None,
        placed=placed_order(placed) if is_placed else None,
        cancel_refusal=_refusal(canceled),
        order_refusal=_refusal(placed),
    )


def _half(row: Mapping[str, Any], half: str) -> tuple[PartOutcome, Any]:
    value, reply = text(row, f"{half}Result"), row.get(f"{half}Response")
    outcome = PARTS.get(value)
    if outcome is None:
        raise MalformedReplyError(f"{half}Result is a word nobody has heard of: {value!r:.60}")
    if outcome is PartOutcome.REFUSED and _is_uncertain(mapping(reply, f"{half}Response")):
        return PartOutcome.UNKNOWN, reply
    return outcome, reply


def _is_uncertain(refusal: Mapping[str, Any]) -> bool:
    code, words = refusal.get("code"), refusal.get("msg")
    # A refused order of an id that is open may be ours, from a request whose reply was lost.
    return (
        not isinstance(code, int)
        or (code, words) == DUPLICATE_ORDER
        or OUTCOMES.get((Market.SPOT, code)) is Outcome.UNCERTAIN
    )


def _refusal(reply: Any) -> Refusal | None:
    code = reply.get("code") if isinstance(reply, Mapping) else None
    if not isinstance(code, int):
        return None
    words = str(reply.get("msg", ""))
    return Refusal(code=code, text=words, hint=hint(Market.SPOT, code, words))


def _own_id(row: Mapping[str, Any]) -> str | None:
    # The venue sends null for a list that ends in the call that placed it.
    return None if row.get("listClientOrderId") is None else text(row, "listClientOrderId")


def _leg(row: Mapping[str, Any]) -> ListLeg:
    return ListLeg(venue_order_id=text(row, "orderId"), client_order_id=text(row, "clientOrderId"))

from __future__ import annotations

from typing import Any

import pytest

from exchange.binance import list_replies
from exchange.binance.parsing import MalformedReplyError
from exchange.binance.tests.asking import bought, replacing
from exchange.binance.tests.samples import (
    AT,
    CANCELED,
    CANCELED_LIST,
    PLACED,
    PLACED_LIST,
    QUERIED_LIST,
)
from exchange.domain.clock import from_milliseconds
from exchange.domain.orders import OrderType
from exchange.domain.reports import (
    Contingency,
    ListLeg,
    ListOrderStatus,
    ListStatus,
    PartOutcome,
    Refusal,
)

REQUEST = replacing("b1", by=bought(client_order_id="n1"))
NOT_OPEN = {"code": -2011, "msg": "Unknown order sent."}
WOULD_TAKE = {"code": -2010, "msg": "Order would immediately match and take."}


def halves(cancel: str, canceled: Any, order: str, placed: Any) -> dict[str, Any]:
    return {
        "cancelResult": cancel,
        "cancelResponse": canceled,
        "newOrderResult": order,
        "newOrderResponse": placed,
    }


def test_a_placed_list_has_names_and_orders() -> None:
    placed = list_replies.order_list(PLACED_LIST)

    assert (placed.list_id, placed.client_order_id) == ("5", "L1")
    assert placed.contingency is Contingency.OCO
    assert placed.status is ListStatus.EXEC_STARTED
    assert not placed.is_done
    assert placed.market_time == from_milliseconds(AT)
    stop, target = placed.orders
    assert (stop.type, stop.is_working) == (OrderType.STOP_LOSS, False)
    assert (target.type, target.is_working) == (OrderType.LIMIT_MAKER, True)
    assert placed.order("L1-s") is stop
    assert placed.order("L1") is None


def test_a_queried_list_names_its_orders_only() -> None:
    queried = list_replies.order_list(QUERIED_LIST)

    assert queried.orders == ()
    assert queried.legs == (
        ListLeg(venue_order_id="10", client_order_id="L1-s"),
        ListLeg(venue_order_id="11", client_order_id="L1-t"),
    )


def test_a_canceled_list_is_done_and_its_orders_keep_their_names() -> None:
    canceled = list_replies.order_list(CANCELED_LIST)

    assert canceled.is_done
    assert canceled.order_status is ListOrderStatus.ALL_DONE
    assert [order.client_order_id for order in canceled.orders] == ["L1-s", "L1-t"]


def test_a_list_that_ended_at_once_may_have_lost_its_name() -> None:
    reply = PLACED_LIST | {"listClientOrderId": None, "listOrderStatus": "REJECT"}

    ended = list_replies.order_list(reply)

    assert ended.client_order_id is None
    assert ended.is_done


def test_unheard_of_words_of_a_list_are_other_and_not_done() -> None:
    words = {"contingencyType": "OTTO", "listStatusType": "MOON", "listOrderStatus": "SUN"}

    odd = list_replies.order_list(QUERIED_LIST | words)

    assert odd.contingency is Contingency.OTHER
    assert (odd.status, odd.order_status) == (ListStatus.OTHER, ListOrderStatus.OTHER)
    assert not odd.is_done


@pytest.mark.parametrize("field", ["orderListId", "orders", "transactionTime", "listOrderStatus"])
def test_a_missing_field_of_a_list_is_named(field: str) -> None:
    reply = {name: value for name, value in PLACED_LIST.items() if name != field}

    with pytest.raises(MalformedReplyError, match=field):
        list_replies.order_list(reply)


def test_a_whole_replacement_has_both_orders() -> None:
    report = list_replies.cancel_replace_report(
        halves("SUCCESS", CANCELED, "SUCCESS", PLACED), REQUEST
    )

    assert report.is_complete
    assert report.canceled
    assert report.canceled.client_order_id == "b1"
    assert report.placed
    assert report.placed.venue_order_id == "28"
    assert (report.cancel_refusal, report.order_refusal) == (None, None)


def test_a_cancel_that_failed_left_the_new_order_untried() -> None:
    report = list_replies.cancel_replace_report(
        halves("FAILURE", NOT_OPEN, "NOT_ATTEMPTED", None), REQUEST
    )

    assert (report.cancel, report.order) == (PartOutcome.REFUSED, PartOutcome.NOT_ATTEMPTED)
    assert (report.canceled, report.placed, report.order_refusal) == (None, None, None)
    assert report.cancel_refusal == Refusal(
        code=-2011,
        text="Unknown order sent.",
        hint="the order is not open: it has filled, was canceled or never existed",
    )


def test_an_order_that_was_refused_after_the_cancel_leaves_nothing_in_the_book() -> None:
    report = list_replies.cancel_replace_report(
        halves("SUCCESS", CANCELED, "FAILURE", WOULD_TAKE), REQUEST
    )

    assert (report.cancel, report.order) == (PartOutcome.DONE, PartOutcome.REFUSED)
    assert not report.is_complete
    assert report.canceled
    assert report.placed is None
    assert report.order_refusal
    assert report.order_refusal.code == -2010


@pytest.mark.parametrize(
    "refusal",
    [
        {"code": -1007, "msg": "Timeout waiting for response."},
        {"code": -1006, "msg": "Unexpected response."},
        {"code": -2010, "msg": "Duplicate order sent."},
        {"msg": "no code at all"},
    ],
)
def test_a_half_refused_without_proof_is_unknown(refusal: dict[str, Any]) -> None:
    report = list_replies.cancel_replace_report(
        halves("SUCCESS", CANCELED, "FAILURE", refusal), REQUEST
    )

    assert (report.cancel, report.order) == (PartOutcome.DONE, PartOutcome.UNKNOWN)
    assert report.placed is None


@pytest.mark.parametrize(
    "reply",
    [
        None,
        {},
        halves("PERHAPS", CANCELED, "SUCCESS", PLACED),
        halves("SUCCESS", CANCELED, "SUCCESS", {"orderId": 1}),
        halves("SUCCESS", None, "SUCCESS", PLACED),
        halves("FAILURE", None, "NOT_ATTEMPTED", None),
    ],
)
def test_a_replacement_that_nobody_can_read_is_refused(reply: Any) -> None:
    with pytest.raises(MalformedReplyError):
        list_replies.cancel_replace_report(reply, REQUEST)

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from exchange.binance import order_replies
from exchange.binance.parsing import MalformedReplyError
from exchange.binance.tests.samples import AT, CANCELED, CANCELED_LIST, PLACED, QUERIED, leg
from exchange.domain.clock import from_milliseconds
from exchange.domain.orders import OrderType, TimeInForce
from exchange.domain.reports import ExpiryReason, VenueOrderStatus
from exchange.domain.types import Side


def test_a_full_reply_becomes_an_order_with_its_fills() -> None:
    order = order_replies.placed_order(PLACED)

    assert order.venue_order_id == "28"
    assert order.side is Side.BUY
    assert order.status is VenueOrderStatus.FILLED
    assert order.filled_quote_quantity == Decimal(120)
    assert order.market_time == from_milliseconds(AT)
    (fill,) = order.trades
    assert fill.trade_id == "56"
    assert fill.quote_quantity == Decimal(120)
    assert (fill.commission, fill.commission_asset) == (Decimal("0.000002"), "BTC")
    assert fill.market_time == order.market_time


def test_a_queried_order_carries_no_trades_and_the_time_of_its_last_change() -> None:
    order = order_replies.queried_order(QUERIED)

    assert order.trades == ()
    assert order.filled_quantity == Decimal("0.001")
    assert order.market_time == from_milliseconds(AT + 5)


def test_a_status_that_nobody_has_heard_of_is_other_and_not_final() -> None:
    order = order_replies.queried_order(QUERIED | {"status": "PENDING_MOON"})

    assert order.status is VenueOrderStatus.OTHER
    assert not order.status.is_final


def test_unknown_fields_are_ignored() -> None:
    assert order_replies.placed_order(PLACED | {"pegPriceType": "X"}) == order_replies.placed_order(
        PLACED
    )


@pytest.mark.parametrize("field", ["orderId", "clientOrderId", "transactTime", "fills", "status"])
def test_a_missing_field_is_named(field: str) -> None:
    broken = {name: value for name, value in PLACED.items() if name != field}

    with pytest.raises(MalformedReplyError, match=f"no field {field}"):
        order_replies.placed_order(broken)


@pytest.mark.parametrize(
    ("field", "nonsense"),
    [
        ("executedQty", "many"),
        ("executedQty", "NaN"),
        ("executedQty", "Infinity"),
        ("executedQty", 0.002),
        ("transactTime", "yesterday"),
        ("transactTime", True),
        ("transactTime", 10**30),
        ("side", "HOLD"),
        ("clientOrderId", ""),
        ("orderId", None),
        ("fills", {"price": "1"}),
        ("fills", ["x"]),
    ],
)
def test_nonsense_in_a_field_is_refused_by_its_name(field: str, nonsense: Any) -> None:
    with pytest.raises(MalformedReplyError, match=field):
        order_replies.placed_order(PLACED | {field: nonsense})


@pytest.mark.parametrize("reply", [[], "ok", None, 7])
def test_a_reply_of_another_shape_is_refused(reply: Any) -> None:
    with pytest.raises(MalformedReplyError, match="expected an object"):
        order_replies.placed_order(reply)


def test_trades_come_oldest_first_whatever_the_venue_sends() -> None:
    row = {
        "price": "1.0",
        "qty": "2.0",
        "quoteQty": "2.0",
        "commission": "0.1",
        "commissionAsset": "USDT",
    }
    replies = [
        row | {"id": 10, "time": AT},
        row | {"id": 9, "time": AT},
        row | {"id": 11, "time": 1},
    ]

    assert [trade.trade_id for trade in order_replies.trades(replies)] == ["11", "9", "10"]


def test_an_order_tells_what_it_is_and_what_it_waits_for() -> None:
    order = order_replies.queried_order(QUERIED)

    assert (order.type, order.time_in_force) == (OrderType.TAKE_PROFIT_LIMIT, TimeInForce.GTC)
    assert (order.price, order.stop_price) == (Decimal(61000), Decimal(60500))
    assert order.order_list_id == "7"
    assert order.is_working is True
    assert order.expiry_reason is None


def test_an_order_without_trigger_or_list_has_neither() -> None:
    order = order_replies.placed_order(PLACED)

    assert order.stop_price == 0
    assert order.order_list_id is None


@pytest.mark.parametrize(
    ("reply", "is_working"),
    [
        (leg(1, "a"), False),  # workingTime -1: not yet in the book
        (leg(1, "a", workingTime=AT), True),
        (leg(1, "a", workingTime=AT, isWorking=False), False),
        (CANCELED, None),  # the reply to a cancel does not say
    ],
)
def test_only_the_venue_says_whether_an_order_is_in_the_book(
    *,
    reply: dict[str, Any],
    is_working: bool | None,
) -> None:
    assert order_replies.reported_order(reply).is_working is is_working


def test_words_that_nobody_has_heard_of_are_other() -> None:
    order = order_replies.queried_order(
        QUERIED | {"type": "PEGGED_MOON", "timeInForce": "GTM", "expiryReason": "ECLIPSE"}
    )

    assert (order.type, order.time_in_force) == (OrderType.OTHER, TimeInForce.OTHER)
    assert order.expiry_reason is ExpiryReason.OTHER


def test_an_order_that_expired_says_why() -> None:
    expired = QUERIED | {"status": "EXPIRED", "expiryReason": "OCO_TRIGGER"}

    assert order_replies.queried_order(expired).expiry_reason is ExpiryReason.OCO_TRIGGER
    none = QUERIED | {"expiryReason": "NONE"}
    assert order_replies.queried_order(none).expiry_reason is None


@pytest.mark.parametrize("status", ["PENDING_NEW", "CANCELED"])
def test_an_exit_whose_entry_has_not_filled_has_no_quantity(status: str) -> None:
    unfixed = leg(3, "L1-s", status=status)
    del unfixed["origQty"]

    order = order_replies.reported_order(unfixed)

    assert order.status is VenueOrderStatus(status)
    assert order.quantity == 0
    for changes in ({"orderListId": -1}, {"executedQty": "0.00100000"}):
        with pytest.raises(MalformedReplyError, match="origQty"):
            order_replies.reported_order(unfixed | changes)


def test_a_canceled_order_keeps_its_own_name_and_not_that_of_the_cancel() -> None:
    order = order_replies.canceled_order(CANCELED, client_order_id="b1")

    assert order.client_order_id == "b1"
    assert order.status is VenueOrderStatus.CANCELED
    assert order.filled_quantity == Decimal("0.0005")


def test_a_canceled_leg_is_found_in_the_list_that_it_took_along() -> None:
    order = order_replies.canceled_order(CANCELED_LIST, client_order_id="L1-t")

    assert (order.venue_order_id, order.client_order_id) == ("11", "L1-t")
    with pytest.raises(MalformedReplyError, match="orderReports"):
        order_replies.canceled_order(CANCELED_LIST, client_order_id="L2-t")


def test_open_orders_are_read_one_by_one() -> None:
    assert order_replies.queried_orders([]) == []
    assert [order.venue_order_id for order in order_replies.queried_orders([QUERIED])] == ["28"]
    with pytest.raises(MalformedReplyError, match="expected a list"):
        order_replies.queried_orders({})


@pytest.mark.parametrize("field", ["price", "qty"])
def test_an_execution_of_less_than_nothing_is_never_booked(field: str) -> None:
    (fill,) = PLACED["fills"]

    with pytest.raises(MalformedReplyError, match=f"{field} is negative: -1"):
        order_replies.placed_order(PLACED | {"fills": [fill | {field: "-1"}]})


@pytest.mark.parametrize("field", ["price", "qty", "quoteQty"])
def test_a_trade_of_less_than_nothing_is_never_booked(field: str) -> None:
    trade = {"id": 1, "price": "2", "qty": "3", "quoteQty": "6", "time": AT}
    trade |= {"commission": "0", "commissionAsset": "BNB"}
    assert len(order_replies.trades([trade])) == 1

    with pytest.raises(MalformedReplyError, match=f"{field} is negative: -1"):
        order_replies.trades([trade | {field: "-1"}])


def test_an_order_cannot_have_filled_less_than_nothing() -> None:
    with pytest.raises(MalformedReplyError, match="executedQty is negative"):
        order_replies.queried_order(QUERIED | {"executedQty": "-0.001"})


def test_an_order_so_old_that_its_quote_amount_is_gone_is_still_read() -> None:
    order = order_replies.queried_order(QUERIED | {"cummulativeQuoteQty": "-1"})

    assert order.filled_quote_quantity == -1

"""The oracle has to be able to say no."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from binance_sdk_derivatives_trading_usds_futures.rest_api import models as futures
from binance_sdk_spot.rest_api import models as spot
from pydantic import StrictStr

from exchange.tests.oracles.strict import fields_of, judge

ORDER: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "orderId": 1,
    "orderListId": -1,
    "clientOrderId": "a",
    "transactTime": 1,
    "price": "0.00000000",
    "cummulativeQuoteQty": "1.00000000",
    "fills": [{"price": "1.0", "qty": "1.0", "tradeId": 3}],
}


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    order = copy.deepcopy(ORDER)
    change(order)
    return order


def test_what_the_model_describes_has_no_problem() -> None:
    verdict = judge(spot.NewOrderResponse, ORDER)

    assert verdict.problems == []
    assert ("NewOrderResponse", "orderId") in verdict.seen
    assert ("NewOrderResponseFillsInner", "tradeId") in verdict.seen


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda o: o.update(price=0.0), "reply.price: expected str, got float"),
        (lambda o: o.update(price=None), "reply.price: expected str, got NoneType"),
        (lambda o: o.update(orderId="1"), "reply.orderId: expected int, got str"),
        (lambda o: o.update(orderId=1.0), "reply.orderId: expected int, got float"),
        (lambda o: o.update(orderId=True), "reply.orderId: expected int, got bool"),
        (lambda o: o.update(fills={}), "reply.fills: expected a list, got dict"),
        (lambda o: o["fills"][0].update(qty=1), "reply.fills[0].qty: expected str, got int"),
        (lambda o: o.update(cumulativeQuoteQty="1"), "NewOrderResponse has no such key"),
        (lambda o: o["fills"][0].update(fee="1"), "NewOrderResponseFillsInner has no such key"),
        (lambda o: o.update(stopPrice="1.0"), "reply.stopPrice: NewOrderResponse has no such key"),
    ],
)
def test_a_wrong_type_or_an_unknown_key_is_found(
    change: Callable[[dict[str, Any]], object], problem: str
) -> None:
    problems = judge(spot.NewOrderResponse, changed(change)).problems

    assert len(problems) == 1
    assert problem in problems[0]


def test_an_extra_is_allowed_on_orders_alone_and_has_a_type() -> None:
    extras = {"stopPrice": StrictStr}

    assert judge(spot.NewOrderResponse, ORDER | {"stopPrice": "1.0"}, extras=extras).problems == []
    assert judge(spot.NewOrderResponse, ORDER | {"stopPrice": 1}, extras=extras).problems == [
        "reply.stopPrice: expected str, got int"
    ]
    assert judge(spot.TimeResponse, {"serverTime": 1, "stopPrice": "1.0"}, extras=extras).problems


def test_a_list_is_no_object_and_an_object_no_list() -> None:
    assert judge(spot.NewOrderResponse, [ORDER]).problems == ["reply: expected an object, got list"]
    assert judge(spot.AllOrdersResponse, ORDER).problems == ["reply: expected a list, got dict"]
    assert judge(spot.AllOrdersResponse, [ORDER, 7]).problems[-1] == (
        "reply[1]: expected an object, got int"
    )


def test_a_reply_of_two_forms_is_judged_by_its_own() -> None:
    row = {"symbol": "BTCUSDT", "price": "1.0"}

    assert judge(spot.TickerPriceResponse, row).problems == []
    assert judge(spot.TickerPriceResponse, [row]).problems == []
    assert judge(spot.TickerPriceResponse, row | {"price": 1}).problems
    assert judge(spot.TickerPriceResponse, [row | {"price": 1}]).problems
    assert judge(spot.TickerPriceResponse, "BTCUSDT").problems


@pytest.mark.parametrize(
    ("rule", "is_right"),
    [
        ({"filterType": "LOT_SIZE", "minQty": "1", "maxQty": "2", "stepSize": "1"}, True),
        ({"filterType": "PRICE_FILTER", "minPrice": "1", "maxPrice": "2", "tickSize": "1"}, True),
        ({"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200}, True),
        ({"filterType": "MAX_NUM_ORDERS", "maxNumOrders": "200"}, False),
        ({"filterType": "MAX_NUM_ORDERS", "limit": 200}, False),
        ({"filterType": "LOT_SIZE", "minQty": 1}, False),
        ({"filterType": "NO_SUCH_FILTER"}, False),
        ({"minQty": "1"}, False),
    ],
)
def test_each_filter_is_judged_by_the_model_of_its_type(
    rule: dict[str, Any],
    is_right: bool,  # noqa: FBT001
) -> None:
    reply = {"symbols": [{"symbol": "BTCUSDT", "filters": [rule]}]}

    assert (judge(spot.ExchangeInfoResponse, reply).problems == []) is is_right


def test_the_fields_of_a_model_include_those_inside() -> None:
    fields = fields_of(spot.OrderListOcoResponse)

    assert ("OrderListOcoResponse", "contingencyType") in fields
    assert ("OrderListOcoResponseOrdersInner", "orderId") in fields
    assert ("OrderListOcoResponseOrderReportsInner", "stopPrice") in fields
    assert not any(name == "additional_properties" for _, name in fields)


@pytest.mark.parametrize("value", [None, 1])
def test_a_field_is_null_only_where_that_is_known(value: object) -> None:
    row = {"algoId": 1, "icebergQuantity": value}
    known = {"NewAlgoOrderResponse.icebergQuantity"}

    assert judge(futures.NewAlgoOrderResponse, row).problems
    problems = judge(futures.NewAlgoOrderResponse, row, nulls=known).problems
    assert (problems == []) is (value is None)
    assert judge(futures.QueryAlgoOrderResponse, row, nulls=known).problems


def test_an_extra_may_belong_to_one_model() -> None:
    extras = {"QueryOrderResponse.pair": StrictStr}
    row = {"orderId": 1, "pair": "BTCUSDT"}

    assert judge(futures.QueryOrderResponse, row, extras=extras).problems == []
    assert judge(futures.QueryOrderResponse, row | {"pair": 1}, extras=extras).problems
    assert judge(futures.NewOrderResponse, row, extras=extras).problems


def test_a_list_of_rows_is_judged_row_by_row() -> None:
    row = {"avgPrice": "0.00000", "orderId": 1}

    assert judge(futures.AllOrdersResponse, [row]).problems == []
    assert judge(futures.AllOrdersResponse, [row, row | {"orderId": "1"}]).problems


@pytest.mark.parametrize(
    ("value", "is_right"), [(5, True), (0.5, True), ("5", False), (True, False), (None, False)]
)
def test_a_number_is_whole_or_broken_but_nothing_else(
    value: object,
    is_right: bool,  # noqa: FBT001
) -> None:
    reply = {"amount": value, "code": 200, "msg": "fine", "type": 1}

    problems = judge(futures.ModifyIsolatedPositionMarginResponse, reply).problems
    assert (problems == []) is is_right

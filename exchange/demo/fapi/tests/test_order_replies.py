"""How the venue writes orders and trades of the futures market."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from exchange.demo.errors import VenueError
from exchange.demo.fapi.order_history import (
    LONGEST_SPAN_MS,
    is_algo_known,
    is_order_known,
    page,
    read_span,
)
from exchange.demo.fapi.replies import (
    algo_row,
    average_price,
    canceled_algo,
    checked_order,
    history_row,
    listed_algo_row,
    new_algo,
    new_order,
    order_reply,
    order_row,
    trade_row,
)
from exchange.demo.fapi.tests.test_order_parameters import BITCOIN, params_of
from exchange.demo.futures.values import AlgoOrder, Fill, Order
from exchange.demo.times import DAY_MS

SYMBOLS = {"BTCUSDT": BITCOIN}
ORDER = Order(
    order_id=7,
    uid=1,
    symbol="BTCUSDT",
    client_order_id="tb-1",
    side="BUY",
    type="MARKET",
    original_type="MARKET",
    status="FILLED",
    quantity=Decimal("0.03"),
    executed=Decimal("0.03"),
    executed_quote=Decimal("2820.007"),
    at_ms=1_000,
    updated_ms=2_000,
)
ALGO = AlgoOrder(
    algo_id=9,
    uid=1,
    symbol="BTCUSDT",
    client_algo_id="sl-1",
    side="SELL",
    type="STOP_MARKET",
    quantity=Decimal("0.03"),
    trigger_price=Decimal(59_000),
    reduce_only=True,
    at_ms=1_000,
    updated_ms=2_000,
)
TRAILING = replace(
    ALGO,
    type="TRAILING_STOP_MARKET",
    trigger_price=Decimal(0),
    activate_price=Decimal(95_000),
    callback_rate=Decimal("1.50"),
)
NOW_MS = 100 * DAY_MS


def test_an_order_in_full_has_the_decimals_of_its_symbol() -> None:
    assert order_row(ORDER, SYMBOLS) == {
        "orderId": 7,
        "symbol": "BTCUSDT",
        "status": "FILLED",
        "clientOrderId": "tb-1",
        "price": "0.00",
        "avgPrice": "94000.23333333",
        "origQty": "0.030",
        "executedQty": "0.030",
        "cumQuote": "2820.00700",
        "timeInForce": "GTC",
        "type": "MARKET",
        "reduceOnly": False,
        "closePosition": False,
        "side": "BUY",
        "positionSide": "BOTH",
        "stopPrice": "0.00",
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "origType": "MARKET",
        "priceMatch": "NONE",
        "selfTradePreventionMode": "NONE",
        "goodTillDate": 0,
        "time": 1_000,
        "updateTime": 2_000,
    }


def test_a_reply_to_a_new_or_canceled_order_tells_no_average_price() -> None:
    reply = order_reply(ORDER, SYMBOLS)
    row = order_row(ORDER, SYMBOLS)
    assert reply.keys() ^ row.keys() == {"cumQty", "avgPrice", "cumQuote", "time"}
    assert reply["cumQty"] == "0.030"
    assert new_order(ORDER, SYMBOLS, "RESULT") == reply


def test_an_acknowledged_order_looks_as_if_just_arrived() -> None:
    reply = new_order(ORDER, SYMBOLS, "ACK")
    assert (reply["status"], reply["executedQty"], reply["cumQty"]) == ("NEW", "0.000", "0.000")
    assert (reply["updateTime"], reply["origQty"]) == (1_000, "0.030")


def test_the_history_of_orders_has_two_fields_more() -> None:
    row = history_row(ORDER, SYMBOLS)
    assert row.keys() - order_row(ORDER, SYMBOLS).keys() == {"pair", "cumBase"}
    assert (row["pair"], row["cumBase"]) == ("BTCUSDT", "0.030")


def test_an_order_that_was_only_checked_still_has_an_average_price() -> None:
    row = checked_order(replace(ORDER, executed=Decimal(0)), SYMBOLS)
    assert (row["avgPrice"], row["cumQuote"], row["cumQty"]) == ("0.00000", "0.00000", "0.000")


@pytest.mark.parametrize(
    ("executed", "quote", "expected"),
    [
        ("0", "0", "0.00000"),
        ("0.010", "600.00", "60000.00000"),
        ("0.003", "180.0001", "60000.03333333"),
        ("3", "0.5", "0.16666667"),
    ],
)
def test_an_average_has_five_decimals_or_what_it_needs(
    executed: str, quote: str, expected: str
) -> None:
    order = replace(ORDER, executed=Decimal(executed), executed_quote=Decimal(quote))
    assert average_price(order) == expected


def test_no_digit_is_lost_where_an_amount_is_finer_than_its_symbol() -> None:
    odd = replace(ORDER, price=Decimal("94000.125"), quantity=Decimal("0.00012"))
    row = order_row(odd, SYMBOLS)
    assert (row["price"], row["origQty"]) == ("94000.125", "0.00012")
    unlisted = order_row(odd, {})
    assert (unlisted["price"], unlisted["origQty"]) == ("94000.125", "0.00012")


def test_a_limit_price_has_the_decimals_of_its_symbol() -> None:
    assert order_row(replace(ORDER, price=Decimal(94_000)), SYMBOLS)["price"] == "94000.00"


def test_a_trade_tells_commission_and_result() -> None:
    fill = Fill(
        trade_id=3,
        order_id=7,
        uid=1,
        symbol="BTCUSDT",
        side="SELL",
        position_side="LONG",
        price=Decimal("94000.1"),
        quantity=Decimal("0.01"),
        quote_quantity=Decimal("940.001"),
        commission=Decimal("0.4700005"),
        commission_asset="USDT",
        realized_pnl=Decimal("-1.5"),
        at_ms=5,
        is_maker=True,
    )
    assert trade_row(fill, SYMBOLS) == {
        "symbol": "BTCUSDT",
        "pair": "BTCUSDT",
        "id": 3,
        "orderId": 7,
        "side": "SELL",
        "price": "94000.10",
        "qty": "0.010",
        "quoteQty": "940.001",
        "baseQty": "0.010",
        "commission": "0.47000050",
        "commissionAsset": "USDT",
        "marginAsset": "USDT",
        "realizedPnl": "-1.50000000",
        "buyer": False,
        "maker": True,
        "positionSide": "LONG",
        "time": 5,
    }


def test_a_new_conditional_order_calls_its_type_otherwise_than_the_request() -> None:
    assert new_algo(ALGO, SYMBOLS) == {
        "algoId": 9,
        "clientAlgoId": "sl-1",
        "algoType": "CONDITIONAL",
        "orderType": "STOP_MARKET",
        "symbol": "BTCUSDT",
        "side": "SELL",
        "positionSide": "BOTH",
        "timeInForce": "GTC",
        "quantity": "0.030",
        "algoStatus": "NEW",
        "triggerPrice": "59000.00",
        "price": "0.00",
        "icebergQuantity": None,
        "selfTradePreventionMode": "EXPIRE_MAKER",
        "workingType": "CONTRACT_PRICE",
        "priceMatch": "NONE",
        "closePosition": False,
        "priceProtect": False,
        "reduceOnly": True,
        "activatePrice": "",
        "callbackRate": "",
        "createTime": 1_000,
        "updateTime": 2_000,
        "triggerTime": 0,
        "goodTillDate": 0,
    }


def test_only_the_first_reply_shows_how_a_stop_trails() -> None:
    reply = new_algo(TRAILING, SYMBOLS)
    assert (reply["activatePrice"], reply["callbackRate"]) == ("95000.00", "1.5")
    at_once = new_algo(replace(TRAILING, activate_price=Decimal(0)), SYMBOLS)
    assert at_once["activatePrice"] == "0.00"
    for row in (algo_row(TRAILING, None, SYMBOLS), listed_algo_row(TRAILING, None, SYMBOLS)):
        assert row.keys().isdisjoint({"activatePrice", "callbackRate"})


def test_a_conditional_order_tells_of_its_child_when_there_is_one() -> None:
    waiting = algo_row(ALGO, None, SYMBOLS)
    assert (waiting["actualOrderId"], waiting["actualPrice"]) == ("", "0.00000")
    assert (waiting["actualQty"], waiting["actualType"]) == ("0.030", "MARKET")
    child = replace(ORDER, executed=Decimal("0.01"), executed_quote=Decimal("590.00"))
    done = algo_row(replace(ALGO, child_id=7, status="TRIGGERED"), child, SYMBOLS)
    assert (done["actualOrderId"], done["actualPrice"]) == ("7", "59000.00000")
    assert (done["actualQty"], done["algoStatus"]) == ("0.010", "TRIGGERED")
    hidden = algo_row(replace(ALGO, child_id=7), None, SYMBOLS)
    assert (hidden["actualOrderId"], hidden["actualPrice"]) == ("7", "0.00000")


def test_a_list_of_conditional_orders_tells_no_executed_quantity() -> None:
    row = listed_algo_row(ALGO, None, SYMBOLS)
    assert row.keys() ^ algo_row(ALGO, None, SYMBOLS).keys() == {
        *("actualType", "actualQty"),
        *("tpTriggerPrice", "tpPrice", "slTriggerPrice", "slPrice"),
    }


def test_the_code_of_a_canceled_conditional_order_is_a_text() -> None:
    expected = {"algoId": 9, "clientAlgoId": "sl-1", "code": "200", "msg": "success"}
    assert canceled_algo(ALGO) == expected


@pytest.mark.parametrize(
    ("status", "executed", "days", "is_known"),
    [
        ("CANCELED", "0", 3, True),
        ("CANCELED", "0", 3.1, False),
        ("EXPIRED", "0", 3.1, False),
        ("CANCELED", "0.01", 3.1, True),
        ("NEW", "0", 3.1, True),
        ("FILLED", "0.03", 90, True),
        ("FILLED", "0.03", 90.1, False),
    ],
)
def test_an_order_without_a_trade_is_forgotten_after_three_days_and_any_after_ninety(
    status: str,
    executed: str,
    days: float,
    is_known: bool,  # noqa: FBT001
) -> None:
    at_ms = NOW_MS - int(days * DAY_MS)
    order = replace(ORDER, status=status, executed=Decimal(executed), at_ms=at_ms)
    assert is_order_known(order, NOW_MS) is is_known


@pytest.mark.parametrize(
    ("status", "child_id", "days", "is_known"),
    [
        ("CANCELED", 0, 3, True),
        ("CANCELED", 0, 3.1, False),
        ("EXPIRED", 0, 3.1, False),
        ("REJECTED", 0, 3.1, True),
        ("FINISHED", 7, 3.1, True),
        ("NEW", 0, 89, True),
        ("NEW", 0, 90.1, False),
    ],
)
def test_a_conditional_order_is_forgotten_alike(
    status: str,
    child_id: int,
    days: float,
    is_known: bool,  # noqa: FBT001
) -> None:
    at_ms = NOW_MS - int(days * DAY_MS)
    algo = replace(ALGO, status=status, child_id=child_id, at_ms=at_ms)
    assert is_algo_known(algo, NOW_MS) is is_known


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (None, None, (NOW_MS - LONGEST_SPAN_MS, NOW_MS)),
        (5, None, (5, 5 + LONGEST_SPAN_MS)),
        (None, LONGEST_SPAN_MS, (0, LONGEST_SPAN_MS)),
        (None, 5, (0, 5)),
        (5, 5 + LONGEST_SPAN_MS, (5, 5 + LONGEST_SPAN_MS)),
    ],
)
def test_a_query_spans_seven_days(
    start: int | None, end: int | None, expected: tuple[int, int]
) -> None:
    moments = {"startTime": start, "endTime": end}
    sent = {name: str(value) for name, value in moments.items() if value is not None}
    assert read_span(params_of(sent, {}), now_ms=NOW_MS) == expected


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        (6, 5, "Invalid time interval"),
        (5, 6 + LONGEST_SPAN_MS, "Maximum time interval is 7 days."),
    ],
)
def test_a_query_over_more_or_less_than_that_is_refused(start: int, end: int, message: str) -> None:
    params = params_of({"startTime": str(start), "endTime": str(end)}, {})
    with pytest.raises(VenueError) as error:
        read_span(params, now_ms=NOW_MS)
    assert (error.value.code, error.value.message) == (-4165, message)


def test_a_page_counts_only_what_is_known() -> None:
    rows = list(range(10))

    def is_even(row: int) -> bool:
        return row % 2 == 0

    assert page(rows, is_even, limit=3, is_forward=True) == [0, 2, 4]
    assert page(rows, is_even, limit=3, is_forward=False) == [4, 6, 8]
    assert page(rows, is_even, limit=99, is_forward=False) == [0, 2, 4, 6, 8]

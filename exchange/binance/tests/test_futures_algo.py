"""Conditional orders on the wire: under our name, in the algo service's words, sent once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from exchange.binance.clock import wall_milliseconds
from exchange.binance.futures import BinanceFuturesGateway
from exchange.binance.futures_algo_replies import algo_order
from exchange.binance.parsing import MalformedReplyError
from exchange.binance.tests.asking import permit
from exchange.binance.tests.futures_asking import algo, opened_at, trailing
from exchange.binance.tests.futures_order_samples import (
    ALGO_CANCELED,
    ALGO_FINISHED,
    ALGO_PLACED,
    ALGO_QUERIED,
    ALL_CANCELED,
    AT,
    QUERIED,
)
from exchange.binance.tests.scripted_server import Reply, ScriptedServer
from exchange.binance.tests.test_spot_orders import payload, unstamped
from exchange.domain.algo_children import child_of
from exchange.domain.algo_orders import (
    AlgoOrderRequest,
    AlgoOrderType,
    AlgoStatus,
    WorkingPrice,
)
from exchange.domain.clock import from_milliseconds
from exchange.domain.errors import (
    GatewayError,
    OrderRejectedError,
    OutcomeUnknownError,
    UnavailableError,
)
from exchange.domain.orders import TimeInForce
from exchange.domain.types import ZERO, Side

ALGO = "/fapi/v1/algoOrder"
BOOK, WAITING = "/fapi/v1/allOpenOrders", "/fapi/v1/algoOpenOrders"
TIME = "/fapi/v1/time"
NOT_OPEN = {"code": -2011, "msg": "Unknown order sent."}


@pytest.fixture
def gateway(script: ScriptedServer) -> Iterator[BinanceFuturesGateway]:
    with opened_at(script.url) as gateway:
        yield gateway


REQUESTS: list[tuple[AlgoOrderRequest, str]] = [
    (
        algo(),
        "algoType=CONDITIONAL&clientAlgoId=tb-s&quantity=0.01&recvWindow=4321&reduceOnly=true"
        "&side=SELL&symbol=BTCUSDT&timestamp=1700000000123&triggerPrice=59000&type=STOP_MARKET"
        "&workingType=MARK_PRICE",
    ),
    (
        algo(quantity=None, closes_position=True, price_protect=True),
        "algoType=CONDITIONAL&clientAlgoId=tb-s&closePosition=true&priceProtect=true"
        "&recvWindow=4321&side=SELL&symbol=BTCUSDT&timestamp=1700000000123&triggerPrice=59000"
        "&type=STOP_MARKET&workingType=MARK_PRICE",
    ),
    (
        algo(
            type=AlgoOrderType.TAKE_PROFIT_MARKET,
            side=Side.BUY,
            reduces_only=False,
            working_price=WorkingPrice.LAST,
            quantity=Decimal("1E-8"),
        ),
        "algoType=CONDITIONAL&clientAlgoId=tb-s&quantity=0.00000001&recvWindow=4321&side=BUY"
        "&symbol=BTCUSDT&timestamp=1700000000123&triggerPrice=59000&type=TAKE_PROFIT_MARKET"
        "&workingType=CONTRACT_PRICE",
    ),
    (
        algo(type=AlgoOrderType.STOP, price=Decimal(58900), time_in_force=TimeInForce.IOC),
        "algoType=CONDITIONAL&clientAlgoId=tb-s&price=58900&quantity=0.01&recvWindow=4321"
        "&reduceOnly=true&side=SELL&symbol=BTCUSDT&timeInForce=IOC&timestamp=1700000000123"
        "&triggerPrice=59000&type=STOP&workingType=MARK_PRICE",
    ),
    (
        trailing(activation_price=Decimal("61000.5")),
        "activatePrice=61000.5&algoType=CONDITIONAL&callbackRate=1&clientAlgoId=tb-s"
        "&quantity=0.01&recvWindow=4321&reduceOnly=true&side=SELL&symbol=BTCUSDT"
        "&timestamp=1700000000123&type=TRAILING_STOP_MARKET&workingType=MARK_PRICE",
    ),
]


@pytest.mark.parametrize(("request_", "wire"), REQUESTS)
def test_an_algo_order_is_on_the_wire_as_it_was_written_down(
    script: ScriptedServer, gateway: BinanceFuturesGateway, request_: AlgoOrderRequest, wire: str
) -> None:
    script.says(ALGO, ALGO_PLACED)

    placed = gateway.place_algo_order(request_, permit=permit())

    assert (placed.algo_id, placed.client_order_id) == ("2146760", "tb-s")
    (seen,) = script.seen  # no clock was asked before it, and no other name was made up
    assert (seen.method, seen.path) == ("POST", ALGO)
    assert payload(seen) == wire


def test_what_was_placed_waits_and_has_no_child() -> None:
    placed = algo_order(ALGO_PLACED)

    assert (placed.type, placed.status) == (AlgoOrderType.STOP_MARKET, AlgoStatus.NEW)
    assert (placed.is_open, placed.protects) == (True, True)
    assert (placed.quantity, placed.trigger_price) == (Decimal("0.01"), Decimal(59000))
    assert (placed.price, placed.activation_price, placed.callback_percent) == (ZERO, ZERO, ZERO)
    assert (placed.reduces_only, placed.closes_position) == (True, False)
    assert (placed.child_order_id, placed.filled_quantity, placed.trigger_time) == (
        None,
        ZERO,
        None,
    )
    assert placed.market_time == from_milliseconds(AT)
    assert algo_order(ALGO_QUERIED) == placed
    assert algo_order(ALGO_QUERIED | {"actualQty": "0.010"}) == placed  # what was asked for


def test_what_has_triggered_names_its_child() -> None:
    done = algo_order(ALGO_FINISHED)

    assert done.status is AlgoStatus.FINISHED
    assert (done.is_open, done.protects) == (False, False)
    assert (done.child_order_id, done.filled_quantity) == ("24", Decimal("0.01"))
    assert done.trigger_time == from_milliseconds(AT + 10)
    assert done.market_time == from_milliseconds(AT + 20)


@pytest.mark.parametrize(
    ("status", "standing"),
    [
        ("NEW", (True, True)),
        ("TRIGGERING", (True, False)),
        ("TRIGGERED", (True, False)),
        ("CANCELED", (False, False)),
        ("REJECTED", (False, False)),
        ("EXPIRED", (False, False)),
        ("MOONING", (False, False)),
    ],
)
def test_a_status_says_whether_the_order_is_open_and_whether_it_still_protects(
    status: str, standing: tuple[bool, bool]
) -> None:
    report = algo_order(ALGO_QUERIED | {"algoStatus": status})

    assert (report.is_open, report.protects) == standing
    assert (report.status is AlgoStatus.OTHER) is (status == "MOONING")


def test_words_that_nobody_has_heard_of_and_fields_without_a_value_are_no_error() -> None:
    report = algo_order(
        ALGO_QUERIED
        | {
            "orderType": "VERTICAL_STOP",
            "quantity": "",
            "price": None,
            "triggerPrice": "",
            "actualOrderId": None,
            "actualQty": None,
            "triggerTime": None,
            "closePosition": True,
            "news": {"of": "the year"},
        }
    )

    assert report.type is AlgoOrderType.OTHER
    assert (report.quantity, report.price, report.trigger_price) == (ZERO, ZERO, ZERO)
    assert report.child_order_id is None
    assert report.closes_position


@pytest.mark.parametrize("actual", [24, "24"])
def test_the_childs_number_is_a_text_whatever_it_came_as(actual: Any) -> None:
    assert algo_order(ALGO_FINISHED | {"actualOrderId": actual}).child_order_id == "24"


@pytest.mark.parametrize("actual", ["", "0", 0, None])
def test_a_number_of_no_order_is_no_child(actual: Any) -> None:
    report = algo_order(ALGO_FINISHED | {"actualOrderId": actual})

    assert (report.child_order_id, report.filled_quantity) == (None, ZERO)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"algoId": "x"}, "algoId"),
        ({"side": "BOTH"}, "side"),
        ({"closePosition": "true"}, "closePosition"),
        ({"triggerPrice": "high"}, "triggerPrice"),
        ({"quantity": "-1"}, "quantity"),
        ({"updateTime": "yesterday"}, "updateTime"),
        ({"triggerTime": True}, "triggerTime"),
        ({"clientAlgoId": None}, "clientAlgoId"),
    ],
)
def test_nonsense_is_refused_by_the_name_of_its_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(MalformedReplyError, match=field):
        algo_order(ALGO_QUERIED | changes)


AMBIGUOUS = [
    Reply(drops=True),
    Reply(status=502, body="<html>"),
    Reply(status=200, body="{}"),
    Reply(status=503, body='{"code": -1, "msg": "Unknown error, please check your request."}'),
    Reply(status=400, body='{"code": -4116, "msg": "ClientOrderId is duplicated."}'),
    Reply(status=400, body='{"code": -20132, "msg": "The client algo id is duplicated."}'),
]


@pytest.mark.parametrize("reply", AMBIGUOUS)
def test_an_algo_order_without_a_clear_answer_is_unknown_and_not_sent_again(
    script: ScriptedServer, gateway: BinanceFuturesGateway, reply: Reply
) -> None:
    script.queue(ALGO, reply)
    script.says(ALGO, ALGO_PLACED)

    with pytest.raises(OutcomeUnknownError):
        gateway.place_algo_order(algo(), permit=permit())

    assert len(script.seen) == 1


@pytest.mark.parametrize("code", [-2021, -4120, -4137, -4138, -4045])
def test_a_refused_algo_order_is_not_sent_again(
    script: ScriptedServer, gateway: BinanceFuturesGateway, code: int
) -> None:
    script.says(ALGO, {"code": code, "msg": "No."}, status=400)

    with pytest.raises(OrderRejectedError) as caught:
        gateway.place_algo_order(algo(), permit=permit())

    assert caught.value.code == code
    assert caught.value.hint
    assert len(script.seen) == 1


def test_an_algo_order_needs_a_permit_of_its_own(
    script: ScriptedServer, gateway: BinanceFuturesGateway
) -> None:
    script.says(ALGO, ALGO_PLACED)
    used = gateway.permit_orders()
    gateway.place_algo_order(algo(), permit=used)

    with pytest.raises(ValueError, match="has been used"):
        gateway.place_algo_order(algo(), permit=used)

    assert len(script.seen) == 1


def test_an_algo_order_is_found_by_its_name_without_a_symbol(
    script: ScriptedServer, gateway: BinanceFuturesGateway
) -> None:
    script.says(TIME, {"serverTime": wall_milliseconds()})
    script.says(ALGO, ALGO_QUERIED)
    script.says(ALGO, {"code": -2013, "msg": "Order does not exist."}, status=400)
    script.says(ALGO, NOT_OPEN, status=400)

    assert gateway.algo_order_by_client_id("tb-s") == algo_order(ALGO_QUERIED)
    assert gateway.algo_order_by_client_id("tb-s") is None
    with pytest.raises(OrderRejectedError):
        gateway.algo_order_by_client_id("tb-s")

    assert [unstamped(seen) for seen in script.asked(ALGO)] == [{"clientAlgoId": "tb-s"}] * 3


def test_open_algo_orders_are_those_of_a_symbol_or_all(
    script: ScriptedServer, gateway: BinanceFuturesGateway
) -> None:
    path = "/fapi/v1/openAlgoOrders"
    script.says(TIME, {"serverTime": wall_milliseconds()})
    script.says(path, [ALGO_QUERIED, ALGO_QUERIED | {"algoStatus": "TRIGGERING"}])
    script.says(path, [])

    waiting, hanging = gateway.open_algo_orders("BTCUSDT")
    assert gateway.open_algo_orders(None) == []

    assert (waiting.protects, hanging.protects) == (True, False)
    of_one, of_all = script.asked(path)
    assert (unstamped(of_one), unstamped(of_all)) == ({"symbol": "BTCUSDT"}, {})


@pytest.mark.parametrize("code", ["200", 200])
def test_an_algo_order_is_canceled_by_its_name(
    script: ScriptedServer, gateway: BinanceFuturesGateway, code: Any
) -> None:
    script.says(TIME, {"serverTime": wall_milliseconds()})
    script.says(ALGO, ALGO_CANCELED | {"code": code})

    gateway.cancel_algo_order("tb-s")

    (seen,) = script.asked(ALGO)
    assert seen.method == "DELETE"
    assert unstamped(seen) == {"clientAlgoId": "tb-s"}


@pytest.mark.parametrize(
    "reply",
    [
        Reply(drops=True),
        Reply(body="{}"),
        Reply(body='{"code": "-2011", "msg": "Unknown order sent."}'),
        Reply(body='{"code": true}'),
    ],
)
def test_a_cancel_that_does_not_say_that_it_is_done_is_unknown_and_not_repeated(
    script: ScriptedServer, gateway: BinanceFuturesGateway, reply: Reply
) -> None:
    script.says(TIME, {"serverTime": wall_milliseconds()})
    script.queue(ALGO, reply)
    script.says(ALGO, ALGO_CANCELED)

    with pytest.raises(OutcomeUnknownError):
        gateway.cancel_algo_order("tb-s")

    assert len(script.asked(ALGO)) == 1


def test_what_is_triggering_is_not_there_to_be_canceled(
    script: ScriptedServer, gateway: BinanceFuturesGateway
) -> None:
    script.says(TIME, {"serverTime": wall_milliseconds()})
    script.says(ALGO, NOT_OPEN, status=400)

    with pytest.raises(OrderRejectedError) as caught:
        gateway.cancel_algo_order("tb-s")

    assert caught.value.code == -2011


def test_all_orders_of_a_symbol_are_canceled_the_book_first(
    script: ScriptedServer, gateway: BinanceFuturesGateway
) -> None:
    script.says(TIME, {"serverTime": wall_milliseconds()})
    script.says(BOOK, ALL_CANCELED)
    script.says(WAITING, ALL_CANCELED)

    gateway.cancel_all_orders("BTCUSDT")

    book, waiting = script.seen[1:]
    assert (book.path, waiting.path) == (BOOK, WAITING)
    assert (book.method, waiting.method) == ("DELETE", "DELETE")
    assert unstamped(book) == unstamped(waiting) == {"symbol": "BTCUSDT"}


FAILURES: list[tuple[Reply, type[GatewayError]]] = [
    (Reply(drops=True), OutcomeUnknownError),
    (Reply(status=503, body='{"code": -1008, "msg": "Overloaded."}'), UnavailableError),
    (Reply(status=400, body='{"code": -2011, "msg": "Unknown order sent."}'), OrderRejectedError),
]


@pytest.mark.parametrize(("reply", "expected"), FAILURES)
def test_the_algo_orders_are_canceled_even_when_those_of_the_book_are_not(
    script: ScriptedServer,
    gateway: BinanceFuturesGateway,
    reply: Reply,
    expected: type[GatewayError],
) -> None:
    script.says(TIME, {"serverTime": wall_milliseconds()})
    script.queue(BOOK, reply)
    script.says(WAITING, ALL_CANCELED)

    with pytest.raises(GatewayError) as caught:
        gateway.cancel_all_orders("BTCUSDT")

    assert type(caught.value) is expected
    assert not getattr(caught.value, "__notes__", [])
    assert len(script.asked(BOOK)) == len(script.asked(WAITING)) == 1


def test_when_neither_could_be_canceled_both_failures_are_told(
    script: ScriptedServer, gateway: BinanceFuturesGateway
) -> None:
    script.says(TIME, {"serverTime": wall_milliseconds()})
    script.queue(BOOK, Reply(drops=True))
    script.says(WAITING, {"code": -1008, "msg": "Overloaded."}, status=503)

    with pytest.raises(OutcomeUnknownError) as caught:
        gateway.cancel_all_orders("BTCUSDT")

    (note,) = caught.value.__notes__
    assert note.startswith("the algo orders of BTCUSDT could not be canceled either: Overloaded.")


def test_a_failure_of_the_second_half_alone_is_raised(
    script: ScriptedServer, gateway: BinanceFuturesGateway
) -> None:
    script.says(TIME, {"serverTime": wall_milliseconds()})
    script.says(BOOK, ALL_CANCELED)
    script.queue(WAITING, Reply(drops=True))

    with pytest.raises(OutcomeUnknownError):
        gateway.cancel_all_orders("BTCUSDT")

    assert len(script.asked(BOOK)) == 1


def test_the_child_is_asked_for_by_its_number_and_only_when_there_is_one(
    script: ScriptedServer, gateway: BinanceFuturesGateway
) -> None:
    order = "/fapi/v1/order"
    script.says(TIME, {"serverTime": wall_milliseconds()})
    script.says(order, QUERIED | {"orderId": 24})
    script.says(order, {"code": -2013, "msg": "Order does not exist."}, status=400)
    finished = algo_order(ALGO_FINISHED)

    child = child_of(gateway, finished)
    late = child_of(gateway, finished)
    none = child_of(gateway, replace(finished, child_order_id=None))

    assert child is not None
    assert (child.venue_order_id, late, none) == ("24", None, None)
    asked = script.asked(order)
    assert [unstamped(seen) for seen in asked] == [{"symbol": "BTCUSDT", "orderId": "24"}] * 2


def test_a_trailing_stop_tells_from_where_and_how_far_it_trails() -> None:
    report = algo_order(
        ALGO_QUERIED
        | {
            "orderType": "TRAILING_STOP_MARKET",
            "triggerPrice": "",
            "activatePrice": "61000.50",
            "callbackRate": "1.0",
        }
    )

    assert report.type is AlgoOrderType.TRAILING_STOP_MARKET
    assert (report.activation_price, report.callback_percent) == (Decimal("61000.5"), Decimal(1))
    assert report.trigger_price == ZERO

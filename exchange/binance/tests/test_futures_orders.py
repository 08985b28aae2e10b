"""What goes over the wire for orders of the futures book, byte by byte, and what comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from exchange.binance.clock import wall_milliseconds
from exchange.binance.futures import BinanceFuturesGateway
from exchange.binance.tests.asking import bought, limit, permit
from exchange.binance.tests.futures_asking import opened_at
from exchange.binance.tests.futures_order_samples import PLACED, QUERIED, RESTING
from exchange.binance.tests.samples import symbol_info
from exchange.binance.tests.scripted_server import Reply, ScriptedServer
from exchange.binance.tests.test_spot_orders import payload, unstamped
from exchange.domain.errors import (
    CredentialsError,
    GatewayError,
    OrderRejectedError,
    OutcomeUnknownError,
    RateLimitedError,
    TimestampError,
    UnavailableError,
)
from exchange.domain.orders import OrderType, TimeInForce
from exchange.domain.reports import OrderReport, VenueOrderStatus
from exchange.domain.types import Side

ORDER = "/fapi/v1/order"
TIME = "/fapi/v1/time"
RULES = "/fapi/v1/exchangeInfo"
TOO_LATE = {"code": -1021, "msg": "Timestamp for this request is outside of the recvWindow."}
NO_SUCH = {"code": -2013, "msg": "Order does not exist."}
ONE = {"quantity": Decimal("0.010")}


@pytest.fixture
def gateway(script: ScriptedServer) -> Iterator[BinanceFuturesGateway]:
    with opened_at(script.url) as gateway:
        yield gateway


PLACED_BY: list[tuple[Callable[[BinanceFuturesGateway], OrderReport], str]] = [
    (
        lambda gateway: gateway.place_market_order(bought(**ONE), permit=permit()),
        "newClientOrderId=tb-1&newOrderRespType=RESULT&quantity=0.010&recvWindow=4321"
        "&side=BUY&symbol=BTCUSDT&timestamp=1700000000123&type=MARKET",
    ),
    (
        lambda gateway: gateway.place_market_order(
            bought(quantity=Decimal("1E-8"), reduces_only=True), permit=permit()
        ),
        "newClientOrderId=tb-1&newOrderRespType=RESULT&quantity=0.00000001&recvWindow=4321"
        "&reduceOnly=true&side=BUY&symbol=BTCUSDT&timestamp=1700000000123&type=MARKET",
    ),
    (
        lambda gateway: gateway.place_limit_order(limit(), permit=permit()),
        "newClientOrderId=tb-1&newOrderRespType=RESULT&price=50000&quantity=0.002&recvWindow=4321"
        "&side=BUY&symbol=BTCUSDT&timeInForce=GTC&timestamp=1700000000123&type=LIMIT",
    ),
    (
        lambda gateway: gateway.place_limit_order(limit(post_only=True), permit=permit()),
        "newClientOrderId=tb-1&newOrderRespType=RESULT&price=50000&quantity=0.002&recvWindow=4321"
        "&side=BUY&symbol=BTCUSDT&timeInForce=GTX&timestamp=1700000000123&type=LIMIT",
    ),
    (
        lambda gateway: gateway.place_limit_order(
            limit(time_in_force=TimeInForce.IOC, reduces_only=True, side=Side.SELL),
            permit=permit(),
        ),
        "newClientOrderId=tb-1&newOrderRespType=RESULT&price=50000&quantity=0.002&recvWindow=4321"
        "&reduceOnly=true&side=SELL&symbol=BTCUSDT&timeInForce=IOC&timestamp=1700000000123"
        "&type=LIMIT",
    ),
]


@pytest.mark.parametrize(("place", "wire"), PLACED_BY)
def test_an_order_is_on_the_wire_as_it_was_written_down(
    script: ScriptedServer,
    gateway: BinanceFuturesGateway,
    place: Callable[[BinanceFuturesGateway], OrderReport],
    wire: str,
) -> None:
    script.says(ORDER, PLACED)

    assert place(gateway).venue_order_id == "22"

    (seen,) = script.seen  # no clock was asked before it
    assert (seen.method, seen.path) == ("POST", ORDER)
    assert payload(seen) == wire


def test_the_reply_of_a_placed_order_tells_no_worth_and_no_executions(
    script: ScriptedServer, gateway: BinanceFuturesGateway
) -> None:
    script.says(ORDER, PLACED)

    report = gateway.place_market_order(bought(**ONE), permit=permit())

    assert report.status is VenueOrderStatus.FILLED
    assert (report.quantity, report.filled_quantity) == (Decimal("0.01"), Decimal("0.01"))
    assert report.filled_quote_quantity is None
    assert report.trades == ()


def test_an_amount_of_quote_currency_is_refused_before_anything_is_sent(
    script: ScriptedServer, gateway: BinanceFuturesGateway
) -> None:
    unused = permit()
    by_amount = bought(quantity=None, quote_quantity=Decimal(100))

    with pytest.raises(ValueError, match=r"^quote_quantity belongs to spot"):
        gateway.place_market_order(by_amount, permit=unused)
    with pytest.raises(ValueError, match=r"^quote_quantity belongs to spot"):
        gateway.check_order(by_amount)

    assert script.seen == []
    assert unused.spend() is None  # nobody has


AMBIGUOUS = [
    Reply(drops=True),
    Reply(status=502, body="<html>"),
    Reply(status=200, body="{}"),
    Reply(status=200, body="not JSON"),
    Reply(status=503, body='{"code": -1, "msg": "Unknown error, please check your request."}'),
    Reply(status=408, body='{"code": -1007, "msg": "Timeout."}'),
    Reply(status=400, body='{"code": -1006, "msg": "An unexpected response was received."}'),
    Reply(status=400, body='{"code": -4116, "msg": "ClientOrderId is duplicated."}'),
]
NOT_DONE: list[tuple[Reply, type[GatewayError]]] = [
    (Reply(status=503, body='{"code": -1, "msg": "Service Unavailable."}'), UnavailableError),
    (Reply(status=503, body='{"code": -1008, "msg": "Overloaded."}'), UnavailableError),
    (Reply(status=400, body='{"code": -5028, "msg": "ME recvWindow."}'), TimestampError),
    (
        Reply(status=400, body='{"code": -2019, "msg": "Margin is insufficient."}'),
        OrderRejectedError,
    ),
    (Reply(status=400, body='{"code": -2022, "msg": "ReduceOnly rejected."}'), OrderRejectedError),
    (Reply(status=400, body='{"code": -4061, "msg": "Position side."}'), OrderRejectedError),
    (Reply(status=401, body='{"code": -2015, "msg": "Invalid API-key."}'), CredentialsError),
]


@pytest.mark.parametrize("reply", AMBIGUOUS)
def test_an_order_without_a_clear_answer_is_unknown_and_not_sent_again(
    script: ScriptedServer, gateway: BinanceFuturesGateway, reply: Reply
) -> None:
    script.queue(ORDER, reply)
    script.says(ORDER, PLACED)

    with pytest.raises(OutcomeUnknownError):
        gateway.place_market_order(bought(**ONE), permit=permit())

    assert len(script.seen) == 1


@pytest.mark.parametrize(("reply", "expected"), NOT_DONE)
def test_a_refused_order_says_what_may_be_done_next_and_is_not_sent_again(
    script: ScriptedServer,
    gateway: BinanceFuturesGateway,
    reply: Reply,
    expected: type[GatewayError],
) -> None:
    script.queue(ORDER, reply)
    script.says(ORDER, PLACED)

    with pytest.raises(GatewayError) as caught:
        gateway.place_limit_order(limit(), permit=permit())

    assert type(caught.value) is expected
    assert len(script.seen) == 1


def test_too_many_orders_stop_orders_alone_until_the_end_of_their_window(
    script: ScriptedServer, gateway: BinanceFuturesGateway
) -> None:
    text = "Too many new orders; current limit is 1200 orders per 1 MINUTE."
    script.says(ORDER, {"code": -1015, "msg": text}, status=429, Retry_After="50")
    script.says(TIME, {"serverTime": wall_milliseconds()})
    script.says("/fapi/v1/openOrders", [])

    with pytest.raises(RateLimitedError) as caught:
        gateway.place_market_order(bought(**ONE), permit=permit())
    with pytest.raises(RateLimitedError, match="takes no orders"):
        gateway.permit_orders()

    assert caught.value.retry_after == 50.0
    assert gateway.open_orders("BTCUSDT") == []


def test_an_order_is_checked_without_being_placed(
    script: ScriptedServer, gateway: BinanceFuturesGateway
) -> None:
    script.says(TIME, {"serverTime": wall_milliseconds()})
    script.says("/fapi/v1/order/test", {})

    gateway.check_order(bought(**ONE))

    (seen,) = script.asked("/fapi/v1/order/test")
    assert seen.method == "POST"
    assert unstamped(seen) == {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "MARKET",
        "quantity": "0.010",
        "newClientOrderId": "tb-1",
        "newOrderRespType": "RESULT",
    }
    assert script.asked(ORDER) == []


def test_an_order_is_canceled_by_its_own_name(
    script: ScriptedServer, gateway: BinanceFuturesGateway
) -> None:
    script.says(TIME, {"serverTime": wall_milliseconds()})
    script.says(ORDER, PLACED | {"status": "CANCELED", "executedQty": "0.004", "cumQty": "0.004"})

    canceled = gateway.cancel_order("BTCUSDT", "tb-1")

    assert canceled.status is VenueOrderStatus.CANCELED
    assert canceled.filled_quantity == Decimal("0.004")
    assert canceled.filled_quote_quantity is None
    (seen,) = script.asked(ORDER)
    assert seen.method == "DELETE"
    assert unstamped(seen) == {"symbol": "BTCUSDT", "origClientOrderId": "tb-1"}


def test_a_cancel_of_what_is_not_open_is_refused_with_its_code(
    script: ScriptedServer, gateway: BinanceFuturesGateway
) -> None:
    script.says(TIME, {"serverTime": wall_milliseconds()})
    script.says(ORDER, {"code": -2011, "msg": "Unknown order sent."}, status=400)

    with pytest.raises(OrderRejectedError) as caught:
        gateway.cancel_order("BTCUSDT", "tb-1")

    assert caught.value.code == -2011
    assert len(script.asked(ORDER)) == 1


@pytest.mark.parametrize("reply", AMBIGUOUS[:6])
def test_a_cancel_without_a_clear_answer_is_unknown_and_not_repeated(
    script: ScriptedServer, gateway: BinanceFuturesGateway, reply: Reply
) -> None:
    script.says(TIME, {"serverTime": wall_milliseconds()})
    script.queue(ORDER, reply)
    script.says(ORDER, PLACED)

    with pytest.raises(OutcomeUnknownError):
        gateway.cancel_order("BTCUSDT", "tb-1")

    assert len(script.asked(ORDER)) == 1


def test_a_cancel_that_came_too_late_is_signed_anew_once(
    script: ScriptedServer, gateway: BinanceFuturesGateway
) -> None:
    script.says(TIME, {"serverTime": 1_000_000})
    script.says(ORDER, TOO_LATE, status=400)
    script.says(TIME, {"serverTime": 2_000_000})
    script.says(ORDER, PLACED | {"status": "CANCELED"})

    gateway.cancel_order("BTCUSDT", "tb-1")

    first, second = (int(seen.values["timestamp"]) for seen in script.asked(ORDER))
    assert 1_000_000 <= first < 1_010_000
    assert 2_000_000 <= second < 2_010_000


def test_a_query_tells_what_the_order_was_worth(
    script: ScriptedServer, gateway: BinanceFuturesGateway
) -> None:
    script.says(TIME, {"serverTime": wall_milliseconds()})
    script.says(ORDER, QUERIED)
    script.says(ORDER, QUERIED)

    by_name = gateway.order_by_client_id("BTCUSDT", "tb-1")
    by_number = gateway.order_by_venue_id("BTCUSDT", "22")

    assert by_name is not None
    assert by_name == by_number
    assert by_name.filled_quote_quantity == Decimal("600.005")
    first, second = script.asked(ORDER)
    assert (first.method, second.method) == ("GET", "GET")
    assert unstamped(first) == {"symbol": "BTCUSDT", "origClientOrderId": "tb-1"}
    assert unstamped(second) == {"symbol": "BTCUSDT", "orderId": "22"}


def test_only_the_venues_own_word_says_that_there_is_no_such_order(
    script: ScriptedServer, gateway: BinanceFuturesGateway
) -> None:
    asks: list[Callable[[], OrderReport | None]] = [
        lambda: gateway.order_by_client_id("BTCUSDT", "tb-1"),
        lambda: gateway.order_by_venue_id("BTCUSDT", "22"),
    ]
    script.says(TIME, {"serverTime": wall_milliseconds()})
    for ask in asks:
        script.says(ORDER, NO_SUCH, status=400)
        assert ask() is None
        script.says(ORDER, "<html>", status=404)
        with pytest.raises(UnavailableError):
            ask()
        script.says(ORDER, {"code": -2011, "msg": "Unknown order sent."}, status=400)
        with pytest.raises(OrderRejectedError):
            ask()


def test_open_orders_are_those_of_a_symbol_or_all(
    script: ScriptedServer, gateway: BinanceFuturesGateway
) -> None:
    script.says(TIME, {"serverTime": wall_milliseconds()})
    script.says("/fapi/v1/openOrders", [RESTING])
    script.says("/fapi/v1/openOrders", [])

    (order,) = gateway.open_orders("BTCUSDT")
    assert gateway.open_orders(None) == []

    assert (order.status, order.type) == (VenueOrderStatus.NEW, OrderType.LIMIT)
    assert order.time_in_force is TimeInForce.GTX
    assert order.reduces_only
    of_one, of_all = script.asked("/fapi/v1/openOrders")
    assert (unstamped(of_one), unstamped(of_all)) == ({"symbol": "BTCUSDT"}, {})


CONTRADICTIONS = [-1111, -1121, -4003, -4004, -4005, -4013, -4014, -4023, -4164]


@pytest.mark.parametrize("code", CONTRADICTIONS)
def test_a_refusal_that_contradicts_the_rules_has_them_read_anew(
    script: ScriptedServer, gateway: BinanceFuturesGateway, code: int
) -> None:
    for status in ("TRADING", "SETTLING"):
        script.says(RULES, symbol_info(status=status, contractType="PERPETUAL"))
    script.says(ORDER, {"code": code, "msg": "No."}, status=400)
    assert gateway.rules("BTCUSDT").is_trading

    with pytest.raises(OrderRejectedError):
        gateway.place_market_order(bought(**ONE), permit=permit())

    assert not gateway.rules("BTCUSDT").is_trading


@pytest.mark.parametrize("code", [-2019, -2021, -2022, -4061, -4116])
def test_other_refusals_leave_the_rules_alone(
    script: ScriptedServer, gateway: BinanceFuturesGateway, code: int
) -> None:
    script.says(RULES, symbol_info(contractType="PERPETUAL"))
    script.says(ORDER, {"code": code, "msg": "No."}, status=400)
    gateway.rules("BTCUSDT")

    with pytest.raises((OrderRejectedError, OutcomeUnknownError)):
        gateway.place_market_order(bought(**ONE), permit=permit())
    gateway.rules("BTCUSDT")

    assert len(script.asked(RULES)) == 1


def test_a_permit_serves_one_order(script: ScriptedServer, gateway: BinanceFuturesGateway) -> None:
    script.says(ORDER, PLACED)
    used = permit()

    gateway.place_limit_order(limit(), permit=used)

    with pytest.raises(ValueError, match="has been used"):
        gateway.place_limit_order(limit(), permit=used)
    assert len(script.seen) == 1


def test_without_a_key_nothing_is_sent_or_asked(script: ScriptedServer) -> None:
    with opened_at(script.url, key=None, secret=None) as from_nobody:
        calls: list[Callable[[], Any]] = [
            lambda: from_nobody.place_market_order(bought(**ONE), permit=permit()),
            lambda: from_nobody.cancel_order("BTCUSDT", "tb-1"),
            lambda: from_nobody.cancel_algo_order("tb-1"),
            lambda: from_nobody.open_orders(None),
            lambda: from_nobody.open_algo_orders(None),
            lambda: from_nobody.trades_of_order("BTCUSDT", "22"),
            lambda: from_nobody.check_order(bought(**ONE)),
            from_nobody.permit_orders,
        ]
        for call in calls:
            with pytest.raises(CredentialsError):
                call()

    assert script.seen == []


@pytest.mark.parametrize("name", ["", "a b", "a" * 37, "a:b"])
def test_a_name_that_the_signature_could_not_carry_is_refused_before_asking(
    script: ScriptedServer, gateway: BinanceFuturesGateway, name: str
) -> None:
    asks: list[Callable[[], Any]] = [
        lambda: gateway.order_by_client_id("BTCUSDT", name),
        lambda: gateway.cancel_order("BTCUSDT", name),
        lambda: gateway.algo_order_by_client_id(name),
        lambda: gateway.cancel_algo_order(name),
    ]
    for ask in asks:
        with pytest.raises(ValueError, match=r"^client_order_id"):
            ask()
    assert script.seen == []

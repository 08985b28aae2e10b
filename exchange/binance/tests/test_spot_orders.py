"""What goes over the wire for orders, byte by byte."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import pytest

from exchange.binance.clock import wall_milliseconds
from exchange.binance.spot import BinanceSpotGateway
from exchange.binance.tests.asking import bought, limit, permit, replacing, stop
from exchange.binance.tests.conftest import KEY, SECRET, loopback_urls
from exchange.binance.tests.samples import CANCELED, CANCELED_LIST, PLACED, QUERIED, symbol_info
from exchange.binance.tests.scripted_server import Reply, ScriptedServer, Seen
from exchange.domain.errors import (
    CredentialsError,
    OrderRejectedError,
    OutcomeUnknownError,
    TimestampError,
    UnavailableError,
)
from exchange.domain.orders import (
    CancelReplaceMode,
    CancelReplaceRequest,
    StopKind,
    TimeInForce,
)
from exchange.domain.reports import OrderReport, PartOutcome, VenueOrderStatus
from exchange.domain.types import Environment

ORDER = "/api/v3/order"
REPLACE = "/api/v3/order/cancelReplace"
TIME = "/api/v3/time"
TOO_LATE = {"code": -1021, "msg": "Timestamp for this request is outside of the recvWindow."}
NOT_OPEN = {"code": -2011, "msg": "Unknown order sent."}


def payload(seen: Seen) -> str:
    """Return what was signed, after checking that the signature is that of these very bytes."""
    signed, _, signature = seen.wire.partition("&signature=")
    assert signature == hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).hexdigest()
    assert seen.key == KEY
    return signed


def unstamped(seen: Seen) -> dict[str, str]:
    """Return the parameters of a request that was signed with the moment it was sent at."""
    values = dict(parse_qsl(payload(seen)))
    assert abs(int(values.pop("timestamp")) - wall_milliseconds()) < 5000
    assert values.pop("recvWindow") == "5000"
    return values


PLACED_BY: list[tuple[Callable[[BinanceSpotGateway], OrderReport], str]] = [
    (
        lambda gateway: gateway.place_market_order(bought(), permit=permit()),
        "newClientOrderId=tb-1&newOrderRespType=FULL&quantity=0.00000001&recvWindow=4321"
        "&side=BUY&symbol=BTCUSDT&timestamp=1700000000123&type=MARKET",
    ),
    (
        lambda gateway: gateway.place_market_order(
            bought(quantity=None, quote_quantity=Decimal("1E+2")), permit=permit()
        ),
        "newClientOrderId=tb-1&newOrderRespType=FULL&quoteOrderQty=100&recvWindow=4321"
        "&side=BUY&symbol=BTCUSDT&timestamp=1700000000123&type=MARKET",
    ),
    (
        lambda gateway: gateway.place_limit_order(limit(), permit=permit()),
        "newClientOrderId=tb-1&newOrderRespType=FULL&price=50000&quantity=0.002&recvWindow=4321"
        "&side=BUY&symbol=BTCUSDT&timeInForce=GTC&timestamp=1700000000123&type=LIMIT",
    ),
    (
        lambda gateway: gateway.place_limit_order(
            limit(time_in_force=TimeInForce.FOK, price=Decimal("1E-7")), permit=permit()
        ),
        "newClientOrderId=tb-1&newOrderRespType=FULL&price=0.0000001&quantity=0.002"
        "&recvWindow=4321&side=BUY&symbol=BTCUSDT&timeInForce=FOK&timestamp=1700000000123"
        "&type=LIMIT",
    ),
    (
        lambda gateway: gateway.place_limit_order(limit(post_only=True), permit=permit()),
        "newClientOrderId=tb-1&newOrderRespType=FULL&price=50000&quantity=0.002&recvWindow=4321"
        "&side=BUY&symbol=BTCUSDT&timestamp=1700000000123&type=LIMIT_MAKER",
    ),
    (
        lambda gateway: gateway.place_stop_order(stop(), permit=permit()),
        "newClientOrderId=tb-1&newOrderRespType=FULL&quantity=0.002&recvWindow=4321"
        "&side=SELL&stopPrice=58000&symbol=BTCUSDT&timestamp=1700000000123&type=STOP_LOSS",
    ),
    (
        lambda gateway: gateway.place_stop_order(stop(price=Decimal(57900)), permit=permit()),
        "newClientOrderId=tb-1&newOrderRespType=FULL&price=57900&quantity=0.002&recvWindow=4321"
        "&side=SELL&stopPrice=58000&symbol=BTCUSDT&timeInForce=GTC&timestamp=1700000000123"
        "&type=STOP_LOSS_LIMIT",
    ),
    (
        lambda gateway: gateway.place_stop_order(stop(kind=StopKind.TAKE_PROFIT), permit=permit()),
        "newClientOrderId=tb-1&newOrderRespType=FULL&quantity=0.002&recvWindow=4321"
        "&side=SELL&stopPrice=58000&symbol=BTCUSDT&timestamp=1700000000123&type=TAKE_PROFIT",
    ),
    (
        lambda gateway: gateway.place_stop_order(
            stop(
                kind=StopKind.TAKE_PROFIT,
                price=Decimal(58100),
                time_in_force=TimeInForce.IOC,
            ),
            permit=permit(),
        ),
        "newClientOrderId=tb-1&newOrderRespType=FULL&price=58100&quantity=0.002&recvWindow=4321"
        "&side=SELL&stopPrice=58000&symbol=BTCUSDT&timeInForce=IOC&timestamp=1700000000123"
        "&type=TAKE_PROFIT_LIMIT",
    ),
]


@pytest.mark.parametrize(("place", "wire"), PLACED_BY)
def test_an_order_is_on_the_wire_as_it_was_written_down(
    script: ScriptedServer,
    gateway: BinanceSpotGateway,
    place: Callable[[BinanceSpotGateway], OrderReport],
    wire: str,
) -> None:
    script.says(ORDER, PLACED)

    assert place(gateway).venue_order_id == "28"

    (seen,) = script.seen  # no clock was asked before it
    assert seen.method == "POST"
    assert payload(seen) == wire


def test_only_futures_have_orders_that_can_only_reduce(
    script: ScriptedServer, gateway: BinanceSpotGateway
) -> None:
    sends: list[Callable[[], object]] = [
        lambda: gateway.place_market_order(bought(reduces_only=True), permit=permit()),
        lambda: gateway.place_limit_order(limit(reduces_only=True), permit=permit()),
        lambda: gateway.check_order(bought(reduces_only=True)),
        lambda: gateway.cancel_replace(
            replacing("b1", by=limit(reduces_only=True)), permit=permit()
        ),
    ]
    for send in sends:
        with pytest.raises(ValueError, match="reduces_only belongs to futures"):
            send()
    assert script.seen == []


def test_a_permit_serves_one_order(script: ScriptedServer, gateway: BinanceSpotGateway) -> None:
    script.says(ORDER, PLACED)
    used = gateway.permit_orders()

    gateway.place_limit_order(limit(), permit=used)

    with pytest.raises(ValueError, match="has been used"):
        gateway.place_limit_order(limit(), permit=used)
    assert len(script.seen) == 1


def test_an_order_is_checked_without_being_placed(
    script: ScriptedServer, gateway: BinanceSpotGateway
) -> None:
    script.says(TIME, {"serverTime": wall_milliseconds()})
    script.says("/api/v3/order/test", {})

    gateway.check_order(bought())

    (seen,) = script.asked("/api/v3/order/test")
    assert seen.method == "POST"
    assert unstamped(seen) == {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "MARKET",
        "quantity": "0.00000001",
        "newClientOrderId": "tb-1",
        "newOrderRespType": "FULL",
    }
    assert script.asked(ORDER) == []


def test_a_checked_order_that_the_venue_would_refuse_says_why(
    script: ScriptedServer, gateway: BinanceSpotGateway
) -> None:
    script.says(TIME, {"serverTime": wall_milliseconds()})
    refusal = {"code": -2010, "msg": "Account has insufficient balance for requested action."}
    script.says("/api/v3/order/test", refusal, status=400)

    with pytest.raises(OrderRejectedError, match="insufficient balance") as caught:
        gateway.check_order(bought())

    assert caught.value.code == -2010


def test_an_order_is_canceled_by_its_own_name(
    script: ScriptedServer, gateway: BinanceSpotGateway
) -> None:
    script.says(TIME, {"serverTime": wall_milliseconds()})
    script.says(ORDER, CANCELED)

    canceled = gateway.cancel_order("BTCUSDT", "b1")

    assert canceled.status is VenueOrderStatus.CANCELED
    assert canceled.client_order_id == "b1"
    (seen,) = script.asked(ORDER)
    assert seen.method == "DELETE"
    assert unstamped(seen) == {"symbol": "BTCUSDT", "origClientOrderId": "b1"}


def test_canceling_a_leg_reports_that_leg(
    script: ScriptedServer, gateway: BinanceSpotGateway
) -> None:
    script.says(TIME, {"serverTime": wall_milliseconds()})
    script.says(ORDER, CANCELED_LIST)

    assert gateway.cancel_order("BTCUSDT", "L1-t").venue_order_id == "11"


@pytest.mark.parametrize(
    "reply",
    [
        Reply(drops=True),
        Reply(status=502, body="<html>"),
        Reply(status=200, body="{}"),
        Reply(status=504, body='{"code": -1007, "msg": "Timeout."}'),
    ],
)
def test_a_cancel_without_a_clear_answer_is_unknown_and_not_repeated(
    script: ScriptedServer, gateway: BinanceSpotGateway, reply: Reply
) -> None:
    script.says(TIME, {"serverTime": wall_milliseconds()})
    script.queue(ORDER, reply)
    script.says(ORDER, CANCELED)

    with pytest.raises(OutcomeUnknownError):
        gateway.cancel_order("BTCUSDT", "b1")

    assert len(script.asked(ORDER)) == 1


def test_a_cancel_of_what_is_not_open_is_refused_with_its_code(
    script: ScriptedServer, gateway: BinanceSpotGateway
) -> None:
    script.says(TIME, {"serverTime": wall_milliseconds()})
    script.says(ORDER, NOT_OPEN, status=400)

    with pytest.raises(OrderRejectedError) as caught:
        gateway.cancel_order("BTCUSDT", "b1")

    assert caught.value.code == -2011


def test_a_cancel_that_came_too_late_is_signed_anew_once(
    script: ScriptedServer, gateway: BinanceSpotGateway
) -> None:
    script.says(TIME, {"serverTime": 1_000_000})
    script.says(ORDER, TOO_LATE, status=400)
    script.says(TIME, {"serverTime": 2_000_000})
    script.says(ORDER, CANCELED)

    gateway.cancel_order("BTCUSDT", "b1")

    first, second = (int(seen.values["timestamp"]) for seen in script.asked(ORDER))
    assert 1_000_000 <= first < 1_010_000
    assert 2_000_000 <= second < 2_010_000

    script.says(ORDER, TOO_LATE, status=400)
    script.says(TIME, {"serverTime": 3_000_000})
    script.says(ORDER, TOO_LATE, status=400)
    script.says(ORDER, CANCELED)
    with pytest.raises(TimestampError):
        gateway.cancel_order("BTCUSDT", "b1")
    assert len(script.asked(ORDER)) == 4


def test_a_replacement_is_on_the_wire_as_it_was_written_down(
    script: ScriptedServer, gateway: BinanceSpotGateway
) -> None:
    whole = {
        "cancelResult": "SUCCESS",
        "newOrderResult": "SUCCESS",
        "cancelResponse": CANCELED,
        "newOrderResponse": PLACED,
    }
    script.says(REPLACE, whole)

    report = gateway.cancel_replace(replacing("b1", by=stop()), permit=permit())

    assert report.is_complete
    (seen,) = script.seen
    assert seen.method == "POST"
    assert payload(seen) == (
        "cancelOrigClientOrderId=b1&cancelReplaceMode=STOP_ON_FAILURE&newClientOrderId=tb-1"
        "&newOrderRespType=FULL&quantity=0.002&recvWindow=4321&side=SELL&stopPrice=58000"
        "&symbol=BTCUSDT&timestamp=1700000000123&type=STOP_LOSS"
    )


# HTTP status, code, halves -> what became of the old and of the new order
HALVES: list[tuple[int, int, dict[str, Any], PartOutcome, PartOutcome]] = [
    (
        400,
        -2022,
        {
            "cancelResult": "FAILURE",
            "newOrderResult": "NOT_ATTEMPTED",
            "cancelResponse": NOT_OPEN,
            "newOrderResponse": None,
        },
        PartOutcome.REFUSED,
        PartOutcome.NOT_ATTEMPTED,
    ),
    (
        409,
        -2021,
        {
            "cancelResult": "SUCCESS",
            "newOrderResult": "FAILURE",
            "cancelResponse": CANCELED,
            "newOrderResponse": {"code": -2010, "msg": "Order would trigger immediately."},
        },
        PartOutcome.DONE,
        PartOutcome.REFUSED,
    ),
    (
        409,
        -2021,
        {
            "cancelResult": "FAILURE",
            "newOrderResult": "SUCCESS",
            "cancelResponse": NOT_OPEN,
            "newOrderResponse": PLACED,
        },
        PartOutcome.REFUSED,
        PartOutcome.DONE,
    ),
    (
        400,
        -2022,
        {
            "cancelResult": "FAILURE",
            "newOrderResult": "FAILURE",
            "cancelResponse": NOT_OPEN,
            "newOrderResponse": {"code": -2010, "msg": "Duplicate order sent."},
        },
        PartOutcome.REFUSED,
        PartOutcome.UNKNOWN,
    ),
]


@pytest.mark.parametrize(("status", "code", "data", "cancel", "order"), HALVES)
def test_a_replacement_that_went_half_reports_each_half(
    script: ScriptedServer,
    gateway: BinanceSpotGateway,
    status: int,
    code: int,
    data: dict[str, Any],
    cancel: PartOutcome,
    order: PartOutcome,
) -> None:
    script.says(REPLACE, {"code": code, "msg": "Half.", "data": data}, status=status)

    report = gateway.cancel_replace(
        CancelReplaceRequest(
            canceled_client_order_id="b1", order=stop(), mode=CancelReplaceMode.ALLOW_FAILURE
        ),
        permit=permit(),
    )

    assert (report.cancel, report.order) == (cancel, order)
    assert (report.canceled is not None) == (cancel is PartOutcome.DONE)
    assert (report.placed is not None) == (order is PartOutcome.DONE)
    assert len(script.seen) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"code": -2021, "msg": "Partially failed."},
        {"code": -2021, "msg": "Partially failed.", "data": {"cancelResult": "MAYBE"}},
        {"code": -2022, "msg": "Failed.", "data": {"cancelResult": "FAILURE"}},
    ],
)
def test_a_half_replacement_that_cannot_be_read_is_unknown(
    script: ScriptedServer, gateway: BinanceSpotGateway, body: dict[str, Any]
) -> None:
    script.says(REPLACE, body, status=409)

    with pytest.raises(OutcomeUnknownError) as caught:
        gateway.cancel_replace(replacing("b1", by=stop()), permit=permit())

    assert caught.value.code == body["code"]


def test_a_replacement_refused_as_a_whole_attempted_nothing(
    script: ScriptedServer, gateway: BinanceSpotGateway
) -> None:
    script.says(REPLACE, {"code": -1013, "msg": "Filter failure: LOT_SIZE"}, status=400)

    with pytest.raises(OrderRejectedError) as caught:
        gateway.cancel_replace(replacing("b1", by=stop()), permit=permit())

    assert caught.value.code == -1013


def test_a_replacement_whose_reply_is_lost_is_unknown_and_not_sent_again(
    script: ScriptedServer, gateway: BinanceSpotGateway
) -> None:
    script.queue(REPLACE, Reply(drops=True))

    with pytest.raises(OutcomeUnknownError):
        gateway.cancel_replace(replacing("b1", by=stop()), permit=permit())

    assert len(script.seen) == 1


def test_open_orders_are_those_of_a_symbol_or_all(
    script: ScriptedServer, gateway: BinanceSpotGateway
) -> None:
    script.says(TIME, {"serverTime": wall_milliseconds()})
    script.says("/api/v3/openOrders", [QUERIED])
    script.says("/api/v3/openOrders", [])

    (order,) = gateway.open_orders("BTCUSDT")
    assert gateway.open_orders(None) == []

    assert order.status is VenueOrderStatus.PARTIALLY_FILLED
    of_one, of_all = script.asked("/api/v3/openOrders")
    assert (unstamped(of_one), unstamped(of_all)) == ({"symbol": "BTCUSDT"}, {})


RULES = "/api/v3/exchangeInfo"
CONTRADICTIONS = [
    {"code": -1013, "msg": "Filter failure: LOT_SIZE"},
    {"code": -1013, "msg": "Market is closed."},
    {"code": -1111, "msg": "Parameter 'quantity' has too much precision."},
    {"code": -1121, "msg": "Invalid symbol."},
    {"code": -2010, "msg": "Filter failure: MAX_POSITION"},
    {"code": -2010, "msg": "Market is closed."},
    {"code": -2010, "msg": "Stop loss orders are not supported for this symbol."},
]


@pytest.mark.parametrize("refusal", CONTRADICTIONS)
def test_a_refusal_that_contradicts_the_rules_has_them_read_anew(
    script: ScriptedServer, gateway: BinanceSpotGateway, refusal: dict[str, Any]
) -> None:
    for status in ("TRADING", "HALT"):
        script.says(RULES, symbol_info(status=status))
    script.says(ORDER, refusal, status=400)
    assert gateway.rules("BTCUSDT").is_trading

    with pytest.raises(OrderRejectedError):
        gateway.place_market_order(bought(), permit=permit())

    assert not gateway.rules("BTCUSDT").is_trading


def test_a_replacement_whose_new_order_breaks_a_filter_has_the_rules_read_anew(
    script: ScriptedServer, gateway: BinanceSpotGateway
) -> None:
    data = HALVES[1][2] | {"newOrderResponse": CONTRADICTIONS[0]}
    script.says(RULES, symbol_info())
    script.says(RULES, symbol_info())
    script.says(REPLACE, {"code": -2021, "msg": "Half.", "data": data}, status=409)
    gateway.rules("BTCUSDT")

    gateway.cancel_replace(replacing("b1", by=stop()), permit=permit())
    gateway.rules("BTCUSDT")

    assert len(script.asked(RULES)) == 2


def test_other_refusals_leave_the_rules_alone(
    script: ScriptedServer, gateway: BinanceSpotGateway
) -> None:
    script.says(RULES, symbol_info())
    gateway.rules("BTCUSDT")
    for refusal in (
        {"code": -2010, "msg": "Account has insufficient balance for requested action."},
        {"code": -1015, "msg": "Too many new orders."},
    ):
        script.says(ORDER, refusal, status=400)
        with pytest.raises((OrderRejectedError, UnavailableError)):
            gateway.place_market_order(bought(), permit=permit())

    gateway.rules("BTCUSDT")

    assert len(script.asked(RULES)) == 1


def test_without_a_key_nothing_is_canceled_or_asked(script: ScriptedServer) -> None:
    from_nobody = BinanceSpotGateway(environment=Environment.DEMO, urls=loopback_urls(script.url))
    calls: list[Callable[[], object]] = [
        lambda: from_nobody.cancel_order("BTCUSDT", "b1"),
        lambda: from_nobody.cancel_list("BTCUSDT", "L1"),
        lambda: from_nobody.open_orders(None),
        lambda: from_nobody.check_order(bought()),
        from_nobody.open_lists,
        from_nobody.permit_orders,
        from_nobody.key_permissions,
    ]
    for call in calls:
        with pytest.raises(CredentialsError):
            call()

    assert script.seen == []
    from_nobody.close()

"""What goes over the wire for order lists, byte by byte."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from exchange.binance.clock import wall_milliseconds
from exchange.binance.spot import BinanceSpotGateway
from exchange.binance.tests.asking import entry_list, oco, permit
from exchange.binance.tests.samples import (
    CANCELED_LIST,
    PLACED_LIST,
    QUERIED_LIST,
    leg,
    symbol_info,
)
from exchange.binance.tests.scripted_server import Reply, ScriptedServer
from exchange.binance.tests.test_spot_orders import payload, unstamped
from exchange.domain.errors import OrderRejectedError, OutcomeUnknownError
from exchange.domain.order_lists import StopLeg, TargetLeg
from exchange.domain.orders import TimeInForce
from exchange.domain.reports import OrderListReport, VenueOrderStatus
from exchange.domain.types import Side

OCO = "/api/v3/orderList/oco"
OPO = "/api/v3/orderList/opo"
OPOCO = "/api/v3/orderList/opoco"
LIST = "/api/v3/orderList"
RULES = "/api/v3/exchangeInfo"
TIME = "/api/v3/time"
HIGH_STOP = StopLeg(client_order_id="L1-s", stop_price=Decimal(62000), price=Decimal("62100"))
LOW_TARGET = TargetLeg(client_order_id="L1-t", stop_price=Decimal("5E+4"))
LIMITED_TARGET = TargetLeg(client_order_id="L1-t", stop_price=Decimal(61900), price=Decimal(62000))

PLACED_BY: list[tuple[str, Callable[[BinanceSpotGateway], OrderListReport], str]] = [
    (
        OCO,
        lambda gateway: gateway.place_oco(oco(), permit=permit(2)),
        "aboveClientOrderId=L1-t&abovePrice=62000&aboveType=LIMIT_MAKER&belowClientOrderId=L1-s"
        "&belowStopPrice=58000&belowType=STOP_LOSS&listClientOrderId=L1&newOrderRespType=FULL"
        "&quantity=0.002&recvWindow=4321&side=SELL&symbol=BTCUSDT&timestamp=1700000000123",
    ),
    (
        OCO,
        lambda gateway: gateway.place_oco(
            oco(side=Side.BUY, stop=HIGH_STOP, target=LOW_TARGET), permit=permit(2)
        ),
        "aboveClientOrderId=L1-s&abovePrice=62100&aboveStopPrice=62000&aboveTimeInForce=GTC"
        "&aboveType=STOP_LOSS_LIMIT&belowClientOrderId=L1-t&belowStopPrice=50000"
        "&belowType=TAKE_PROFIT&listClientOrderId=L1&newOrderRespType=FULL&quantity=0.002"
        "&recvWindow=4321&side=BUY&symbol=BTCUSDT&timestamp=1700000000123",
    ),
    (
        OPOCO,
        lambda gateway: gateway.place_entry_list(entry_list(), permit=permit(3)),
        "listClientOrderId=L1&newOrderRespType=FULL&pendingAboveClientOrderId=L1-t"
        "&pendingAbovePrice=62000&pendingAboveType=LIMIT_MAKER&pendingBelowClientOrderId=L1-s"
        "&pendingBelowStopPrice=58000&pendingBelowType=STOP_LOSS&pendingSide=SELL"
        "&recvWindow=4321&symbol=BTCUSDT&timestamp=1700000000123&workingClientOrderId=L1-e"
        "&workingPrice=60000&workingQuantity=0.002&workingSide=BUY&workingTimeInForce=GTC"
        "&workingType=LIMIT",
    ),
    (
        OPO,
        lambda gateway: gateway.place_entry_list(
            entry_list(target=None, post_only=True), permit=permit(2)
        ),
        "listClientOrderId=L1&newOrderRespType=FULL&pendingClientOrderId=L1-s&pendingSide=SELL"
        "&pendingStopPrice=58000&pendingType=STOP_LOSS&recvWindow=4321&symbol=BTCUSDT"
        "&timestamp=1700000000123&workingClientOrderId=L1-e&workingPrice=60000"
        "&workingQuantity=0.002&workingSide=BUY&workingType=LIMIT_MAKER",
    ),
    (
        OPO,
        lambda gateway: gateway.place_entry_list(
            entry_list(stop=None, target=LIMITED_TARGET, time_in_force=TimeInForce.FOK),
            permit=permit(2),
        ),
        "listClientOrderId=L1&newOrderRespType=FULL&pendingClientOrderId=L1-t&pendingPrice=62000"
        "&pendingSide=SELL&pendingStopPrice=61900&pendingTimeInForce=GTC"
        "&pendingType=TAKE_PROFIT_LIMIT&recvWindow=4321&symbol=BTCUSDT&timestamp=1700000000123"
        "&workingClientOrderId=L1-e&workingPrice=60000&workingQuantity=0.002&workingSide=BUY"
        "&workingTimeInForce=FOK&workingType=LIMIT",
    ),
]


@pytest.mark.parametrize(("path", "place", "wire"), PLACED_BY)
def test_a_list_is_on_the_wire_as_it_was_written_down(
    script: ScriptedServer,
    gateway: BinanceSpotGateway,
    path: str,
    place: Callable[[BinanceSpotGateway], OrderListReport],
    wire: str,
) -> None:
    script.says(RULES, symbol_info())
    script.says(path, PLACED_LIST)

    assert place(gateway).list_id == "5"

    asked_for_rules, seen = script.seen
    assert (asked_for_rules.path, seen.path, seen.method) == (RULES, path, "POST")
    assert payload(seen) == wire


def test_the_exits_of_a_placed_entry_wait_without_a_quantity(
    script: ScriptedServer, gateway: BinanceSpotGateway
) -> None:
    pending = leg(12, "L1-s", status="PENDING_NEW", stopPrice="58000.00000000")
    del pending["origQty"]
    entry = leg(11, "L1-e", type="LIMIT", side="BUY", price="60000.00000000", fills=[])
    script.says(RULES, symbol_info())
    script.says(OPO, QUERIED_LIST | {"contingencyType": "OTO", "orderReports": [entry, pending]})

    report = gateway.place_entry_list(entry_list(target=None), permit=permit(2))

    stop = report.order("L1-s")
    assert stop
    assert stop.status is VenueOrderStatus.PENDING_NEW
    assert stop.quantity == 0
    assert not stop.status.is_final


# flags of the symbol -> which lists the gateway sends
OFFERS: list[tuple[dict[str, bool], set[str]]] = [
    ({}, {OCO, OPO, OPOCO}),
    ({"ocoAllowed": False}, {OPO}),
    ({"otoAllowed": False}, {OCO}),
    ({"opoAllowed": False}, {OCO}),
    ({"ocoAllowed": False, "otoAllowed": False, "opoAllowed": False}, set()),
]


@pytest.mark.parametrize(("flags", "offered"), OFFERS)
def test_a_list_that_the_symbol_does_not_offer_is_not_sent(
    script: ScriptedServer,
    gateway: BinanceSpotGateway,
    flags: dict[str, bool],
    offered: set[str],
) -> None:
    places: dict[str, Callable[[], object]] = {
        OCO: lambda: gateway.place_oco(oco(), permit=permit(2)),
        OPO: lambda: gateway.place_entry_list(entry_list(stop=None), permit=permit(2)),
        OPOCO: lambda: gateway.place_entry_list(entry_list(), permit=permit(3)),
    }
    script.says(RULES, symbol_info(**flags))
    for path, place in places.items():
        script.says(path, PLACED_LIST)
        if path in offered:
            place()
        else:
            with pytest.raises(OrderRejectedError, match="not sent"):
                place()

    assert {seen.path for seen in script.seen} - {RULES} == offered


def test_a_permit_for_fewer_orders_than_the_list_has_is_refused(
    script: ScriptedServer, gateway: BinanceSpotGateway
) -> None:
    script.says(RULES, symbol_info())

    with pytest.raises(ValueError, match="permit is for 1 orders, the request creates 2"):
        gateway.place_oco(oco(), permit=permit(1))
    with pytest.raises(ValueError, match="permit is for 2 orders, the request creates 3"):
        gateway.place_entry_list(entry_list(), permit=permit(2))

    assert script.asked(OCO) == script.asked(OPOCO) == []


LOST = [
    Reply(drops=True),
    Reply(status=502, body="<html>"),
    Reply(status=200, body="{}"),
    Reply(status=504, body='{"code": -1007, "msg": "Timeout."}'),
    Reply(status=400, body='{"code": -2010, "msg": "Duplicate order sent."}'),
]


@pytest.mark.parametrize("reply", LOST)
def test_a_list_without_a_clear_answer_is_unknown_and_not_sent_again(
    script: ScriptedServer, gateway: BinanceSpotGateway, reply: Reply
) -> None:
    script.says(RULES, symbol_info())
    script.queue(OCO, reply)
    script.says(OCO, PLACED_LIST)

    with pytest.raises(OutcomeUnknownError):
        gateway.place_oco(oco(), permit=permit(2))

    assert len(script.asked(OCO)) == 1


def test_a_list_on_the_wrong_side_of_the_price_is_refused_in_plain_words(
    script: ScriptedServer, gateway: BinanceSpotGateway
) -> None:
    text = "The relationship of the prices for the orders is not correct."
    script.says(RULES, symbol_info())
    script.says(OCO, {"code": -2010, "msg": text}, status=400)

    with pytest.raises(OrderRejectedError) as caught:
        gateway.place_oco(oco(), permit=permit(2))

    assert caught.value.venue_text == text


def test_a_list_is_canceled_by_its_own_name(
    script: ScriptedServer, gateway: BinanceSpotGateway
) -> None:
    script.says(TIME, {"serverTime": wall_milliseconds()})
    script.says(LIST, CANCELED_LIST)

    canceled = gateway.cancel_list("BTCUSDT", "L1")

    assert canceled.is_done
    (seen,) = script.asked(LIST)
    assert seen.method == "DELETE"
    assert unstamped(seen) == {"symbol": "BTCUSDT", "listClientOrderId": "L1"}


def test_a_cancel_of_a_list_may_stay_unknown_or_find_nothing(
    script: ScriptedServer, gateway: BinanceSpotGateway
) -> None:
    script.says(TIME, {"serverTime": wall_milliseconds()})
    script.queue(LIST, Reply(drops=True))
    script.says(LIST, {"code": -2011, "msg": "Unknown order sent."}, status=400)

    with pytest.raises(OutcomeUnknownError):
        gateway.cancel_list("BTCUSDT", "L1")
    with pytest.raises(OrderRejectedError) as caught:
        gateway.cancel_list("BTCUSDT", "L1")

    assert caught.value.code == -2011


def test_a_list_is_found_by_its_own_name(
    script: ScriptedServer, gateway: BinanceSpotGateway
) -> None:
    script.says(TIME, {"serverTime": wall_milliseconds()})
    script.says(LIST, QUERIED_LIST)

    found = gateway.list_by_client_id("L1")

    assert found
    assert [part.client_order_id for part in found.legs] == ["L1-s", "L1-t"]
    (seen,) = script.asked(LIST)
    assert seen.method == "GET"
    assert unstamped(seen) == {"origClientOrderId": "L1"}


@pytest.mark.parametrize(
    ("refusal", "is_none"),
    [
        ({"code": -2018, "msg": "Order list does not exist."}, True),
        ({"code": -2013, "msg": "Order does not exist."}, True),
        ({"code": -2026, "msg": "Archived."}, False),
    ],
)
def test_only_the_venues_own_word_means_that_there_is_no_list(
    script: ScriptedServer,
    gateway: BinanceSpotGateway,
    *,
    refusal: dict[str, Any],
    is_none: bool,
) -> None:
    script.says(TIME, {"serverTime": wall_milliseconds()})
    script.says(LIST, refusal, status=400)

    if is_none:
        assert gateway.list_by_client_id("L1") is None
        return
    with pytest.raises(OrderRejectedError):
        gateway.list_by_client_id("L1")


def test_open_lists_are_those_of_all_symbols(
    script: ScriptedServer, gateway: BinanceSpotGateway
) -> None:
    script.says(TIME, {"serverTime": wall_milliseconds()})
    script.says("/api/v3/openOrderList", [QUERIED_LIST])

    (found,) = gateway.open_lists()

    assert found.client_order_id == "L1"
    assert unstamped(script.asked("/api/v3/openOrderList")[0]) == {}

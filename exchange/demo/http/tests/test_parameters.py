"""What is read of orders and lists, and what is refused before the engine sees anything."""

from __future__ import annotations

from decimal import Decimal
from urllib.parse import urlencode

import pytest

from exchange.demo.errors import VenueError
from exchange.demo.http.list_parameters import read_list, read_old_oco
from exchange.demo.http.order_parameters import read_cancel, read_order
from exchange.demo.http.tests.samples import LISTS, ORDERS, SAMPLES, Parameters
from exchange.demo.http.wire import Params, WireRequest
from exchange.demo.market.recording import BUNDLED_DIRECTORY, load_directory
from exchange.demo.market.symbols import symbol_of
from exchange.demo.trading.asked import ListKind

BITCOIN = symbol_of(load_directory(BUNDLED_DIRECTORY)["BTCUSDT"])
ANYTHING = {
    "price": "90000",
    "timeInForce": "GTC",
    "stopPrice": "80000",
    "trailingDelta": "20",
    "icebergQty": "0.0001",
    "quoteOrderQty": "50",
}
FORBIDDEN = {
    "MARKET": {"price", "timeInForce", "stopPrice", "trailingDelta", "icebergQty"},
    "LIMIT": {"stopPrice", "trailingDelta", "quoteOrderQty"},
    "LIMIT_MAKER": {"timeInForce", "stopPrice", "trailingDelta", "quoteOrderQty"},
    "STOP_LOSS": {"price", "timeInForce", "icebergQty", "quoteOrderQty"},
    "STOP_LOSS_LIMIT": {"quoteOrderQty"},
    "TAKE_PROFIT": {"price", "timeInForce", "icebergQty", "quoteOrderQty"},
    "TAKE_PROFIT_LIMIT": {"quoteOrderQty"},
}
OCO = LISTS["oco"][0]


def params_of(sent: Parameters) -> Params:
    query = urlencode(sent)
    return Params(WireRequest(method="POST", path="/", query=query, body="", api_key=None, peer=""))


def order_refusal(sent: Parameters) -> tuple[int, str]:
    with pytest.raises(VenueError) as error:
        read_order(params_of(sent), BITCOIN)
    return error.value.code, error.value.message


def list_refusal(name: str, changes: dict[str, str | None]) -> int:
    sent = {key: value for key, value in (LISTS[name][0] | changes).items() if value is not None}
    with pytest.raises(VenueError) as error:
        read_list(params_of(sent), BITCOIN, ListKind(name.upper()))
    return error.value.code


@pytest.mark.parametrize(("kind", "sent"), ORDERS.items())
def test_every_type_is_read_with_what_it_needs(kind: str, sent: Parameters) -> None:
    params = params_of(sent | {"strategyId": "7", "strategyType": "1000000"})
    params.symbol()
    order = read_order(params, BITCOIN)
    params.finish()
    assert (order.type, order.side, order.quantity) == (kind, sent["side"], Decimal("0.001"))
    assert order.price == (Decimal(sent["price"]) if "price" in sent else None)
    assert order.stop_price == (Decimal(sent["stopPrice"]) if "stopPrice" in sent else None)
    assert order.time_in_force == "GTC"
    assert (order.strategy_id, order.strategy_type) == (7, 1_000_000)
    assert order.prevention_mode == "EXPIRE_MAKER"


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (kind, name)
        for kind, sent in ORDERS.items()
        for name in sent
        if name not in ("symbol", "quantity", "stopPrice")
    ],
)
def test_a_type_without_what_it_needs_is_refused(kind: str, name: str) -> None:
    sent = {key: value for key, value in ORDERS[kind].items() if key != name}
    code, message = order_refusal(sent)
    assert code == -1102
    assert f"'{name}'" in message


@pytest.mark.parametrize(
    ("kind", "name", "words"),
    [
        ("MARKET", "quantity", "Param 'quantity' or 'quoteOrderQty' must be sent"),
        ("LIMIT", "quantity", "Mandatory parameter 'quantity' was not sent"),
        ("STOP_LOSS", "stopPrice", "Param 'stopPrice' or 'trailingDelta' must be sent"),
        ("TAKE_PROFIT_LIMIT", "stopPrice", "Param 'stopPrice' or 'trailingDelta' must be sent"),
    ],
)
def test_what_may_be_given_in_two_ways_is_named_in_both(kind: str, name: str, words: str) -> None:
    sent = {key: value for key, value in ORDERS[kind].items() if key != name}
    code, message = order_refusal(sent)
    assert (code, words in message) == (-1102, True)


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, names in FORBIDDEN.items() for name in sorted(names)]
)
def test_a_type_with_what_it_may_not_carry_is_refused(kind: str, name: str) -> None:
    code, message = order_refusal(ORDERS[kind] | {name: ANYTHING[name]})
    assert (code, message) == (-1106, f"Parameter '{name}' sent when not required.")


@pytest.mark.parametrize(
    ("kind", "changes", "code", "words"),
    [
        ("LIMIT", {"timeInForce": "GTX"}, -1115, "Invalid timeInForce."),
        ("LIMIT", {"price": "1e-05"}, -1100, "'price'"),
        ("LIMIT", {"price": "True"}, -1100, "'price'"),
        ("LIMIT", {"price": "90000.000000001"}, -1111, "'price' has too much precision"),
        ("LIMIT", {"price": "9" * 20 + "." + "9" * 20}, -1111, "'price' has too much precision"),
        ("LIMIT", {"price": "9" * 21}, -1100, "'price'"),
        ("LIMIT", {"icebergQty": "0.0001"}, -1013, "Iceberg orders are not supported"),
        ("STOP_LOSS", {"trailingDelta": "20"}, -1013, "Trailing stop orders are not supported"),
        ("STOP_LOSS", {"trailingDelta": "0.5"}, -1100, "'trailingDelta'"),
        ("STOP_LOSS", {"stopPrice": "1e5"}, -1100, "'stopPrice'"),
        ("LIMIT", {"pegPriceType": "PRIMARY_PEG"}, -1013, "Pegged orders are not supported"),
        ("LIMIT", {"pegPriceType": "BEST"}, -1210, "Invalid pegPriceType."),
        (
            "LIMIT",
            {"pegPriceType": "MARKET_PEG", "pegOffsetType": "TICK"},
            -1211,
            "Invalid pegOffsetType.",
        ),
        ("MARKET", {"pegPriceType": "MARKET_PEG"}, -1013, "may not use pegged price"),
        ("LIMIT", {"strategyType": "999999"}, -1134, "strategyType was less than 1000000."),
        ("LIMIT", {"strategyId": "x"}, -1100, "'strategyId'"),
        ("LIMIT", {"side": "HOLD"}, -1117, "Invalid side."),
        ("LIMIT", {"type": "GUESS"}, -1116, "Invalid orderType."),
        ("LIMIT", {"selfTradePreventionMode": "MAYBE"}, -1130, "'selfTradePreventionMode'"),
        ("MARKET", {"quoteOrderQty": "10"}, -1128, "Combination of optional parameters invalid."),
    ],
)
def test_a_value_that_the_venue_does_not_take_is_refused(
    kind: str, changes: Parameters, code: int, words: str
) -> None:
    found, message = order_refusal(ORDERS[kind] | changes)
    assert (found, words in message) == (code, True)


@pytest.mark.parametrize("name", LISTS)
def test_every_list_is_read_leg_by_leg(name: str) -> None:
    sent, count = LISTS[name]
    params = params_of(sent | {"listClientOrderId": "L1"})
    params.symbol()
    asked = read_list(params, BITCOIN, ListKind(name.upper()))
    params.finish()
    assert (asked.kind, asked.client_order_id, len(asked.legs)) == (name.upper(), "L1", count)
    pending = asked.legs[1:] if name != "oco" else ()
    assert {leg.quantity for leg in pending} <= {None if "opo" in name else Decimal("0.001")}
    assert {leg.side for leg in pending} <= {"SELL"}


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        (name, key)
        for name, (sent, _) in LISTS.items()
        for key in sent
        if key != "symbol" and not key.endswith("StopPrice")
    ],
)
def test_a_list_without_what_it_needs_is_refused(name: str, missing: str) -> None:
    assert list_refusal(name, {missing: None}) == -1102


@pytest.mark.parametrize(
    ("name", "changes", "code"),
    [
        ("oco", {"aboveType": "LIMIT"}, -1158),
        ("oco", {"belowType": "MARKET"}, -1158),
        ("oco", {"belowType": "LIMIT_MAKER"}, -1168),
        ("oco", {"side": "BUY"}, -1165),
        ("oco", {"aboveType": "TAKE_PROFIT", "belowType": "LIMIT_MAKER"}, -1166),
        ("oco", {"side": "BUY", "aboveType": "STOP_LOSS"}, -1196),
        ("oco", {"aboveType": "STOP_LOSS"}, -1197),
        ("oco", {"side": "BUY", "aboveType": "TAKE_PROFIT"}, -1198),
        ("oco", {"belowType": "TAKE_PROFIT"}, -1199),
        ("oco", {"belowPrice": "79000"}, -1106),
        ("oco", {"belowStopPrice": None}, -1102),
        ("oco", {"aboveTimeInForce": "GTC"}, -1106),
        ("oco", {"aboveIcebergQty": "0.0001"}, -1013),
        ("oco", {"belowTrailingDelta": "20"}, -1013),
        ("oco", {"aboveClientOrderId": "a b"}, -1100),
        ("oco", {"aboveStrategyType": "1"}, -1134),
        ("oto", {"workingType": "MARKET"}, -1014),
        ("oto", {"pendingType": "GUESS"}, -1116),
        ("oto", {"workingTimeInForce": "DAY"}, -1115),
        ("opo", {"workingSide": "SELL"}, -1222),
        ("opo", {"pendingSide": "BUY"}, -1223),
        ("opoco", {"workingSide": "SELL"}, -1222),
        ("opoco", {"pendingSide": "BUY", "pendingAboveType": "STOP_LOSS"}, -1196),
        ("otoco", {"pendingBelowType": None}, -1102),
    ],
)
def test_a_list_that_makes_no_sense_is_refused(
    name: str, changes: dict[str, str | None], code: int
) -> None:
    assert list_refusal(name, changes) == code


def test_an_opo_with_a_pending_quantity_leaves_it_unread() -> None:
    params = params_of(LISTS["opo"][0] | {"pendingQuantity": "0.001"})
    params.symbol()
    read_list(params, BITCOIN, ListKind.OPO)
    with pytest.raises(VenueError) as error:
        params.finish()
    assert error.value.code == -1104


@pytest.mark.parametrize(
    ("side", "kinds"),
    [("SELL", ["LIMIT_MAKER", "STOP_LOSS_LIMIT"]), ("BUY", ["STOP_LOSS_LIMIT", "LIMIT_MAKER"])],
)
def test_the_deprecated_oco_is_read_as_above_and_below(side: str, kinds: list[str]) -> None:
    sent = SAMPLES["POST", "/api/v3/order/oco"] | {
        "side": side,
        "limitClientOrderId": "target",
        "stopClientOrderId": "stop",
    }
    params = params_of(sent)
    params.symbol()
    asked = read_old_oco(params, BITCOIN)
    params.finish()
    assert [leg.type for leg in asked.legs] == kinds
    by_id = {leg.client_order_id: leg for leg in asked.legs}
    assert (by_id["target"].price, by_id["stop"].price) == (Decimal(120_000), Decimal(79_000))
    assert by_id["stop"].stop_price == Decimal(80_000)


def test_the_deprecated_oco_without_a_limit_price_stops_at_the_market() -> None:
    sent = dict(SAMPLES["POST", "/api/v3/order/oco"])
    del sent["stopLimitPrice"]
    params = params_of(sent)
    with pytest.raises(VenueError) as error:
        read_old_oco(params, BITCOIN)
    assert (error.value.code, error.value.message) == (
        -1106,
        "Parameter 'stopLimitTimeInForce' sent when not required.",
    )
    del sent["stopLimitTimeInForce"]
    assert read_old_oco(params_of(sent), BITCOIN).legs[1].type == "STOP_LOSS"


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({}, -1102),
        ({"orderId": "x"}, -1100),
        ({"orderId": "1", "cancelRestrictions": "ONLY_OLD"}, -1145),
        ({"orderId": "1", "newClientOrderId": "a" * 37}, -1100),
    ],
)
def test_a_cancel_that_names_no_order_or_nonsense_is_refused(sent: Parameters, code: int) -> None:
    with pytest.raises(VenueError) as error:
        read_cancel(
            params_of(sent),
            order_id="orderId",
            client_order_id="origClientOrderId",
            cancel_client_id="newClientOrderId",
        )
    assert error.value.code == code

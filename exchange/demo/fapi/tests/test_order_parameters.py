"""What is read of futures orders, and what is refused before the engine sees anything."""

from __future__ import annotations

from decimal import Decimal
from urllib.parse import urlencode

import pytest

from exchange.demo.errors import VenueError
from exchange.demo.fapi.algo_parameters import read_algo
from exchange.demo.fapi.order_parameters import read_order, read_response_type
from exchange.demo.fapi.tests.order_samples import ALGOS, FUTURES_ORDERS, Parameters
from exchange.demo.futures.asked import AlgoRequest, OrderRequest
from exchange.demo.http.wire import Params, WireRequest
from exchange.demo.market.futures_symbols import futures_symbol_of
from exchange.demo.market.recording import BUNDLED_DIRECTORY, load_directory
from exchange.demo.market.symbols import symbol_of

SPOT = symbol_of(load_directory(BUNDLED_DIRECTORY)["BTCUSDT"])
BITCOIN = futures_symbol_of(SPOT, Decimal(94_000))
NOW_MS = 1_746_403_200_000
TOO_SOON = NOW_MS + 600_000
GTD = {"timeInForce": "GTD", "goodTillDate": str(TOO_SOON + 1_234)}
Changes = dict[str, str | None]


def params_of(sent: Parameters, changes: Changes) -> Params:
    mixed = {name: value for name, value in (sent | changes).items() if value is not None}
    request = WireRequest(
        method="POST", path="/", query=urlencode(mixed), body="", api_key=None, peer=""
    )
    return Params(request)


def order(kind: str, **changes: str | None) -> OrderRequest:
    params = params_of(FUTURES_ORDERS[kind], changes)
    params.symbol()
    asked = read_order(params, BITCOIN, now_ms=NOW_MS)
    read_response_type(params)
    params.finish()
    return asked


def algo(kind: str, **changes: str | None) -> AlgoRequest:
    params = params_of(ALGOS[kind], changes)
    params.symbol()
    asked = read_algo(params, BITCOIN, now_ms=NOW_MS)
    params.finish()
    return asked


def refused_order(kind: str, changes: Changes) -> tuple[int, str]:
    with pytest.raises(VenueError) as error:
        order(kind, **changes)
    return error.value.code, error.value.message


def refused_algo(kind: str, changes: Changes) -> tuple[int, str]:
    with pytest.raises(VenueError) as error:
        algo(kind, **changes)
    return error.value.code, error.value.message


def test_a_market_order_is_read_with_the_venues_defaults() -> None:
    assert order("MARKET") == OrderRequest(
        symbol=BITCOIN,
        side="BUY",
        type="MARKET",
        quantity=Decimal("0.010"),
        time_in_force="GTC",
        price=None,
        position_side="BOTH",
        reduce_only=False,
        client_order_id=None,
        prevention_mode="EXPIRE_MAKER",
        good_till_ms=0,
    )


@pytest.mark.parametrize("time_in_force", ["GTC", "IOC", "FOK", "GTX"])
def test_a_limit_order_is_read_with_all_it_may_carry(time_in_force: str) -> None:
    asked = order(
        "LIMIT",
        timeInForce=time_in_force,
        positionSide="SHORT",
        reduceOnly="true",
        newClientOrderId="a.B:/_-9",
        selfTradePreventionMode="NONE",
        priceMatch="NONE",
        closePosition="false",
        newOrderRespType="RESULT",
    )
    assert (asked.price, asked.time_in_force) == (Decimal(90_000), time_in_force)
    assert (asked.position_side, asked.reduce_only) == ("SHORT", True)
    assert (asked.client_order_id, asked.prevention_mode) == ("a.B:/_-9", "NONE")


def test_a_date_to_end_at_keeps_whole_seconds() -> None:
    assert order("LIMIT", **GTD).good_till_ms == (TOO_SOON + 1_234) // 1000 * 1000
    assert algo("STOP", **GTD).good_till_ms == (TOO_SOON + 1_234) // 1000 * 1000


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (kind, name)
        for kind, sent in FUTURES_ORDERS.items()
        for name in sent
        if name != "symbol"  # read before the others
    ],
)
def test_an_order_without_what_its_type_needs_is_refused(kind: str, name: str) -> None:
    message = f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
    assert refused_order(kind, {name: None}) == (-1102, message)


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("MARKET", "price", "90000"),
        ("MARKET", "timeInForce", "GTC"),
        ("MARKET", "goodTillDate", GTD["goodTillDate"]),
        ("LIMIT", "goodTillDate", GTD["goodTillDate"]),
        ("MARKET", "workingType", "MARK_PRICE"),
        ("LIMIT", "workingType", "CONTRACT_PRICE"),
        ("LIMIT", "priceProtect", "false"),
    ],
)
def test_an_order_with_what_its_type_may_not_carry_is_refused(
    kind: str, name: str, value: str
) -> None:
    message = f"Parameter '{name}' sent when not required."
    assert refused_order(kind, {name: value}) == (-1106, message)


@pytest.mark.parametrize("kind", FUTURES_ORDERS)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("stopPrice", "80000"),
        ("triggerPrice", "80000"),
        ("activationPrice", "80000"),
        ("callbackRate", "1"),
        ("clientAlgoId", "a"),
        ("quoteOrderQty", "100"),
        ("icebergQty", "0.001"),
    ],
)
def test_an_order_with_words_that_nobody_reads_is_refused(kind: str, name: str, value: str) -> None:
    assert refused_order(kind, {name: value})[0] == -1104


@pytest.mark.parametrize("kind", ALGOS)
@pytest.mark.parametrize("changes", [{}, {"stopPrice": "80000"}, {"quantity": None}])
def test_a_conditional_type_is_sent_to_the_algo_service(kind: str, changes: Changes) -> None:
    message = (
        "Order type not supported for this endpoint."
        " Please use the Algo Order API endpoints instead."
    )
    assert refused_order("MARKET", changes | {"type": kind}) == (-4120, message)


VALUES = [
    ({"side": "HOLD"}, -1117, "Invalid side."),
    ({"type": "STOP_LOSS"}, -1116, "Invalid orderType."),
    ({"positionSide": "UP"}, -4060, "Invalid position side."),
    ({"quantity": "1e-05"}, -1100, "'quantity'"),
    ({"quantity": "-1"}, -1100, "'quantity'"),
    ({"quantity": ""}, -1105, "Parameter 'quantity' was empty."),
    ({"quantity": "0.000000001"}, -1111, "'quantity' has too much precision"),
    ({"reduceOnly": "True"}, -1130, "'reduceOnly'"),
    ({"closePosition": "1"}, -1130, "'closePosition'"),
    ({"priceMatch": "BEST"}, -5037, "Invalid price match"),
    ({"selfTradePreventionMode": "MAYBE"}, -5039, "Invalid self trade prevention mode"),
    ({"newOrderRespType": "FULL"}, -1130, "'newOrderRespType'"),
]
each_value = pytest.mark.parametrize(("changes", "code", "words"), VALUES)


@pytest.mark.parametrize("kind", FUTURES_ORDERS)
@each_value
def test_a_value_that_the_venue_does_not_take_is_refused(
    kind: str, changes: Changes, code: int, words: str
) -> None:
    found, message = refused_order(kind, changes)
    assert (found, words in message) == (code, True)


@pytest.mark.parametrize("kind", ALGOS)
@each_value
def test_a_conditional_order_with_such_a_value_is_refused(
    kind: str, changes: Changes, code: int, words: str
) -> None:
    found, message = refused_algo(kind, changes)
    assert (found, words in message) == (code, True)


@pytest.mark.parametrize(
    ("kind", "changes", "code", "words"),
    [
        ("LIMIT", {"timeInForce": "DAY"}, -1115, "Invalid timeInForce."),
        ("LIMIT", {"price": "True"}, -1100, "'price'"),
        ("LIMIT", {"timeInForce": "GTD"}, -1102, "'goodTillDate'"),
        ("LIMIT", GTD | {"goodTillDate": str(TOO_SOON)}, -5040, "plus 600 seconds"),
        ("LIMIT", GTD | {"goodTillDate": "253402300799000"}, -5040, "smaller than 253402300799000"),
        ("LIMIT", GTD | {"goodTillDate": "9" * 20}, -1130, "'goodTillDate'"),
        ("LIMIT", {"priceMatch": "QUEUE", "price": None}, -1020, "has no priceMatch yet"),
        ("MARKET", {"priceMatch": "OPPONENT_5"}, -5038, "LIMIT, STOP AND TAKE_PROFIT"),
        ("MARKET", {"newClientOrderId": "a" * 37}, -4015, "length should be less than 36 chars"),
        ("MARKET", {"newClientOrderId": "a b"}, -1100, "^[.A-Z:/a-z0-9_-]{1,36}$"),
        ("MARKET", {"newClientOrderId": "ä"}, -1100, "'newClientOrderId'"),
        (
            "MARKET",
            {"closePosition": "true"},
            -4136,
            "Target strategy invalid for orderType MARKET,closePosition true",
        ),
    ],
)
def test_an_order_that_makes_no_sense_is_refused(
    kind: str, changes: Changes, code: int, words: str
) -> None:
    found, message = refused_order(kind, changes)
    assert (found, words in message) == (code, True)


@pytest.mark.parametrize("kind", ALGOS)
def test_a_conditional_order_is_read_with_the_venues_defaults(kind: str) -> None:
    sent = ALGOS[kind]
    asked = algo(kind)
    assert (asked.type, asked.side, asked.quantity) == (kind, "SELL", Decimal("0.010"))
    for found, name in (
        (asked.trigger_price, "triggerPrice"),
        (asked.price, "price"),
        (asked.callback_rate, "callbackRate"),
    ):
        assert found == (Decimal(sent[name]) if name in sent else None)
    assert (asked.activate_price, asked.client_algo_id) == (None, None)
    assert (asked.working_type, asked.price_protect) == ("CONTRACT_PRICE", False)
    assert (asked.reduce_only, asked.close_position) == (False, False)
    assert (asked.time_in_force, asked.position_side) == ("GTC", "BOTH")
    assert (asked.prevention_mode, asked.good_till_ms) == ("EXPIRE_MAKER", 0)


@pytest.mark.parametrize("kind", ["STOP", "TAKE_PROFIT"])
def test_a_conditional_limit_order_chooses_how_long_its_child_waits(kind: str) -> None:
    assert algo(kind, timeInForce="GTX").time_in_force == "GTX"


@pytest.mark.parametrize("kind", ["STOP_MARKET", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"])
def test_a_conditional_order_at_the_market_waits_until_canceled(kind: str) -> None:
    assert algo(kind, timeInForce="GTC").time_in_force == "GTC"
    message = "Parameter 'timeInForce' sent when not required."
    assert refused_algo(kind, {"timeInForce": "IOC"}) == (-1106, message)


def test_a_trailing_stop_is_read_with_all_it_may_carry() -> None:
    asked = algo(
        "TRAILING_STOP_MARKET",
        activatePrice="95000",
        workingType="MARK_PRICE",
        priceProtect="TRUE",
        reduceOnly="true",
        clientAlgoId="tb-1",
        newOrderRespType="RESULT",
    )
    assert (asked.activate_price, asked.working_type) == (Decimal(95_000), "MARK_PRICE")
    assert (asked.price_protect, asked.reduce_only) == (True, True)
    assert asked.client_algo_id == "tb-1"


@pytest.mark.parametrize("kind", ["STOP_MARKET", "TAKE_PROFIT_MARKET"])
@pytest.mark.parametrize("quantity", [None, "0"])
def test_a_stop_may_close_the_whole_position(kind: str, quantity: str | None) -> None:
    asked = algo(kind, closePosition="true", quantity=quantity)
    assert (asked.close_position, asked.quantity, asked.reduce_only) == (True, None, False)


@pytest.mark.parametrize(
    ("kind", "name"),
    [(kind, name) for kind, sent in ALGOS.items() for name in sent if name != "symbol"],
)
def test_a_conditional_order_without_what_its_type_needs_is_refused(kind: str, name: str) -> None:
    message = f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
    assert refused_algo(kind, {name: None}) == (-1102, message)


FORBIDDEN = {
    "STOP_MARKET": ("price", "activatePrice", "callbackRate", "goodTillDate"),
    "TAKE_PROFIT_MARKET": ("price", "activatePrice", "callbackRate", "goodTillDate"),
    "STOP": ("activatePrice", "callbackRate", "goodTillDate"),
    "TAKE_PROFIT": ("activatePrice", "callbackRate", "goodTillDate"),
    "TRAILING_STOP_MARKET": ("price", "triggerPrice", "goodTillDate"),
}


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, names in FORBIDDEN.items() for name in names]
)
def test_a_conditional_order_with_what_its_type_may_not_carry_is_refused(
    kind: str, name: str
) -> None:
    message = f"Parameter '{name}' sent when not required."
    assert refused_algo(kind, {name: "80000"}) == (-1106, message)


@pytest.mark.parametrize("kind", ALGOS)
@pytest.mark.parametrize("name", ["stopPrice", "activationPrice", "newClientOrderId", "orderType"])
def test_a_conditional_order_with_the_words_of_old_is_refused(kind: str, name: str) -> None:
    assert refused_algo(kind, {name: "80000"})[0] == -1104


@pytest.mark.parametrize(
    ("kind", "changes", "code", "words"),
    [
        ("STOP_MARKET", {"algoType": "TWAP"}, -1130, "'algoType'"),
        ("STOP_MARKET", {"type": "LIMIT"}, -1116, "Invalid orderType."),
        ("STOP_MARKET", {"workingType": "INDEX"}, -4031, "Invalid parameter working type"),
        ("STOP_MARKET", {"priceProtect": "True"}, -1130, "'priceProtect'"),
        ("STOP_MARKET", {"triggerPrice": "1e5"}, -1100, "'triggerPrice'"),
        ("STOP_MARKET", {"clientAlgoId": "a" * 37}, -4015, "length should be less than 36 chars"),
        ("STOP_MARKET", {"clientAlgoId": "a b"}, -1100, "'clientAlgoId'"),
        ("STOP_MARKET", {"priceMatch": "QUEUE"}, -5038, "LIMIT, STOP AND TAKE_PROFIT"),
        ("STOP", {"priceMatch": "QUEUE"}, -1020, "has no priceMatch yet"),
        ("STOP", {"timeInForce": "GTD"}, -1102, "'goodTillDate'"),
        ("STOP", GTD | {"goodTillDate": str(TOO_SOON)}, -5040, "plus 600 seconds"),
        ("TRAILING_STOP_MARKET", {"callbackRate": "0.09"}, -2007, "Invalid callBack rate."),
        ("TRAILING_STOP_MARKET", {"callbackRate": "20.1"}, -2007, "Invalid callBack rate."),
        ("STOP_MARKET", {"closePosition": "true"}, -4137, "Quantity must be zero"),
        (
            "STOP",
            {"closePosition": "true", "quantity": None},
            -4136,
            "Target strategy invalid for orderType STOP,closePosition true",
        ),
        ("TRAILING_STOP_MARKET", {"closePosition": "true"}, -4136, "TRAILING_STOP_MARKET"),
        (
            "STOP_MARKET",
            {"closePosition": "true", "quantity": None, "reduceOnly": "true"},
            -1106,
            "Parameter 'reduceonly' sent when not required.",
        ),
        (
            "STOP_MARKET",
            {"closePosition": "true", "quantity": None, "reduceOnly": "false"},
            -4138,
            "Reduce only must be true with closePosition equals true",
        ),
    ],
)
def test_a_conditional_order_that_makes_no_sense_is_refused(
    kind: str, changes: Changes, code: int, words: str
) -> None:
    found, message = refused_algo(kind, changes)
    assert (found, words in message) == (code, True)


@pytest.mark.parametrize("rate", ["0.1", "20"])
def test_a_trailing_stop_may_be_as_near_and_as_far_as_the_venue_lets_it(rate: str) -> None:
    assert algo("TRAILING_STOP_MARKET", callbackRate=rate).callback_rate == Decimal(rate)

"""What python-binance makes of the futures API: a client that none of us wrote, with its traps.

Each test about a trap shows what the library sends, against an exchange that reads strictly.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from binance.client import Client
from binance.exceptions import BinanceAPIException

from exchange.demo.testing import TEST_ACCOUNT, TEST_KEY, TEST_SECRET, RunningExchange
from exchange.tests.oracles.test_signatures import FUTURES_KEY, FUTURES_SECRET, VECTORS

SYMBOL = "BTCUSDT"
ACCOUNTS = [TEST_ACCOUNT, f"{FUTURES_KEY}:{FUTURES_SECRET}:USDT=10000"]
MARKET = {"symbol": SYMBOL, "side": "BUY", "type": "MARKET", "quantity": "0.010"}
STOP = {"symbol": SYMBOL, "side": "SELL", "type": "STOP_MARKET", "quantity": "0.010"}
TRAILING = STOP | {"type": "TRAILING_STOP_MARKET", "callbackRate": "0.5"}


@pytest.fixture(scope="module")
def demo() -> Iterator[RunningExchange]:
    with RunningExchange(accounts=ACCOUNTS, is_paused=True) as running:
        running.set_price(SYMBOL, "100000")
        yield running


@pytest.fixture(scope="module")
def client(demo: RunningExchange) -> Iterator[Client]:
    class DemoClient(Client):  # type: ignore[misc]  # the library has no types
        MARGIN_API_URL = f"{demo.url}/sapi"
        FUTURES_URL = f"{demo.url}/fapi"

    made = DemoClient(TEST_KEY, TEST_SECRET, ping=False)
    made.futures_change_margin_type(symbol=SYMBOL, marginType="ISOLATED")
    made.futures_change_leverage(symbol=SYMBOL, leverage=10)
    yield made
    made.close_connection()
    made.loop.close()


@pytest.fixture(autouse=True)
def clean(client: Client) -> Iterator[None]:
    yield
    client.futures_cancel_all_open_orders(symbol=SYMBOL)
    client.futures_cancel_all_open_orders(symbol=SYMBOL, conditional=True)
    for row in client.futures_position_information(symbol=SYMBOL):
        close = MARKET | {"side": "SELL", "quantity": row["positionAmt"], "reduceOnly": "true"}
        client.futures_create_order(**close)


def refused(call: Any, **params: Any) -> int:
    with pytest.raises(BinanceAPIException) as error:
        call(**params)
    return int(error.value.code)


def test_the_documented_signature_opens_the_documented_endpoint(demo: RunningExchange) -> None:
    vector = VECTORS["futures"]
    wrong = hmac.new(b"another secret", vector.body.encode(), hashlib.sha256).hexdigest()
    codes = []
    for signature in (vector.signature, wrong):
        response = requests.post(
            f"{demo.url}/fapi/v1/order",
            data=f"{vector.body}&signature={signature}",
            headers={
                "X-MBX-APIKEY": vector.key,
                "Content-Type": "application/x-www-form-urlencoded",
            },
            timeout=10,
        )
        codes.append(response.json()["code"])

    # The first is right, and from June 2020.
    assert codes == [-1021, -1022]


def test_a_plain_order_keeps_its_name_and_tells_its_price_only_when_asked(client: Client) -> None:
    placed = client.futures_create_order(**MARKET, newClientOrderId="tb-1")
    assert (placed["clientOrderId"], placed["status"]) == ("tb-1", "NEW")
    assert {"avgPrice", "cumQuote"}.isdisjoint(placed)

    found = client.futures_get_order(symbol=SYMBOL, origClientOrderId="tb-1")
    assert (found["status"], found["avgPrice"]) == ("FILLED", "100005.00000")
    (trade,) = client.futures_account_trades(symbol=SYMBOL, orderId=placed["orderId"])
    assert (trade["price"], trade["commission"]) == ("100005.00", "0.50002500")
    assert client.futures_get_all_orders(symbol=SYMBOL)[-1]["orderId"] == placed["orderId"]


def test_a_conditional_order_loses_its_name_unless_that_is_a_client_algo_id(
    client: Client,
) -> None:
    lost = client.futures_create_order(**STOP, stopPrice="99000", newClientOrderId="tb-sl")
    kept = client.futures_create_order(**STOP, stopPrice="99000", clientAlgoId="tb-sl2")

    assert lost["clientAlgoId"] not in ("", "tb-sl")
    assert refused(client.futures_get_algo_order, clientAlgoId="tb-sl") == -2013
    assert (kept["clientAlgoId"], kept["orderType"]) == ("tb-sl2", "STOP_MARKET")
    found = client.futures_get_order(clientAlgoId="tb-sl2")
    assert (found["algoId"], found["triggerPrice"]) == (kept["algoId"], "99000.00")


def test_a_trailing_stop_has_to_be_called_by_the_new_words(client: Client) -> None:
    old, new = {"activationPrice": "100500"}, {"activatePrice": "100500"}

    assert refused(client.futures_create_order, **TRAILING, **old) == -1104
    assert client.futures_create_order(**TRAILING, **new)["activatePrice"] == "100500.00"
    assert len(client.futures_get_open_orders(symbol=SYMBOL, conditional=True)) == 1


def test_the_library_renames_the_stop_price_of_one_of_its_methods_only(client: Client) -> None:
    order = STOP | {"stopPrice": "99000"}

    assert client.futures_create_order(**order)["algoStatus"] == "NEW"
    assert refused(client.futures_create_algo_order, **order) == -1102
    both = order | {"triggerPrice": "99000"}
    assert refused(client.futures_create_algo_order, **both) == -1104
    # This one still asks the endpoint for orders in the book.
    assert refused(client.futures_create_test_order, **order) == -4120


def test_a_flag_has_to_be_written_as_the_venue_writes_it(client: Client) -> None:
    assert refused(client.futures_create_order, **MARKET, reduceOnly=True) == -1130
    assert client.futures_get_all_orders(symbol="ETHUSDT") == []


def test_canceling_all_orders_leaves_the_conditional_ones(client: Client) -> None:
    limit = MARKET | {"type": "LIMIT", "timeInForce": "GTC", "price": "99000"}
    client.futures_create_order(**limit)
    client.futures_create_order(**STOP, stopPrice="99000")

    assert client.futures_cancel_all_open_orders(symbol=SYMBOL)["code"] == 200
    assert client.futures_get_open_orders() == []
    assert len(client.futures_get_open_orders(conditional=True)) == 1
    assert client.futures_cancel_all_algo_open_orders(symbol=SYMBOL)["code"] == 200
    assert client.futures_get_open_algo_orders() == []


def test_one_order_is_canceled_by_the_kind_of_id_that_it_has(client: Client) -> None:
    placed = client.futures_create_order(**STOP, stopPrice="99000", clientAlgoId="tb-gone")

    assert refused(client.futures_cancel_order, symbol=SYMBOL, origClientOrderId="tb-gone") == -2011
    canceled = client.futures_cancel_order(symbol=SYMBOL, clientAlgoId="tb-gone")
    assert canceled == {
        "algoId": placed["algoId"],
        "clientAlgoId": "tb-gone",
        "code": "200",
        "msg": "success",
    }
    (found,) = client.futures_get_all_algo_orders(symbol=SYMBOL, algoId=placed["algoId"])
    assert found["algoStatus"] == "CANCELED"


def test_money_moves_to_the_futures_wallet_and_back(client: Client) -> None:
    def wallet() -> float:
        (row,) = client.futures_account_balance()
        return float(row["balance"])

    before = wallet()
    for direction, expected in (("MAIN_UMFUTURE", 100.0), ("UMFUTURE_MAIN", 0.0)):
        moved = client.make_universal_transfer(type=direction, asset="USDT", amount="100")
        assert wallet() - before == pytest.approx(expected)
        history = client.query_universal_transfer_history(type=direction)
        assert [row["tranId"] for row in history["rows"]] == [moved["tranId"]]
        assert [row["status"] for row in history["rows"]] == ["CONFIRMED"]

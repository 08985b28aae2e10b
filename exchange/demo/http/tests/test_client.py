"""The exchange as python-binance sees it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise

import pytest
from binance.client import Client
from binance.exceptions import BinanceAPIException

from exchange.demo.http.tests.samples import LISTS
from exchange.demo.testing import RunningExchange

ZERO = Decimal(0)


def balances(client: Client) -> dict[str, Decimal]:
    return {one["asset"]: Decimal(one["free"]) for one in client.get_account()["balances"]}


def test_a_client_trades_there_and_back_and_the_books_agree(
    client: Client, demo: RunningExchange
) -> None:
    before = balances(client)
    bought = client.create_order(
        symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01", newClientOrderId="tb-1"
    )
    assert (bought["status"], bought["executedQty"]) == ("FILLED", "0.01000000")
    assert {fill["commissionAsset"] for fill in bought["fills"]} == {"BTC"}
    sold = client.create_order(symbol="BTCUSDT", side="SELL", type="MARKET", quantity="0.00999")
    assert {fill["commissionAsset"] for fill in sold["fills"]} == {"USDT"}
    after = balances(client)
    fee_bought = sum((Decimal(fill["commission"]) for fill in bought["fills"]), ZERO)
    fee_sold = sum((Decimal(fill["commission"]) for fill in sold["fills"]), ZERO)
    assert fee_bought == Decimal("0.00001")
    assert after["BTC"] == before["BTC"] + Decimal("0.00001") - fee_bought
    spent, earned = (Decimal(one["cummulativeQuoteQty"]) for one in (bought, sold))
    assert after["USDT"] == before["USDT"] - spent + earned - fee_sold
    assert set(demo.ledger()["differences"].values()) == {"0.00000000"}


def test_an_order_is_found_by_either_id_with_its_trades(client: Client) -> None:
    placed = client.create_order(
        symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01", newClientOrderId="tb-1"
    )
    by_client_id = client.get_order(symbol="BTCUSDT", origClientOrderId="tb-1")
    assert by_client_id == client.get_order(symbol="BTCUSDT", orderId=placed["orderId"])
    assert by_client_id["cummulativeQuoteQty"] == placed["cummulativeQuoteQty"]
    assert by_client_id["isWorking"] is True
    trades = client.get_my_trades(symbol="BTCUSDT", orderId=placed["orderId"])
    assert [one["id"] for one in trades] == [one["tradeId"] for one in placed["fills"]]
    assert [one["price"] for one in trades] == [one["price"] for one in placed["fills"]]
    assert client.get_my_trades(symbol="ETHUSDT") == []
    assert client.get_open_orders() == []
    assert client.get_all_orders(symbol="BTCUSDT") == [by_client_id]


def test_a_large_order_fills_in_steps_that_get_worse_by_a_tick(client: Client) -> None:
    placed = client.create_order(symbol="BTCUSDT", side="SELL", type="MARKET", quantity="0.5")
    prices = [Decimal(fill["price"]) for fill in placed["fills"]]
    assert 2 <= len(prices) <= 10
    assert prices == [prices[0] - Decimal("0.01") * step for step in range(len(prices))]
    assert sum((Decimal(fill["qty"]) for fill in placed["fills"]), ZERO) == Decimal("0.5")
    ids = [fill["tradeId"] for fill in placed["fills"]]
    assert ids == sorted(set(ids))


@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_an_order_by_value_stays_within_it(client: Client, side: str) -> None:
    placed = client.create_order(
        symbol="ETHUSDT" if side == "BUY" else "BTCUSDT",
        side=side,
        type="MARKET",
        quoteOrderQty="1000.5",
    )
    worth = Decimal(placed["cummulativeQuoteQty"])
    assert Decimal("998") < worth <= Decimal("1000.5")
    assert placed["origQuoteOrderQty"] == "1000.50000000"
    assert placed["origQty"] == placed["executedQty"]


@pytest.mark.parametrize("kind", ["ACK", "RESULT", "FULL"])
def test_the_reply_is_as_long_as_asked(client: Client, kind: str) -> None:
    placed = client.create_order(
        symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.001", newOrderRespType=kind
    )
    assert ("fills" in placed, "status" in placed) == (kind == "FULL", kind != "ACK")
    assert placed["orderListId"] == -1


def test_takers_pay_half_the_spread_and_both_tickers_agree(
    client: Client, demo: RunningExchange
) -> None:
    demo.set_price("BTCUSDT", "100000")
    assert client.get_symbol_ticker(symbol="BTCUSDT")["price"] == "100000.00000000"
    book = client.get_orderbook_ticker(symbol="BTCUSDT")
    assert (book["bidPrice"], book["askPrice"]) == ("99995.00000000", "100005.00000000")
    order = {"symbol": "BTCUSDT", "type": "MARKET", "quantity": "0.001"}
    bought = client.create_order(side="BUY", **order)["fills"][0]["price"]
    sold = client.create_order(side="SELL", **order)["fills"][0]["price"]
    assert (bought, sold) == (book["askPrice"], book["bidPrice"])


def test_orders_carry_market_time_while_the_server_tells_wall_time(
    client: Client, demo: RunningExchange
) -> None:
    placed = client.create_order(symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.001")
    now_ms = demo.control("clock")["market_time_ms"]
    assert placed["transactTime"] == now_ms
    assert client.get_ticker(symbol="BTCUSDT")["closeTime"] == now_ms
    assert client.get_server_time()["serverTime"] > now_ms + 10**9


def test_klines_end_with_the_running_one(client: Client, demo: RunningExchange) -> None:
    demo.set_clock(market_time="2025-05-05T20:07:30Z")
    rows = client.get_klines(symbol="BTCUSDT", interval="5m", limit=1000)
    now_ms = demo.control("clock")["market_time_ms"]
    assert rows[-1][0] <= now_ms <= rows[-1][6]
    assert rows[-1][6] - rows[-1][0] == 299_999
    assert {len(row) for row in rows} == {12}
    assert rows[-1][4] == client.get_symbol_ticker(symbol="BTCUSDT")["price"]
    assert {after[0] - before[0] for before, after in pairwise(rows)} == {300_000}


def test_klines_are_cut_by_start_end_and_limit(client: Client) -> None:
    rows = client.get_klines(symbol="BTCUSDT", interval="1m", limit=10)
    first, last = rows[2][0], rows[6][0]
    between = client.get_klines(symbol="BTCUSDT", interval="1m", startTime=first, endTime=last)
    assert between == rows[2:7]
    onward = client.get_klines(symbol="BTCUSDT", interval="1m", startTime=first, limit=3)
    assert onward == rows[2:5]
    until = client.get_klines(symbol="BTCUSDT", interval="1m", endTime=last + 5, limit=2)
    assert until == rows[5:7]
    assert client.get_klines(symbol="BTCUSDT", interval="1m", startTime=rows[-1][0] + 1) == []
    assert len(client.get_klines(symbol="BTCUSDT", interval="1m", limit=5000)) == 1000


def test_history_begins_where_the_recording_begins(client: Client) -> None:
    rows = client.get_klines(symbol="BTCUSDT", interval="1m", startTime=0, limit=1)
    assert rows[0][0] == 1_746_372_780_000
    hours = client.get_klines(symbol="BTCUSDT", interval="1h", startTime=0, limit=1)
    assert hours[0][0] == 1_746_374_400_000


def test_the_rules_of_both_symbols_are_those_of_the_venue(client: Client) -> None:
    symbols = {one["symbol"]: one for one in client.get_exchange_info()["symbols"]}
    filters = {
        name: {one["filterType"]: one for one in symbol["filters"]}
        for name, symbol in symbols.items()
    }
    assert set(filters) == {"BTCUSDT", "ETHUSDT"}
    assert filters["BTCUSDT"]["PRICE_FILTER"]["tickSize"] == "0.01000000"
    assert filters["BTCUSDT"]["LOT_SIZE"]["stepSize"] == "0.00001000"
    assert filters["ETHUSDT"]["LOT_SIZE"]["stepSize"] == "0.00010000"
    assert filters["BTCUSDT"]["NOTIONAL"]["minNotional"] == "5.00000000"
    assert filters["BTCUSDT"]["MARKET_LOT_SIZE"]["stepSize"] == "0.00000000"
    assert client.get_symbol_info("ETHUSDT")["baseAsset"] == "ETH"
    assert client.get_symbol_info("XXXUSDT") is None


def test_permissions_commissions_and_counts_can_be_read(client: Client) -> None:
    assert client.get_account_api_permissions()["enableWithdrawals"] is False
    assert client.get_account()["commissionRates"]["taker"] == "0.00100000"
    client.create_order(symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.001")
    headers = client.response.headers
    assert (headers["X-MBX-ORDER-COUNT-10S"], headers["X-MBX-ORDER-COUNT-1D"]) == ("1", "1")
    # It traded, so it is no unfilled order any more.
    assert [one["count"] for one in client.get_current_order_count()] == [0, 0]


def test_a_test_order_is_checked_and_not_placed(client: Client, demo: RunningExchange) -> None:
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET"}
    assert client.create_test_order(quantity="0.001", **order) == {}
    rates = client.create_test_order(quantity="0.001", computeCommissionRates="true", **order)
    assert rates["standardCommissionForOrder"] == {"maker": "0.00100000", "taker": "0.00100000"}
    with pytest.raises(BinanceAPIException, match="NOTIONAL"):
        client.create_test_order(quantity="0.00001", **order)
    assert demo.ledger()["orders"] == []


def test_the_library_places_changes_and_cancels_what_rests(client: Client) -> None:
    limit = {"symbol": "BTCUSDT", "side": "BUY", "timeInForce": "GTC", "quantity": "0.001"}
    placed = client.create_order(type="LIMIT", price="90000", newClientOrderId="tb-1", **limit)
    assert (placed["status"], placed["fills"]) == ("NEW", [])
    moved = client.cancel_replace_order(
        type="LIMIT",
        price="91000",
        cancelReplaceMode="STOP_ON_FAILURE",
        cancelOrigClientOrderId="tb-1",
        newClientOrderId="tb-2",
        **limit,
    )
    assert (moved["cancelResult"], moved["newOrderResult"]) == ("SUCCESS", "SUCCESS")
    assert [one["clientOrderId"] for one in client.get_open_orders(symbol="BTCUSDT")] == ["tb-2"]
    canceled = client.cancel_order(symbol="BTCUSDT", origClientOrderId="tb-2")
    assert (canceled["status"], canceled["origClientOrderId"]) == ("CANCELED", "tb-2")
    with pytest.raises(BinanceAPIException) as error:
        client.cancel_order(symbol="BTCUSDT", origClientOrderId="tb-2")
    assert error.value.code == -2011


def test_the_library_places_and_finds_order_lists(client: Client) -> None:
    placed = client.create_oco_order(**LISTS["oco"][0], listClientOrderId="L1")
    found = client.v3_get_order_list(origClientOrderId="L1")
    assert found["orders"] == placed["orders"]
    assert [one["listClientOrderId"] for one in client.get_open_oco_orders()] == ["L1"]
    done = client.v3_delete_order_list(symbol="BTCUSDT", listClientOrderId="L1")
    assert done["listOrderStatus"] == "ALL_DONE"
    entry = client._post("orderList/opoco", signed=True, data=dict(LISTS["opoco"][0]))
    assert [one["status"] for one in entry["orderReports"]] == ["NEW"] + ["PENDING_NEW"] * 2


def test_the_library_chooses_how_fees_are_paid(client: Client) -> None:
    assert client.toggle_bnb_burn_spot_margin(spotBNBBurn="true")["spotBNBBurn"] is True
    assert client.get_bnb_burn_spot_margin() == {"spotBNBBurn": True, "interestBNBBurn": False}


def test_the_librarys_unencoded_signature_is_refused_where_encoding_matters(
    client: Client,
) -> None:
    with pytest.raises(BinanceAPIException) as error:
        client.create_order(
            symbol="BTCUSDT", side="BUY", type="MARKET", quantity="1", newClientOrderId="a:b"
        )
    assert error.value.code == -1022


def test_two_exchanges_at_two_urls_do_not_mix(
    demo: RunningExchange, make_client: Callable[[str], Client]
) -> None:
    with RunningExchange(is_paused=True) as other:
        make_client(other.url).create_order(
            symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.001"
        )
        assert len(other.ledger()["orders"]) == 1
    assert demo.ledger()["orders"] == []

"""Wallet, positions and their figures over HTTP, against arithmetic done by hand.

At a mark price of 100000, 0.01 BTC bought at 100005 with a leverage of 10: cost 1000.05, margin
100.005, commission 0.500025 out of 10000.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from exchange.demo.conftest import Caller, refusal
from exchange.demo.fapi.tests.trading import SYMBOL, Trader, placed
from exchange.demo.fapi.tests.trading import trader as trader  # noqa: PLC0414 - a fixture
from exchange.demo.futures.figures import AccountFigures
from exchange.demo.testing import TEST_ACCOUNT, RunningExchange
from exchange.demo.venue import Venue

LIQUIDATION = "90365.96385542"  # (1000.05 - 100.005) / (0.01 - 0.01 * 0.004)
TOTALS = {
    "totalInitialMargin": "100.00000000",
    "totalMaintMargin": "4.00000000",
    "totalWalletBalance": "9999.49997500",
    "totalUnrealizedProfit": "-0.05000000",
    "totalMarginBalance": "9999.44997500",
    "totalPositionInitialMargin": "100.00000000",
    "totalOpenOrderInitialMargin": "0.00000000",
    "totalCrossWalletBalance": "9899.49497500",
    "totalCrossUnPnl": "0.00000000",
    "availableBalance": "9899.49497500",
    "maxWithdrawAmount": "9899.49497500",
}


def rows(trader: Trader, path: str, **params: Any) -> list[dict[str, Any]]:
    return list(trader.ask("GET", path, **params).json())


def test_a_long_position_is_shown_to_the_last_digit(trader: Trader) -> None:
    opened = placed(trader.order())["updateTime"]
    assert rows(trader, "v3/positionRisk") == [
        {
            "symbol": SYMBOL,
            "positionSide": "BOTH",
            "positionAmt": "0.010",
            "entryPrice": "100005.0",
            "breakEvenPrice": "100055.0025",
            "markPrice": "100000.00000000",
            "unRealizedProfit": "-0.05000000",
            "liquidationPrice": LIQUIDATION,
            "isolatedMargin": "99.95500000",
            "notional": "1000.00000000",
            "marginAsset": "USDT",
            "isolatedWallet": "100.00500000",
            "initialMargin": "100.00000000",
            "maintMargin": "4.00000000",
            "positionInitialMargin": "100.00000000",
            "openOrderInitialMargin": "0",
            "adl": 0,
            "bidNotional": "0",
            "askNotional": "0",
            "updateTime": opened,
        }
    ]


def test_a_short_position_has_signs(trader: Trader) -> None:
    placed(trader.order(side="SELL"))
    (row,) = rows(trader, "v3/positionRisk")
    assert (row["positionAmt"], row["notional"]) == ("-0.010", "-1000.00000000")
    assert (row["entryPrice"], row["breakEvenPrice"]) == ("99995.0", "99945.0025")
    assert float(row["liquidationPrice"]) > 109_000


def test_the_old_view_has_all_symbols_and_texts_throughout(trader: Trader) -> None:
    opened = placed(trader.order())["updateTime"]
    bitcoin, ether = rows(trader, "v2/positionRisk")
    assert bitcoin == {
        "symbol": SYMBOL,
        "positionSide": "BOTH",
        "positionAmt": "0.010",
        "entryPrice": "100005.0",
        "breakEvenPrice": "100055.0025",
        "markPrice": "100000.00000000",
        "unRealizedProfit": "-0.05000000",
        "liquidationPrice": LIQUIDATION,
        "leverage": "10",
        "maxNotionalValue": "230000000",
        "marginType": "isolated",
        "isolatedMargin": "99.95500000",
        "isAutoAddMargin": "false",
        "notional": "1000.00000000",
        "isolatedWallet": "100.00500000",
        "updateTime": opened,
    }
    assert (ether["symbol"], ether["positionAmt"], ether["marginType"]) == (
        "ETHUSDT",
        "0.000",
        "cross",
    )
    assert (ether["entryPrice"], ether["liquidationPrice"]) == ("0.0", "0")
    assert (ether["markPrice"], ether["leverage"]) == ("0.00000000", "20")
    assert rows(trader, "v2/positionRisk", symbol=SYMBOL) == [bitcoin]


def test_a_symbol_with_nothing_but_an_open_order_is_shown(trader: Trader) -> None:
    assert rows(trader, "v3/positionRisk") == []
    placed(trader.limit("90000"))
    (row,) = rows(trader, "v3/positionRisk")
    assert (row["symbol"], row["positionAmt"], row["notional"]) == (SYMBOL, "0.000", "0")
    assert (row["initialMargin"], row["openOrderInitialMargin"]) == ("90.00000000",) * 2
    assert rows(trader, "v3/positionRisk", symbol="ETHUSDT") == []
    (position,) = placed(trader.ask("GET", "v3/account"))["positions"]
    assert (position["symbol"], position["initialMargin"]) == (SYMBOL, "90.00000000")
    assert placed(trader.ask("GET", "v3/account"))["availableBalance"] == "9910.00000000"
    placed(trader.ask("DELETE", "v1/allOpenOrders", symbol=SYMBOL))
    assert rows(trader, "v3/positionRisk") == []


def test_in_hedge_mode_both_sides_are_shown(trader: Trader) -> None:
    placed(trader.ask("POST", "v1/positionSide/dual", dualSidePosition="true"))
    placed(trader.order(positionSide="LONG"))
    placed(trader.order(side="SELL", positionSide="SHORT"))
    shown = [(row["positionSide"], row["positionAmt"]) for row in rows(trader, "v3/positionRisk")]
    assert shown == [("LONG", "0.010"), ("SHORT", "-0.010")]
    old = [(row["symbol"], row["positionSide"]) for row in rows(trader, "v2/positionRisk")]
    sides = ("LONG", "SHORT")
    assert old == [(name, side) for name in ("BTCUSDT", "ETHUSDT") for side in sides]


def test_the_wallet_adds_up(trader: Trader) -> None:
    placed(trader.order())
    account = placed(trader.ask("GET", "v3/account"))
    assert {name: account[name] for name in TOTALS} == TOTALS
    (asset,) = account["assets"]
    assert asset["asset"] == "USDT"
    assert asset["walletBalance"] == TOTALS["totalWalletBalance"]
    assert asset["marginBalance"] == TOTALS["totalMarginBalance"]
    assert asset["availableBalance"] == TOTALS["availableBalance"]
    (position,) = account["positions"]
    assert position["isolatedWallet"] == "100.00500000"
    assert set(account) == {*TOTALS, "assets", "positions"}


def test_the_old_account_tells_how_every_symbol_is_traded(trader: Trader) -> None:
    placed(trader.order())
    account = placed(trader.ask("GET", "v2/account"))
    assert {name: account[name] for name in TOTALS} == TOTALS
    assert (account["feeTier"], account["canTrade"], account["canDeposit"]) == (0, True, True)
    assert (account["multiAssetsMargin"], account["assets"][0]["marginAvailable"]) == (False, True)
    bitcoin, ether = account["positions"]
    assert (bitcoin["leverage"], bitcoin["isolated"]) == ("10", True)
    assert (bitcoin["entryPrice"], bitcoin["maxNotional"]) == ("100005.0", "230000000")
    assert (ether["leverage"], ether["isolated"], ether["positionAmt"]) == ("20", False, "0.000")


@pytest.mark.parametrize("version", ["v2", "v3"])
def test_the_balance_is_that_of_the_wallet(trader: Trader, version: str) -> None:
    placed(trader.order())
    (row,) = rows(trader, f"{version}/balance")
    assert (row["asset"], row["balance"]) == ("USDT", "9999.49997500")
    assert row["crossWalletBalance"] == "9899.49497500"
    assert (row["availableBalance"], row["marginAvailable"]) == ("9899.49497500", True)
    assert isinstance(row["updateTime"], int)


def test_the_wallet_is_what_the_engine_reckons_with(trader: Trader) -> None:
    placed(trader.ask("POST", "v1/positionSide/dual", dualSidePosition="true"))
    placed(trader.order(positionSide="LONG"))
    placed(trader.order(side="SELL", positionSide="SHORT", quantity="0.025"))
    placed(trader.limit("99000", positionSide="LONG", quantity="0.005"))
    placed(trader.limit("101000", side="SELL", positionSide="LONG", quantity="0.002"))
    trader.demo.set_price(SYMBOL, "100321.5", of="mark")

    def reckon(venue: Venue) -> AccountFigures:
        (one,) = venue.accounts.values()
        return venue.futures.figures(one.uid, venue.advance())

    figures = trader.demo.run_inside(reckon)
    account = placed(trader.ask("GET", "v3/account"))
    assert {
        "totalWalletBalance": figures.wallet,
        "totalCrossWalletBalance": figures.cross_wallet,
        "totalUnrealizedProfit": figures.unrealized,
        "totalMarginBalance": figures.margin_balance,
        "totalMaintMargin": figures.maintenance,
        "totalPositionInitialMargin": figures.position_initial,
        "totalOpenOrderInitialMargin": figures.open_order_initial,
        "availableBalance": figures.available,
    }.items() <= {
        name: Decimal(value) for name, value in account.items() if isinstance(value, str)
    }.items()
    assert figures.open_order_initial > 0


def test_an_asset_that_is_no_margin_lies_idle() -> None:
    with RunningExchange(accounts=[f"{TEST_ACCOUNT},UM.BNB=2"], is_paused=True) as demo:
        caller = Caller(demo.url)
        usdt, bnb = caller.signed("GET", "/fapi/v3/balance").json()
        assert (usdt["asset"], bnb["asset"], bnb["balance"]) == ("USDT", "BNB", "2.00000000")
        account = caller.signed("GET", "/fapi/v3/account").json()
        assert account["totalWalletBalance"] == "10000.00000000"


def test_commissions_and_order_limits_are_told(trader: Trader) -> None:
    assert placed(trader.ask("GET", "v1/commissionRate", symbol=SYMBOL)) == {
        "symbol": SYMBOL,
        "makerCommissionRate": "0.000200",
        "takerCommissionRate": "0.000500",
        "rpiCommissionRate": "0.000050",
    }
    assert rows(trader, "v1/rateLimit/order") == [
        {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 300},
        {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": 1200},
    ]


def test_the_account_says_what_it_may_do(demo: RunningExchange, trader: Trader) -> None:
    demo.control("keys", {"key_number": 1, "canTrade": False, "permitsUniversalTransfer": False})
    config = placed(trader.ask("GET", "v1/accountConfig"))
    assert (config["canTrade"], config["canDeposit"], config["canWithdraw"]) == (False,) * 3
    assert (config["dualSidePosition"], config["tradeGroupId"]) == (False, -1)


@pytest.mark.parametrize(
    ("path", "params", "code"),
    [
        ("v3/positionRisk", {"symbol": "NOPE"}, -1121),
        ("v3/account", {"symbol": SYMBOL}, -1104),
        ("v1/commissionRate", {}, -1102),
        ("v1/income", {"incomeType": "LUCK"}, -1130),
        ("v1/income", {"limit": "1001"}, -1130),
        ("v1/income", {"page": "1"}, -1104),
        ("v1/income", {"symbol": "NOPE"}, -1121),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(
    trader: Trader, path: str, params: dict[str, str], code: int
) -> None:
    assert refusal(trader.ask("GET", path, **params))[:2] == (400, code)


def test_a_stale_answer_shows_the_positions_of_before(
    demo: RunningExchange, trader: Trader
) -> None:
    demo.set_fault(endpoint="GET /fapi/v3/*", action="stale", seconds=600, times=2)
    placed(trader.order())
    assert rows(trader, "v3/positionRisk") == []
    stale = placed(trader.ask("GET", "v3/account"))
    assert (stale["totalWalletBalance"], stale["positions"]) == ("10000.00000000", [])
    (row,) = rows(trader, "v3/positionRisk")
    assert row["positionAmt"] == "0.010"

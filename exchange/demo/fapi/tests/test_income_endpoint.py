"""Why a futures wallet changed, over HTTP; times are market time."""

from __future__ import annotations

from typing import Any

from exchange.demo.fapi.tests.trading import SYMBOL, Trader, placed
from exchange.demo.fapi.tests.trading import trader as trader  # noqa: PLC0414 - a fixture

DAY = 86_400_000


def income(trader: Trader, **params: Any) -> list[dict[str, Any]]:
    return list(trader.ask("GET", "v1/income", **params).json())


def kinds(trader: Trader, **params: Any) -> list[str]:
    return [row["incomeType"] for row in income(trader, **params)]


def test_every_change_is_one_row(trader: Trader) -> None:
    moved = {"type": "MAIN_UMFUTURE", "asset": "USDT", "amount": "250"}
    placed(trader.caller.signed("POST", "/sapi/v1/asset/transfer", **moved))
    first = placed(trader.order())["updateTime"]
    trader.move("101000")
    placed(trader.order(side="SELL", reduceOnly="true"))
    trade, closing = trader.trades()
    rows = income(trader)
    assert [row["incomeType"] for row in rows] == [
        "TRANSFER",
        "COMMISSION",
        "REALIZED_PNL",
        "COMMISSION",
    ]
    assert (rows[0]["income"], rows[0]["symbol"], rows[0]["tradeId"]) == ("250.00000000", "", "")
    assert rows[1] == {
        "symbol": SYMBOL,
        "incomeType": "COMMISSION",
        "income": "-0.50002500",
        "asset": "USDT",
        "info": "COMMISSION",
        "time": first,
        "tranId": rows[1]["tranId"],
        "tradeId": str(trade["id"]),
    }
    assert (rows[2]["income"], rows[2]["tradeId"]) == (closing["realizedPnl"], str(closing["id"]))
    ids = [row["tranId"] for row in rows]
    assert ids == sorted(set(ids))


def test_rows_are_chosen_by_symbol_type_span_and_number(trader: Trader) -> None:
    placed(trader.order())
    later = trader.demo.control("clock")["market_time_ms"] + 1
    trader.move("101000", seconds=10)
    placed(trader.order(side="SELL", reduceOnly="true"))
    assert kinds(trader) == ["COMMISSION", "REALIZED_PNL", "COMMISSION"]
    assert kinds(trader, symbol="ETHUSDT") == []
    assert kinds(trader, incomeType="REALIZED_PNL") == ["REALIZED_PNL"]
    assert kinds(trader, incomeType="WELCOME_BONUS") == []
    assert kinds(trader, startTime=later) == ["REALIZED_PNL", "COMMISSION"]
    assert kinds(trader, endTime=later) == ["COMMISSION"]
    assert kinds(trader, startTime=1, limit=2) == ["COMMISSION", "REALIZED_PNL"]
    assert kinds(trader, limit=2) == ["REALIZED_PNL", "COMMISSION"]
    assert kinds(trader, startTime=later, endTime=later - 1) == []


def test_a_week_is_shown_unless_told_and_three_months_are_kept(trader: Trader) -> None:
    placed(trader.order())
    placed(trader.order(side="SELL", reduceOnly="true"))
    opened = trader.trades()[0]["time"]
    trader.wait(days=8)
    assert kinds(trader) == []
    assert "COMMISSION" in kinds(trader, startTime=opened)
    assert "COMMISSION" in kinds(trader, endTime=opened)
    trader.wait(days=83)
    assert kinds(trader, startTime=opened) == []

"""Promise: one command on an empty machine, and a bot trades; the books agree to the last digit."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.stack import Stack, money, wait_for

pytestmark = pytest.mark.stack

# The recording starts 45 market minutes before a buy and 70 before its sale, at 60 times real time.
TWO_MINUTES = 120
STATUSES = {"FILLED": "filled", "NEW": "open", "CANCELED": "canceled", "EXPIRED": "expired"}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Run an installation in a path with a space; nothing of it is left afterwards."""
    data = tmp_path_factory.mktemp("a fresh machine") / "data"
    stack = Stack(data=data, port=_free_port())
    try:
        yield stack
    finally:
        stack.control("down")


def _bot(stack: Stack) -> dict[str, Any]:
    return stack.rows(
        "SELECT s.*, b.symbol, b.is_active FROM bots_botstate s "
        "JOIN bots_botconfig b ON b.id = s.bot_id WHERE b.symbol = 'BTCUSDT'"
    )[0]


def _held(account: Any, asset: str) -> Decimal:
    # What a resting stop has locked is held all the same.
    amounts = account["spot"][asset]
    return money(amounts["free"]) + money(amounts["locked"])


def _sides(stack: Stack) -> list[str]:
    return [row["side"] for row in stack.rows("SELECT side FROM bots_trade ORDER BY id")]


def test_a_bot_buys_and_sells_within_two_minutes_of_ready(stack: Stack) -> None:
    printed = stack.up()
    assert f"Ready: http://127.0.0.1:{stack.port}" in printed
    assert stack.credentials["demo_trader_password"] in printed
    assert _bot(stack)["is_active"]

    wait_for(
        lambda: _sides(stack)[:2] == ["BUY", "SELL"],
        seconds=TWO_MINUTES,
        why=lambda: f"{_sides(stack)} {_bot(stack)}\n{stack.tail_of_logs()}",
    )
    assert _bot(stack)["status"] == "running (demo mode)"


def test_stopping_leaves_nothing_running_and_the_next_start_goes_on(stack: Stack) -> None:
    wait_for(
        lambda: _bot(stack)["in_position"],
        seconds=TWO_MINUTES,
        why=lambda: f"no second entry: {_sides(stack)} {_bot(stack)}",
    )
    children, ledger = stack.run["children"], stack.exchange("ledger")
    stack.down()
    assert [child for child in children if Path(f"/proc/{child['pid']}").exists()] == []

    stack.up()
    after, bot = stack.exchange("ledger"), _bot(stack)
    assert after["balances"] == ledger["balances"]
    assert after["orders"] == ledger["orders"]
    assert after["market_time"] >= ledger["market_time"]
    (account,) = after["balances"].values()
    assert bot["in_position"]
    assert money(bot["current_position_size_coins"]) == _held(account, "BTC")
    wait_for(
        lambda: _sides(stack) == ["BUY", "SELL", "BUY", "SELL"],
        seconds=TWO_MINUTES,
        why=lambda: f"{_sides(stack)} {_bot(stack)}\n{stack.tail_of_logs()}",
    )


def _children(stack: Stack) -> dict[str, dict[str, Any]]:
    return {child["name"]: child for child in stack.run["children"]}


def test_bots_go_on_while_the_feed_and_the_dispatcher_are_killed_and_come_back(
    stack: Stack,
) -> None:
    newest = "SELECT coalesce(max(id), 0) AS id FROM bots_tick"
    before, killed = _children(stack), ("market-feed", "dispatcher")
    for name in killed:
        os.kill(before[name]["pid"], signal.SIGKILL)
    (tick,) = stack.rows(newest)
    wait_for(
        lambda: stack.rows(newest)[0]["id"] > tick["id"] + 1,
        seconds=30,
        why=lambda: f"{_bot(stack)}\n{stack.tail_of_logs()}",
    )
    wait_for(
        lambda: all(
            _children(stack)[name]["state"] == "running"
            and _children(stack)[name]["restarts"] == before[name]["restarts"] + 1
            for name in killed
        ),
        seconds=60,
        why=lambda: f"{_children(stack)}\n{stack.tail_of_logs()}",
    )
    after = _children(stack)
    assert [name for name in before if after[name]["pid"] != before[name]["pid"]] == list(killed)


def test_exchange_and_books_agree_to_the_last_digit(stack: Stack) -> None:
    stack.stop_bots()
    ledger = stack.exchange("ledger")
    orders = {row["client_order_id"]: row for row in stack.rows("SELECT * FROM bots_order")}
    fills = {row["trade_id"]: row for row in stack.rows("SELECT * FROM bots_fill")}

    assert {order["clientOrderId"] for order in ledger["orders"]} == set(orders)
    for order in ledger["orders"]:
        ours = orders[order["clientOrderId"]]
        assert ours["status"] == STATUSES[order["status"]]
        assert ours["venue_order_id"] == str(order["orderId"])
        assert money(ours["filled_quantity"]) == money(order["executedQty"])
        assert money(ours["filled_quote_quantity"]) == money(order["cummulativeQuoteQty"])
    assert {str(fill["id"]) for fill in ledger["fills"]} == set(fills)
    for fill in ledger["fills"]:
        ours = fills[str(fill["id"])]
        assert money(ours["price"]) == money(fill["price"])
        assert money(ours["quantity"]) == money(fill["qty"])
        assert money(ours["commission"]) == money(fill["commission"])
        assert ours["commission_asset"] == fill["commissionAsset"]


def test_the_position_and_profit_shown_are_those_of_the_exchange(stack: Stack) -> None:
    ledger = stack.exchange("ledger")
    (account,) = ledger["balances"].values()
    held = {asset: _held(account, asset) for asset in account["spot"]}
    bot = _bot(stack)
    trades = stack.rows("SELECT * FROM bots_trade ORDER BY id")
    paid = sum(money(t["quote_quantity_filled"]) for t in trades if t["side"] == "BUY")
    brought = sum(
        money(t["quote_quantity_filled"]) - money(t["commission_amount"])
        for t in trades
        if t["side"] == "SELL"
    )

    assert money(bot["current_position_size_coins"]) == held["BTC"]
    assert held["USDT"] == money(10000) - paid + brought
    realized = sum(money(t["realized_pnl"]) for t in trades if t["realized_pnl"] is not None)
    assert money(bot["total_realized_pnl"]) == money(realized)
    # What was paid is either in the profit and loss, or in the cost of what is held.
    assert money(realized) == money(brought - paid + bot["position_cost"])


def test_a_supervisor_that_is_killed_leaves_data_from_which_the_next_start_goes_on(
    stack: Stack,
) -> None:
    ledger, run = stack.exchange("ledger"), stack.run
    os.kill(run["pid"], signal.SIGKILL)
    wait_for(
        lambda: not any(Path(f"/proc/{child['pid']}").exists() for child in run["children"]),
        seconds=20,
        why=lambda: "children outlived their supervisor",
    )
    stack.up()
    after = stack.exchange("ledger")
    assert after["balances"] == ledger["balances"]
    assert [order["orderId"] for order in after["orders"]] == [
        order["orderId"] for order in ledger["orders"]
    ]


def test_a_second_start_says_that_it_is_running(stack: Stack) -> None:
    again = stack.control("up", "--detach")
    assert again.returncode == 0
    assert f"http://127.0.0.1:{stack.port}" in again.stdout


def test_no_log_holds_a_secret(stack: Stack) -> None:
    logs = "".join(log.read_text() for log in (stack.data / "logs").glob("*.log"))
    names = ("secret_key", "fernet_keys", "postgres_password", "demo_api_key", "demo_api_secret")
    assert [name for name in names if stack.credentials[name] in logs] == []

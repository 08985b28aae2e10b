"""A venue that plays a script about transfers; the fixture `script` starts it."""

from __future__ import annotations

from typing import Any

import pytest

from exchange.binance.clock import wall_milliseconds
from exchange.binance.tests.scripted_server import Reply, ScriptedServer
from exchange.models import APIKey, Transfer, TransferStage
from exchange.tests.transfer_steps import (
    AFTER_THE_WINDOW,
    PATH,
    let_signing_time_pass,
    move,
)
from exchange.transfers import reconcile_transfers


def spot_wallet(script: ScriptedServer, free: str) -> None:
    """Let the venue tell the spot wallet's USDT once."""
    balances = [{"asset": "USDT", "free": free, "locked": "0"}]
    script.says("/api/v3/account", {"uid": 1001, "canTrade": True, "balances": balances})


def history(script: ScriptedServer, *rows: dict[str, Any]) -> None:
    """Let the venue show this history once."""
    script.says(PATH, {"total": len(rows), "rows": list(rows)})


def shown(
    number: int, *, status: str = "CONFIRMED", after_ms: int = 5, **more: Any
) -> dict[str, Any]:
    """Return the row of a history that a transfer made just now would be."""
    values = {"asset": "USDT", "amount": "100", "type": "MAIN_UMFUTURE", "status": status}
    return values | {"tranId": number, "timestamp": wall_milliseconds() + after_ms} | more


def sent(script: ScriptedServer) -> int:
    """Return how many transfers have arrived at the venue."""
    return len([one for one in script.asked(PATH) if one.method == "POST"])


def lost(script: ScriptedServer, api_key: APIKey, *known_before: dict[str, Any]) -> Transfer:
    """Send a transfer whose answer is lost."""
    history(script, *known_before)
    spot_wallet(script, "1000")
    script.queue(PATH, Reply(drops=True))
    row = move(api_key)
    assert (row.status, row.is_unsettled) == (TransferStage.UNKNOWN, True)
    return row


def looks(
    script: ScriptedServer,
    api_key: APIKey,
    monkeypatch: pytest.MonkeyPatch,
    *rows: dict[str, Any],
    times: int = 2,
) -> Transfer:
    """Look at the same history again and again, long after it can change."""
    for _ in range(times):
        let_signing_time_pass(monkeypatch, AFTER_THE_WINDOW)
        history(script, *rows)
        (row,) = reconcile_transfers(api_key)
    return row

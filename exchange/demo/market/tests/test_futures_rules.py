"""Perpetuals whose rules change while the exchange runs, and stay changed after a restart."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from exchange.demo.errors import DemoExchangeError
from exchange.demo.market.futures_rules import FuturesRules
from exchange.demo.market.futures_symbols import FuturesSymbol
from exchange.demo.market.tests.test_futures_symbols import BITCOIN, perpetual
from exchange.demo.state import State


def listed() -> dict[str, FuturesSymbol]:
    return {"BTCUSDT": BITCOIN, "ETHUSDT": perpetual("ETHUSDT", "2500")}


def test_nothing_changes_until_it_is_changed() -> None:
    symbols = listed()
    assert FuturesRules(State(None), symbols).names == ("BTCUSDT", "ETHUSDT")
    assert symbols == listed()


def test_changes_add_up_and_survive_a_restart(tmp_path: Path) -> None:
    state, symbols = State(tmp_path), listed()
    rules = FuturesRules(state, symbols)
    rules.set_rules("BTCUSDT", {"min_notional": Decimal(100), "step": Decimal("0.01000000")})
    rules.set_rules("BTCUSDT", {"tick": Decimal("0.5")})
    rules.set_status("BTCUSDT", "TRADING_HALT")
    rules.delist("ETHUSDT")
    state.close()

    again, reopened = listed(), State(tmp_path)
    restarted = FuturesRules(reopened, again)
    assert again == symbols
    assert list(again) == ["BTCUSDT"]
    changed = again["BTCUSDT"]
    assert (changed.tick, changed.step) == (Decimal("0.5"), Decimal("0.01"))
    assert (changed.min_notional, changed.status) == (Decimal(100), "TRADING_HALT")
    assert changed.is_trading is False
    restarted.relist("ETHUSDT")
    assert again["ETHUSDT"] == listed()["ETHUSDT"]
    reopened.close()


def test_what_makes_no_sense_is_refused_and_changes_nothing() -> None:
    symbols = listed()
    rules = FuturesRules(State(None), symbols)
    with pytest.raises(DemoExchangeError, match="no status of a perpetual: 'ASLEEP'"):
        rules.set_status("BTCUSDT", "ASLEEP")
    for wrong in ({"tick": Decimal("0.0000001")}, {"step": Decimal("0.000000001")}):
        with pytest.raises(DemoExchangeError, match="tick times step"):
            rules.set_rules("BTCUSDT", wrong)
    with pytest.raises(DemoExchangeError, match="must be above 0"):
        rules.set_rules("BTCUSDT", {"min_notional": Decimal(0)})
    assert symbols == listed()

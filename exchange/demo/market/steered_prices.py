"""What a person has set, kept in the state: prices of the spot pair, its perpetual, its mark."""

from __future__ import annotations

from typing import Final

from exchange.demo.market.steering import SteeredPrice, Steering
from exchange.demo.state import State

SPOT: Final = "spot"
FUTURES: Final = "futures"
MARK: Final = "mark"
STEERABLE: Final = (SPOT, FUTURES, MARK)
_COLUMNS: Final = "symbol, market, from_ms, until_ms, price"


def stored_steering(state: State, symbol: str, of: str) -> Steering:
    """Return what was set for one price of a symbol."""
    sql = "SELECT * FROM steering WHERE symbol = ? AND market = ? ORDER BY from_ms"
    rows = state.rows(sql, symbol, of)
    return Steering([SteeredPrice(row["from_ms"], row["until_ms"], row["price"]) for row in rows])


def store_steering(state: State, symbol: str, of: str, steering: Steering) -> None:
    """Write down what is set for one price of a symbol, in place of what was."""
    with state.transaction():
        state.execute("DELETE FROM steering WHERE symbol = ? AND market = ?", symbol, of)
        for held in steering.all:
            sql = f"INSERT INTO steering ({_COLUMNS}) VALUES (?, ?, ?, ?, ?)"  # noqa: S608 - ours
            state.execute(sql, symbol, of, *held)

"""Balances, and the proof that nothing is made or lost.

Trades are exchanged with a market maker, whose balances may be negative; fees go to a fee account.
In every wallet and asset: accounts + market maker + fees = deposits.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final, NamedTuple

from exchange.demo.accounts import SPOT, AccountSpec, digest
from exchange.demo.amounts import text
from exchange.demo.state import State

FEES_UID: Final = 0
MARKET_MAKER_UID: Final = -1
_SMALLEST_UID: Final = 100_000_000
_UID_RANGE: Final = 900_000_000
ZERO: Final = Decimal(0)


class ConservationError(Exception):
    """The books do not add up; the change that showed it has been rolled back."""


class Holding(NamedTuple):
    """What an account owns of one asset in one wallet."""

    uid: int
    wallet: str
    asset: str
    free: Decimal
    locked: Decimal


class Ledger:
    """The balances of every account. Callers wrap changes in `State.transaction`."""

    def __init__(self, state: State) -> None:
        self._state = state

    def open_account(self, spec: AccountSpec, *, market_ms: int) -> int:
        """Return the uid of a key; credit its deposits when the key is seen for the first time."""
        with self._state.transaction():
            known = self._state.rows(
                "SELECT uid FROM accounts WHERE key_digest = ?", digest(spec.key)
            )
            if known:
                return int(known[0]["uid"])
            uid = self._free_uid(spec.key)
            self._state.execute(
                "INSERT INTO accounts VALUES (?, ?, ?)", uid, digest(spec.key), market_ms
            )
            for (wallet, asset), amount in spec.deposits.items():
                self._state.execute(
                    "INSERT INTO deposits VALUES (?, ?, ?, ?, ?)",
                    *(uid, wallet, asset, text(amount), market_ms),
                )
                self.add(uid, asset, amount, wallet=wallet)
            self.check_conservation()
        return uid

    def created_ms(self, uid: int) -> int:
        """Return the market time at which the account was opened."""
        rows = self._state.rows("SELECT created_ms FROM accounts WHERE uid = ?", uid)
        return int(rows[0]["created_ms"])

    def free(self, uid: int, asset: str) -> Decimal:
        """Return the free spot balance."""
        rows = self._state.rows(
            "SELECT free FROM balances WHERE uid = ? AND wallet = ? AND asset = ?", uid, SPOT, asset
        )
        return Decimal(rows[0]["free"]) if rows else ZERO

    def add(self, uid: int, asset: str, amount: Decimal, *, wallet: str = SPOT) -> None:
        """Change a free balance; ConservationError when an account would owe something."""
        rows = self._state.rows(
            "SELECT free FROM balances WHERE uid = ? AND wallet = ? AND asset = ?",
            uid,
            wallet,
            asset,
        )
        free = (Decimal(rows[0]["free"]) if rows else ZERO) + amount
        if free < 0 and uid != MARKET_MAKER_UID:
            raise ConservationError(f"account {uid} would hold {free:f} {asset}")
        self._state.execute(
            "INSERT INTO balances VALUES (?, ?, ?, ?, '0.00000000')"
            " ON CONFLICT (uid, wallet, asset) DO UPDATE SET free = excluded.free",
            *(uid, wallet, asset, text(free)),
        )

    def holdings(self) -> list[Holding]:
        """Return every balance, the fee account's and the market maker's included."""
        rows = self._state.rows("SELECT * FROM balances ORDER BY uid, wallet, asset")
        return [
            Holding(
                row["uid"],
                row["wallet"],
                row["asset"],
                Decimal(row["free"]),
                Decimal(row["locked"]),
            )
            for row in rows
        ]

    def deposits(self) -> list[dict[str, Any]]:
        """Return every deposit as it was credited."""
        rows = self._state.rows("SELECT * FROM deposits ORDER BY uid, wallet, asset")
        names = {"uid": "uid", "wallet": "wallet", "asset": "asset", "amount": "amount"}
        return [{key: row[column] for key, column in names.items()} for row in rows]

    def differences(self) -> dict[tuple[str, str], Decimal]:
        """Return what is held beyond the deposits per (wallet, asset); all zero when sound."""
        result: dict[tuple[str, str], Decimal] = {}
        for holding in self.holdings():
            place = (holding.wallet, holding.asset)
            result[place] = result.get(place, ZERO) + holding.free + holding.locked
        for deposit in self.deposits():
            place = (deposit["wallet"], deposit["asset"])
            result[place] = result.get(place, ZERO) - Decimal(deposit["amount"])
        return result

    def check_conservation(self) -> None:
        """Raise ConservationError unless everything held was deposited and nothing is missing."""
        wrong = {place: amount for place, amount in self.differences().items() if amount}
        if wrong:
            raise ConservationError(f"held beyond the deposits: {wrong}")

    def _free_uid(self, key: str) -> int:
        uid = _SMALLEST_UID + int(digest(key)[:12], 16) % _UID_RANGE
        while self._state.rows("SELECT 1 FROM accounts WHERE uid = ?", uid):
            uid += 1
        return uid

"""Balances, and the proof that nothing is made or lost.

Trades are exchanged with a market maker, whose balances may be negative; fees go to a fee account.
In the futures wallet funding is exchanged with an account of its own, and an insurance fund takes
and pays what liquidations leave; both may be negative too. In every wallet and asset: accounts
(free and locked) + these holders = deposits + transfers in - transfers out.

Two checks keep it so. Every `booking` proves, before it commits, that what it moves adds up to its
deposits and that nobody is left owing: that costs a few additions, whatever the number of accounts.
`check_conservation` reads every balance and runs when an account is opened.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, NamedTuple

from exchange.demo.accounts import FUTURES, SPOT, AccountSpec, digest
from exchange.demo.amounts import ZERO as ZERO  # noqa: PLC0414 - others take it from here
from exchange.demo.amounts import text
from exchange.demo.state import State

FEES_UID: Final = 0
MARKET_MAKER_UID: Final = -1
FUNDING_UID: Final = -2
INSURANCE_UID: Final = -3
SPECIAL_UIDS: Final = (FEES_UID, MARKET_MAKER_UID, FUNDING_UID, INSURANCE_UID)
_MAY_OWE: Final = (MARKET_MAKER_UID, FUNDING_UID, INSURANCE_UID)
TO_FUTURES: Final = "MAIN_UMFUTURE"
TO_SPOT: Final = "UMFUTURE_MAIN"
# From which wallet to which, by the venue's name of a transfer.
TRANSFERS: Final = {TO_FUTURES: (SPOT, FUTURES), TO_SPOT: (FUTURES, SPOT)}
_SMALLEST_UID: Final = 100_000_000
_UID_RANGE: Final = 900_000_000


class ConservationError(Exception):
    """The books do not add up; the change that showed it has been rolled back."""


class Holding(NamedTuple):
    """What an account owns of one asset in one wallet."""

    uid: int
    wallet: str
    asset: str
    free: Decimal
    locked: Decimal


@dataclass(slots=True)
class _Balance:
    free: Decimal
    locked: Decimal


class Ledger:
    """The balances of every account. They change inside `booking` only."""

    def __init__(self, state: State) -> None:
        self._state = state
        # Of the running booking: balances as they will be, and what was moved so far.
        self._touched: dict[tuple[int, str, str], _Balance] = {}
        self._moved: dict[tuple[str, str], Decimal] = {}
        self._is_booking = False

    @contextmanager
    def booking(self) -> Iterator[None]:
        """Commit all changes inside together, or none.

        ConservationError, and nothing of them, when they make or lose something or leave anybody
        owing who may not. Whatever else is written to the state inside goes the same way.
        """
        with self._state.transaction():
            self._is_booking = True
            try:
                yield
                self._check_moves()
                self._check_debts()
                self._write()
            finally:
                self._is_booking = False
                self._touched.clear()
                self._moved.clear()

    def open_account(self, spec: AccountSpec, *, market_ms: int) -> int:
        """Return the uid of a key; credit its deposits when the key is seen for the first time."""
        known = self._state.rows("SELECT uid FROM accounts WHERE key_digest = ?", digest(spec.key))
        if known:
            return int(known[0]["uid"])
        with self.booking():
            uid = self._free_uid(spec.key)
            self._state.execute(
                "INSERT INTO accounts (uid, key_digest, created_ms) VALUES (?, ?, ?)",
                *(uid, digest(spec.key), market_ms),
            )
            for (wallet, asset), amount in spec.deposits.items():
                self._credit(uid, wallet, asset, amount, market_ms)
        self.check_conservation()
        return uid

    def deposit(
        self, uid: int, asset: str, amount: Decimal, *, market_ms: int, wallet: str = SPOT
    ) -> None:
        """Credit new money to an account and commit it."""
        with self.booking():
            self._credit(uid, wallet, asset, amount, market_ms)
        self.check_conservation()

    def created_ms(self, uid: int) -> int:
        """Return the market time at which the account was opened."""
        rows = self._state.rows("SELECT created_ms FROM accounts WHERE uid = ?", uid)
        return int(rows[0]["created_ms"])

    def bnb_burn(self, uid: int) -> bool:
        """Say whether the account pays its fees in BNB where it can."""
        rows = self._state.rows("SELECT bnb_burn FROM accounts WHERE uid = ?", uid)
        return bool(rows and rows[0]["bnb_burn"])

    def set_bnb_burn(self, uid: int, is_on: bool) -> None:  # noqa: FBT001 - the one thing it sets
        """Choose whether the account pays its fees in BNB where it can."""
        self._state.execute("UPDATE accounts SET bnb_burn = ? WHERE uid = ?", is_on, uid)

    def free(self, uid: int, asset: str, *, wallet: str = SPOT) -> Decimal:
        """Return the free balance."""
        return self._balance(uid, wallet, asset).free

    def locked(self, uid: int, asset: str, *, wallet: str = SPOT) -> Decimal:
        """Return what open orders have locked."""
        return self._balance(uid, wallet, asset).locked

    def add(self, uid: int, asset: str, amount: Decimal, *, wallet: str = SPOT) -> None:
        """Change a free balance."""
        balance = self._touch(uid, wallet, asset)
        balance.free += amount
        self._moved[wallet, asset] = self._moved.get((wallet, asset), ZERO) + amount

    def transfer(self, uid: int, type: str, asset: str, amount: Decimal) -> None:
        """Move an amount between the wallets of an account, by a name of `TRANSFERS`.

        Whoever does so stores a row of the table `transfers` in the same booking.
        """
        for wallet, moved in zip(TRANSFERS[type], (-amount, amount), strict=True):
            self.add(uid, asset, moved, wallet=wallet)
            self._moved[wallet, asset] -= moved

    def lock(self, uid: int, asset: str, amount: Decimal) -> None:
        """Move an amount from the free to the locked spot balance; back when it is negative."""
        balance = self._touch(uid, SPOT, asset)
        balance.free -= amount
        balance.locked += amount

    def owing(self, uid: int) -> bool:
        """Say whether the running booking would leave the account with less than nothing."""
        return any(
            balance.free < 0 or balance.locked < 0
            for (holder, _, _), balance in self._touched.items()
            if holder == uid
        )

    def touched(self) -> list[Holding]:
        """Return the spot balances of accounts that the running booking moves, as they will be."""
        return [
            Holding(uid, wallet, asset, balance.free, balance.locked)
            for (uid, wallet, asset), balance in self._touched.items()
            if wallet == SPOT and uid not in SPECIAL_UIDS
        ]

    def holding(self, uid: int, asset: str) -> Holding:
        """Return a spot balance."""
        balance = self._balance(uid, SPOT, asset)
        return Holding(uid, SPOT, asset, balance.free, balance.locked)

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
        """Return what is held beyond what came in per (wallet, asset); all zero when sound."""
        result: dict[tuple[str, str], Decimal] = {}
        for holding in self.holdings():
            place = (holding.wallet, holding.asset)
            result[place] = result.get(place, ZERO) + holding.free + holding.locked
        for deposit in self.deposits():
            place = (deposit["wallet"], deposit["asset"])
            result[place] = result.get(place, ZERO) - Decimal(deposit["amount"])
        for row in self._state.rows("SELECT type, asset, amount FROM transfers"):
            source, target = ((wallet, row["asset"]) for wallet in TRANSFERS[row["type"]])
            result[source] = result.get(source, ZERO) + Decimal(row["amount"])
            result[target] = result.get(target, ZERO) - Decimal(row["amount"])
        return result

    def check_conservation(self) -> None:
        """Raise ConservationError unless everything held was deposited and nothing is missing."""
        wrong = {place: amount for place, amount in self.differences().items() if amount}
        if wrong:
            raise ConservationError(f"held beyond the deposits: {wrong}")

    def _credit(self, uid: int, wallet: str, asset: str, amount: Decimal, at_ms: int) -> None:
        self._state.execute(
            "INSERT INTO deposits VALUES (?, ?, ?, ?, ?)", uid, wallet, asset, text(amount), at_ms
        )
        self.add(uid, asset, amount, wallet=wallet)
        self._moved[wallet, asset] -= amount

    def _balance(self, uid: int, wallet: str, asset: str) -> _Balance:
        touched = self._touched.get((uid, wallet, asset))
        if touched:
            return touched
        rows = self._state.rows(
            "SELECT free, locked FROM balances WHERE uid = ? AND wallet = ? AND asset = ?",
            *(uid, wallet, asset),
        )
        if not rows:
            return _Balance(ZERO, ZERO)
        return _Balance(Decimal(rows[0]["free"]), Decimal(rows[0]["locked"]))

    def _touch(self, uid: int, wallet: str, asset: str) -> _Balance:
        if not self._is_booking:
            raise RuntimeError("balances change inside a booking only")
        balance = self._balance(uid, wallet, asset)
        self._touched[uid, wallet, asset] = balance
        return balance

    def _check_moves(self) -> None:
        wrong = {place: amount for place, amount in self._moved.items() if amount}
        if wrong:
            raise ConservationError(f"made or lost: {wrong}")

    def _check_debts(self) -> None:
        for (uid, _, asset), balance in self._touched.items():
            if balance.locked < 0 or (balance.free < 0 and uid not in _MAY_OWE):
                held = f"{balance.free:f} {asset} free and {balance.locked:f} locked"
                raise ConservationError(f"account {uid} would hold {held}")

    def _write(self) -> None:
        self._state.execute_many(
            "INSERT OR REPLACE INTO balances VALUES (?, ?, ?, ?, ?)",
            [
                (*place, text(balance.free), text(balance.locked))
                for place, balance in self._touched.items()
            ],
        )

    def _free_uid(self, key: str) -> int:
        uid = _SMALLEST_UID + int(digest(key)[:12], 16) % _UID_RANGE
        while self._state.rows("SELECT 1 FROM accounts WHERE uid = ?", uid):
            uid += 1
        return uid

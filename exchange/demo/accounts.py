"""Accounts as they are given at start: `KEY:SECRET:USDT=10000,BTC=0.5`."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Final

from exchange.demo.amounts import DECIMALS
from exchange.demo.errors import DemoExchangeError

SPOT: Final = "spot"
FUTURES: Final = "um"
_FUTURES_PREFIX: Final = "UM."
_FUTURES_ASSET: Final = "USDT"
# A futures amount whose point was forgotten would open an account with coins that nobody trades.
_POINT_FORGOTTEN: Final = frozenset(
    f"UM{asset}" for asset in ("USDT", "USDC", "FDUSD", "TUSD", "EUR", "TRY", "BTC", "ETH", "BNB")
)
_LARGEST_DIGITS: Final = 12
KEY_PATTERN: Final = re.compile(r"[A-Za-z0-9]{16,64}")
_ASSET: Final = re.compile(r"[A-Z0-9]{1,20}")
_AMOUNT: Final = re.compile(rf"[0-9]{{1,{_LARGEST_DIGITS}}}(\.[0-9]{{1,{DECIMALS}}})?")

# What a new key may do: everything but take money away. `canTrade` is the account's, not the key's.
DEFAULT_FLAGS: Final = {
    "ipRestrict": False,
    "enableReading": True,
    "enableWithdrawals": False,
    "enableInternalTransfer": False,
    "enableMargin": False,
    "enableFutures": True,
    "permitsUniversalTransfer": True,
    "enableVanillaOptions": False,
    "enableFixApiTrade": False,
    "enableFixReadOnly": False,
    "enableSpotAndMarginTrading": True,
    "enablePortfolioMarginTrading": False,
    "canTrade": True,
}

Deposits = dict[tuple[str, str], Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSpec:
    """A key, its secret, and what its holder owns at the very first start.

    deposits   amount by (wallet, asset); wallets are `spot` and `um` (USD-M futures)
    """

    key: str
    secret: str
    deposits: Deposits

    def __repr__(self) -> str:
        return f"AccountSpec({digest(self.key)[:8]})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The holder of a key that is open at this exchange, and what the key may do.

    flags   by the names of `account/apiRestrictions`, and `canTrade`
    """

    uid: int
    secret: str
    flags: dict[str, bool] = field(default_factory=DEFAULT_FLAGS.copy)

    def __repr__(self) -> str:
        return f"Account({self.uid})"


def digest(key: str) -> str:
    """Return what stands for a key where the key itself must not be written."""
    return hashlib.sha256(key.encode()).hexdigest()


def parse_accounts(values: list[str], files: list[Path]) -> list[AccountSpec]:
    """Parse `--account` values and files of such lines (`#` starts a comment).

    Raises DemoExchangeError naming the argument or the file and line; never shows a secret.
    """
    accounts: dict[str, AccountSpec] = {}
    for place, line in _lines(values, files):
        try:
            account = parse_account(line)
            if account.key in accounts:
                raise ValueError("this key was given before")
        except ValueError as e:
            raise DemoExchangeError(f"{place}: {e}") from e
        accounts[account.key] = account
    return list(accounts.values())


def parse_account(line: str) -> AccountSpec:
    """Parse one `KEY:SECRET:ASSET=AMOUNT,…`; ValueError says what is wrong."""
    key, _, rest = line.partition(":")
    secret, _, balances = rest.partition(":")
    for name, value in (("key", key), ("secret", secret)):
        if KEY_PATTERN.fullmatch(value) is None:
            raise ValueError(
                f"the {name} must be 16 to 64 letters and digits (KEY:SECRET:USDT=100)"
            )
    return AccountSpec(key=key, secret=secret, deposits=_parse_deposits(balances))


def _lines(values: list[str], files: list[Path]) -> list[tuple[str, str]]:
    lines = [(f"--account number {number}", value) for number, value in enumerate(values, start=1)]
    for path in files:
        try:
            content = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as e:
            raise DemoExchangeError(f"{path}: cannot be read: {e}") from e
        for number, raw in enumerate(content, start=1):
            if line := raw.partition("#")[0].strip():
                lines.append((f"{path}, line {number}", line))
    return lines


def _place(name: str) -> tuple[str, str]:
    wallet = FUTURES if name.startswith(_FUTURES_PREFIX) else SPOT
    asset = name.removeprefix(_FUTURES_PREFIX)
    if _ASSET.fullmatch(asset) is None:
        raise ValueError(f"no asset: {name!r}")
    if name in _POINT_FORGOTTEN:
        right = f"{_FUTURES_PREFIX}{name.removeprefix('UM')}"
        raise ValueError(f"{name}: what the futures wallet holds is written as {right}=100")
    return wallet, asset


def _parse_deposits(balances: str) -> Deposits:
    deposits: Deposits = {}
    for pair in filter(None, balances.split(",")):
        name, _, amount = pair.partition("=")
        wallet, asset = _place(name)
        if _AMOUNT.fullmatch(amount) is None:
            raise ValueError(f"the amount of {name} is no plain number: {amount!r}")
        if (wallet, asset) in deposits:
            raise ValueError(f"{name} is given twice")
        deposits[wallet, asset] = Decimal(amount)
    if (SPOT, _FUTURES_ASSET) in deposits:
        deposits.setdefault((FUTURES, _FUTURES_ASSET), deposits[SPOT, _FUTURES_ASSET])
    return deposits

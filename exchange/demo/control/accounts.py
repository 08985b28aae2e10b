"""What the control door tells and changes about accounts: the whole ledger, deposits and keys."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final

from exchange.demo.accounts import DEFAULT_FLAGS, FUTURES, SPOT, Account
from exchange.demo.amounts import text
from exchange.demo.control.fields import Fields
from exchange.demo.control.futures_ledger import futures_ledger
from exchange.demo.http.replies import list_row, order_row, trade_row
from exchange.demo.times import iso
from exchange.demo.trading.changes import KeyChange
from exchange.demo.trading.ledger import (
    FEES_UID,
    FUNDING_UID,
    INSURANCE_UID,
    MARKET_MAKER_UID,
    Holding,
)
from exchange.demo.venue import Venue

_ASSET: Final = re.compile(r"[A-Z0-9]{1,20}")
_LARGEST_DEPOSIT: Final = Decimal(10**12)
_WHOSE: Final = ("key_number", "uid")
_NO_ACCOUNTS: Final = (FEES_UID, MARKET_MAKER_UID, FUNDING_UID, INSURANCE_UID)


def whole_ledger(venue: Venue) -> dict[str, Any]:
    """Return every order, list, fill, balance, deposit and fee: the truth, matched up to now.

    The holders that are no accounts stand by themselves, those of the futures wallet apart.
    """
    now_ms = venue.advance()
    engine = venue.engine
    holdings = engine.ledger.holdings()
    return {
        "market_time": iso(now_ms),
        "orders": [order_row(one) | {"uid": one.uid} for one in engine.orders.all_orders()],
        "lists": [
            list_row(one, engine.orders.orders_of_list(one.list_id)) | {"uid": one.uid}
            for one in engine.orders.all_lists()
        ],
        "fills": [trade_row(one) | {"uid": one.uid} for one in engine.orders.all_fills()],
        "balances": _wallets(holdings),
        "deposits": engine.ledger.deposits(),
        "fees": _amounts(holdings, FEES_UID, SPOT),
        "market_maker": _amounts(holdings, MARKET_MAKER_UID, SPOT),
        **futures_ledger(venue),
        "futures_fees": _amounts(holdings, FEES_UID, FUTURES),
        "futures_market_maker": _amounts(holdings, MARKET_MAKER_UID, FUTURES),
        "funding": _amounts(holdings, FUNDING_UID, FUTURES),
        "insurance": _amounts(holdings, INSURANCE_UID, FUTURES),
        "differences": {
            f"{wallet}.{asset}": text(amount)
            for (wallet, asset), amount in engine.ledger.differences().items()
        },
    }


def deposit(venue: Venue, item: Any) -> dict[str, Any]:
    """Credit new money to an account: the only door through which any comes in."""
    fields = Fields(item, (*_WHOSE, "asset", "amount", "wallet"))
    _, account = _chosen(venue, fields)
    asset = fields.text("asset")
    if _ASSET.fullmatch(asset) is None:
        raise fields.wrong("asset", "must be 1 to 20 capital letters and digits")
    amount = fields.amount("amount", most=_LARGEST_DEPOSIT)
    wallet = fields.word("wallet", (SPOT, FUTURES), default=SPOT)
    market_ms = venue.advance()
    if wallet == SPOT:
        venue.engine.deposit(account.uid, asset, amount, at_ms=market_ms)
    else:
        venue.engine.ledger.deposit(account.uid, asset, amount, market_ms=market_ms, wallet=wallet)
        venue.futures.deposited(account.uid, asset, amount, at_ms=market_ms)
    return {"uid": account.uid, "wallet": wallet, "asset": asset, "amount": text(amount)}


def all_keys(venue: Venue) -> list[dict[str, Any]]:
    """Return what each key may do, in the order in which the keys were given; never the keys."""
    return [_key(number, one) for number, one in enumerate(venue.accounts.values(), start=1)]


def set_key(venue: Venue, item: Any) -> dict[str, Any]:
    """Change what a key may do, until the exchange stops."""
    fields = Fields(item, (*_WHOSE, *DEFAULT_FLAGS))
    number, account = _chosen(venue, fields)
    account.flags.update({name: fields.flag(name) for name in DEFAULT_FLAGS if fields.has(name)})
    change = KeyChange(flags=dict(account.flags), at_ms=venue.advance())
    venue.engine.tell(account.uid, change)
    return _key(number, account)


def _chosen(venue: Venue, fields: Fields) -> tuple[int, Account]:
    accounts = list(enumerate(venue.accounts.values(), start=1))
    name = "uid" if fields.has("uid") else "key_number"
    if name == "uid" and fields.has("key_number"):
        raise fields.wrong("key_number", "uid says already whose it is")
    wanted = fields.whole(name, least=1)
    for number, account in accounts:
        if wanted == (account.uid if name == "uid" else number):
            return number, account
    raise fields.wrong(name, f"there is none; {len(accounts)} keys are open")


def _key(number: int, account: Account) -> dict[str, Any]:
    return {"key_number": number, "uid": account.uid} | account.flags


def _wallets(holdings: list[Holding]) -> dict[str, dict[str, dict[str, dict[str, str]]]]:
    result: dict[str, dict[str, dict[str, dict[str, str]]]] = {}
    for one in holdings:
        if one.uid in _NO_ACCOUNTS:
            continue
        wallets = result.setdefault(str(one.uid), {SPOT: {}, FUTURES: {}})
        wallets[one.wallet][one.asset] = {"free": text(one.free), "locked": text(one.locked)}
    return result


def _amounts(holdings: list[Holding], uid: int, wallet: str) -> dict[str, str]:
    held = (one for one in holdings if (one.uid, one.wallet) == (uid, wallet))
    return {one.asset: text(one.free) for one in held}

"""Signed endpoints about an account and its key: balances, commissions, counts and permissions."""

from __future__ import annotations

from typing import Any, Final

from exchange.demo.accounts import SPOT
from exchange.demo.amounts import text
from exchange.demo.http.commissions import rates_row, symbol_rates
from exchange.demo.http.endpoint import Call, Endpoint, reading
from exchange.demo.limits import rate_limits

_BASIS_POINTS: Final = 10_000


def account(call: Call) -> dict[str, Any]:
    """Return the spot balances and what the account may do."""
    omit_zero = call.params.boolean("omitZeroBalances")
    call.params.finish()
    rates = call.venue.engine.commission_rates(call.uid)
    books = call.books
    return {
        "makerCommission": int(rates.maker * _BASIS_POINTS),
        "takerCommission": int(rates.taker * _BASIS_POINTS),
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": rates_row(rates),
        "canTrade": call.holder.flags["canTrade"],
        "canWithdraw": call.holder.flags["enableWithdrawals"],
        "canDeposit": False,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": books.orders.last_update_ms(call.uid) or books.ledger.created_ms(call.uid),
        "accountType": "SPOT",
        "balances": _balances(call, omit_zero=omit_zero),
        "permissions": ["SPOT"],
        "uid": call.uid,
    }


def commission(call: Call) -> dict[str, Any]:
    """Return the account's commission rates of one symbol."""
    symbol = call.symbol()
    call.params.finish()
    return {"symbol": symbol.name} | symbol_rates(call)


def order_counts(call: Call) -> list[dict[str, Any]]:
    """Return how many orders without a fill the account has placed in the running windows."""
    call.params.finish()
    limits = [row for row in rate_limits(call.limits.rules) if row["rateLimitType"] == "ORDERS"]
    counts = call.limits.order_counts(call.uid)
    return [row | {"count": count} for row, count in zip(limits, counts, strict=True)]


def api_restrictions(call: Call) -> dict[str, Any]:
    """Return what the key is allowed to do."""
    call.params.finish()
    created = {"createTime": call.venue.engine.ledger.created_ms(call.uid)}
    flags = {name: value for name, value in call.holder.flags.items() if name != "canTrade"}
    return created | flags


def bnb_burn(call: Call) -> dict[str, Any]:
    """Say whether spot fees are paid in BNB."""
    call.params.finish()
    return _burning(call)


def set_bnb_burn(call: Call) -> dict[str, Any]:
    """Choose whether spot fees are paid in BNB; a request without a choice changes nothing."""
    params = call.params
    is_sent = params.has("spotBNBBurn")
    wanted = params.boolean("spotBNBBurn")
    # Interest is paid on margin, which this exchange has not; the parameter is read all the same.
    params.boolean("interestBNBBurn")
    params.finish()
    if is_sent:
        call.venue.engine.set_bnb_burn(call.uid, wanted)
    return _burning(call)


def my_filters(call: Call) -> dict[str, Any]:
    """Return the filters that bind the account on a symbol."""
    symbol = call.symbol()
    call.params.finish()
    filters = symbol.exchange_info()["filters"]
    return {"exchangeFilters": [], "symbolFilters": filters, "assetFilters": []}


def _burning(call: Call) -> dict[str, Any]:
    return {"spotBNBBurn": call.venue.engine.bnb_burn(call.uid), "interestBNBBurn": False}


def _balances(call: Call, *, omit_zero: bool) -> list[dict[str, str]]:
    return [
        {"asset": one.asset, "free": text(one.free), "locked": text(one.locked)}
        for one in call.books.ledger.holdings()
        if one.uid == call.uid and one.wallet == SPOT and (one.free or one.locked or not omit_zero)
    ]


ENDPOINTS: Final[dict[tuple[str, str], Endpoint]] = {
    ("GET", "/api/v3/account"): reading(account, 20),
    ("GET", "/api/v3/account/commission"): reading(commission, 20),
    ("GET", "/api/v3/rateLimit/order"): reading(order_counts, 40),
    ("GET", "/api/v3/myFilters"): reading(my_filters, 40),
    ("GET", "/sapi/v1/account/apiRestrictions"): reading(api_restrictions, 1),
    ("GET", "/sapi/v1/bnbBurn"): reading(bnb_burn, 1),
    ("POST", "/sapi/v1/bnbBurn"): reading(set_bnb_burn, 1),
}

"""Signed endpoints about a futures account: wallet, permissions, commissions and limits."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from exchange.demo.accounts import FUTURES
from exchange.demo.amounts import ZERO, text
from exchange.demo.fapi.position_endpoints import (
    amount_text,
    figures_at,
    isolated_margin,
    money_text,
    price_text,
)
from exchange.demo.fapi.settings_endpoints import most_notional
from exchange.demo.fapi.standing import account_standing, position_places, updated_ms
from exchange.demo.futures.desk import MARGIN_ASSET
from exchange.demo.futures.fees import MAKER_RATE, TAKER_RATE
from exchange.demo.futures.figures import AccountFigures
from exchange.demo.futures.values import ISOLATED
from exchange.demo.http.endpoint import Call, futures_signed
from exchange.demo.limits import rate_limits

# Orders of the retail programme, which this exchange has not, would pay this.
_RPI_RATE: Final = Decimal("0.00005")
_NO_GROUP: Final = -1
_ALIAS_DIGITS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefgh"
_ALIAS_LENGTH: Final = 8
Row = dict[str, Any]


def account(call: Call) -> Row:
    """Return the wallet, and the positions of symbols that have one or an open order."""
    call.params.finish()
    figures = account_standing(call)
    places = {(one.position.symbol, one.position.side) for one in figures.positions}
    places |= set(figures.open_order_margins)
    return _totals(figures) | {
        "assets": _assets(call, figures),
        "positions": [_position_row(call, figures, *place) for place in sorted(places)],
    }


def account_of_old(call: Call) -> Row:
    """Return the wallet and the positions of all symbols, with how they are traded."""
    call.params.finish()
    figures = account_standing(call)
    sides = position_places(call)
    names = list(call.venue.futures_market.symbols)
    assets = [row | {"marginAvailable": True} for row in _assets(call, figures)]
    head = {"feeTier": 0, "feeBurn": False} | _permissions(call) | {"updateTime": 0}
    mode = {"multiAssetsMargin": False, "tradeGroupId": _NO_GROUP}
    positions = [_old_position_row(call, figures, name, side) for name in names for side in sides]
    return head | mode | _totals(figures) | {"assets": assets, "positions": positions}


def balance(call: Call) -> list[Row]:
    """Return the assets of the wallet."""
    call.params.finish()
    alias = _alias(call.uid)
    shown = ("crossWalletBalance", "crossUnPnl", "availableBalance", "maxWithdrawAmount")
    return [
        {"accountAlias": alias, "asset": row["asset"], "balance": row["walletBalance"]}
        | {name: row[name] for name in shown}
        | {"marginAvailable": True, "updateTime": row["updateTime"]}
        for row in _assets(call, account_standing(call))
    ]


def account_config(call: Call) -> Row:
    """Return what the account may do and how it trades."""
    call.params.finish()
    return (
        {"feeTier": 0}
        | _permissions(call)
        | {
            "dualSidePosition": call.books.futures.is_hedge_mode(call.uid),
            "updateTime": 0,
            "multiAssetsMargin": False,
            "tradeGroupId": _NO_GROUP,
        }
    )


def commission_rate(call: Call) -> Row:
    """Return the account's commission rates of one symbol."""
    symbol = call.futures_symbol()
    call.params.finish()
    return {
        "symbol": symbol.name,
        "makerCommissionRate": f"{MAKER_RATE:.6f}",
        "takerCommissionRate": f"{TAKER_RATE:.6f}",
        "rpiCommissionRate": f"{_RPI_RATE:.6f}",
    }


def order_limits(call: Call) -> list[Row]:
    """Return how many orders the account may place; how many it has, headers tell."""
    call.params.finish()
    rows = rate_limits(call.limits.rules)
    return [row for row in rows if row["rateLimitType"] == "ORDERS"]


def _permissions(call: Call) -> Row:
    may_move = call.holder.flags["permitsUniversalTransfer"]
    may_trade = call.holder.flags["canTrade"]
    return {"canTrade": may_trade, "canDeposit": may_move, "canWithdraw": may_move}


def _totals(figures: AccountFigures) -> Row:
    return {
        "totalInitialMargin": text(figures.position_initial + figures.open_order_initial),
        "totalMaintMargin": text(figures.maintenance),
        "totalWalletBalance": text(figures.wallet),
        "totalUnrealizedProfit": text(figures.unrealized),
        "totalMarginBalance": text(figures.margin_balance),
        "totalPositionInitialMargin": text(figures.position_initial),
        "totalOpenOrderInitialMargin": text(figures.open_order_initial),
        "totalCrossWalletBalance": text(figures.cross_wallet),
        "totalCrossUnPnl": text(ZERO),
        "availableBalance": text(figures.available),
        "maxWithdrawAmount": text(figures.available),
    }


def _assets(call: Call, figures: AccountFigures) -> list[Row]:
    other = {
        one.asset: one.free
        for one in call.books.ledger.holdings()
        if one.uid == call.uid and one.wallet == FUTURES and one.asset != MARGIN_ASSET and one.free
    }
    return [_margin_asset(call, figures)] + [
        _idle_asset(call, asset, amount) for asset, amount in sorted(other.items())
    ]


def _margin_asset(call: Call, figures: AccountFigures) -> Row:
    return {
        "asset": MARGIN_ASSET,
        "walletBalance": text(figures.wallet),
        "unrealizedProfit": text(figures.unrealized),
        "marginBalance": text(figures.margin_balance),
        "maintMargin": text(figures.maintenance),
        "initialMargin": text(figures.position_initial + figures.open_order_initial),
        "positionInitialMargin": text(figures.position_initial),
        "openOrderInitialMargin": text(figures.open_order_initial),
        "crossWalletBalance": text(figures.cross_wallet),
        "crossUnPnl": text(ZERO),
        "availableBalance": text(figures.available),
        "maxWithdrawAmount": text(figures.available),
        "updateTime": updated_ms(call),
    }


def _idle_asset(call: Call, asset: str, amount: Decimal) -> Row:
    nothing = (
        *("unrealizedProfit", "maintMargin", "initialMargin", "positionInitialMargin"),
        *("openOrderInitialMargin", "crossUnPnl"),
    )
    whole = (
        *("walletBalance", "marginBalance", "crossWalletBalance"),
        *("availableBalance", "maxWithdrawAmount"),
    )
    return (
        {"asset": asset}
        | dict.fromkeys(whole, text(amount))
        | dict.fromkeys(nothing, text(ZERO))
        | {"updateTime": updated_ms(call)}
    )


def _position_row(call: Call, figures: AccountFigures, name: str, side: str) -> Row:
    margin = isolated_margin(figures_at(figures, name, side))
    return _shared_row(call, figures, name, side) | {"isolatedMargin": money_text(margin)}


def _old_position_row(call: Call, figures: AccountFigures, name: str, side: str) -> Row:
    found = figures_at(figures, name, side)
    settings = call.books.futures.settings(call.uid, name)
    position = call.books.futures.position(call.uid, name, side)
    brackets = call.venue.futures_market.brackets[name]
    return _shared_row(call, figures, name, side) | {
        "positionInitialMargin": money_text(found.initial if found else ZERO),
        "openOrderInitialMargin": money_text(figures.open_order_margins.get((name, side), ZERO)),
        "leverage": str(settings.leverage),
        "isolated": settings.margin_type == ISOLATED,
        "entryPrice": price_text(position.entry_price),
        "maxNotional": most_notional(brackets, settings.leverage),
        "bidNotional": "0",
        "askNotional": "0",
    }


def _shared_row(call: Call, figures: AccountFigures, name: str, side: str) -> Row:
    found = figures_at(figures, name, side)
    position = call.books.futures.position(call.uid, name, side)
    waiting = figures.open_order_margins.get((name, side), ZERO)
    return {
        "symbol": name,
        "positionSide": side,
        "positionAmt": amount_text(call, position),
        "unrealizedProfit": text(found.unrealized if found else ZERO),
        "initialMargin": money_text((found.initial if found else ZERO) + waiting),
        "maintMargin": money_text(found.maintenance if found else ZERO),
        "notional": money_text(found.notional if found else ZERO),
        "isolatedWallet": money_text(position.isolated_wallet),
        "updateTime": position.updated_ms,
    }


def _alias(uid: int) -> str:
    # A short word that stays the same for an account, which is all that is known of the venue's.
    number, letters = uid, ""
    for _ in range(_ALIAS_LENGTH):
        number, digit = divmod(number, len(_ALIAS_DIGITS))
        letters += _ALIAS_DIGITS[digit]
    return letters


ENDPOINTS: Final = {
    ("GET", "/fapi/v2/account"): futures_signed(account_of_old, 5),
    ("GET", "/fapi/v3/account"): futures_signed(account, 5),
    ("GET", "/fapi/v2/balance"): futures_signed(balance, 5),
    ("GET", "/fapi/v3/balance"): futures_signed(balance, 5),
    ("GET", "/fapi/v1/accountConfig"): futures_signed(account_config, 5),
    ("GET", "/fapi/v1/commissionRate"): futures_signed(commission_rate, 20),
    ("GET", "/fapi/v1/rateLimit/order"): futures_signed(order_limits, 1),
}

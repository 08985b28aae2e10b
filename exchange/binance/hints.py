"""Plain words for the venue's error codes: what a trader can do about it.

The same number can mean different things on spot and futures, hence a table for each. On spot
-1013 says in its text which filter was broken and -2010 and -2011 what the engine had against it.
Sources: errors.md and filters.md of binance-spot-api-docs, the USD-M error-code page.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Final

from exchange.domain.types import Market

FILTER_FAILURE: Final = re.compile(r"Filter failure: ([A-Z_]+)")
# How futures refuse the flag in hedge mode, on every address that takes it.
NOT_REQUIRED: Final = -1106
REDUCE_ONLY: Final = re.compile("reduceonly", re.IGNORECASE)

_BOTH: Final = {
    -1002: "the key is not allowed to do this; check its permissions at the venue",
    -1003: "too many requests from this address; wait, or the venue bans it for longer",
    -1006: "the venue does not know what became of it; its books are asked before anything else",
    -1007: "the venue did not answer in time; its books are asked before anything else",
    -1008: "the venue is overloaded; wait a moment",
    -1013: "the order breaks a rule of the symbol (size, price or value); choose another amount",
    -1015: "too many orders in a short time; wait a moment",
    -1016: "the venue no longer offers this service",
    -1020: "the venue does not offer this operation",
    -1021: "the clock of this machine and the venue's differ; check its time synchronisation",
    -1022: "the signature is wrong; the secret was probably not copied completely",
    -1100: "a value has a character that the venue does not accept",
    -1111: "more digits than the symbol allows",
    -1121: "the venue does not list this symbol; check its spelling",
    -2013: "the venue knows no such order",
    -2014: "the key has the wrong form; copy it again",
    -2015: (
        "the venue does not accept this key: it may be wrong or deleted, belong to another "
        "environment, not allow this address (IP restriction) or lack the permission to trade"
    ),
    -2017: "the key is locked at the venue; unlock it there",
}
_SPOT: Final = {
    -1220: "the symbol is not in the state that was asked for",
    -1222: "an entry list must begin with a buy",
    -1223: "the exits of an entry list must be sales",
    -2010: "the matching engine refused the order",
    -2011: "the order is not open: it has filled, was canceled or never existed",
    -2016: "the symbol has no trading hours now",
    -2018: "the venue knows no such order list",
    -2021: "one half happened and the other did not: the old order is gone or the new one is there",
    -2022: "nothing was canceled and nothing placed",
    -2026: "the order was archived: it ended unfilled more than 90 days ago",
    -2039: "the client id belongs to another order",
    **dict.fromkeys(
        (-1196, -1197, -1198, -1199),
        "the stop-loss and the take-profit lie on the wrong sides of the price",
    ),
}
_FUTURES: Final = {
    -2007: "the distance of the trailing stop is outside of what the venue allows",
    -2010: "the venue refused the order",
    -2011: "the order is not open: it has filled, was canceled or never existed",
    -2018: "the balance is too small",
    -2019: "the margin is too small for this order",
    -2021: "the stop price has been passed already, so the order would trigger at once",
    -2022: "there is no position that this order could reduce, or other orders reduce it already",
    -2023: "the account is being liquidated",
    -2024: "the position is smaller than what the order would close",
    -2025: "too many open orders",
    -2026: "this type of order cannot be one that only reduces",
    -2027: "the position would be larger than this leverage allows; lower one of them",
    -2028: "the leverage is lower than the margin of the open positions allows",
    -4001: "the price is zero or negative",
    -4002: "the price is above the symbol's maximum",
    -4003: "the quantity is zero or negative",
    -4004: "the quantity is below the symbol's minimum",
    -4005: "the quantity is above the symbol's maximum",
    -4006: "the stop price is zero or negative",
    -4007: "the stop price is above the symbol's maximum",
    -4013: "the price is below the symbol's minimum",
    -4014: "the price is no multiple of the symbol's price increment",
    -4015: "the client id has a character that is not allowed or more than 36 of them",
    -4016: "the limit price is further above the mark price than the symbol allows",
    -4023: "the quantity is no multiple of the symbol's quantity increment",
    -4024: "the limit price is further below the mark price than the symbol allows",
    -4028: "the symbol does not allow this leverage",
    -4045: "too many orders wait for their price; cancel some",
    -4046: "the margin type was set so already",
    -4047: "the margin type cannot be changed while orders are open",
    -4048: "the margin type cannot be changed while there is a position",
    -4049: "margin can be moved for an isolated position only",
    -4050: "the wallet has too little that is free",
    -4051: "the position has too little margin for that",
    -4059: "the position mode was set so already",
    -4060: "the position side is none that the venue knows",
    -4061: "the position side does not fit; somebody may have switched hedge mode",
    -4062: "in hedge mode an order cannot be one that only reduces; somebody may have switched it",
    -4067: "the position mode cannot be changed while orders are open",
    -4068: "the position mode cannot be changed while there is a position",
    -4087: "the venue lets this account only reduce its positions",
    -4088: "the venue lets this account place no orders now; ask its support",
    -4109: "the futures account is asleep; a transfer into its wallet wakes it",
    **dict.fromkeys((-4116, -20132), "an order with this client id exists"),
    -4117: "the stop is being triggered at this moment",
    -4118: (
        "with the other open orders on its side it would open the opposite position, and the "
        "margin is too small for that; cancel those first"
    ),
    -4120: "conditional orders have an address of their own",
    -4131: "the book has no price near enough to the mark price",
    -4135: "the price from which the stop is to trail lies on the wrong side of the market",
    -4136: "an order of this type cannot close the whole position",
    -4137: "an order that closes the whole position takes no quantity",
    -4138: "an order that closes the whole position takes no word on whether it only reduces",
    -4140: "the symbol takes no new positions now",
    -4141: "the symbol is not trading any more",
    -4142: "the stop price has been passed already, so the order would trigger at once",
    -4161: "the leverage cannot be lowered while there is an isolated position",
    -4164: "the value of the order is below the symbol's minimum; raise the size",
    -4168: "in multi-assets mode no symbol can be isolated; switch that mode off at the venue",
    -4183: "the limit price is further above the stop price than the symbol allows",
    -4184: "the limit price is further below the stop price than the symbol allows",
    -4192: "the account has asked the venue for a pause from trading, which is not over yet",
    **dict.fromkeys(
        (*range(-4209, -4201), -4403),
        "the venue does not allow this account so high a leverage; lower it",
    ),
    -4210: "the stop price is further above the market's than the symbol allows",
    -4211: "the stop price is further below the market's than the symbol allows",
    -4400: "the venue lets this account only reduce its positions for a while",
    -4401: "the position is so large that the venue lets it only be reduced",
    -4402: "the venue does not offer this in the country of the account",
    -4531: "the coin-margined market shares the position mode, and has orders or positions",
    -5021: "the order could not be filled at once and in full, so it was not placed",
    -5022: "the order would have filled at once instead of resting in the book",
    -5028: "the order reached the venue's engine too late; check the clock and the network",
}
HINTS: Final = MappingProxyType(
    {
        Market.SPOT: MappingProxyType(_BOTH | _SPOT),
        Market.FUTURES: MappingProxyType(_BOTH | _FUTURES),
    }
)
# By the name of the filter that an order failed (filters.md).
FILTER_HINTS: Final = MappingProxyType(
    {
        "PRICE_FILTER": "the price is too low, too high or no multiple of the price increment",
        "PERCENT_PRICE": "the price is too far from the market's; choose a nearer one",
        "PERCENT_PRICE_BY_SIDE": "the price is too far from the market's; choose a nearer one",
        "LOT_SIZE": "the quantity is too small, too large or no multiple of its increment",
        "MARKET_LOT_SIZE": "the quantity is too small or too large for an order at the market",
        "MIN_NOTIONAL": "the value of the order is below the symbol's minimum; raise the size",
        "NOTIONAL": "the value of the order is below the symbol's minimum or above its maximum",
        "ICEBERG_PARTS": "the visible part of the order is too small",
        "TRAILING_DELTA": "the distance of the trailing stop is outside of what the symbol allows",
        "MAX_POSITION": "the account would hold more of this asset than the venue allows",
        "MAX_ASSET": "the account would hold more of this asset than the venue allows",
        "MAX_NUM_ORDERS": "too many open orders of this symbol; cancel some",
        "MAX_NUM_ALGO_ORDERS": "too many open stop orders of this symbol; cancel some",
        "MAX_NUM_ICEBERG_ORDERS": "too many open iceberg orders of this symbol; cancel some",
        "MAX_NUM_ORDER_LISTS": "too many open order lists of this symbol; cancel some",
        "MAX_NUM_ORDER_AMENDS": "the order was changed too often",
        "EXCHANGE_MAX_NUM_ORDERS": "too many open orders in the account; cancel some",
        "EXCHANGE_MAX_NUM_ALGO_ORDERS": "too many open stop orders in the account; cancel some",
        "EXCHANGE_MAX_NUM_ICEBERG_ORDERS": "too many open iceberg orders in the account",
        "EXCHANGE_MAX_NUM_ORDER_LISTS": "too many open order lists in the account; cancel some",
    }
)
# By the beginning of what spot's matching engine says under -1013, -2010 and -2011 (errors.md).
ENGINE_HINTS: Final = MappingProxyType(
    {
        "Account has insufficient balance": "the account has too little of what the order spends",
        "Market is closed": "the symbol is not trading now",
        "Duplicate order sent": "an order with this client id is open",
        "Order would trigger immediately": "the stop price has been passed already",
        "Order would immediately match and take": (
            "the order would have filled at once instead of resting in the book"
        ),
        "The relationship of the prices": (
            "the stop-loss and the take-profit must lie on either side of the last price"
        ),
        "This symbol is not permitted": "this account may not trade this symbol",
        "This symbol is restricted": "this account may not trade this symbol",
        "This action is disabled": "the venue has restricted this account; ask its support",
        "This account may not place or cancel": "the venue has closed this account for trading",
        "Price * QTY is zero or less": "the value of the order is too small",
        "Order book liquidity is less": "there is too little on the other side of the book",
        "Rest API trading is not enabled": "the venue takes no orders over this address now",
        "OCO orders are not supported": "the symbol does not allow two exits that end each other",
        "OPO orders are not supported": "the symbol does not allow an entry with its exits",
        "Order was not canceled due to cancel restrictions": (
            "the order is no longer in the state in which it was to be canceled"
        ),
        "Unknown order sent": (
            "the order is not open: it has filled, was canceled or never existed"
        ),
    }
)


def hint(market: Market, code: int, text: str = "") -> str | None:
    """Return what `code` means for a trader in `market`, or None when the venue's text says it.

    With the venue's `text` the answer is nearer to the matter where one code covers many.
    """
    if market is Market.SPOT and text:
        nearer = filter_hint(text) or _engine_hint(text)
        if nearer:
            return nearer
    if market is Market.FUTURES and code == NOT_REQUIRED and REDUCE_ONLY.search(text):
        return _FUTURES[-4062]
    return HINTS[market].get(code)


def broken_filter(text: str) -> str | None:
    """Return the name of the filter that the venue's `text` complains about."""
    failure = FILTER_FAILURE.match(text)
    return failure[1] if failure else None


def filter_hint(text: str) -> str | None:
    """Return what a broken filter means, when `text` names one that is known."""
    name = broken_filter(text)
    return FILTER_HINTS.get(name) if name else None


def _engine_hint(text: str) -> str | None:
    found = (words for start, words in ENGINE_HINTS.items() if text.startswith(start))
    return next(found, None)

"""Frozen values that cross the border between a venue and everything else.

Prices are in the quote currency, quantities in the base currency, both `Decimal`.
Times are aware UTC datetimes; `market time` and `signing time` are told apart by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Final

ZERO: Final = Decimal(0)


class Environment(StrEnum):
    """Which venue an API key belongs to. Trading code never asks; it only names a set of URLs."""

    DEMO = "demo"
    TESTNET = "testnet"
    LIVE = "live"


class Market(StrEnum):
    """A venue's spot market or its USD-M futures market."""

    SPOT = "spot"
    FUTURES = "futures"


class Side(StrEnum):
    """The venue's word for the direction of an order."""

    BUY = "BUY"
    SELL = "SELL"


class VenueOrderStatus(StrEnum):
    """An order's status in the venue's words (`enums.md`); unheard-of words map to OTHER."""

    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    EXPIRED_IN_MATCH = "EXPIRED_IN_MATCH"
    OTHER = "OTHER"

    @property
    def is_final(self) -> bool:
        """Say whether the venue will never change this order again."""
        return self not in (self.NEW, self.PARTIALLY_FILLED, self.OTHER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kline:
    """One candle. `close_time` is the last millisecond that belongs to it."""

    open_time: datetime
    close_time: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    is_closed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticker:
    """The last traded price and the market time at which the venue reported it."""

    symbol: str
    price: Decimal
    market_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What an account holds of one asset."""

    free: Decimal
    locked: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountInfo:
    """An account as the venue reports it to one of its keys."""

    uid: str
    can_trade: bool
    balances: Mapping[str, Balance] = field(default_factory=lambda: MappingProxyType({}))

    def free(self, asset: str) -> Decimal:
        """Return the free balance of `asset`, zero when the venue lists none."""
        balance = self.balances.get(asset)
        return balance.free if balance else ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketOrderRequest:
    """A market order exactly as it will be signed.

    signed_at_ms     signing time, ms since the epoch; committed by the caller before sending
    recv_window_ms   how long after `signed_at_ms` the venue may still accept it
    """

    symbol: str
    side: Side
    quantity: Decimal
    client_order_id: str
    signed_at_ms: int
    recv_window_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeReport:
    """One execution as the venue reports it; `trade_id` is unique per market and symbol."""

    trade_id: str
    price: Decimal
    quantity: Decimal
    quote_quantity: Decimal
    commission: Decimal
    commission_asset: str
    market_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderReport:
    """An order as the venue reports it.

    `trades` is what this reply happened to carry; it may be empty although
    `filled_quantity` is not, in which case `trades_of_order` has them.
    """

    symbol: str
    venue_order_id: str
    client_order_id: str
    side: Side
    status: VenueOrderStatus
    quantity: Decimal
    filled_quantity: Decimal
    filled_quote_quantity: Decimal
    market_time: datetime
    trades: tuple[TradeReport, ...] = ()

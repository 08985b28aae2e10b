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
class KeyPermissions:
    """What a key may do; None where the venue does not say."""

    can_trade: bool
    can_read: bool | None = None
    can_withdraw: bool | None = None
    can_use_futures: bool | None = None
    can_transfer: bool | None = None
    is_ip_restricted: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RateSet:
    """Shares of the received amount that go to the venue, by role and by side."""

    maker: Decimal
    taker: Decimal
    buyer: Decimal
    seller: Decimal

    def of(self, side: Side, *, is_maker: bool) -> Decimal:
        """Return the whole share of a fill: what its role costs and what its side costs."""
        role = self.maker if is_maker else self.taker
        return role + (self.buyer if side is Side.BUY else self.seller)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommissionRates:
    """Commission rates of an account for one symbol (commission_faq.md of the spot API).

    discount            the standard rate is multiplied with it when `discount_asset` pays
    is_discount_active  for the account and the symbol; it also needs enough of that asset
    """

    symbol: str
    standard: RateSet
    special: RateSet
    tax: RateSet
    discount_asset: str
    discount: Decimal
    is_discount_active: bool

    def of(self, side: Side, *, is_maker: bool) -> Decimal:
        """Return the whole rate of a fill when no discount applies."""
        parts = (self.standard, self.special, self.tax)
        return sum((part.of(side, is_maker=is_maker) for part in parts), ZERO)

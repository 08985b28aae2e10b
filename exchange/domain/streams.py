"""What a venue tells by itself, as values. All of it is a hint; REST says what counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from exchange.domain.intervals import interval_length
from exchange.domain.types import Environment, Kline, Market


@dataclass(frozen=True, slots=True, order=True)
class Series:
    """The klines of one symbol and interval in one market of one venue."""

    environment: Environment
    market: Market
    symbol: str
    interval: str

    @property
    def length(self) -> timedelta:
        """Return how long one kline is."""
        return interval_length(self.interval)

    @property
    def stream(self) -> KlineStream:
        """Return what to subscribe to at the venue's market."""
        return KlineStream(self.symbol, self.interval)

    def __str__(self) -> str:
        return f"{self.environment} {self.market} {self.symbol} {self.interval}"


@dataclass(frozen=True, slots=True, order=True)
class KlineStream:
    """A kline stream within one market of one venue."""

    symbol: str
    interval: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KlineUpdate:
    """A kline as it stood at `event_time` (market time); it may still be open."""

    stream: KlineStream
    kline: Kline
    event_time: datetime


class AccountEventKind(StrEnum):
    """What an account event is about."""

    ORDER = "order"
    ALGO_ORDER = "algo_order"
    ACCOUNT = "account"  # balances, positions or settings
    RESYNC = "resync"  # the stream was away: anything may have happened


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountEvent:
    """Something happened to an account: a reason to look, never a fact to book.

    symbol             None when the venue does not say, or it concerns more than one
    client_order_id    of the order or algo order; after a cancel its original one
    status             the venue's word, for example FILLED
    filled_quantity    base currency, cumulative
    event_time         market time; None when the event has none
    """

    kind: AccountEventKind
    symbol: str | None = None
    client_order_id: str | None = None
    status: str | None = None
    filled_quantity: Decimal | None = None
    event_time: datetime | None = None

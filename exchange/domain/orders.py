"""Orders exactly as they will be signed. A request that could not be meant is a ValueError.

Every request carries the client order ids, the timestamp and the recvWindow that its caller has
written down before sending. The legs of a list have ids of their own: the list's with `-s` for
the stop-loss, `-t` for the take-profit, `-e` for the entry.

signed_at_ms     signing time, ms since the epoch
recv_window_ms   how long after `signed_at_ms` the venue may still accept it
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from exchange.domain.types import Side

# The venue's own pattern (fix-api.md); other characters would also break the signature.
CLIENT_ORDER_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,36}")
MAX_RECV_WINDOW_MS: Final = 60_000


class OrderType(StrEnum):
    """The venue's words for what an order is (`enums.md`); unheard-of words map to OTHER."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    LIMIT_MAKER = "LIMIT_MAKER"
    STOP_LOSS = "STOP_LOSS"
    STOP_LOSS_LIMIT = "STOP_LOSS_LIMIT"
    TAKE_PROFIT = "TAKE_PROFIT"
    TAKE_PROFIT_LIMIT = "TAKE_PROFIT_LIMIT"
    OTHER = "OTHER"


class TimeInForce(StrEnum):
    """How long an order stays (`enums.md`); unheard-of words map to OTHER, never to be sent."""

    GTC = "GTC"  # until canceled
    IOC = "IOC"  # what fills at once, the rest expires
    FOK = "FOK"  # all at once or nothing
    GTX = "GTX"  # futures: as maker or not at all; `post_only` asks for it
    OTHER = "OTHER"


class StopKind(StrEnum):
    """On which side of the price a stop order waits."""

    STOP_LOSS = "STOP_LOSS"
    TAKE_PROFIT = "TAKE_PROFIT"


class CancelReplaceMode(StrEnum):
    """What becomes of the new order when the old one cannot be canceled."""

    STOP_ON_FAILURE = "STOP_ON_FAILURE"
    ALLOW_FAILURE = "ALLOW_FAILURE"


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketOrderRequest:
    """A market order over a quantity of the base or, on spot, an amount of the quote currency.

    reduces_only   futures: it can only shrink a position
    """

    symbol: str
    side: Side
    client_order_id: str
    signed_at_ms: int
    recv_window_ms: int
    quantity: Decimal | None = None
    quote_quantity: Decimal | None = None
    reduces_only: bool = False

    def __post_init__(self) -> None:
        if (self.quantity is None) == (self.quote_quantity is None):
            raise ValueError("quantity or quote_quantity: exactly one of them is needed")
        check_positive(quantity=self.quantity, quote_quantity=self.quote_quantity)
        check_client_order_id("client_order_id", self.client_order_id)
        check_signing(self.signed_at_ms, self.recv_window_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitOrderRequest:
    """A limit order; `post_only` has the venue refuse it when it would fill at once.

    reduces_only   futures: it can only shrink a position
    """

    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    client_order_id: str
    signed_at_ms: int
    recv_window_ms: int
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    reduces_only: bool = False

    def __post_init__(self) -> None:
        check_positive(quantity=self.quantity, price=self.price)
        check_time_in_force(self.time_in_force)
        if self.post_only and self.time_in_force is not TimeInForce.GTC:
            raise ValueError("time_in_force must be GTC for a post_only order")
        check_client_order_id("client_order_id", self.client_order_id)
        check_signing(self.signed_at_ms, self.recv_window_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class StopOrderRequest:
    """An order that waits for `stop_price`: at the market without a `price`, else limited by it."""

    symbol: str
    side: Side
    kind: StopKind
    quantity: Decimal
    stop_price: Decimal
    client_order_id: str
    signed_at_ms: int
    recv_window_ms: int
    price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC

    def __post_init__(self) -> None:
        check_positive(quantity=self.quantity, stop_price=self.stop_price, price=self.price)
        check_time_in_force(self.time_in_force)
        if self.price is None and self.time_in_force is not TimeInForce.GTC:
            raise ValueError("time_in_force needs a price: at the market there is nothing to rest")
        check_client_order_id("client_order_id", self.client_order_id)
        check_signing(self.signed_at_ms, self.recv_window_ms)


SingleOrderRequest = MarketOrderRequest | LimitOrderRequest | StopOrderRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelReplaceRequest:
    """Cancel the order `canceled_client_order_id` and place `order` in its stead."""

    canceled_client_order_id: str
    order: SingleOrderRequest
    mode: CancelReplaceMode = CancelReplaceMode.STOP_ON_FAILURE

    def __post_init__(self) -> None:
        check_client_order_id("canceled_client_order_id", self.canceled_client_order_id)
        if self.canceled_client_order_id == self.order.client_order_id:
            raise ValueError("canceled_client_order_id must differ from the new order's id")


def check_positive(**amounts: Decimal | None) -> None:
    """Refuse amounts that are not above zero; None is left out. ValueError names the field."""
    for name, amount in amounts.items():
        if amount is not None and not (amount.is_finite() and amount > 0):
            raise ValueError(f"{name} must be above zero, not {amount}")


def check_client_order_id(name: str, client_order_id: str) -> None:
    """Refuse an id that the venue would not take; ValueError begins with `name`."""
    if not CLIENT_ORDER_ID.fullmatch(client_order_id):
        raise ValueError(
            f"{name} must be 1 to 36 letters, digits, - or _, not {client_order_id!r:.60}"
        )


def check_signing(signed_at_ms: int, recv_window_ms: int) -> None:
    """Refuse a timestamp before the epoch and a window that the venue does not allow."""
    if signed_at_ms <= 0:
        raise ValueError(f"signed_at_ms must be above zero, not {signed_at_ms}")
    if not 0 < recv_window_ms <= MAX_RECV_WINDOW_MS:
        raise ValueError(f"recv_window_ms must be 1 to {MAX_RECV_WINDOW_MS}, not {recv_window_ms}")


def check_time_in_force(time_in_force: TimeInForce) -> None:
    """Refuse words that no request may name."""
    if time_in_force in (TimeInForce.OTHER, TimeInForce.GTX):
        raise ValueError("time_in_force must be GTC, IOC or FOK")

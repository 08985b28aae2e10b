"""Orders as the tests of the gateway send them, and the permits for them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from exchange.domain.budget import OrderPermit
from exchange.domain.order_lists import EntryListRequest, OcoRequest, StopLeg, TargetLeg
from exchange.domain.orders import (
    CancelReplaceRequest,
    LimitOrderRequest,
    MarketOrderRequest,
    SingleOrderRequest,
    StopKind,
    StopOrderRequest,
)
from exchange.domain.types import Side

SIGNED: dict[str, Any] = {"signed_at_ms": 1_700_000_000_123, "recv_window_ms": 4321}
NAMED: dict[str, Any] = {"symbol": "BTCUSDT", "side": Side.BUY, "client_order_id": "tb-1", **SIGNED}
STOP = StopLeg(client_order_id="L1-s", stop_price=Decimal(58000))
TARGET = TargetLeg(client_order_id="L1-t", price=Decimal(62000))


def permit(orders: int = 1) -> OrderPermit:
    """Return a permit that no budget stands behind."""
    return OrderPermit(orders=orders)


def bought(**changes: Any) -> MarketOrderRequest:
    """Return a market order over the smallest amount there is."""
    return MarketOrderRequest(**({**NAMED, "quantity": Decimal("0.00000001")} | changes))


def limit(**changes: Any) -> LimitOrderRequest:
    """Return a limit order to buy."""
    values = {**NAMED, "quantity": Decimal("0.002"), "price": Decimal(50000)}
    return LimitOrderRequest(**(values | changes))


def stop(**changes: Any) -> StopOrderRequest:
    """Return a stop-loss at the market."""
    values = {**NAMED, "side": Side.SELL, "kind": StopKind.STOP_LOSS}
    amounts = {"quantity": Decimal("0.002"), "stop_price": Decimal(58000)}
    return StopOrderRequest(**({**values, **amounts} | changes))


def oco(**changes: Any) -> OcoRequest:
    """Return the exits of a long position."""
    values = {**NAMED, "side": Side.SELL, "client_order_id": "L1", "quantity": Decimal("0.002")}
    return OcoRequest(**({**values, "stop": STOP, "target": TARGET} | changes))


def entry_list(**changes: Any) -> EntryListRequest:
    """Return an entry with both exits."""
    values: dict[str, Any] = {
        "symbol": "BTCUSDT",
        "client_order_id": "L1",
        "entry_client_order_id": "L1-e",
        "quantity": Decimal("0.002"),
        "price": Decimal(60000),
        "stop": STOP,
        "target": TARGET,
        **SIGNED,
    }
    return EntryListRequest(**(values | changes))


def replacing(client_order_id: str, *, by: SingleOrderRequest) -> CancelReplaceRequest:
    """Return the replacement of one order by another."""
    return CancelReplaceRequest(canceled_client_order_id=client_order_id, order=by)

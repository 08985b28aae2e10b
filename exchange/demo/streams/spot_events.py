"""What the spot engine tells of an account, worded as the venue's user data stream words it.

Times are market time, `E` that of what happened. Within one step orders and lists come in the
order in which things happened to them, then the balances. Source: `user-data-stream.md` of
binance-spot-api-docs; events about a single order never carry what the documentation calls
conditional fields of features that this exchange has not.
"""

from __future__ import annotations

from typing import Any, Final

from exchange.demo.amounts import ZERO, text
from exchange.demo.trading.changes import (
    KeyChange,
    ListEvent,
    OrderEvent,
    StepChange,
    WalletChange,
)
from exchange.demo.trading.ledger import Holding
from exchange.demo.trading.orders import Order

Payload = dict[str, Any]
TERMINATED: Final = "eventStreamTerminated"
_NO_TRADE: Final = -1
_ENDED: Final = ("CANCELED", "EXPIRED")


def payloads(change: object) -> list[Payload]:
    """Return the events of a change, in order; none for what is no business of a spot wallet."""
    if isinstance(change, StepChange):
        return _of_step(change)
    if isinstance(change, WalletChange):
        return _of_wallet(change)
    if isinstance(change, KeyChange):
        return [] if change.flags["enableReading"] else [terminated(change.at_ms)]
    return []


def terminated(at_ms: int) -> Payload:
    """Return what ends a subscription."""
    return {"e": TERMINATED, "E": at_ms}


def _of_step(change: StepChange) -> list[Payload]:
    events = [
        _execution_report(one) if isinstance(one, OrderEvent) else _list_status(one)
        for one in change.events
    ]
    return events + ([_position(change.holdings, change.at_ms)] if change.holdings else [])


def _of_wallet(change: WalletChange) -> list[Payload]:
    update = {
        "e": "balanceUpdate",
        "E": change.at_ms,
        "a": change.holding.asset,
        "d": text(change.delta),
        "T": change.at_ms,
    }
    return [_position((change.holding,), change.at_ms), update]


def _position(holdings: tuple[Holding, ...], at_ms: int) -> Payload:
    return {
        "e": "outboundAccountPosition",
        "E": at_ms,
        "u": at_ms,
        "B": [{"a": one.asset, "f": text(one.free), "l": text(one.locked)} for one in holdings],
    }


def _list_status(event: ListEvent) -> Payload:
    order_list = event.order_list
    return {
        "e": "listStatus",
        "E": event.at_ms,
        "s": order_list.symbol,
        "g": order_list.list_id,
        "c": order_list.contingency,
        "l": order_list.status_type,
        "L": order_list.order_status,
        "r": "NONE",
        "C": order_list.client_order_id,
        "T": event.at_ms,
        "O": [
            {"s": one.symbol, "i": one.order_id, "c": one.client_order_id} for one in event.orders
        ],
    }


def _execution_report(event: OrderEvent) -> Payload:
    order = event.order
    return {
        "e": "executionReport",
        "E": event.at_ms,
        "s": order.symbol,
        **_names(event),
        "S": order.side,
        "o": order.type,
        "f": order.time_in_force,
        "q": text(order.quantity),
        "p": text(order.price),
        "P": text(order.stop_price),
        "F": text(ZERO),
        "g": order.list_id,
        "x": _execution_type(event),
        "X": order.status,
        "r": "NONE",
        "i": order.order_id,
        "T": event.at_ms,
        "I": event.number,
        "w": order.is_open and order.is_working,
        "M": event.fill is not None,
        "O": order.at_ms,
        "z": text(order.executed),
        "Z": text(order.executed_quote),
        "Q": text(order.quote_order_quantity),
        "V": order.prevention_mode,
        **_execution(event),
        **_conditional(order),
    }


def _names(event: OrderEvent) -> Payload:
    # The report of a cancel is called as the cancel was.
    own = event.order.client_order_id
    if event.cancel_client_id is None:
        return {"c": own, "C": ""}
    return {"c": event.cancel_client_id, "C": own}


def _execution_type(event: OrderEvent) -> str:
    if event.fill:
        return "TRADE"
    # A pending order that reaches the book and a stop that triggers are news of the same kind.
    return event.order.status if event.order.status in _ENDED else "NEW"


def _execution(event: OrderEvent) -> Payload:
    fill = event.fill
    if fill is None:
        nothing = text(ZERO)
        return {
            "l": nothing,
            "L": nothing,
            "Y": nothing,
            "n": "0",
            "N": None,
            "t": _NO_TRADE,
            "m": False,
        }
    return {
        "l": text(fill.quantity),
        "L": text(fill.price),
        "Y": text(fill.quote_quantity),
        "n": text(fill.commission),
        "N": fill.commission_asset,
        "t": fill.trade_id,
        "m": fill.is_maker,
    }


def _conditional(order: Order) -> Payload:
    fields = {
        "W": order.working_ms if order.is_working else None,
        "j": order.strategy_id,
        "J": order.strategy_type,
        "eR": order.expiry_reason,
    }
    return {name: value for name, value in fields.items() if value is not None}

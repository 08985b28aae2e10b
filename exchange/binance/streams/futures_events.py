"""Account events of the USD-M futures market, as its user data stream documents them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from exchange.binance.streams.loose_fields import amount, inner, moment, only_symbol, text
from exchange.domain.streams import AccountEvent, AccountEventKind


def futures_event(event: Mapping[str, Any]) -> AccountEvent | None:
    """Return what an event is about, None when nobody has heard of its kind; never raises."""
    kind = event.get("e")
    read = _READERS.get(kind) if isinstance(kind, str) else None
    return read(event) if read else None


def _order(event: Mapping[str, Any]) -> AccountEvent:
    order = inner(event, "o")
    return AccountEvent(
        kind=AccountEventKind.ORDER,
        symbol=text(order, "s"),
        client_order_id=text(order, "c"),
        status=text(order, "X"),
        filled_quantity=amount(order, "z"),
        event_time=moment(event, "E"),
    )


def _fill(event: Mapping[str, Any]) -> AccountEvent:
    # It tells the quantity of one fill; what the order has filled, only ORDER_TRADE_UPDATE.
    return AccountEvent(
        kind=AccountEventKind.ORDER,
        symbol=text(event, "s"),
        client_order_id=text(event, "c"),
        event_time=moment(event, "E"),
    )


def _algo_order(event: Mapping[str, Any]) -> AccountEvent:
    order = inner(event, "o")
    return AccountEvent(
        kind=AccountEventKind.ALGO_ORDER,
        symbol=text(order, "s"),
        client_order_id=text(order, "caid"),
        status=text(order, "X"),
        filled_quantity=amount(order, "aq"),
        event_time=moment(event, "E"),
    )


def _trigger_refused(event: Mapping[str, Any]) -> AccountEvent:
    return AccountEvent(
        kind=AccountEventKind.ALGO_ORDER,
        symbol=text(inner(event, "or"), "s"),
        event_time=moment(event, "E"),
    )


def _account(event: Mapping[str, Any]) -> AccountEvent:
    return _about_account(event, only_symbol(inner(event, "a").get("P")))


def _config(event: Mapping[str, Any]) -> AccountEvent:
    return _about_account(event, text(inner(event, "ac"), "s"))


def _margin_call(event: Mapping[str, Any]) -> AccountEvent:
    return _about_account(event, only_symbol(event.get("p")))


def _about_account(event: Mapping[str, Any], symbol: str | None) -> AccountEvent:
    return AccountEvent(kind=AccountEventKind.ACCOUNT, symbol=symbol, event_time=moment(event, "E"))


_READERS: Final[Mapping[str, Callable[[Mapping[str, Any]], AccountEvent]]] = MappingProxyType(
    {
        "ORDER_TRADE_UPDATE": _order,
        "TRADE_LITE": _fill,
        "ALGO_UPDATE": _algo_order,
        "CONDITIONAL_ORDER_TRIGGER_REJECT": _trigger_refused,
        "ACCOUNT_UPDATE": _account,
        "ACCOUNT_CONFIG_UPDATE": _config,
        "MARGIN_CALL": _margin_call,
    }
)

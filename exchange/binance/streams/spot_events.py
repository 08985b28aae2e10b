"""Account events of the spot market; user-data-stream.md of binance-spot-api-docs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from exchange.binance.streams.loose_fields import amount, moment, text
from exchange.domain.streams import AccountEvent, AccountEventKind

ABOUT_BALANCES: Final = frozenset(
    {"outboundAccountPosition", "balanceUpdate", "externalLockUpdate"}
)


def spot_event(event: Mapping[str, Any]) -> AccountEvent | None:
    """Return what an event is about, None when nobody has heard of its kind; never raises."""
    kind = event.get("e")
    if kind == "executionReport":
        return _order(event)
    if kind == "listStatus":
        return _order_list(event)
    if isinstance(kind, str) and kind in ABOUT_BALANCES:
        return AccountEvent(kind=AccountEventKind.ACCOUNT, event_time=moment(event, "E"))
    return None


def _order(event: Mapping[str, Any]) -> AccountEvent:
    return AccountEvent(
        kind=AccountEventKind.ORDER,
        symbol=text(event, "s"),
        # After a cancel `c` is the cancel's own id, and `C` the order's.
        client_order_id=text(event, "C") or text(event, "c"),
        status=text(event, "X"),
        filled_quantity=amount(event, "z"),
        event_time=moment(event, "E"),
    )


def _order_list(event: Mapping[str, Any]) -> AccountEvent:
    return AccountEvent(
        kind=AccountEventKind.ORDER,
        symbol=text(event, "s"),
        client_order_id=text(event, "C"),
        status=text(event, "L"),
        event_time=moment(event, "E"),
    )

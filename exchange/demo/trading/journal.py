"""What happens within one step, noted down in order, account by account."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from exchange.demo.state import State
from exchange.demo.trading.changes import ListEvent, OrderEvent, StepChange
from exchange.demo.trading.groups import Group
from exchange.demo.trading.ledger import Holding
from exchange.demo.trading.orders import Fill, Order

_NEWEST: Final = "order_events"


class Journal:
    """Notes of the running step. `end` forgets them, whether it was committed or not."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._newest = int(state.meta(_NEWEST) or 0)
        self._events: dict[int, list[OrderEvent | ListEvent]] = {}

    def note_order(
        self, order: Order, *, fill: Fill | None = None, cancel_client_id: str | None = None
    ) -> None:
        """Note that an order is new, or not what it was before."""
        self._newest += 1
        event = OrderEvent(
            number=self._newest, order=order, fill=fill, cancel_client_id=cancel_client_id
        )
        self._events.setdefault(order.uid, []).append(event)

    def note_list(self, group: Group) -> None:
        """Note that the list of a group began or is done; nothing for a single order."""
        if group.order_list:
            orders = tuple(group.orders.values())
            at_ms = max(order.updated_ms for order in orders)
            event = ListEvent(order_list=group.order_list, orders=orders, at_ms=at_ms)
            self._events.setdefault(group.uid, []).append(event)

    def store(self) -> None:
        """Remember which numbers are used, within the step's transaction."""
        if self._events:
            self._state.set_meta(_NEWEST, str(self._newest))

    def changes(self, holdings: Sequence[Holding]) -> list[tuple[int, StepChange]]:
        """Return by account what was noted, with what of its balances was moved."""
        return [
            (
                uid,
                StepChange(
                    events=tuple(events),
                    holdings=tuple(one for one in holdings if one.uid == uid),
                ),
            )
            for uid, events in self._events.items()
        ]

    def end(self) -> None:
        """Forget the notes. Numbers that were not committed are not used again."""
        self._events = {}

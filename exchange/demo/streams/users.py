"""Who listens to which account: what has happened to it goes to all of them, in order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from exchange.domain.types import Market

Event = dict[str, Any]
Deliver = Callable[[Event], None]
# Turns a change of an account into the events of one market; [] for what that market never tells.
Payloads = Callable[[object], list[Event]]


class UserHub:
    """The listeners of accounts, by uid and market.

    payloads   what writes the events of each market
    on_join    told when somebody begins to listen
    """

    def __init__(
        self, payloads: Mapping[Market, Payloads], *, on_join: Callable[[], None] = lambda: None
    ) -> None:
        self._payloads = payloads
        self._on_join = on_join
        self._listeners: defaultdict[tuple[int, Market], dict[object, Deliver]] = defaultdict(dict)

    @property
    def is_empty(self) -> bool:
        """Say whether nobody listens to any account."""
        return not self._listeners

    def join(self, uid: int, market: Market, deliver: Deliver) -> Callable[[], None]:
        """Hand every event of an account in a market to `deliver` until the result is called."""
        token = object()
        self._listeners[uid, market][token] = deliver
        self._on_join()

        def leave() -> None:
            if (listeners := self._listeners.get((uid, market))) is None:
                return
            listeners.pop(token, None)
            if not listeners:
                del self._listeners[uid, market]

        return leave

    def tell(self, uid: int, market: Market, payload: Event) -> None:
        """Hand one event to everybody who listens to an account in a market."""
        for deliver in list(self._listeners.get((uid, market), {}).values()):
            deliver(payload)

    def heard(self, uid: int, change: object) -> None:
        """Take what has happened to an account, after that was committed."""
        for market, payloads in self._payloads.items():
            if (uid, market) in self._listeners:
                for payload in payloads(change):
                    self.tell(uid, market, payload)

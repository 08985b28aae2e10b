"""What an account's stream tells, whatever the market: a link, events, and gaps made known."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from exchange.binance.streams.connection import Link
from exchange.binance.streams.messages import Oddities, kind_of
from exchange.binance.streams.session import Session
from exchange.binance.streams.settings import StreamSettings
from exchange.domain.streams import AccountEvent, AccountEventKind

Parser = Callable[[Mapping[str, Any]], AccountEvent | None]


class AccountStream(ABC):
    """Tells what happens to one account, for as long as `run` runs.

    on_event   every event; they repeat, come late and get lost, so REST is asked what counts.
               After every (re)connection one of kind RESYNC: anything may have happened before
    on_link    (True, "") when the account is listened to, (False, why) when it is not

    Callbacks are plain functions on the loop; what they raise ends `run`.
    """

    def __init__(
        self,
        *,
        name: str,
        origin: str,
        on_event: Callable[[AccountEvent], None],
        on_link: Callable[[bool, str], None],
        settings: StreamSettings,
    ) -> None:
        self._settings, self._on_event, self._on_link = settings, on_event, on_link
        self._oddities = Oddities(name)
        self._link = Link(
            origin=origin,
            begin=self._begin,
            on_up=self._up,
            on_down=lambda reason: on_link(False, reason),  # noqa: FBT003
            oddities=self._oddities,
            settings=settings,
        )

    @property
    def is_up(self) -> bool:
        """Say whether the account is listened to."""
        return self._link.is_up

    @property
    def since(self) -> datetime:
        """Return when `is_up` became what it is (wall time)."""
        return self._link.since

    async def run(self) -> None:
        """Listen for ever; cancellation closes the connection. Runs once."""
        await self._link.run()

    def reconnect(self, reason: str) -> None:
        """Open the connection anew; from the loop's thread."""
        self._link.reconnect(reason)

    @abstractmethod
    async def _begin(self) -> Session: ...

    def _up(self) -> None:
        self._on_link(True, "")  # noqa: FBT003
        self._on_event(AccountEvent(kind=AccountEventKind.RESYNC))

    def _tell(self, event: Mapping[str, Any], parse: Parser) -> None:
        found = parse(event)
        if found:
            self._on_event(found)
        else:
            self._oddities.skip(f"an event of kind {kind_of(event)}")

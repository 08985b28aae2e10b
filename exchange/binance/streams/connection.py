"""One connection that is kept up: opened, watched, replaced before it is cut, opened again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from exchange.binance.streams.backoff import Backoff
from exchange.binance.streams.losses import LinkLostError
from exchange.binance.streams.messages import Oddities
from exchange.binance.streams.session import Life, Session
from exchange.binance.streams.settings import StreamSettings


class Link:
    """Keeps one connection to `origin` up until it is canceled.

    begin     makes the session of the next connection; LinkLostError or GatewayError: not now
    on_up     a connection is ready, the first or another one
    on_down   there is none any more, or still none for another reason; told why

    A connection that grew old, or whose server is about to stop, serves on until the next one is
    ready. What callbacks and sessions raise, other than the named errors, ends `run`.
    """

    def __init__(
        self,
        *,
        origin: str,
        begin: Callable[[], Awaitable[Session]],
        on_up: Callable[[], None],
        on_down: Callable[[str], None],
        oddities: Oddities,
        settings: StreamSettings,
    ) -> None:
        self.origin: Final = origin
        self.settings: Final = settings
        self.oddities: Final = oddities
        self.since = datetime.now(UTC)
        self.last_message_at: float | None = None
        self._begin, self._on_up, self._on_down = begin, on_up, on_down
        self._serving: Life | None = None
        self._coming: Life | None = None
        self._parting: set[asyncio.Task[LinkLostError]] = set()
        self._wake = asyncio.Event()
        self._due: float | None = None
        self._backoff = Backoff(settings)
        self._reason: str | None = None

    @property
    def is_up(self) -> bool:
        """Say whether a connection is open and all is subscribed."""
        return self._serving is not None

    async def run(self) -> None:
        """Keep the connection up for ever; cancellation closes it. Runs once."""
        self._due = asyncio.get_running_loop().time()
        try:
            while True:
                self._start_what_is_due()
                await self._pause()
                self._sweep()
        finally:
            await self._end_all()

    def reconnect(self, reason: str) -> None:
        """Give up the connection that serves and open another; from the loop's thread."""
        if self._serving:
            life, self._serving = self._serving, None
            self._part_with(life)
            self._tell_down(reason)
            self._plan(life, LinkLostError(reason, is_planned=True))

    async def begin(self) -> Session:
        """Return what is said on the next connection."""
        return await self._begin()

    def became_ready(self, life: Life) -> None:
        """Let `life` serve, and the connection before it go."""
        if life is not self._coming:
            return  # given up in this very moment
        old, self._serving, self._coming = self._serving, life, None
        if old:
            self._part_with(old)
        else:
            self.since = datetime.now(UTC)
        self._reason = None
        self._on_up()

    def must_be_replaced(self, life: Life, reason: str) -> None:
        """Open the next connection while `life` serves on."""
        if life is self._serving:
            self._plan(life, LinkLostError(reason, is_planned=True))

    def note_message(self) -> None:
        """Remember when something was heard last."""
        self.last_message_at = asyncio.get_running_loop().time()

    def _start_what_is_due(self) -> None:
        now = asyncio.get_running_loop().time()
        if self._due is not None and self._due <= now:
            self._due, self._coming = None, Life(self)
            self._coming.task.add_done_callback(lambda _: self._wake.set())

    async def _pause(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self._due):
                await self._wake.wait()
        self._wake.clear()

    def _sweep(self) -> None:
        if self._coming and self._coming.task.done():
            life, self._coming = self._coming, None
            self._lost(life)
        if self._serving and self._serving.task.done():
            life, self._serving = self._serving, None
            self._lost(life)

    def _lost(self, life: Life) -> None:
        loss = life.task.result()
        if not self._serving:
            self._tell_down(loss.reason)
        self._plan(life, loss)

    def _plan(self, life: Life, loss: LinkLostError) -> None:
        if life.is_healthy:
            self._backoff.reset()
        if self._coming is None and self._due is None:
            self._due = asyncio.get_running_loop().time() + self._backoff.next_delay(loss)
        self._wake.set()

    def _tell_down(self, reason: str) -> None:
        if self._reason is None:
            self.since = datetime.now(UTC)
        if reason != self._reason:
            self._reason = reason
            self._on_down(reason)

    def _part_with(self, life: Life) -> None:
        life.task.cancel()
        self._parting.add(life.task)
        life.task.add_done_callback(self._parting.discard)

    async def _end_all(self) -> None:
        for life in (self._coming, self._serving):
            if life:
                self._part_with(life)
        self._coming = self._serving = None
        await asyncio.gather(*self._parting, return_exceptions=True)

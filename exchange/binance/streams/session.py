"""One connection from its first byte to its last, and what is said on it."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Protocol

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from exchange.binance.streams.dialing import dial
from exchange.binance.streams.losses import (
    DIAL_ERRORS,
    LinkLostError,
    lost_by_closing,
    lost_by_dialing,
    lost_by_gateway,
)
from exchange.binance.streams.messages import Oddities, decode, unwrapped
from exchange.binance.streams.settings import StreamSettings
from exchange.domain.errors import GatewayError

SHUTDOWN_EVENT: Final = "serverShutdown"
SHUTDOWN: Final = "the venue announced a shutdown"

Say = Callable[[str], Awaitable[None]]


class Session(ABC):
    """What is said and heard on one connection; a new one for each.

    path   where the connection goes; may hold a listen key, so nobody may log it
    """

    path: str

    @abstractmethod
    async def converse(self, say: Say, ready: Callable[[], None]) -> None:
        """Speak for as long as the connection lives; call `ready` once all is subscribed.

        LinkLostError or GatewayError ends the connection.
        """

    @abstractmethod
    def hear(self, message: Mapping[str, Any], event: Mapping[str, Any]) -> None:
        """Take a message, and the event in it: the message itself where it wraps none.

        LinkLostError ends the connection.
        """


class Keeper(Protocol):
    """Who opens connections and is told what becomes of them."""

    @property
    def origin(self) -> str: ...
    @property
    def settings(self) -> StreamSettings: ...
    @property
    def oddities(self) -> Oddities: ...

    async def begin(self) -> Session:
        """Return what is said on the next connection."""
        ...

    def became_ready(self, life: Life) -> None:
        """Note that all is subscribed."""
        ...

    def must_be_replaced(self, life: Life, reason: str) -> None:
        """Note that the connection serves on, but not for long."""
        ...

    def note_message(self) -> None:
        """Note that something was heard."""
        ...


class Life:
    """A connection that is being opened, serves, and ends with the reason for its end.

    `task` returns that reason; it raises what callbacks and sessions raise besides.
    """

    def __init__(self, keeper: Keeper) -> None:
        self._keeper: Final = keeper
        self._loop: Final = asyncio.get_running_loop()
        self._ready_at: float | None = None
        self._is_leaving = False
        self._aging: asyncio.TimerHandle | None = None
        self.task: Final = asyncio.create_task(self._live())

    @property
    def is_healthy(self) -> bool:
        """Say whether it has served long enough to be no failure."""
        if self._ready_at is None:
            return False
        return self._loop.time() - self._ready_at >= self._keeper.settings.healthy_seconds

    async def _live(self) -> LinkLostError:
        try:
            session = await self._begin()
            socket = await self._dial(session.path)
        except LinkLostError as loss:
            return loss
        try:
            return await self._talk(socket, session)
        finally:
            try:
                await socket.close()
            finally:
                # Canceled once more while it said goodbye, it would stay open.
                socket.transport.abort()

    async def _begin(self) -> Session:
        try:
            return await self._keeper.begin()
        except GatewayError as error:
            raise lost_by_gateway(error) from None

    async def _dial(self, path: str) -> ClientConnection:
        try:
            return await dial(self._keeper.origin, path, self._keeper.settings)
        except DIAL_ERRORS as error:
            loss = lost_by_dialing(error)
        raise loss  # outside of the handler: the library's error holds the URL

    async def _talk(self, socket: ClientConnection, session: Session) -> LinkLostError:
        tasks = [
            asyncio.create_task(self._read(socket, session)),
            asyncio.create_task(self._converse(socket, session)),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            # Where both know why, the one with the venue's own word.
            return max((task.result() for task in done), key=lambda loss: loss.wait)
        finally:
            if self._aging:
                self._aging.cancel()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self, socket: ClientConnection, session: Session) -> LinkLostError:
        try:
            while True:
                self._take(await socket.recv(), session)
        except ConnectionClosed as closed:
            return lost_by_closing(closed)
        except LinkLostError as loss:
            return loss

    def _take(self, text: str | bytes, session: Session) -> None:
        self._keeper.note_message()
        message = decode(text)
        if message is None:
            self._keeper.oddities.skip("a message that is no JSON object")
            return
        event = unwrapped(message)
        if event.get("e") == SHUTDOWN_EVENT:
            self._is_leaving = True
            self._keeper.must_be_replaced(self, SHUTDOWN)
        else:
            session.hear(message, event)

    async def _converse(self, socket: ClientConnection, session: Session) -> LinkLostError:
        try:
            await session.converse(socket.send, self._became_ready)
        except GatewayError as error:
            return lost_by_gateway(error)
        except ConnectionClosed as closed:
            return lost_by_closing(closed)
        except LinkLostError as loss:
            return loss
        return LinkLostError("the conversation ended")

    def _became_ready(self) -> None:
        if self._ready_at is None:
            self._ready_at = self._loop.time()
            oldest = self._keeper.settings.oldest.total_seconds()
            self._aging = self._loop.call_later(oldest, self._aged)
            self._keeper.became_ready(self)
            if self._is_leaving:  # the announcement was faster than the subscription
                self._keeper.must_be_replaced(self, SHUTDOWN)

    def _aged(self) -> None:
        self._keeper.must_be_replaced(self, "the connection grew old")

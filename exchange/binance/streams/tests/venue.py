"""A WebSocket server of the tests' own: it does what a venue does, or what one should not do."""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from exchange.binance.streams.settings import StreamSettings
from exchange.binance.urls import UrlSet

PATIENCE_SECONDS = 15.0
# As fast as a loopback: what waits minutes at the venue waits hundredths of a second here.
QUICK = StreamSettings(
    open_seconds=0.3,
    reply_seconds=0.2,
    close_seconds=0.05,
    first_delay=0.01,
    longest_delay=0.02,
    message_seconds=0.0,
    keep_seconds=0.03,
    keep_again_seconds=0.01,
)


class Venue:
    """Remembers who came and what was asked; answers requests unless it is told otherwise.

    answers   from a request to its reply, None for silence
    on_open   what everybody is told who comes
    hangs_up  after that
    refusal   what the next handshakes get instead of a connection
    """

    def __init__(self) -> None:
        self.url = ""
        self.paths: list[str] = []
        self.came_at: list[float] = []
        self.asked: list[dict[str, Any]] = []
        self.asked_at: list[float] = []
        self.open: list[ServerConnection] = []
        self.held: defaultdict[ServerConnection, set[str]] = defaultdict(set)
        self.most_open = 0
        self.close_codes: list[int | None] = []
        self.answers: Callable[[dict[str, Any]], Any] = lambda asked: {
            "result": None,
            "id": asked["id"],
        }
        self.on_open: list[str] = []
        self.hangs_up = False
        self.refusal: tuple[int, dict[str, str]] | None = None

    @property
    def urls(self) -> UrlSet:
        """Return a set of URLs that all lead here."""
        http = self.url.replace("ws", "http", 1)
        return UrlSet(
            spot=http, spot_ws=self.url, spot_ws_api=self.url, futures=http, futures_ws=self.url
        )

    @property
    def names(self) -> list[list[str]]:
        """Return the stream names of each SUBSCRIBE."""
        return [asked["params"] for asked in self.asked if asked["method"] == "SUBSCRIBE"]

    @property
    def subscribed(self) -> list[str]:
        """Return the stream names of all open connections, each as often as it is held."""
        return sorted(name for connection in self.open for name in self.held[connection])

    async def tell(self, message: Any) -> None:
        """Send a message, JSON unless it is text already, on every connection."""
        text = message if isinstance(message, str) else json.dumps(message)
        for connection in list(self.open):
            with suppress(ConnectionClosed):  # it may be closing just now
                await connection.send(text)

    def cut(self) -> None:
        """Abort every connection without a word."""
        for connection in list(self.open):
            connection.transport.abort()

    def freeze(self) -> None:
        """Neither read nor answer anything on the connections that are open now."""
        for connection in self.open:
            connection.transport.pause_reading()

    def greet(self, _: ServerConnection, request: Request) -> Response | None:
        """Note the handshake, and refuse it where that is wanted."""
        self.paths.append(request.path)
        self.came_at.append(time.monotonic())
        if self.refusal is None:
            return None
        status, headers = self.refusal
        return Response(status, HTTPStatus(status).phrase, Headers(headers), b"<html></html>")

    async def talk(self, connection: ServerConnection) -> None:
        """Answer requests until the client goes."""
        self.open.append(connection)
        self.most_open = max(self.most_open, len(self.open))
        try:
            for greeting in self.on_open:
                await connection.send(greeting)
            if self.hangs_up:
                return
            async for text in connection:
                await self._answer(connection, json.loads(text))
        except ConnectionClosed:
            pass
        finally:
            self.open.remove(connection)
            self.close_codes.append(connection.close_code)

    async def _answer(self, connection: ServerConnection, asked: dict[str, Any]) -> None:
        self.asked.append(asked)
        self.asked_at.append(time.monotonic())
        answer = self.answers(asked)
        for reply in answer if isinstance(answer, list) else [answer]:
            if reply is not None and "result" in reply and "params" in asked:
                held = self.held[connection]
                is_more = asked["method"] == "SUBSCRIBE"
                (held.update if is_more else held.difference_update)(asked["params"])
            if reply is not None:
                await connection.send(json.dumps(reply))


@asynccontextmanager
async def venue() -> AsyncIterator[Venue]:
    """Serve on a free loopback port until the block ends."""
    served = Venue()
    async with serve(
        served.talk, "127.0.0.1", 0, process_request=served.greet, close_timeout=0.05
    ) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        served.url = f"ws://127.0.0.1:{port}"
        yield served
        served.cut()


@asynccontextmanager
async def running(stream: Any) -> AsyncIterator[asyncio.Task[None]]:
    """Run a stream until the block ends; what it raised of itself is raised here."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        task: asyncio.Task[None] = asyncio.create_task(stream.run())
        try:
            yield task
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def until(seen: Callable[[], Any]) -> None:
    """Wait until `seen()` is true; the block of `running` ends the wait."""
    while not seen():
        await asyncio.sleep(0.002)


async def a_while(seconds: float = 0.1) -> None:
    """Give something that must not happen the time to happen."""
    await asyncio.sleep(seconds)

"""A client of the WebSocket side for tests: the `websockets` package, and nothing of ours."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from exchange.demo.testing import RunningExchange
from exchange.demo.times import MINUTE_MS, iso

# Where the paused exchange of the tests stands: 2025-05-05T16:33Z.
START_MS = 1_746_462_780_000
T = TypeVar("T")
Script = Callable[[ClientConnection], Awaitable[T]]
_PATIENCE = 20.0


def listen(demo: RunningExchange, path: str, script: Script[T], **options: Any) -> T:
    """Connect to a path, run a script on the connection and return what it returns."""

    async def main() -> T:
        async with asyncio.timeout(_PATIENCE):
            async with connect(demo.ws_url + path, proxy=None, **options) as client:
                return await script(client)

    return asyncio.run(main())


def after(minutes: float) -> str:
    """Return the market time so many minutes after the start, as the control door reads it."""
    return iso(START_MS + int(minutes * MINUTE_MS))


async def heard(client: ClientConnection) -> Any:
    """Return the next message."""
    return json.loads(await client.recv())


async def ask(client: ClientConnection, method: str, *params: Any, number: int = 1) -> Any:
    """Send a request and return its answer; events in between are dropped."""
    request: dict[str, Any] = {"method": method, "id": number}
    if params:
        request["params"] = list(params)
    await client.send(json.dumps(request))
    return await answer(client)


async def answer(client: ClientConnection) -> Any:
    """Return the next answer to a request; events in between are dropped."""
    while True:
        message = await heard(client)
        if "id" in message:
            return message


async def closed_klines(client: ClientConnection, count: int) -> list[dict[str, Any]]:
    """Return the next closed klines' events, unwrapped."""
    found: list[dict[str, Any]] = []
    while len(found) < count:
        message = await heard(client)
        event = message.get("data", message)
        if event.get("e") == "kline" and event["k"]["x"]:
            found.append(event)
    return found


async def ending(client: ClientConnection, messages: list[Any] | None = None) -> ConnectionClosed:
    """Read until the connection ends and return how; `messages` takes what came before."""
    try:
        while True:
            message = await heard(client)
            if messages is not None:
                messages.append(message)
    except ConnectionClosed as e:
        return e


async def all_for(client: ClientConnection, seconds: float) -> list[Any]:
    """Return everything that comes within some seconds."""
    found: list[Any] = []
    try:
        async with asyncio.timeout(seconds):
            while True:
                found.append(await heard(client))
    except TimeoutError:
        return found


async def until(ready: Callable[[], bool]) -> None:
    """Return when something has come true."""
    while not ready():
        await asyncio.sleep(0.01)

"""The door of the WebSocket side: handshakes, who is connected, and how all of them end."""

from __future__ import annotations

import asyncio
import re
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from aiohttp import web

from exchange.demo.control.faults import FaultBoard
from exchange.demo.control.fields import Fields
from exchange.demo.errors import TOO_MANY_REQUESTS
from exchange.demo.streams.conversation import Conversation
from exchange.demo.streams.market_conversation import MarketConversation
from exchange.demo.streams.publisher import Publisher
from exchange.demo.streams.registry import CONVERSATIONS, PAYLOADS
from exchange.demo.streams.settings import Pace, StreamSettings
from exchange.demo.streams.socket import StreamSocket
from exchange.demo.streams.targets import Category, Target
from exchange.demo.streams.users import UserHub
from exchange.demo.venue import Venue

_NO_HANDSHAKE: Final = "A WebSocket handshake is expected here."
_CUT: Final = "cut"
_SHUTDOWN: Final = "shutdown"
_EXPIRE: Final = "expire_listen_keys"
_ACTIONS: Final = (_CUT, _SHUTDOWN, _EXPIRE)
_SHUTTING_DOWN: Final = 503
_SHUTDOWN_SECONDS: Final = 0.2
# As long and plain as a listen key; no name of a stream is.
_SECRET: Final = re.compile(r"[A-Za-z0-9]{60,}")


class _Connection(NamedTuple):
    number: int
    target: Target
    socket: StreamSocket


class StreamDoor:
    """Everything behind the paths that become WebSockets."""

    def __init__(self, venue: Venue, faults: FaultBoard, settings: StreamSettings) -> None:
        self._venue = venue
        self._faults = faults
        self._settings = settings
        self.publisher = Publisher(venue, is_watched=lambda: not self.users.is_empty)
        self.users = UserHub(PAYLOADS, on_join=self.publisher.wake)
        venue.account_listeners.append(self.users.heard)
        self._open: dict[int, _Connection] = {}
        self._last_number = 0
        self._handshakes: defaultdict[tuple[str, str], deque[float]] = defaultdict(deque)
        self._is_shutting_down = False

    async def serve(self, request: web.BaseRequest, target: Target) -> web.StreamResponse:
        """Answer a GET on a path of the WebSocket side until its connection ends."""
        if refusal := self._refusal(request, target):
            return refusal
        socket = self._socket(request, target)
        self._last_number += 1
        connection = _Connection(self._last_number, target, socket)
        self._open[connection.number] = connection
        try:
            return await socket.run(lambda opened: self._converse(opened, target))
        finally:
            del self._open[connection.number]

    async def shut_down(self) -> None:
        """Tell every client that the server goes away and end all connections within 0.2 s."""
        self._is_shutting_down = True
        sockets = [one.socket for one in self._open.values()]
        for socket in sockets:
            socket.shut_down()
        if not sockets:
            return
        endings = [asyncio.ensure_future(socket.ended.wait()) for socket in sockets]
        _, late = await asyncio.wait(endings, timeout=_SHUTDOWN_SECONDS)
        for ending in late:
            ending.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        for socket in sockets:
            if not socket.ended.is_set():
                socket.abort()

    def control_doors(self) -> Mapping[tuple[str, str], Callable[[Any], Any]]:
        """Return what the control door answers about connections, by method and path."""
        return {
            ("GET", "/streams"): lambda _: self._rows(),
            ("POST", "/streams"): self._act,
            ("DELETE", "/streams"): lambda _: self._cut_all(),
        }

    def _refusal(self, request: web.BaseRequest, target: Target) -> web.Response | None:
        if self._is_shutting_down:
            return web.Response(status=_SHUTTING_DOWN, text="Service unavailable.")
        if not web.WebSocketResponse().can_prepare(request):
            return web.Response(status=400, text=_NO_HANDSHAKE)
        if left := self._wait_seconds(target.category, request.remote or ""):
            headers = {"Retry-After": str(left)}
            return web.Response(
                status=TOO_MANY_REQUESTS, text="Too many connection attempts.", headers=headers
            )
        return None

    def _wait_seconds(self, category: Category, peer: str) -> int:
        host = "ws-api" if category is Category.SPOT_API else category.market.value
        attempts, now = self._handshakes[host, peer], time.monotonic()
        while attempts and now - attempts[0] >= self._settings.connections_in:
            attempts.popleft()
        if len(attempts) >= self._settings.connections:
            return int(attempts[0] + self._settings.connections_in - now) + 1
        attempts.append(now)
        return 0

    def _socket(self, request: web.BaseRequest, target: Target) -> StreamSocket:
        return StreamSocket(
            request,
            market=target.category.market,
            pace=self._pace(target.category),
            settings=self._settings,
            faults=self._faults,
            market_ms=self._venue.clock.now_ms,
        )

    def _pace(self, category: Category) -> Pace:
        if category is Category.SPOT_API:
            return self._settings.spot_api
        return self._settings.spot if category is Category.SPOT else self._settings.futures

    def _converse(self, socket: StreamSocket, target: Target) -> Conversation:
        if target.category is Category.SPOT_API:
            socket.wrap = _as_api_event
        if begin := CONVERSATIONS.get(target.category):
            return begin(socket, self._venue, self.users, target)
        conversation = MarketConversation(socket, self.publisher, target)
        socket.wrap, socket.streams = conversation.announced, conversation.names
        return conversation

    def _rows(self) -> list[dict[str, Any]]:
        return [self._row(one) for one in self._open.values()]

    def _row(self, connection: _Connection) -> dict[str, Any]:
        number, target, socket = connection
        return {
            "id": number,
            "path": _shown(_shown_path(target)),
            "category": target.category.value,
            "peer": socket.peer,
            "streams": [_shown(name) for name in socket.streams()],
            "age_seconds": round(time.monotonic() - socket.opened_at, 3),
            "sent": socket.sent,
        }

    def _act(self, item: Any) -> list[dict[str, Any]]:
        fields = Fields(item, ("action", "id", "seconds"))
        action = fields.word("action", _ACTIONS)
        seconds = fields.number("seconds", default=0.0, least=0.0, most=600.0)
        chosen = list(self._open.values())
        if fields.has("id"):
            number = fields.whole("id", least=1)
            chosen = [one for one in chosen if one.number == number]
            if not chosen:
                raise fields.wrong("id", "is no open connection")
        struck = [self._row(one) for one in chosen]
        if action == _EXPIRE:
            self._venue.listen_keys.expire_all()
        for one in chosen:
            if action == _CUT:
                one.socket.abort()
            elif action == _SHUTDOWN:
                one.socket.shut_down(seconds)
        return struck

    def _cut_all(self) -> list[dict[str, Any]]:
        return self._act({"action": _CUT})


def _shown_path(target: Target) -> str:
    # The rest of such a path is a key that lets its reader listen to an account.
    return "/private" if target.category is Category.FUTURES_PRIVATE else target.path


def _shown(text: str) -> str:
    # Clients have put listen keys where streams are named.
    return _SECRET.sub("…", text)


def _as_api_event(event: dict[str, Any]) -> dict[str, Any]:
    return {"event": event}

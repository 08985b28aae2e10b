"""One client's WebSocket: what leaves it, in which order, and when it ends."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, NamedTuple

import orjson
from aiohttp import WSMsgType, web

from exchange.demo.control.faults import Action, Fault, FaultBoard
from exchange.demo.streams.conversation import Conversation
from exchange.demo.streams.settings import Pace, StreamSettings
from exchange.domain.types import Market

GOING_AWAY: Final = 1001
POLICY_VIOLATION: Final = 1008
_FUTURES_PREFIX: Final = "um:"
# A frozen connection looks this often whether the fault was cleared.
_THAW_SECONDS: Final = 0.05
# So long the answer to a close frame is waited for.
_CLOSE_SECONDS: Final = 0.1
_ENDED: Final = (WSMsgType.CLOSED, WSMsgType.CLOSING, WSMsgType.ERROR)


class _Frame(NamedTuple):
    """What leaves next; a CLOSE carries its code in front of the reason."""

    kind: WSMsgType
    data: bytes
    code: int = 1000


class StreamSocket:
    """A connection that was upgraded. Everything leaves through one queue.

    market      whose stream names its faults see; those of futures begin with `um:`
    market_ms   market time in ms
    wrap        how the path writes an event that belongs to no stream; may be set at any time
    streams     what the client subscribed to, for people to see
    """

    def __init__(
        self,
        request: web.BaseRequest,
        *,
        market: Market,
        pace: Pace,
        settings: StreamSettings,
        faults: FaultBoard,
        market_ms: Callable[[], int],
    ) -> None:
        # Pings and closes are answered through the queue, so that a freeze holds them up too.
        self._response = web.WebSocketResponse(
            timeout=_CLOSE_SECONDS, autoping=False, autoclose=False, compress=False
        )
        self._request = request
        self._prefix = _FUTURES_PREFIX if market is Market.FUTURES else ""
        self._pace = pace
        self._settings = settings
        self._faults = faults
        self._market_ms = market_ms
        self._loop = asyncio.get_running_loop()
        self._outgoing: asyncio.Queue[_Frame] = asyncio.Queue()
        self._heard_at: deque[float] = deque(maxlen=pace.incoming or 1)
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._unanswered: set[bytes] = set()
        self._freeze: tuple[Fault, float] | None = None
        self._is_closing = False
        self._is_saying_goodbye = False
        self.wrap: Callable[[dict[str, Any]], Any] = lambda event: event
        self.streams: Callable[[], list[str]] = list
        self.opened_at = time.monotonic()
        self.sent = 0
        self.ended = asyncio.Event()

    @property
    def peer(self) -> str:
        """Return the client's address."""
        return self._request.remote or ""

    def send(self, payload: Any, *, stream: str) -> None:
        """Send an event of a stream as JSON; the faults of that stream strike it."""
        if self._is_closing:
            return
        frame = _Frame(WSMsgType.TEXT, orjson.dumps(payload))
        fault = None
        if not self._is_frozen:
            fault = self._faults.strike_stream(f"{self._prefix}{stream}", self._loop.time())
        if fault is None:
            self._put(frame)
        else:
            self._suffer(fault, frame)

    def reply(self, payload: Any) -> None:
        """Send the answer to a request as JSON; no fault of a stream strikes it."""
        self._put(_Frame(WSMsgType.TEXT, orjson.dumps(payload)))

    def close(self, code: int = 1000, reason: str = "") -> None:
        """End the connection after what was sent before."""
        self._put(_Frame(WSMsgType.CLOSE, reason.encode(), code))
        self._is_closing = True

    def shut_down(self, after_seconds: float = 0.0) -> None:
        """Tell the client that the server goes away, and close."""
        if after_seconds and "shutdown" in self._timers:
            return
        event = {"e": "serverShutdown", "E": self._market_ms()}
        self.reply(self.wrap(event))
        if after_seconds:
            self._later("shutdown", after_seconds, self._go_away)
        else:
            self._go_away()

    def abort(self) -> None:
        """End the connection at once, without a close frame."""
        self._is_closing = True
        if self._request.transport is not None:
            self._request.transport.abort()

    async def run(self, converse: Callable[[StreamSocket], Conversation]) -> web.StreamResponse:
        """Upgrade, talk until either side ends it, and return the response that was used up."""
        await self._response.prepare(self._request)
        conversation = converse(self)
        writing = asyncio.create_task(self._write())
        try:
            self._later("life", self._settings.longest_life, self._go_away)
            self._later("ping", self._pace.ping_every, self._ping)
            conversation.opened()
            await self._read(conversation)
        finally:
            self._is_closing = True
            conversation.closed()
            for timer in self._timers.values():
                timer.cancel()
            if self._is_saying_goodbye:
                await asyncio.wait({writing}, timeout=2 * _CLOSE_SECONDS)
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
            self.ended.set()
        return self._response

    async def _read(self, conversation: Conversation) -> None:
        while True:
            message = await self._response.receive()
            if message.type in _ENDED:
                return
            if message.type is WSMsgType.CLOSE:
                await self._answer_close(message.data)
                return
            if self._is_closing:
                continue
            if self._is_flooded():
                self.close(POLICY_VIOLATION, "Too many requests")
            elif message.type is WSMsgType.PING:
                self._put(_Frame(WSMsgType.PONG, message.data))
            elif message.type is WSMsgType.PONG:
                self._take_pong(bytes(message.data))
            elif message.type is WSMsgType.TEXT:
                conversation.heard(message.data)

    async def _answer_close(self, code: int | None) -> None:
        await self._thawed()
        with suppress(ConnectionError):
            await self._response.close(code=code or 1000)

    async def _write(self) -> None:
        with suppress(ConnectionError):
            while True:
                frame = await self._outgoing.get()
                await self._thawed()
                if frame.kind is WSMsgType.CLOSE:
                    self._is_saying_goodbye = True
                    await self._response.close(code=frame.code, message=frame.data)
                    return
                if not await self._sent_in_time(frame):
                    return

    async def _sent_in_time(self, frame: _Frame) -> bool:
        try:
            async with asyncio.timeout(self._settings.patience):
                await self._response.send_frame(frame.data, frame.kind)
        except TimeoutError:
            self.abort()
            return False
        self.sent += frame.kind is WSMsgType.TEXT
        return True

    def _put(self, frame: _Frame) -> None:
        if self._is_closing:
            return
        if self._outgoing.qsize() >= self._settings.most_waiting:
            self.abort()
        else:
            self._outgoing.put_nowait(frame)

    def _suffer(self, fault: Fault, frame: _Frame) -> None:
        action = fault.action
        if action is Action.CUT:
            self.abort()
        elif action is Action.LATE:
            self._loop.call_later(fault.seconds, self._put, frame)
        elif action is Action.FREEZE:
            until = self._loop.time() + fault.seconds if fault.seconds else math.inf
            self._freeze = fault, until
            self._put(frame)
        elif action is Action.DUPLICATE:
            self._put(frame)
            self._put(frame)
        elif action is Action.SHUTDOWN:
            self._put(frame)
            self.shut_down(fault.seconds)
        # What is left, silence and loss, swallows the event.

    @property
    def _is_frozen(self) -> bool:
        if self._freeze is None:
            return False
        fault, until = self._freeze
        if self._loop.time() >= until or not self._faults.is_set(fault):
            self._freeze = None
        return self._freeze is not None

    @property
    def _is_gone(self) -> bool:
        transport = self._request.transport
        return transport is None or transport.is_closing()

    async def _thawed(self) -> None:
        while self._is_frozen and not self._is_gone:
            await asyncio.sleep(_THAW_SECONDS)

    def _is_flooded(self) -> bool:
        if self._pace.incoming is None:
            return False
        now = self._loop.time()
        is_full = len(self._heard_at) == self._pace.incoming and now - self._heard_at[0] < 1.0
        self._heard_at.append(now)
        return is_full

    def _ping(self) -> None:
        self._later("ping", self._pace.ping_every, self._ping)
        # A ping that cannot leave is not sent: nobody could answer it in time.
        if self._is_frozen:
            return
        payload = str(self._market_ms()).encode()
        self._unanswered.add(payload)
        self._put(_Frame(WSMsgType.PING, payload))
        if "pong" not in self._timers:
            self._later("pong", self._pace.pong_within, self.abort)

    def _take_pong(self, payload: bytes) -> None:
        if self._pace.any_pong or payload in self._unanswered:
            self._unanswered.clear()
            self._forget("pong")

    def _go_away(self) -> None:
        self.close(GOING_AWAY, "going away")

    def _later(self, name: str, seconds: float, job: Callable[[], None]) -> None:
        self._timers[name] = self._loop.call_later(seconds, job)

    def _forget(self, name: str) -> None:
        if timer := self._timers.pop(name, None):
            timer.cancel()

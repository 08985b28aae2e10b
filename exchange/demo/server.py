"""The doors on one port: HTTP and WebSockets, one aiohttp server, one event loop.

Faults strike at the threshold.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable
from contextlib import suppress

import orjson
from aiohttp import web

from exchange.demo.control.door import PREFIX, Control
from exchange.demo.control.faults import Action, Fault, FaultBoard, When
from exchange.demo.dispatch import Reply, pool_of_request, refusal, respond
from exchange.demo.errors import DemoExchangeError, VenueError
from exchange.demo.http.past import Past
from exchange.demo.http.wire import WireRequest
from exchange.demo.limits import RateLimits
from exchange.demo.mirroring import Mirror, mirror_of
from exchange.demo.streams.door import StreamDoor
from exchange.demo.streams.settings import StreamSettings
from exchange.demo.streams.targets import Target, target_of
from exchange.demo.venue import ExchangeConfig, Venue
from exchange.domain.types import Market

_JSON = "application/json;charset=UTF-8"
# Requests that are still held up by a fault when the exchange stops are cut after this.
_SHUTDOWN_SECONDS = 0.2
# Control paths after which figures may differ although market time stands still.
_FIGURES = ("/clock", "/price", "/symbols")


class _DroppedError(Exception):
    """The connection ends here without a reply."""


class Server:
    """Serves one venue until told to stop."""

    def __init__(
        self,
        config: ExchangeConfig,
        mirror: Mirror | None = None,
        *,
        streams: StreamSettings | None = None,
    ) -> None:
        self._config = config
        self._mirror = mirror
        self.venue = Venue(config, market=mirror.market if mirror else None)
        self._faults = FaultBoard(seed=config.seed)
        self._past = Past(self.venue.state, self.venue.wall_seconds)
        self.streams = StreamDoor(self.venue, self._faults, streams or StreamSettings())
        self.control = Control(self.venue, self._faults, doors=self.streams.control_doors())
        self.port = config.port

    async def run(self, *, stop: asyncio.Event, on_listening: Callable[[Server], None]) -> None:
        """Listen, say so, and serve until `stop` is set; then store the exact market time."""
        try:
            runner = await self._listen()
            try:
                on_listening(self)
                await self._until(stop)
            finally:
                await self.streams.shut_down()
                await runner.cleanup()
        finally:
            self._past.forget()
            self.venue.close()

    async def _until(self, stop: asyncio.Event) -> None:
        tasks = [
            asyncio.create_task(stop.wait()),
            asyncio.create_task(self.streams.publisher.run()),
        ]
        if self._mirror is not None:
            tasks.append(asyncio.create_task(self._mirror.follow(self._follow)))
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                # Only the first ends by itself: this raises what ended another.
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _follow(self, market_ms: int) -> None:
        self.venue.follow(market_ms)
        self.streams.publisher.wake()

    async def _listen(self) -> web.ServerRunner:
        # No routes: dispatch knows the paths, and requests are twice as fast without a router.
        # Bodies stay as they are: the venue unpacks none either.
        server = web.Server(self._handle, access_log=None, auto_decompress=False)
        runner = web.ServerRunner(server, shutdown_timeout=_SHUTDOWN_SECONDS)
        await runner.setup()
        site = web.TCPSite(runner, self._config.host, self._config.port)
        try:
            await site.start()
        except OSError as e:
            await runner.cleanup()
            where = f"{self._config.host}:{self._config.port}"
            raise DemoExchangeError(f"cannot listen on {where}: {e.strerror or e}") from e
        self.port = runner.addresses[0][1]
        return runner

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path, _, query = _clean(request.raw_path).partition("?")
        target = target_of(path, query) if request.method == "GET" else None
        body = (await request.read()).decode("utf-8", errors="replace")
        peer = request.remote or ""
        if path.startswith(PREFIX):
            return self._controlled(request, path, body, peer)
        wire = WireRequest(
            method=request.method,
            path=path,
            query=query,
            body=body,
            api_key=request.headers.get("X-MBX-APIKEY"),
            peer=peer,
        )
        try:
            if target is not None:
                return await self._connect(request, target, wire)
            return await self._respond(wire)
        except _DroppedError:
            if request.transport:
                request.transport.abort()
            return web.Response()

    def _controlled(
        self, request: web.BaseRequest, path: str, body: str, peer: str
    ) -> web.Response:
        origin, host = request.headers.get("Origin"), request.headers.get("Host")
        reply = self.control.respond(
            request.method, path, body, peer=peer, origin=origin, host=host
        )
        if request.method != "GET" and path.removeprefix(PREFIX) in _FIGURES:
            self.streams.publisher.wake(is_changed=True)
        return _control_response(reply)

    async def _connect(
        self, request: web.BaseRequest, target: Target, wire: WireRequest
    ) -> web.StreamResponse:
        fault = self._faults.strike(wire.method, wire.path, When.BEFORE)
        if fault and (instead := await self._suffer(fault, wire)):
            return instead
        is_banned = self.venue.wall_seconds() < self._pool(wire).bans.get(wire.peer, 0.0)
        if is_banned and (refused := self._refused(wire)):
            return refused
        return await self.streams.serve(request, target)

    def _pool(self, wire: WireRequest) -> RateLimits:
        target = target_of(wire.path, wire.query)
        if target is not None and target.category.market is Market.FUTURES:
            return self.venue.futures_limits
        return pool_of_request(self.venue, wire)

    async def _respond(self, wire: WireRequest) -> web.Response:
        self._keep_past()
        fault = self._faults.strike(wire.method, wire.path, When.BEFORE)
        if fault and (instead := await self._suffer(fault, wire)):
            return instead
        if fault and fault.action is Action.STALE:
            response = self._respond_late(wire, fault.seconds)
        else:
            response = _json_response(respond(self.venue, wire))
        fault = self._faults.strike(wire.method, wire.path, When.AFTER)
        return (fault and await self._suffer(fault, wire)) or response

    def _keep_past(self) -> None:
        if self._faults.wants_past:
            self._past.keep()
        else:
            self._past.forget()

    def _respond_late(self, wire: WireRequest, seconds: float) -> web.Response:
        with self._past.books(seconds) as books:
            return _json_response(respond(self.venue, wire, books=books))

    async def _suffer(self, fault: Fault, wire: WireRequest) -> web.Response | None:
        if fault.action is Action.DROP:
            raise _DroppedError
        if fault.action is Action.DELAY:
            await asyncio.sleep(fault.seconds)
        if fault.action is Action.BAN:
            self._pool(wire).ban(wire.peer, fault.seconds)
            return self._refused(wire)
        if fault.action in (Action.DELAY, Action.STALE):
            return None
        return self._instead(fault, wire)

    def _refused(self, wire: WireRequest) -> web.Response | None:
        pool = self._pool(wire)
        try:
            pool.charge(wire.peer, 0)
        except VenueError as e:
            return _json_response(refusal(e, pool.headers(wire.peer)))
        return None

    def _instead(self, fault: Fault, wire: WireRequest) -> web.Response:
        headers = self._pool(wire).headers(wire.peer)
        if fault.action is Action.ERROR:
            if fault.seconds:
                headers["Retry-After"] = str(math.ceil(fault.seconds))
            payload = {"code": fault.code, "msg": fault.message}
            return _json_response(Reply(fault.status, payload, headers))
        is_json = fault.action is Action.GARBAGE or fault.body.startswith(("{", "["))
        headers["Content-Type"] = _JSON if is_json else "text/html;charset=UTF-8"
        return web.Response(status=fault.status, text=fault.body, headers=headers)


def _clean(raw_path: str) -> str:
    if raw_path.isascii():
        return raw_path
    # Bytes that are no UTF-8 arrive as surrogates, which nothing further in could write down.
    return raw_path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _control_response(reply: Reply) -> web.Response:
    # Unlike the faster library, this one writes every string that a person may have sent.
    return web.Response(
        status=reply.status,
        body=json.dumps(reply.payload).encode(),
        headers={"Content-Type": _JSON},
    )


def _json_response(reply: Reply) -> web.Response:
    return web.Response(
        status=reply.status,
        body=orjson.dumps(reply.payload),
        headers=reply.headers | {"Content-Type": _JSON},
    )


def run_until_signal(
    config: ExchangeConfig,
    *,
    signals: tuple[int, ...],
    on_listening: Callable[[Server], None],
) -> None:
    """Serve until one of `signals` arrives; DemoExchangeError when it cannot start."""

    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in signals:
            loop.add_signal_handler(number, stop.set)
        async with mirror_of(config) as mirror:
            await Server(config, mirror).run(stop=stop, on_listening=on_listening)

    with suppress(KeyboardInterrupt):
        asyncio.run(main())

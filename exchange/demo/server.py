"""The HTTP door: one aiohttp server, one event loop, faults at the threshold."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress

from aiohttp import web

from exchange.demo.control import PREFIX, Control
from exchange.demo.dispatch import Reply, respond
from exchange.demo.errors import DemoExchangeError
from exchange.demo.faults import Action, Fault, FaultBoard, When
from exchange.demo.venue import ExchangeConfig, Venue
from exchange.demo.wire import WireRequest

_JSON = "application/json;charset=UTF-8"
_LONGEST_BODY_BYTES = 256 * 1024
# Requests that are still held up by a fault when the exchange stops are cut after this.
_SHUTDOWN_SECONDS = 0.2


class _DroppedError(Exception):
    """The connection ends here without a reply."""


class Server:
    """Serves one venue until told to stop."""

    def __init__(self, config: ExchangeConfig) -> None:
        self._config = config
        self.venue = Venue(config)
        self._faults = FaultBoard(seed=config.seed)
        self.control = Control(self.venue, self._faults)
        self.port = config.port

    async def run(self, *, stop: asyncio.Event, on_listening: Callable[[Server], None]) -> None:
        """Listen, say so, and serve until `stop` is set; then store the exact market time."""
        try:
            runner = await self._listen()
            try:
                on_listening(self)
                await stop.wait()
            finally:
                await runner.cleanup()
        finally:
            self.venue.close()

    async def _listen(self) -> web.AppRunner:
        app = web.Application(client_max_size=_LONGEST_BODY_BYTES)
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
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

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        path, _, query = request.raw_path.partition("?")
        body = (await request.read()).decode("utf-8", errors="replace")
        peer = request.remote or ""
        if path.startswith(PREFIX):
            origin = request.headers.get("Origin")
            reply = self.control.respond(request.method, path, body, peer=peer, origin=origin)
            return _json_response(reply)
        wire = WireRequest(
            method=request.method,
            path=path,
            query=query,
            body=body,
            api_key=request.headers.get("X-MBX-APIKEY"),
            peer=peer,
        )
        try:
            return await self._respond(wire)
        except _DroppedError:
            if request.transport:
                request.transport.abort()
            return web.Response()

    async def _respond(self, wire: WireRequest) -> web.Response:
        fault = self._faults.strike(wire.method, wire.path, When.BEFORE)
        if fault and (instead := await self._suffer(fault, wire.peer)):
            return instead
        response = _json_response(respond(self.venue, wire))
        fault = self._faults.strike(wire.method, wire.path, When.AFTER)
        return (fault and await self._suffer(fault, wire.peer)) or response

    async def _suffer(self, fault: Fault, peer: str) -> web.Response | None:
        if fault.action is Action.DROP:
            raise _DroppedError
        if fault.action is Action.DELAY:
            await asyncio.sleep(fault.seconds)
            return None
        headers = {"X-MBX-USED-WEIGHT-1M": str(self.venue.limits.used_weight(peer))}
        if fault.action is Action.ERROR:
            payload = {"code": fault.code, "msg": fault.message}
            return _json_response(Reply(fault.status, payload, headers))
        is_json = fault.action is Action.GARBAGE or fault.body.startswith(("{", "["))
        headers["Content-Type"] = _JSON if is_json else "text/html;charset=UTF-8"
        return web.Response(status=fault.status, text=fault.body, headers=headers)


def _json_response(reply: Reply) -> web.Response:
    return web.Response(
        status=reply.status,
        body=json.dumps(reply.payload, separators=(",", ":")).encode(),
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
        await Server(config).run(stop=stop, on_listening=on_listening)

    with suppress(KeyboardInterrupt):
        asyncio.run(main())

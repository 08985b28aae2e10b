"""Run the exchange inside a test: in a thread of its own, on a free port.

with RunningExchange(is_paused=True) as demo:
    demo.set_fault(endpoint="POST /api/v3/order", when="after", action="drop")
    ...
    assert len(demo.ledger()["orders"]) == 1
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import requests

from exchange.demo.accounts import parse_account
from exchange.demo.clock import DEFAULT_SPEED
from exchange.demo.dispatch import Reply
from exchange.demo.market.recording import BUNDLED_DIRECTORY
from exchange.demo.market.sources import Prices
from exchange.demo.mirroring import mirror_of
from exchange.demo.server import Server
from exchange.demo.streams.settings import StreamSettings
from exchange.demo.times import parse_moment
from exchange.demo.trading.book import DEFAULT_SPREAD_BPS
from exchange.demo.trading.quotes import DEFAULT_VOLUME_SHARE
from exchange.demo.venue import (
    DEFAULT_MIRROR_URL,
    DEFAULT_MIRRORED,
    DEFAULT_SLIPPAGE_BPS,
    ExchangeConfig,
    Venue,
)

TEST_KEY: Final = "testkey0" * 8
TEST_SECRET: Final = "testsec0" * 8
TEST_ACCOUNT: Final = f"{TEST_KEY}:{TEST_SECRET}:USDT=10000,BTC=0.5"
_TIMEOUT_SECONDS: Final = 20.0


class RunningExchange:
    """A demo exchange that runs while the `with` block does, or between `start` and `stop`.

    accounts   lines `KEY:SECRET:USDT=10000,…`; by default one, `TEST_KEY` with `TEST_SECRET`
    start      first market time; None is the documented default
    streams    how sockets are treated; None is as the venue does
    """

    def __init__(
        self,
        *,
        accounts: Sequence[str] = (TEST_ACCOUNT,),
        speed: float = DEFAULT_SPEED,
        is_paused: bool = False,
        start: datetime | None = None,
        prices: Prices = Prices.RECORDED,
        market_data: Path = BUNDLED_DIRECTORY,
        walks: Mapping[str, Decimal] | None = None,
        mirror_url: str = DEFAULT_MIRROR_URL,
        mirrored: tuple[str, ...] = DEFAULT_MIRRORED,
        look_seconds: float = 1.0,
        state_dir: Path | None = None,
        spread_bps: Decimal = DEFAULT_SPREAD_BPS,
        slippage_bps: Decimal = DEFAULT_SLIPPAGE_BPS,
        volume_share: Decimal = DEFAULT_VOLUME_SHARE,
        seed: int = 0,
        port: int = 0,
        streams: StreamSettings | None = None,
    ) -> None:
        self._config = ExchangeConfig(
            port=port,
            speed=speed,
            start=start,
            is_paused=is_paused,
            prices=prices,
            market_data=market_data,
            walks=walks or {},
            mirror_url=mirror_url,
            mirrored=mirrored,
            look_seconds=look_seconds,
            accounts=[parse_account(line) for line in accounts],
            state_dir=state_dir,
            spread_bps=spread_bps,
            slippage_bps=slippage_bps,
            volume_share=volume_share,
            seed=seed,
        )
        self._streams = streams
        self._thread = threading.Thread(target=self._run, name="demo-exchange", daemon=True)
        self._listening = threading.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop
        self._stop: asyncio.Event
        self._server: Server
        self.port = port

    def __enter__(self) -> RunningExchange:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Return the origin that clients use, without a path."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        """Return the origin of WebSockets, without a path."""
        return f"ws://127.0.0.1:{self.port}"

    def start(self) -> RunningExchange:
        """Return when the exchange listens; raise what kept it from starting."""
        self._thread.start()
        if not self._listening.wait(_TIMEOUT_SECONDS):
            raise TimeoutError("the demo exchange did not start")
        if self._failure:
            raise self._failure
        return self

    def stop(self) -> None:
        """Stop as SIGTERM would; the state file then holds the exact market time."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(_TIMEOUT_SECONDS)

    def control(self, path: str, payload: Any = None, *, method: str | None = None) -> Any:
        """Call `/_control/<path>`: POST with a payload, else GET. ValueError tells a refusal."""
        verb = method or ("GET" if payload is None else "POST")
        response = requests.request(
            verb,
            f"{self.url}/_control/{path}",
            json=payload,
            timeout=_TIMEOUT_SECONDS,
        )
        if response.status_code >= requests.codes.bad_request:
            raise ValueError(response.json()["error"])
        return response.json()

    def ledger(self) -> dict[str, Any]:
        """Return every order, fill and balance: the truth."""
        return dict(self.control("ledger"))

    def set_fault(self, **fault: Any) -> dict[str, Any]:
        """Set one fault (fields of `/_control/faults`) and return it with its id."""
        return dict(self.control("faults", fault)[0])

    def faults(self) -> list[dict[str, Any]]:
        """Return the faults that are set, each with its hits."""
        return list(self.control("faults"))

    def clear_faults(self) -> None:
        """Forget all faults."""
        self.control("faults", method="DELETE")

    def streams(self) -> list[dict[str, Any]]:
        """Return the WebSockets that are open."""
        return list(self.control("streams"))

    def cut_streams(self) -> None:
        """End every WebSocket without a close frame."""
        self.control("streams", method="DELETE")

    def set_clock(self, **fields: Any) -> dict[str, Any]:
        """Set `running`, `speed` or `market_time` (ISO 8601, forward only)."""
        return dict(self.control("clock", fields))

    def market_time(self) -> datetime:
        """Return the market's time now."""
        return parse_moment(self.control("clock")["market_time"])

    def set_price(
        self,
        symbol: str,
        price: str | None,
        *,
        seconds: float | None = None,
        of: str | None = None,
    ) -> None:
        """Hold a price from now on (for `seconds` of market time), or release it with None.

        of  `spot`, `futures` or `mark`; without it all that the symbol has
        """
        wanted = {"symbol": symbol, "price": price, "seconds": seconds}
        self.control("price", wanted if of is None else wanted | {"of": of})

    def run_inside(self, job: Callable[[Venue], Any]) -> Any:
        """Run `job` on the exchange's own thread and return its result."""
        return self._inside(lambda server: job(server.venue))

    def run_inside_control(self, method: str, path: str, body: str, *, peer: str) -> Reply:
        """Ask the control door as if the request came from `peer`."""
        reply: Reply = self._inside(
            lambda server: server.control.respond(method, path, body, peer=peer)
        )
        return reply

    def _inside(self, job: Callable[[Server], Any]) -> Any:
        async def call() -> Any:
            return job(self._server)

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(_TIMEOUT_SECONDS)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as e:  # noqa: BLE001 - handed to the thread that called start()
            self._failure = e
        finally:
            self._listening.set()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with mirror_of(self._config) as mirror:
            self._server = Server(self._config, mirror, streams=self._streams)
            await self._server.run(stop=self._stop, on_listening=self._on_listening)

    def _on_listening(self, server: Server) -> None:
        self.port = server.port
        self._listening.set()

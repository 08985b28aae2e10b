"""An independent client: python-binance's own socket manager, pointed at the exchange."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from binance.async_client import AsyncClient
from binance.ws.streams import BinanceSocketManager

from exchange.demo.streams.tests.listening import START_MS, after
from exchange.demo.testing import TEST_KEY, TEST_SECRET, RunningExchange
from exchange.demo.times import MINUTE_MS


def with_manager(
    demo: RunningExchange, script: Callable[[BinanceSocketManager], Awaitable[Any]]
) -> Any:
    class DemoClient(AsyncClient):  # type: ignore[misc]  # the library has no types
        API_URL = f"{demo.url}/api"
        FUTURES_URL = f"{demo.url}/fapi"

    class DemoManager(BinanceSocketManager):  # type: ignore[misc]
        STREAM_URL = f"{demo.ws_url}/"
        FSTREAM_URL = f"{demo.ws_url}/"

    async def main() -> Any:
        client = DemoClient(TEST_KEY, TEST_SECRET)
        try:
            async with asyncio.timeout(20):
                return await script(DemoManager(client))
        finally:
            await client.close_connection()

    return asyncio.run(main())


async def closed(socket: Any, count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while len(found) < count:
        message = await socket.recv()
        event = message.get("data", message)
        if event["k"]["x"]:
            found.append(event)
    return found


def test_its_kline_socket_hears_every_close(demo: RunningExchange) -> None:
    async def script(manager: BinanceSocketManager) -> list[dict[str, Any]]:
        async with manager.kline_socket("BTCUSDT", "1m") as socket:
            await socket.recv()
            demo.set_clock(market_time=after(3))
            return await closed(socket, 3)

    starts = [one["k"]["t"] for one in with_manager(demo, script)]
    assert starts == [START_MS + number * MINUTE_MS for number in range(3)]


def test_its_multiplex_socket_hears_both_symbols(demo: RunningExchange) -> None:
    async def script(manager: BinanceSocketManager) -> list[dict[str, Any]]:
        names = ["btcusdt@kline_1m", "ethusdt@kline_1m"]
        async with manager.multiplex_socket(names) as socket:
            await socket.recv()
            demo.set_clock(market_time=after(2))
            return await closed(socket, 4)

    told = with_manager(demo, script)
    assert [one["s"] for one in told] == ["BTCUSDT", "ETHUSDT"] * 2


def test_its_futures_sockets_hear_klines_and_marks(short_recordings: Path) -> None:
    async def script(manager: BinanceSocketManager) -> tuple[Any, Any]:
        async with manager.futures_multiplex_socket(["btcusdt@kline_1m"]) as socket:
            kline = await socket.recv()
        async with manager.symbol_mark_price_socket("BTCUSDT") as socket:
            return kline, await socket.recv()

    # Its sockets end only when something more arrives: the market has to run.
    with RunningExchange(market_data=short_recordings) as demo:
        kline, mark = with_manager(demo, script)
    assert (kline["stream"], kline["data"]["e"]) == ("btcusdt@kline_1m", "kline")
    assert mark["data"]["e"] == "markPriceUpdate"


def test_it_reconnects_after_a_cut_and_hears_on(short_recordings: Path) -> None:
    with RunningExchange(market_data=short_recordings) as demo:

        async def script(manager: BinanceSocketManager) -> tuple[str, str]:
            async with manager.kline_socket("BTCUSDT", "1m") as socket:
                first = await socket.recv()
                demo.cut_streams()
                error = await socket.recv()
                while error["e"] != "error":
                    error = await socket.recv()
                event = await socket.recv()
                while event["e"] != "kline":
                    event = await socket.recv()
                return first["e"], error["e"]

        assert with_manager(demo, script) == ("kline", "error")

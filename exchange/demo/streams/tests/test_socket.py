from __future__ import annotations

import asyncio
import gc
import json
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, ConnectionClosedError

from exchange.demo.streams.market_conversation import MarketConversation
from exchange.demo.streams.settings import Pace, StreamSettings
from exchange.demo.streams.socket import StreamSocket
from exchange.demo.streams.spot_api import SpotApi
from exchange.demo.streams.tests.listening import after, all_for, ending, heard, listen, until
from exchange.demo.testing import RunningExchange

KLINE = "/ws/btcusdt@kline_1m"


def make(recordings: Path, **settings: Any) -> RunningExchange:
    return RunningExchange(
        is_paused=True, market_data=recordings, streams=StreamSettings(**settings)
    )


def test_a_ping_of_the_client_is_answered_with_its_payload(demo: RunningExchange) -> None:
    async def script(client: ClientConnection) -> float:
        return await (await client.ping("hello"))

    assert listen(demo, "/ws", script) < 5


def test_a_client_that_answers_pings_stays_connected(short_recordings: Path) -> None:
    pace = Pace(ping_every=0.05, pong_within=0.5, incoming=None)

    async def script(client: ClientConnection) -> list[Any]:
        await asyncio.sleep(0.8)
        await (await client.ping())
        return await all_for(client, 0.05)

    with make(short_recordings, spot=pace) as demo:
        assert listen(demo, "/ws", script) == []


def test_a_client_that_answers_no_ping_is_cut_without_a_close_frame(short_recordings: Path) -> None:
    pace = Pace(ping_every=0.05, pong_within=0.2, incoming=5)
    with make(short_recordings, spot=pace) as demo, raw_handshake(demo, "/ws") as connection:
        began, ping, frames = time.monotonic(), b"\x89", b""
        while received := receive(connection):
            frames += received
        assert frames[:1] == ping
        assert 0.15 < time.monotonic() - began < 5
        assert b"\x88" not in frames[:1]


PONG_OF_NOBODY = b"\x8a\x80\x00\x00\x00\x00"


@pytest.mark.parametrize(("path", "is_kept"), [("/ws", False), ("/market/ws", True)])
def test_pongs_that_answer_no_ping_keep_a_connection_of_futures_only(
    short_recordings: Path,
    path: str,
    *,
    is_kept: bool,
) -> None:
    spot = Pace(ping_every=0.05, pong_within=0.5, incoming=None)
    futures = Pace(ping_every=0.05, pong_within=0.5, incoming=None, any_pong=True)
    with (
        make(short_recordings, spot=spot, futures=futures) as demo,
        raw_handshake(demo, path) as connection,
    ):
        for _ in range(15):
            with suppress(ConnectionError):
                connection.sendall(PONG_OF_NOBODY)
            time.sleep(0.05)
        assert bool(demo.streams()) is is_kept


def test_a_connection_ends_at_its_age_and_a_new_one_is_welcome(short_recordings: Path) -> None:
    with make(short_recordings, longest_life=0.2) as demo:
        ended = listen(demo, KLINE, ending)
        assert ended.rcvd is not None
        assert ended.rcvd.code == 1001
        assert listen(demo, KLINE, heard)["e"] == "kline"


def test_a_client_that_does_not_read_is_cut(short_recordings: Path) -> None:
    names = [f"btcusdt@kline_{i}" for i in ("1m", "3m", "5m", "15m")] + ["ethusdt@kline_1m"]
    path = f"/stream?streams={'/'.join(names)}"
    with make(short_recordings, patience=0.3) as demo, raw_handshake(demo, path) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        for minutes in range(1, 40):
            demo.set_clock(market_time=after(minutes * 1000))
            if not demo.streams():
                break
        asyncio.run(asyncio.wait_for(until(lambda: demo.streams() == []), 10))


def test_too_many_waiting_messages_end_a_connection(short_recordings: Path) -> None:
    with make(short_recordings, most_waiting=20) as demo:

        async def script(client: ClientConnection) -> ConnectionClosed:
            demo.set_clock(market_time=after(90))
            return await ending(client)

        assert isinstance(listen(demo, KLINE, script), ConnectionClosedError)


def test_connections_that_ended_leave_nothing_in_memory(demo: RunningExchange) -> None:
    async def script(client: ClientConnection) -> None:
        await client.send(json.dumps({"method": "SUBSCRIBE", "params": ["a@b"], "id": 1}))
        await heard(client)

    for path in (KLINE, "/market/stream?streams=btcusdt@kline_1m", "/ws-api/v3") * 3:
        listen(demo, path, script)
    asyncio.run(asyncio.wait_for(until(lambda: demo.streams() == []), 5))
    demo.clear_faults()
    gc.collect()
    kinds = (StreamSocket, MarketConversation, SpotApi)
    # By type: looking closer would wake what is lazy in other libraries.
    assert [one for one in gc.get_objects() if type(one) in kinds] == []


def test_a_message_that_is_no_text_is_passed_over(demo: RunningExchange) -> None:
    async def script(client: ClientConnection) -> Any:
        await client.send(b"\x00\x01")
        await client.send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": 1}))
        return await heard(client)

    assert listen(demo, "/ws", script) == {"result": [], "id": 1}


def test_a_stop_is_announced_and_ends_every_connection_at_once(short_recordings: Path) -> None:
    demo = make(short_recordings).start()

    async def script(client: ClientConnection) -> tuple[list[Any], ConnectionClosed, float]:
        first = await heard(client)
        began = time.monotonic()
        stopping = asyncio.create_task(asyncio.to_thread(demo.stop))
        announced = await heard(client)
        ended = await ending(client)
        await stopping
        return [first["data"]["e"], announced], ended, time.monotonic() - began

    said, ended, seconds = listen(demo, "/stream?streams=btcusdt@kline_1m", script)
    assert said[0] == "kline"
    assert said[1]["stream"] == "!serverShutdown"
    assert said[1]["data"]["e"] == "serverShutdown"
    assert ended.rcvd is not None
    assert ended.rcvd.code == 1001
    assert seconds < 2


def test_a_stop_does_not_wait_for_a_client_that_is_gone(short_recordings: Path) -> None:
    demo = make(short_recordings).start()
    with raw_handshake(demo, KLINE):
        began = time.monotonic()
        demo.stop()
        assert time.monotonic() - began < 1.5


class raw_handshake:  # noqa: N801 - reads as the step that it is
    """A connection that was upgraded and then does nothing by itself."""

    def __init__(self, demo: RunningExchange, path: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", demo.port), timeout=10)
        lines = (
            f"GET {path} HTTP/1.1",
            "Host: demo",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        )
        self._socket.sendall("\r\n".join((*lines, "", "")).encode())

    def __enter__(self) -> socket.socket:
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += self._socket.recv(1)
        assert answer.startswith(b"HTTP/1.1 101")
        return self._socket

    def __exit__(self, *_: object) -> None:
        self._socket.close()


def receive(connection: socket.socket) -> bytes:
    try:
        return connection.recv(4096)
    except ConnectionResetError:
        return b""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import requests
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus

from exchange.demo.streams.settings import StreamSettings
from exchange.demo.streams.tests.listening import ending, heard, listen, until
from exchange.demo.testing import TEST_KEY, RunningExchange

KLINE = "/ws/btcusdt@kline_1m"


def refused(demo: RunningExchange, path: str = KLINE) -> tuple[int, str | None, str]:
    with pytest.raises(InvalidStatus) as failed:
        listen(demo, path, heard)
    response = failed.value.response
    body = bytes(response.body or b"").decode()
    return response.status_code, response.headers.get("Retry-After"), body


@pytest.mark.parametrize("path", ["/ws", "/stream?streams=a@b", "/ws-api/v3", "/private/ws/key"])
def test_a_request_without_a_handshake_is_refused_plainly(demo: RunningExchange, path: str) -> None:
    response = requests.get(f"{demo.url}{path}", timeout=10)
    assert response.status_code == 400
    assert response.text == "A WebSocket handshake is expected here."


def test_the_rest_api_answers_beside_open_sockets(demo: RunningExchange) -> None:
    async def script(client: ClientConnection) -> int:
        await heard(client)
        return requests.get(f"{demo.url}/api/v3/ping", timeout=10).status_code

    assert listen(demo, KLINE, script) == 200
    assert requests.post(f"{demo.url}/ws", timeout=10).status_code == 404


def test_an_address_may_connect_so_often_in_five_minutes_on_each_host(
    short_recordings: Path,
) -> None:
    settings = StreamSettings(connections=2)
    with RunningExchange(is_paused=True, market_data=short_recordings, streams=settings) as demo:
        listen(demo, KLINE, heard)
        listen(demo, KLINE, heard)
        status, wait, body = refused(demo)
        assert (status, body) == (429, "Too many connection attempts.")
        assert wait is not None
        assert 295 <= int(wait) <= 300
        assert listen(demo, "/market/ws/btcusdt@kline_1m", heard)["e"] == "kline"


def test_after_a_while_an_address_may_connect_again(short_recordings: Path) -> None:
    settings = StreamSettings(connections=1, connections_in=0)
    with RunningExchange(is_paused=True, market_data=short_recordings, streams=settings) as demo:
        for _ in range(3):
            listen(demo, KLINE, heard)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"action": "status", "status": 503, "body": "busy"}, (503, None)),
        ({"action": "html"}, (502, None)),
        ({"action": "error", "code": -1003}, (429, "60")),
        ({"action": "garbage"}, (200, None)),
    ],
)
def test_a_handshake_suffers_the_faults_of_requests(
    demo: RunningExchange, fault: dict[str, Any], expected: tuple[int, str | None]
) -> None:
    demo.set_fault(endpoint="GET /ws*", **fault)
    assert refused(demo)[:2] == expected
    assert listen(demo, KLINE, heard)["e"] == "kline"
    assert demo.faults()[0]["hits"] == 1


def test_a_handshake_may_be_dropped_or_late(demo: RunningExchange) -> None:
    demo.set_fault(endpoint="GET /market/ws/*", action="drop")
    demo.set_fault(endpoint="GET /market/*", action="delay", seconds=0.3)
    with pytest.raises((InvalidMessage, ConnectionClosed, OSError)):
        listen(demo, "/market/ws/btcusdt@kline_1m", heard)

    async def script(_client: ClientConnection) -> float:
        return asyncio.get_running_loop().time()

    assert listen(demo, "/market/ws/btcusdt@kline_1m", script)
    assert [one["hits"] for one in demo.faults()] == [1, 1]


def test_a_banned_address_gets_no_socket_of_that_market_either(demo: RunningExchange) -> None:
    demo.set_fault(endpoint="GET /market/ws*", action="ban", seconds=300)
    status, wait, _ = refused(demo, "/market/ws/btcusdt@kline_1m")
    assert (status, wait) == (418, "300") or (status, wait) == (418, "301")
    assert refused(demo, "/market/stream?streams=btcusdt@kline_1m")[0] == 418
    assert requests.get(f"{demo.url}/fapi/v1/ping", timeout=10).status_code == 418
    assert listen(demo, KLINE, heard)["e"] == "kline"


def test_the_control_door_shows_who_is_connected(demo: RunningExchange) -> None:
    assert demo.streams() == []

    async def script(client: ClientConnection) -> list[dict[str, Any]]:
        await heard(client)
        return demo.streams()

    (row,) = listen(demo, "/stream?streams=btcusdt@kline_1m/a@b", script)
    assert row.pop("age_seconds") < 10
    assert row == {
        "id": 1,
        "path": "/stream",
        "category": "spot",
        "peer": "127.0.0.1",
        "streams": ["btcusdt@kline_1m", "a@b"],
        "sent": 1,
    }
    asyncio.run(asyncio.wait_for(until(lambda: demo.streams() == []), 10))


def test_a_key_that_opens_an_account_is_not_shown(demo: RunningExchange) -> None:
    async def script(_client: ClientConnection) -> list[dict[str, Any]]:
        return demo.streams()

    rows = listen(demo, "/private/ws/abcdef", script)
    assert [row["path"] for row in rows] == ["/private"]
    assert "abcdef" not in str(rows)


@pytest.mark.parametrize("path", ["/ws/{}", "/market/ws/{}", "/stream?streams=a@b/{}"])
def test_a_key_in_the_place_of_a_stream_is_not_shown_either(
    demo: RunningExchange, path: str
) -> None:
    async def script(_client: ClientConnection) -> list[dict[str, Any]]:
        return demo.streams()

    (row,) = listen(demo, path.format(TEST_KEY), script)
    assert TEST_KEY[:20] not in str(row)
    assert row["streams"][-1] == "…"


def test_all_connections_or_one_are_cut_on_demand(demo: RunningExchange) -> None:
    async def script(first: ClientConnection) -> None:
        async with connect(f"{demo.ws_url}{KLINE}", proxy=None) as second:
            await heard(first)
            demo.control("streams", {"action": "cut", "id": 2})
            assert (await ending(second)).rcvd is None
        await (await first.ping())
        demo.cut_streams()
        with pytest.raises(ConnectionClosed):
            await first.recv()

    listen(demo, KLINE, script)


def test_one_connection_is_told_that_the_server_goes_away(demo: RunningExchange) -> None:
    async def script(client: ClientConnection) -> Any:
        await heard(client)
        demo.control("streams", {"action": "shutdown", "seconds": 0.2})
        announced = await heard(client)
        with pytest.raises(ConnectionClosed) as ended:
            await client.recv()
        assert ended.value.rcvd is not None
        assert ended.value.rcvd.code == 1001
        return announced["e"]

    assert listen(demo, KLINE, script) == "serverShutdown"


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/ws-api/v3", ["event"]),
        ("/private/ws/abcdef", ["E", "e"]),
        ("/market/stream", ["data", "stream"]),
    ],
)
def test_each_path_has_its_own_form_of_that(
    demo: RunningExchange, path: str, form: list[str]
) -> None:
    async def script(client: ClientConnection) -> Any:
        demo.control("streams", {"action": "shutdown"})
        return await heard(client)

    assert sorted(listen(demo, path, script)) == form


def test_listen_keys_expire_on_demand_and_their_sockets_stay_open(demo: RunningExchange) -> None:
    def key() -> str:
        headers = {"X-MBX-APIKEY": TEST_KEY}
        response = requests.post(f"{demo.url}/fapi/v1/listenKey", headers=headers, timeout=10)
        return str(response.json()["listenKey"])

    first = key()

    async def script(client: ClientConnection) -> Any:
        demo.control("streams", {"action": "expire_listen_keys"})
        told = await heard(client)
        await (await client.ping())
        return told

    told = listen(demo, f"/private/ws/{first}", script)
    assert (told["e"], told["listenKey"]) == ("listenKeyExpired", first)
    assert key() != first


@pytest.mark.parametrize(
    ("order", "complaint"),
    [
        ({"action": "burn"}, "action: must be one of cut, shutdown, expire_listen_keys"),
        ({}, "action: is missing"),
        ({"action": "cut", "id": 99}, "id: is no open connection"),
        ({"action": "cut", "who": 1}, "who: unknown field"),
    ],
)
def test_a_wrong_order_about_connections_is_refused(
    demo: RunningExchange, order: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        demo.control("streams", order)

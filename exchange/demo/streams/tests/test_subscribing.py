from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosedError

from exchange.demo.streams.tests.listening import (
    after,
    all_for,
    answer,
    ask,
    closed_klines,
    heard,
    listen,
)
from exchange.demo.testing import RunningExchange

COMBINED = ("combined", True)
KLINE = "btcusdt@kline_1m"


def test_a_stream_in_the_path_is_raw_and_one_of_a_combined_path_is_wrapped(
    demo: RunningExchange,
) -> None:
    raw = listen(demo, f"/ws/{KLINE}", heard)
    assert (raw["e"], raw["s"]) == ("kline", "BTCUSDT")
    wrapped = listen(demo, f"/stream?streams={KLINE}", heard)
    assert wrapped == {"stream": KLINE, "data": raw}


def test_subscriptions_come_and_go_on_an_open_connection(demo: RunningExchange) -> None:
    async def script(client: ClientConnection) -> None:
        assert await ask(client, "SUBSCRIBE", KLINE, "x@y", number=7) == {"result": None, "id": 7}
        assert (await ask(client, "LIST_SUBSCRIPTIONS"))["result"] == [KLINE, "x@y"]
        demo.set_clock(market_time=after(1))
        assert (await closed_klines(client, 1))[0]["k"]["i"] == "1m"
        await ask(client, "UNSUBSCRIBE", KLINE)
        demo.set_clock(market_time=after(2))
        assert await all_for(client, 0.2) == []
        assert (await ask(client, "LIST_SUBSCRIPTIONS"))["result"] == ["x@y"]

    listen(demo, "/ws", script)


def test_combined_can_be_switched_and_asked_for(demo: RunningExchange) -> None:
    async def script(client: ClientConnection) -> list[Any]:
        answers = [await ask(client, "GET_PROPERTY", "combined")]
        answers.append(await ask(client, "SET_PROPERTY", *COMBINED))
        answers.append(await ask(client, "GET_PROPERTY", "combined"))
        await ask(client, "SUBSCRIBE", KLINE)
        return [*answers, sorted(await heard(client))]

    done = {"result": None, "id": 1}
    expected = [{"result": False, "id": 1}, done, {"result": True, "id": 1}, ["data", "stream"]]
    assert listen(demo, "/ws", script) == expected


@pytest.mark.parametrize(
    ("params", "code", "message"),
    [
        ([], 2, "Invalid request: property name must be a string"),
        ([1], 2, "Invalid request: property name must be a string"),
        (["color"], 0, "Unknown property"),
        (["combined"], 1, "Invalid value type: expected Boolean"),
        (["combined", "yes"], 1, "Invalid value type: expected Boolean"),
        (["combined", True, 1], 2, "Invalid request: too many parameters"),
    ],
)
def test_a_wrong_property_is_refused_and_changes_nothing(
    demo: RunningExchange, params: list[Any], code: int, message: str
) -> None:
    async def script(client: ClientConnection) -> Any:
        refused = await ask(client, "SET_PROPERTY", *params)
        assert (await ask(client, "GET_PROPERTY", "combined"))["result"] is False
        return refused

    assert listen(demo, "/ws", script) == {"error": {"code": code, "msg": message}, "id": 1}


def test_a_message_that_is_no_request_is_answered_and_the_connection_stays(
    demo: RunningExchange,
) -> None:
    half = '{"method": "SUBSCRIBE", "params": ["\\ud800"], "id": 1}'

    async def script(client: ClientConnection) -> list[Any]:
        codes = []
        for text in ("hello", half, '{"method": "\\ud800"}'):
            await client.send(text)
            codes.append((await answer(client))["error"]["code"])
        assert (await ask(client, "LIST_SUBSCRIPTIONS"))["result"] == []
        return codes

    assert listen(demo, "/ws", script) == [3, 3, 3]


def test_a_connection_holds_1024_streams_and_no_more(demo: RunningExchange) -> None:
    names = [f"sym{number}@ticker" for number in range(1024)]

    async def script(client: ClientConnection) -> tuple[Any, ...]:
        first = await ask(client, "SUBSCRIBE", *names)
        again = await ask(client, "SUBSCRIBE", *names)
        beyond = await ask(client, "SUBSCRIBE", KLINE)
        return first["result"], again["result"], beyond["error"]["code"]

    assert listen(demo, "/ws", script) == (None, None, 2)


@pytest.mark.parametrize(("path", "allowed"), [("/ws", 5), ("/market/ws", 10)])
def test_too_many_messages_in_a_second_end_the_connection(
    demo: RunningExchange, path: str, allowed: int
) -> None:
    async def script(client: ClientConnection) -> list[Any]:
        for number in range(allowed + 1):
            await client.send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": number}))
        answers = [await heard(client) for _ in range(allowed)]
        with pytest.raises(ConnectionClosedError) as ended:
            await client.recv()
        assert ended.value.rcvd is not None
        return [len(answers), ended.value.rcvd.code]

    assert listen(demo, path, script) == [allowed, 1008]


def test_as_many_messages_a_second_later_are_welcome(demo: RunningExchange) -> None:
    async def script(client: ClientConnection) -> list[Any]:
        answers = []
        for number in range(10):
            if number == 5:
                # The limit is the venue's, and counts seconds of wall time.
                await asyncio.sleep(1.02)
            answers.append((await ask(client, "LIST_SUBSCRIPTIONS", number=number))["id"])
        return answers

    assert listen(demo, "/ws", script) == list(range(10))


@pytest.mark.parametrize(
    ("path", "stream", "comes"),
    [
        ("/ws", "btcusdt@markPrice", "silent"),
        ("/ws", "BTCUSDT@kline_1m", "silent"),
        ("/ws", "nonsense@kline_1m", "silent"),
        ("/market/ws", "btcusdt@kline_1m", "delivered"),
        ("/market/ws", "btcusdt@bookTicker", "silent"),
        ("/public/ws", "btcusdt@bookTicker", "delivered"),
        ("/public/ws", "btcusdt@kline_1m", "silent"),
    ],
)
def test_a_stream_of_another_category_is_taken_and_never_delivered(
    demo: RunningExchange, path: str, stream: str, comes: str
) -> None:
    async def script(client: ClientConnection) -> str:
        assert (await ask(client, "SUBSCRIBE", stream))["result"] is None
        demo.set_clock(market_time=after(2))
        return "delivered" if await all_for(client, 0.3) else "silent"

    assert listen(demo, path, script) == comes

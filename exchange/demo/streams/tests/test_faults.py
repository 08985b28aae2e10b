from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from exchange.demo.streams.settings import Pace, StreamSettings
from exchange.demo.streams.tests.listening import (
    START_MS,
    after,
    all_for,
    ask,
    closed_klines,
    ending,
    heard,
    listen,
    until,
)
from exchange.demo.testing import RunningExchange
from exchange.demo.times import MINUTE_MS

KLINE = "/ws/btcusdt@kline_1m"
SPOT = "STREAM btcusdt@kline_1m"


def minutes_of(events: list[dict[str, Any]]) -> list[int]:
    return [(one["k"]["t"] - START_MS) // MINUTE_MS for one in events]


def closes_of(messages: list[Any]) -> list[int]:
    events = [one.get("data", one) for one in messages]
    return minutes_of([one for one in events if one["k"]["x"]])


def test_an_event_may_be_lost(demo: RunningExchange) -> None:
    async def script(client: ClientConnection) -> list[int]:
        await heard(client)
        demo.set_fault(endpoint=SPOT, action="lose", times=2)
        demo.set_clock(market_time=after(4))
        return minutes_of(await closed_klines(client, 2))

    assert listen(demo, KLINE, script) == [2, 3]
    assert demo.faults()[0]["hits"] == 2


def test_an_event_may_come_twice(demo: RunningExchange) -> None:
    async def script(client: ClientConnection) -> list[int]:
        await heard(client)
        demo.set_fault(endpoint=SPOT, action="duplicate")
        demo.set_clock(market_time=after(2))
        return minutes_of(await closed_klines(client, 3))

    assert listen(demo, KLINE, script) == [0, 0, 1]


def test_an_event_may_come_late_behind_those_that_follow(demo: RunningExchange) -> None:
    async def script(client: ClientConnection) -> list[int]:
        await heard(client)
        demo.set_fault(endpoint=SPOT, action="late", seconds=0.1)
        demo.set_clock(market_time=after(3))
        return minutes_of(await closed_klines(client, 3))

    assert listen(demo, KLINE, script) == [1, 2, 0]


def test_silence_swallows_events_for_a_while_and_pings_are_answered(demo: RunningExchange) -> None:
    async def script(client: ClientConnection) -> list[int]:
        await heard(client)
        demo.set_fault(endpoint=SPOT, action="silence", seconds=0.6)
        demo.set_clock(market_time=after(1))
        assert await all_for(client, 0.1) == []
        await (await client.ping())
        demo.set_clock(market_time=after(2))
        assert await all_for(client, 0.65) == []
        demo.set_clock(market_time=after(3))
        return minutes_of(await closed_klines(client, 1))

    assert listen(demo, KLINE, script) == [2]
    assert demo.faults()[0]["hits"] == 1


def test_silence_without_seconds_lasts_until_it_is_cleared(demo: RunningExchange) -> None:
    async def script(client: ClientConnection) -> list[int]:
        await heard(client)
        demo.set_fault(endpoint="STREAM *", action="silence")
        demo.set_clock(market_time=after(1))
        assert await all_for(client, 0.15) == []
        demo.clear_faults()
        demo.set_clock(market_time=after(2))
        return minutes_of(await closed_klines(client, 1))

    assert listen(demo, KLINE, script) == [1]


def test_a_cut_ends_the_connection_without_a_close_frame(demo: RunningExchange) -> None:
    async def script(client: ClientConnection) -> None:
        await heard(client)
        demo.set_fault(endpoint=SPOT, action="cut")
        demo.set_clock(market_time=after(1))
        with pytest.raises(ConnectionClosed) as ended:
            await client.recv()
        assert ended.value.rcvd is None

    listen(demo, KLINE, script)
    assert listen(demo, KLINE, heard)["k"]["t"] == START_MS + MINUTE_MS


def test_a_cut_counts_once_for_a_connection(demo: RunningExchange) -> None:
    async def script(client: ClientConnection) -> None:
        await heard(client)
        demo.set_fault(endpoint=SPOT, action="cut", times=None)
        demo.set_clock(market_time=after(5))
        await ending(client)

    listen(demo, KLINE, script)
    assert demo.faults()[0]["hits"] == 1


def test_a_frozen_connection_says_nothing_at_all_and_then_everything(demo: RunningExchange) -> None:
    async def script(client: ClientConnection) -> list[int]:
        await heard(client)
        demo.set_fault(endpoint=SPOT, action="freeze", seconds=0.8)
        demo.set_clock(market_time=after(2))
        pong = await client.ping()
        asking = asyncio.create_task(ask(client, "LIST_SUBSCRIPTIONS"))
        done, _ = await asyncio.wait({asyncio.ensure_future(pong), asking}, timeout=0.2)
        assert not done
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        told = minutes_of(await closed_klines(client, 2))
        await pong
        return told

    assert listen(demo, KLINE, script) == [0, 1]
    assert demo.faults()[0]["hits"] == 1


def test_a_freeze_without_seconds_ends_when_it_is_cleared(demo: RunningExchange) -> None:
    async def script(client: ClientConnection) -> list[int]:
        await heard(client)
        demo.set_fault(endpoint=SPOT, action="freeze", times=None)
        demo.set_clock(market_time=after(3))
        assert await all_for(client, 0.2) == []
        assert demo.faults()[0]["hits"] == 1
        demo.clear_faults()
        return minutes_of(await closed_klines(client, 3))

    assert listen(demo, KLINE, script) == [0, 1, 2]


def test_a_freeze_outlasts_the_patience_for_pongs_and_ends_with_its_client(
    short_recordings: Any,
) -> None:
    pace = Pace(ping_every=0.05, pong_within=0.4, incoming=None)
    settings = StreamSettings(spot=pace)

    async def script(client: ClientConnection) -> None:
        await heard(client)
        demo.set_fault(endpoint=SPOT, action="freeze")
        demo.set_clock(market_time=after(1))
        assert await all_for(client, 0.6) == []
        assert len(demo.streams()) == 1

    with RunningExchange(is_paused=True, market_data=short_recordings, streams=settings) as demo:
        # The client says goodbye, gets no answer and hangs up.
        listen(demo, KLINE, script, close_timeout=0.1)
        asyncio.run(asyncio.wait_for(until(lambda: demo.streams() == []), 5))


def test_a_server_says_once_that_it_goes_away(demo: RunningExchange) -> None:
    async def script(client: ClientConnection) -> list[Any]:
        await heard(client)
        demo.set_fault(endpoint=SPOT, action="shutdown", seconds=0.3, times=None)
        demo.set_clock(market_time=after(3))
        messages: list[Any] = []
        await ending(client, messages)
        return [one["e"] for one in messages]

    told = listen(demo, KLINE, script)
    assert told.count("kline") >= 3
    assert told.count("serverShutdown") == 1


def test_a_server_that_goes_away_says_so_and_closes_some_seconds_later(
    demo: RunningExchange,
) -> None:
    async def script(client: ClientConnection) -> tuple[list[Any], float, int]:
        await heard(client)
        demo.set_fault(endpoint=SPOT, action="shutdown", seconds=0.3)
        demo.set_clock(market_time=after(1))
        messages: list[Any] = []
        began = time.monotonic()
        ended = await ending(client, messages)
        assert ended.rcvd is not None
        return messages, time.monotonic() - began, ended.rcvd.code

    messages, seconds, code = listen(demo, KLINE, script)
    assert [one["e"] for one in messages[:2]] == ["kline", "serverShutdown"]
    assert 0.25 < seconds < 5
    assert code == 1001


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("STREAM btcusdt@kline_1m", KLINE, "struck"),
        ("STREAM *@kline_*", KLINE, "struck"),
        ("STREAM *@kline_*", "/market" + KLINE, "struck"),
        ("STREAM um:*", "/market" + KLINE, "struck"),
        ("STREAM um:*", KLINE, "told"),
        ("STREAM btcusdt@*", "/market" + KLINE, "told"),
        ("STREAM ethusdt@*", KLINE, "told"),
        ("STREAM user", KLINE, "told"),
    ],
)
def test_a_pattern_says_which_streams_are_struck(
    demo: RunningExchange, pattern: str, path: str, expected: str
) -> None:
    demo.set_fault(endpoint=pattern, action="lose", times=None)
    messages = listen(demo, path, lambda client: all_for(client, 0.3))
    assert ("struck" if messages == [] else "told") == expected


def test_other_streams_on_the_same_connection_go_on(demo: RunningExchange) -> None:
    demo.set_fault(endpoint="STREAM btcusdt@*", action="silence")

    async def script(client: ClientConnection) -> set[str]:
        demo.set_clock(market_time=after(3))
        return {one["s"] for one in await closed_klines(client, 3)}

    path = "/stream?streams=btcusdt@kline_1m/ethusdt@kline_1m"
    assert listen(demo, path, script) == {"ETHUSDT"}


def test_answers_are_never_struck(demo: RunningExchange) -> None:
    demo.set_fault(endpoint="STREAM *", action="lose", times=None)

    async def script(client: ClientConnection) -> Any:
        return await ask(client, "LIST_SUBSCRIPTIONS")

    assert listen(demo, KLINE, script)["result"] == ["btcusdt@kline_1m"]


def test_chance_strikes_the_same_events_with_the_same_seed(short_recordings: Any) -> None:
    def told() -> list[int]:
        with RunningExchange(is_paused=True, market_data=short_recordings, seed=5) as demo:

            async def script(client: ClientConnection) -> list[int]:
                await heard(client)
                demo.set_fault(endpoint=SPOT, action="lose", times=None, probability=0.5)
                demo.set_clock(market_time=after(30))
                return closes_of(await all_for(client, 0.5))

            return listen(demo, KLINE, script)

    first = told()
    assert 5 < len(first) < 25
    assert told() == first


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        ({"endpoint": "STREAM x", "action": "drop"}, "action: must be one of silence, lose,"),
        ({"endpoint": "STREAM ", "action": "lose"}, "endpoint: lose is for streams"),
        ({"endpoint": "GET /ws*", "action": "freeze"}, "endpoint: freeze is for streams"),
        ({"endpoint": "*", "action": "cut"}, "endpoint: cut is for streams"),
        ({"endpoint": "STREAM x", "action": "late"}, "seconds: is missing"),
        ({"endpoint": "STREAM x", "action": "silence", "seconds": -1}, "seconds: must lie"),
        ({"endpoint": "STREAM x", "action": "lose", "when": "after"}, "when: an event of a"),
        ({"endpoint": "GET /nowhere", "action": "drop"}, "endpoint: matches none"),
    ],
)
def test_a_fault_that_fits_nothing_is_refused(
    demo: RunningExchange, fault: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        demo.set_fault(**fault)
    assert demo.faults() == []

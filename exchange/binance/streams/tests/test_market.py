"""Kline streams against a WebSocket server that notes everything."""

from __future__ import annotations

import asyncio
import itertools
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from exchange.binance.streams.tests.venue import a_while, running, until, venue
from exchange.binance.streams.tests.watching import BTC, ETH, Watched, kline_event
from exchange.domain.clock import from_milliseconds
from exchange.domain.streams import KlineStream, KlineUpdate
from exchange.domain.types import Kline, Market

FIVE = [KlineStream(f"{letter}USDT", "1m") for letter in "ABCDE"]


def test_a_wanted_stream_is_subscribed_to_and_its_klines_are_told() -> None:
    async def story() -> None:
        async with venue() as place:
            watched = Watched(place)
            watched.stream.want([BTC])
            async with running(watched.stream):
                await until(lambda: watched.stream.is_up)
                assert watched.stream.last_message_at is not None
                await place.tell(kline_event(x=True))
                await until(lambda: watched.klines)

            assert place.paths == ["/ws"]
            assert place.asked == [{"method": "SUBSCRIBE", "params": ["btcusdt@kline_1m"], "id": 1}]
            assert watched.subscribed == [frozenset({BTC})]
            assert watched.downs == []
            assert watched.klines == [
                KlineUpdate(
                    stream=BTC,
                    kline=Kline(
                        open_time=from_milliseconds(1672515780000),
                        close_time=from_milliseconds(1672515839999),
                        open=Decimal("0.00100000"),
                        high=Decimal("0.00250000"),
                        low=Decimal("0.00150000"),
                        close=Decimal("0.00200000"),
                        volume=Decimal("1000.00000000"),
                        is_closed=True,
                    ),
                    event_time=from_milliseconds(1672515782136),
                )
            ]

    asyncio.run(story())


def test_klines_of_futures_are_asked_for_where_futures_serve_them() -> None:
    async def story() -> None:
        async with venue() as place:
            watched = Watched(place, market=Market.FUTURES)
            watched.stream.want([BTC])
            async with running(watched.stream):
                await until(lambda: watched.stream.is_up)

            assert place.paths == ["/market/ws"]

    asyncio.run(story())


def test_nothing_is_connected_while_nothing_is_wanted() -> None:
    async def story() -> None:
        async with venue() as place:
            watched = Watched(place)
            async with running(watched.stream):
                await a_while(0.05)
                assert place.paths == []
                assert not watched.stream.is_up
                assert watched.stream.last_message_at is None
                watched.stream.want([BTC])
                await until(lambda: watched.stream.is_up)
                watched.stream.want([])
                await until(lambda: not place.open)
                assert not watched.stream.is_up

            assert len(place.paths) == 1
            assert watched.downs == []

    asyncio.run(story())


def test_what_is_wanted_later_is_subscribed_to_on_the_same_connection() -> None:
    async def story() -> None:
        async with venue() as place:
            watched = Watched(place)
            watched.stream.want([BTC])
            async with running(watched.stream):
                await until(lambda: watched.stream.is_up)
                watched.stream.want([BTC])
                await a_while(0.02)
                watched.stream.want([BTC, ETH])
                await until(lambda: len(watched.subscribed) == 2)
                watched.stream.want([ETH])
                await until(lambda: len(place.asked) == 3)
                await place.tell(kline_event(BTC))
                await place.tell(kline_event(ETH))
                await until(lambda: watched.klines)

            assert len(place.paths) == 1
            assert [asked["method"] for asked in place.asked] == [
                "SUBSCRIBE",
                "SUBSCRIBE",
                "UNSUBSCRIBE",
            ]
            assert place.asked[2]["params"] == ["btcusdt@kline_1m"]
            assert watched.subscribed == [frozenset({BTC}), frozenset({ETH})]
            # The kline of a stream that is not wanted any more was on its way.
            assert [update.stream for update in watched.klines] == [ETH]

    asyncio.run(story())


def test_many_streams_are_asked_for_in_several_messages_at_the_venues_pace() -> None:
    async def story() -> None:
        async with venue() as place:
            watched = Watched(place, names_per_message=2, message_seconds=0.04)
            watched.stream.want(FIVE)
            async with running(watched.stream):
                await until(lambda: watched.stream.is_up)

            assert [len(names) for names in place.names] == [2, 2, 1]
            pauses = [later - first for first, later in itertools.pairwise(place.asked_at)]
            assert min(pauses) >= 0.04
            assert frozenset().union(*watched.subscribed) == set(FIVE)

    asyncio.run(story())


def test_more_streams_than_a_connection_may_have_get_several() -> None:
    async def story() -> None:
        async with venue() as place:
            watched = Watched(place, streams_per_connection=2)
            watched.stream.want(FIVE)
            async with running(watched.stream):
                await until(lambda: watched.stream.is_up)
                assert len(place.open) == 3
                await place.tell(kline_event(FIVE[0]))
                watched.stream.want(FIVE[:2])
                await until(lambda: len(place.open) == 1)
                assert watched.stream.is_up
                # The freed place is used again.
                watched.stream.want([FIVE[0], ETH])
                await until(lambda: frozenset({ETH}) in watched.subscribed)
                assert len(place.open) == 1

            assert watched.downs == []
            assert sorted(len(names) for names in place.names) == [1, 1, 2, 2]

    asyncio.run(story())


def test_a_connection_that_breaks_is_opened_again_and_subscribed_again() -> None:
    async def story() -> None:
        async with venue() as place:
            watched = Watched(place)
            watched.stream.want([BTC])
            async with running(watched.stream):
                await until(lambda: watched.stream.is_up)
                up_since = watched.stream.since
                place.cut()
                await until(lambda: len(watched.subscribed) == 2)
                await until(lambda: watched.stream.is_up)
                assert up_since < watched.stream.since <= datetime.now(UTC)

            assert watched.downs == ["the connection broke"]
            assert watched.subscribed == [frozenset({BTC}), frozenset({BTC})]

    asyncio.run(story())


@pytest.mark.parametrize("second", [{"result": None}, {"error": {"code": 2}}])
def test_a_reply_that_comes_twice_counts_once(second: dict[str, Any]) -> None:
    async def story() -> None:
        async with venue() as place:
            place.answers = lambda asked: [
                {"result": None, "id": asked["id"]},
                {**second, "id": asked["id"]},
            ]
            watched = Watched(place)
            watched.stream.want([BTC])
            async with running(watched.stream):
                await until(lambda: watched.stream.is_up)
                await place.tell(kline_event())
                await until(lambda: watched.klines)

            assert watched.subscribed == [frozenset({BTC})]
            assert watched.downs == []

    asyncio.run(story())


def test_every_loss_is_told_also_one_like_the_last() -> None:
    async def story() -> None:
        async with venue() as place:
            watched = Watched(place)
            watched.stream.want([BTC])
            async with running(watched.stream):
                for _ in range(3):
                    await until(lambda: watched.stream.is_up)
                    since = watched.stream.since
                    place.cut()
                    await until(lambda: not watched.stream.is_up)
                    assert watched.stream.since > since

            assert watched.downs == ["the connection broke"] * 3

    asyncio.run(story())


def test_a_subscription_without_an_answer_ends_the_connection() -> None:
    async def story() -> None:
        async with venue() as place:
            watched = Watched(place, reply_seconds=0.05)
            place.answers = lambda _: None
            watched.stream.want([BTC])
            async with running(watched.stream):
                await until(lambda: len(place.paths) >= 2)
                assert not watched.stream.is_up
                place.answers = lambda asked: {"result": None, "id": asked["id"]}
                await until(lambda: watched.stream.is_up)

            assert watched.downs == ["no answer to SUBSCRIBE in time"]

    asyncio.run(story())


def test_a_name_that_the_venue_refuses_does_not_take_the_others_down() -> None:
    odd = KlineStream("ODD", "1m")

    def answer(asked: dict[str, Any]) -> Any:
        if "odd@kline_1m" in asked["params"]:
            return {"error": {"code": 2, "msg": "Invalid request"}, "id": asked["id"]}
        return {"result": None, "id": asked["id"]}

    async def story() -> None:
        async with venue() as place:
            place.answers = answer
            watched = Watched(place)
            watched.stream.want([BTC, ETH, odd])
            async with running(watched.stream):
                await until(lambda: watched.stream.is_up)
                await a_while(0.03)

            assert frozenset().union(*watched.subscribed) == {BTC, ETH}
            assert len(place.paths) == 1
            assert [len(names) for names in place.names] == [3, 1, 1, 1]

    asyncio.run(story())


def test_a_name_that_was_refused_is_asked_for_again_after_a_while() -> None:
    async def story() -> None:
        async with venue() as place:
            watched = Watched(place, refused_again_seconds=0.1)
            watched.stream.want([BTC])
            async with running(watched.stream):
                await until(lambda: watched.stream.is_up)
                place.answers = lambda asked: {"error": {"code": 2}, "id": asked["id"]}
                watched.stream.want([BTC, ETH])
                await until(lambda: len(place.asked) == 2)
                place.answers = lambda asked: {"result": None, "id": asked["id"]}
                while len(watched.subscribed) == 1:
                    watched.stream.want([BTC, ETH])  # as the feed does, again and again
                    await asyncio.sleep(0.01)

            assert place.names[1:] == [["ethusdt@kline_5m"]] * 2
            assert place.asked_at[2] - place.asked_at[1] >= 0.1
            assert (len(place.paths), watched.downs) == (1, [])

    asyncio.run(story())


def test_a_venue_that_refuses_every_name_is_not_up() -> None:
    async def story() -> None:
        async with venue() as place:
            place.answers = lambda asked: {"error": {"code": 2}, "id": asked["id"]}
            watched = Watched(place, first_refused_delay=0.1)
            watched.stream.want([BTC, ETH])
            async with running(watched.stream):
                await until(lambda: watched.downs)
                assert not watched.stream.is_up
                place.answers = lambda asked: {"result": None, "id": asked["id"]}
                await until(lambda: watched.stream.is_up)

            assert watched.downs == ["the venue refused every subscription (code 2)"]
            assert place.came_at[1] - place.came_at[0] >= 0.05

    asyncio.run(story())


@pytest.mark.parametrize(
    "refusal",
    [
        # web-socket-streams.md, "Error Messages"; and what the venue sends in fact
        {"code": 2, "msg": "Invalid request: too many parameters"},
        {"code": 0, "msg": "Unknown property", "id": 1},
        {"error": {"code": 2, "msg": "Invalid request: invalid stream"}, "id": 1},
    ],
)
def test_an_error_in_any_of_the_venues_forms_is_no_subscription(refusal: dict[str, Any]) -> None:
    async def story() -> None:
        async with venue() as place:
            place.answers = lambda _: refusal
            watched = Watched(place, reply_seconds=3.0)
            watched.stream.want([BTC])
            async with running(watched.stream):
                await until(lambda: watched.downs)

            assert watched.subscribed == []
            code = refusal.get("code", 2)
            assert watched.downs == [f"the venue refused every subscription (code {code})"]

    asyncio.run(story())


def test_an_unsubscription_that_the_venue_refuses_costs_nothing() -> None:
    async def story() -> None:
        async with venue() as place:
            watched = Watched(place)
            watched.stream.want([BTC, ETH])
            async with running(watched.stream):
                await until(lambda: watched.stream.is_up)
                place.answers = lambda asked: {"error": {"code": 2}, "id": asked["id"]}
                watched.stream.want([ETH])
                await until(lambda: len(place.asked) == 2)
                await place.tell(kline_event(BTC))
                await place.tell(kline_event(ETH))
                await until(lambda: watched.klines)
                await a_while(0.02)

            assert [update.stream for update in watched.klines] == [ETH]
            assert (len(place.paths), len(place.asked), watched.downs) == (1, 2, [])

    asyncio.run(story())


def test_an_error_that_names_no_request_is_about_the_one_that_waits() -> None:
    async def story() -> None:
        async with venue() as place:
            place.answers = lambda _: {"error": {"code": 3, "msg": "Invalid JSON"}}
            watched = Watched(place, reply_seconds=3.0)
            watched.stream.want([BTC])
            async with running(watched.stream):
                await until(lambda: watched.downs)

            assert watched.subscribed == []
            assert watched.downs == ["the venue refused every subscription (code 3)"]

    asyncio.run(story())


@pytest.mark.parametrize(
    "nonsense",
    [
        "no JSON",
        "[1, 2]",
        "[" * 100_000,
        {"e": "kline"},
        {"e": "somethingNew", "E": 1},
        {"result": None, "id": 99},
        {"id": [1]},
        kline_event(o="NaN"),
        kline_event(c=1.5),
        kline_event(t="now"),
        kline_event(x="true"),
    ],
    ids=range(11),
)
def test_nonsense_is_logged_once_and_skipped(
    nonsense: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        async with venue() as place:
            watched = Watched(place)
            watched.stream.want([BTC])
            async with running(watched.stream):
                await until(lambda: watched.stream.is_up)
                for _ in range(3):
                    await place.tell(nonsense)
                await place.tell(kline_event())
                await until(lambda: watched.klines)

            assert len(watched.klines) == 1
            assert watched.downs == []
            assert len([one for one in caplog.records if "skipped" in one.message]) <= 1

    asyncio.run(story())


def test_what_a_callback_raises_ends_the_stream() -> None:
    class BrokenError(Exception):
        pass

    async def story() -> None:
        async with venue() as place:
            watched = Watched(place)
            watched.stream.want([BTC])
            watched.bug = BrokenError()

            async with asyncio.timeout(5):
                task = asyncio.create_task(watched.stream.run())
                await until(lambda: watched.stream.is_up)
                await place.tell(kline_event())
                with pytest.raises(BrokenError):
                    await task
            await until(lambda: not place.open)

    asyncio.run(story())


def test_a_stream_that_is_told_to_reconnect_does_so_at_once() -> None:
    async def story() -> None:
        async with venue() as place:
            watched = Watched(place, first_delay=3.0, longest_delay=3.0)
            watched.stream.want([BTC])
            async with running(watched.stream):
                await until(lambda: watched.stream.is_up)
                watched.stream.reconnect("REST is newer")
                assert not watched.stream.is_up
                watched.stream.reconnect("REST is newer")
                await until(lambda: watched.stream.is_up)
                await until(lambda: len(place.open) == 1)

            assert watched.downs == ["REST is newer"]
            assert len(place.paths) == 2

    asyncio.run(story())


def test_cancellation_closes_the_connections_and_leaves_nothing_behind() -> None:
    async def story() -> float:
        async with venue() as place:
            watched = Watched(place, streams_per_connection=2)
            watched.stream.want(FIVE)
            async with running(watched.stream) as task:
                await until(lambda: watched.stream.is_up)
                before = time.monotonic()
                task.cancel()
                await asyncio.wait([task])
                took = time.monotonic() - before
            await until(lambda: not place.open)
            assert task.cancelled()
            assert place.close_codes == [1000, 1000, 1000]
            assert watched.downs == []
        assert len(asyncio.all_tasks()) == 1
        return took

    assert asyncio.run(story()) < 1


def test_cancellation_does_not_wait_for_a_venue_that_froze() -> None:
    async def story() -> float:
        async with venue() as place:
            watched = Watched(place)
            watched.stream.want([BTC])
            async with running(watched.stream) as task:
                await until(lambda: watched.stream.is_up)
                place.freeze()
                before = time.monotonic()
                task.cancel()
                await asyncio.wait([task])
                return time.monotonic() - before

    assert asyncio.run(story()) < 1


def test_an_event_in_the_wrapping_of_a_combined_stream_is_read_too() -> None:
    async def story() -> None:
        async with venue() as place:
            watched = Watched(place)
            watched.stream.want([BTC])
            async with running(watched.stream):
                await until(lambda: watched.stream.is_up)
                await place.tell({"stream": "btcusdt@kline_1m", "data": kline_event()})
                await until(lambda: watched.klines)

            assert [update.stream for update in watched.klines] == [BTC]

    asyncio.run(story())

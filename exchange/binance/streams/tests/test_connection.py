"""How a connection is kept up, against servers that shut down, freeze, refuse and mislead."""

from __future__ import annotations

import asyncio
import itertools
import logging
import socket
from datetime import timedelta
from typing import Any

import pytest

from exchange.binance.streams.connection import Link
from exchange.binance.streams.messages import Oddities
from exchange.binance.streams.session import Life, Session
from exchange.binance.streams.tests.venue import QUICK, a_while, running, until, venue
from exchange.binance.streams.tests.watching import BTC, Watched, kline_event
from exchange.domain.errors import UnavailableError

SHUTDOWN = {"e": "serverShutdown", "E": 1770123456789}


@pytest.mark.parametrize("wrapped", [SHUTDOWN, {"stream": "x", "data": SHUTDOWN}])
def test_before_a_server_stops_the_next_connection_is_there(wrapped: dict[str, Any]) -> None:
    async def story() -> None:
        async with venue() as place:
            # Only an announced end is followed by a connection at once.
            watched = Watched(place, first_delay=3.0, longest_delay=3.0)
            watched.stream.want([BTC])
            async with running(watched.stream):
                await until(lambda: watched.stream.is_up)
                since = watched.stream.since
                await place.tell(wrapped)
                await until(lambda: len(watched.subscribed) == 2)
                await until(lambda: len(place.open) == 1)
                await place.tell(kline_event())
                await until(lambda: watched.klines)

                assert watched.stream.since == since
            assert place.most_open == 2
            assert watched.downs == []
            assert len(watched.klines) == 1

    asyncio.run(story())


def test_until_the_next_connection_is_there_the_old_one_is_listened_to() -> None:
    async def story() -> None:
        async with venue() as place:
            watched = Watched(place)
            watched.stream.want([BTC])
            async with running(watched.stream):
                await until(lambda: watched.stream.is_up)
                place.refusal = (503, {})
                await place.tell(SHUTDOWN)
                await until(lambda: len(place.paths) >= 3)
                await place.tell(kline_event())
                await until(lambda: watched.klines)
                assert watched.stream.is_up
                assert watched.downs == []
                place.cut()
                await until(lambda: watched.downs)
                place.refusal = None
                await until(lambda: watched.stream.is_up)

            assert watched.downs[0] == "the connection broke"
            assert set(watched.downs[1:]) <= {"the handshake was refused (HTTP 503)"}

    asyncio.run(story())


def test_a_ban_of_the_replacement_outlasts_the_loss_of_the_old_connection() -> None:
    async def story() -> None:
        async with venue() as place:
            watched = Watched(place)
            watched.stream.want([BTC])
            async with running(watched.stream):
                await until(lambda: watched.stream.is_up)
                place.refusal = (429, {"Retry-After": "1000"})
                await place.tell(SHUTDOWN)
                await until(lambda: len(place.paths) == 2)
                await a_while(0.02)
                place.cut()
                await until(lambda: watched.downs)
                await a_while()

            assert len(place.paths) == 2

    asyncio.run(story())


def test_the_old_connection_may_break_while_the_next_one_is_being_opened() -> None:
    async def story() -> None:
        async with venue() as place:
            watched = Watched(place, reply_seconds=3.0)
            watched.stream.want([BTC])
            async with running(watched.stream):
                await until(lambda: watched.stream.is_up)
                old = place.open[0]
                place.answers = lambda _: None
                await place.tell(SHUTDOWN)
                await until(lambda: len(place.asked) == 2)
                old.transport.abort()
                await until(lambda: watched.downs)
                await a_while(0.05)
                assert (len(place.paths), len(place.open)) == (2, 1)
                await place.tell({"result": None, "id": 1})
                await until(lambda: watched.stream.is_up)
                await a_while(0.05)

            assert place.most_open == 2
            assert len(place.paths) == 2
            assert watched.downs == ["the connection broke"]

    asyncio.run(story())


def test_a_connection_that_was_given_up_cannot_become_the_one_that_serves() -> None:
    async def begin() -> Session:
        raise UnavailableError("no answer")

    ups: list[bool] = []

    async def story() -> None:
        link = Link(
            origin="ws://venue.invalid",
            begin=begin,
            on_up=lambda: ups.append(True),
            on_down=lambda _: None,
            oddities=Oddities("link"),
            settings=QUICK,
        )
        life = Life(link)
        link.became_ready(life)  # its last step ran behind the cancellation of all
        assert not link.is_up
        await life.task

    asyncio.run(story())

    assert ups == []


def test_losses_of_connections_that_served_well_do_not_add_up() -> None:
    async def story() -> None:
        async with venue() as place:
            watched = Watched(place, healthy_seconds=0.0, longest_delay=1000.0)
            watched.stream.want([BTC])
            async with running(watched.stream):
                for _ in range(16):  # delays of minutes if they did
                    await until(lambda: watched.stream.is_up and place.open)
                    place.cut()
                    await until(lambda: not watched.stream.is_up)

            assert len(place.paths) == 16

    asyncio.run(story())


def test_a_server_that_announces_its_end_to_everybody_who_comes_is_not_hammered() -> None:
    async def story() -> None:
        async with venue() as place:
            place.on_open = ['{"e": "serverShutdown", "E": 1}']
            place.answers = lambda asked: [{"result": None, "id": asked["id"]}, SHUTDOWN]
            watched = Watched(place, first_delay=1000.0, longest_delay=1000.0)
            watched.stream.want([BTC])
            async with running(watched.stream):
                await until(lambda: len(place.paths) == 2)
                await a_while()

            assert len(place.paths) == 2

    asyncio.run(story())


def test_a_connection_is_replaced_before_the_venue_would_cut_it() -> None:
    async def story() -> None:
        async with venue() as place:
            oldest = timedelta(milliseconds=80)
            watched = Watched(place, oldest=oldest, healthy_seconds=0.01)
            watched.stream.want([BTC])
            async with running(watched.stream):
                await until(lambda: len(watched.subscribed) == 3)

            assert place.most_open == 2
            assert watched.downs == []
            ages = [later - first for first, later in itertools.pairwise(place.came_at)]
            assert min(ages) >= oldest.total_seconds()

    asyncio.run(story())


def test_a_venue_that_answers_no_ping_is_given_up() -> None:
    async def story() -> None:
        async with venue() as place:
            watched = Watched(place, ping_seconds=0.03, pong_seconds=0.03)
            watched.stream.want([BTC])
            async with running(watched.stream):
                await until(lambda: watched.stream.is_up)
                await a_while()
                assert len(place.paths) == 1
                place.freeze()
                await until(lambda: len(watched.subscribed) == 2)

            assert watched.downs == ["the venue did not answer a ping in time"]

    asyncio.run(story())


def test_a_close_by_the_venue_is_told_in_its_words() -> None:
    async def story() -> None:
        async with venue() as place:
            watched = Watched(place)
            watched.stream.want([BTC])
            async with running(watched.stream):
                await until(lambda: watched.stream.is_up)
                await place.open[0].close(1008, "Too many requests")
                await until(lambda: len(watched.subscribed) == 2)

            assert watched.downs == ["the venue closed the connection (1008 Too many requests)"]

    asyncio.run(story())


def test_a_redirect_is_not_followed() -> None:
    async def story() -> None:
        async with venue() as elsewhere, venue() as place:
            place.refusal = (302, {"Location": f"{elsewhere.url}/ws"})
            watched = Watched(place)
            watched.stream.want([BTC])
            async with running(watched.stream):
                await until(lambda: len(place.paths) >= 2)

            assert elsewhere.paths == []
            assert watched.downs == [
                "the handshake was redirected (HTTP 302), which is not followed"
            ]

    asyncio.run(story())


@pytest.mark.parametrize("status", [403, 418, 429])
def test_the_venues_word_about_when_to_come_back_is_kept(status: int) -> None:
    async def story() -> None:
        async with venue() as place:
            place.refusal = (status, {"Retry-After": "0.2"})
            watched = Watched(place)
            watched.stream.want([BTC])
            async with running(watched.stream):
                await until(lambda: len(place.paths) == 2)

            assert place.came_at[1] - place.came_at[0] >= 0.2
            assert watched.downs == [f"the handshake was refused (HTTP {status})"]

    asyncio.run(story())


def test_without_a_word_of_the_venue_its_ban_is_waited_out() -> None:
    async def story() -> None:
        async with venue() as place:
            place.refusal = (429, {})
            watched = Watched(place)
            watched.stream.want([BTC])
            async with running(watched.stream):
                await until(lambda: watched.downs)
                await a_while()

            assert len(place.paths) == 1

    asyncio.run(story())


def test_a_server_that_accepts_and_says_nothing_is_not_waited_for() -> None:
    async def story() -> None:
        silent = await asyncio.start_server(lambda _, writer: silenced.append(writer), "127.0.0.1")
        silenced: list[asyncio.StreamWriter] = []
        async with venue() as place, silent:
            place.url = f"ws://127.0.0.1:{silent.sockets[0].getsockname()[1]}"
            watched = Watched(place, open_seconds=0.05)
            watched.stream.want([BTC])
            async with running(watched.stream):
                await until(lambda: len(silenced) >= 2)

            assert watched.downs == ["the connection could not be opened in time"]
            for writer in silenced:
                writer.close()

    asyncio.run(story())


def test_a_server_that_does_not_speak_the_protocol_is_tried_again() -> None:
    async def babble(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail ready\r\n\r\n")
        writer.close()

    async def story() -> None:
        babbling = await asyncio.start_server(babble, "127.0.0.1")
        async with venue() as place, babbling:
            place.url = f"ws://127.0.0.1:{babbling.sockets[0].getsockname()[1]}"
            watched = Watched(place)
            watched.stream.want([BTC])
            async with running(watched.stream):
                await until(lambda: watched.downs)

            assert watched.downs == ["the handshake failed (InvalidMessage)"]

    asyncio.run(story())


def test_a_venue_that_is_not_there_is_tried_until_it_is() -> None:
    async def story() -> None:
        async with venue() as place:
            there = place.url
            with socket.socket() as unused:
                unused.bind(("127.0.0.1", 0))
                place.url = f"ws://127.0.0.1:{unused.getsockname()[1]}"
                watched = Watched(place)
                watched.stream.want([BTC])
                async with running(watched.stream):
                    await until(lambda: watched.downs)
                    await a_while()
                    assert not watched.stream.is_up

            # Told once, however often it was tried.
            assert watched.downs == ["the connection could not be opened (ConnectionRefusedError)"]
            place.url = there

    asyncio.run(story())


def test_a_proxy_of_the_machine_is_not_asked_for_the_loopback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("http_proxy", "https_proxy", "ws_proxy", "wss_proxy", "socks_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    async def story() -> None:
        async with venue() as place:
            watched = Watched(place)
            watched.stream.want([BTC])
            async with running(watched.stream):
                await until(lambda: watched.stream.is_up)

    asyncio.run(story())


def test_a_proxy_that_is_nonsense_is_told_and_does_not_end_the_stream(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", "http://user:password@proxy:port")
    monkeypatch.setenv("no_proxy", "")

    async def story() -> None:
        async with venue() as place:
            place.url = "ws://venue.invalid"
            watched = Watched(place)
            watched.stream.want([BTC])
            async with running(watched.stream):
                await until(lambda: watched.downs)

            assert watched.downs == ["the handshake failed (ValueError)"]

    asyncio.run(story())


def test_no_frame_is_ever_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        async with venue() as place:
            watched = Watched(place)
            watched.stream.want([BTC])
            with caplog.at_level(logging.DEBUG):
                async with running(watched.stream):
                    await until(lambda: watched.stream.is_up)

    asyncio.run(story())

    ours = [
        one for one in caplog.records if not one.name.startswith(("websockets.server", "asyncio"))
    ]
    assert ours == []


def test_a_message_beyond_all_measure_ends_the_connection() -> None:
    async def story() -> None:
        async with venue() as place:
            watched = Watched(place)
            watched.stream.want([BTC])
            async with running(watched.stream):
                await until(lambda: watched.stream.is_up)
                await place.tell("x" * (2**20 + 1))
                await until(lambda: len(watched.subscribed) == 2)

            (reason,) = watched.downs
            assert reason.startswith("we closed the connection (1009")

    asyncio.run(story())

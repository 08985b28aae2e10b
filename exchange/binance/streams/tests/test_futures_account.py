"""Listen keys that are opened, kept, expired and refused, against a server that notes all."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Any

import pytest

from exchange.binance.streams.futures_account import FuturesAccountStream
from exchange.binance.streams.tests.test_account_events import ALGO_UPDATE, ORDER_UPDATE
from exchange.binance.streams.tests.venue import QUICK, Venue, a_while, running, until, venue
from exchange.domain.errors import (
    CredentialsError,
    GatewayError,
    OrderRejectedError,
    RateLimitedError,
    UnavailableError,
)
from exchange.domain.streams import AccountEvent, AccountEventKind

RESYNC = AccountEvent(kind=AccountEventKind.RESYNC)
UP = [(True, ""), RESYNC]
EXPIRED = {"e": "listenKeyExpired", "E": 1576653824250, "listenKey": "key1"}


class Keys:
    """Hands out the account's key, key1 at first, or fails as it is told to."""

    def __init__(self) -> None:
        self.name = "key"
        self.number = 1
        self.asked = 0
        self.failures: list[GatewayError] = []

    async def open(self) -> str:
        """Return the key that the account has now."""
        self.asked += 1
        if self.failures:
            raise self.failures.pop(0)
        return f"{self.name}{self.number}"


class Listener:
    """An account stream and all that it told, in order."""

    def __init__(self, place: Venue, **settings: Any) -> None:
        self.keys = Keys()
        self.told: list[Any] = []
        self.stream = FuturesAccountStream(
            urls=place.urls,
            listen_keys=self.keys,
            on_event=self.told.append,
            on_link=lambda is_up, reason: self.told.append((is_up, reason)),
            settings=replace(QUICK, **settings),
        )


def test_the_stream_of_the_listen_key_is_listened_to() -> None:
    async def story() -> None:
        async with venue() as place:
            listener = Listener(place)
            async with running(listener.stream):
                await until(lambda: listener.stream.is_up)
                await place.tell(ORDER_UPDATE)
                await place.tell({"stream": "key1", "data": ALGO_UPDATE})
                await until(lambda: len(listener.told) == 4)

            assert place.paths == ["/private/ws?listenKey=key1"]
            assert listener.told[:2] == UP
            kinds = [told.kind for told in listener.told[2:]]
            assert kinds == [AccountEventKind.ORDER, AccountEventKind.ALGO_ORDER]
            assert place.asked == []

    asyncio.run(story())


def test_a_listen_key_that_expired_is_replaced_at_once() -> None:
    async def story() -> None:
        async with venue() as place:
            listener = Listener(
                place, first_delay=1000.0, longest_delay=1000.0, keep_seconds=1000.0
            )
            async with running(listener.stream):
                await until(lambda: listener.stream.is_up)
                listener.keys.number = 2
                await place.tell(EXPIRED)
                await until(lambda: len(listener.told) == 5)
                await until(lambda: len(place.open) == 1)

            assert place.paths == ["/private/ws?listenKey=key1", "/private/ws?listenKey=key2"]
            assert listener.told == [*UP, (False, "the listen key expired"), *UP]

    asyncio.run(story())


def test_the_listen_key_is_prolonged_again_and_again() -> None:
    async def story() -> None:
        async with venue() as place:
            listener = Listener(place)
            async with running(listener.stream):
                await until(lambda: listener.keys.asked == 4)

            assert len(place.paths) == 1
            assert listener.told == UP

    asyncio.run(story())


def test_a_venue_that_cannot_prolong_just_now_does_not_cost_the_connection() -> None:
    async def story() -> None:
        async with venue() as place:
            listener = Listener(place)
            async with running(listener.stream):
                await until(lambda: listener.stream.is_up)
                listener.keys.failures = [
                    UnavailableError("no answer"),
                    RateLimitedError("too much", retry_after=0.02),
                ]
                await until(lambda: listener.keys.asked == 5)

            assert len(place.paths) == 1
            assert listener.told == UP

    asyncio.run(story())


def test_a_ban_is_waited_out_before_the_listen_key_is_prolonged_again() -> None:
    async def story() -> None:
        async with venue() as place:
            listener = Listener(place)
            async with running(listener.stream):
                await until(lambda: listener.stream.is_up)
                listener.keys.failures = [RateLimitedError("banned", retry_after=1000)]
                await until(lambda: not listener.keys.failures)
                asked = listener.keys.asked
                await a_while()
                assert listener.keys.asked == asked

            assert listener.told == UP

    asyncio.run(story())


def test_a_listen_key_is_quoted_in_the_address() -> None:
    async def story() -> None:
        async with venue() as place:
            listener = Listener(place, keep_seconds=1000.0)
            listener.keys.name = "a/b&c#"
            async with running(listener.stream):
                await until(lambda: listener.stream.is_up)

            assert place.paths == ["/private/ws?listenKey=a%2Fb%26c%231"]

    asyncio.run(story())


def test_a_listen_key_that_another_program_replaced_is_followed_at_once() -> None:
    async def story() -> None:
        async with venue() as place:
            listener = Listener(place, first_delay=1000.0, longest_delay=1000.0)
            async with running(listener.stream):
                await until(lambda: listener.stream.is_up)
                listener.keys.number = 2
                await until(lambda: len(listener.told) == 5)
                await until(lambda: len(place.open) == 1)

            assert place.paths == ["/private/ws?listenKey=key1", "/private/ws?listenKey=key2"]
            assert listener.told == [*UP, (False, "the listen key was replaced"), *UP]

    asyncio.run(story())


def test_a_refusal_to_prolong_ends_the_connection() -> None:
    async def story() -> None:
        async with venue() as place:
            listener = Listener(place)
            async with running(listener.stream):
                await until(lambda: listener.stream.is_up)
                listener.keys.failures = [OrderRejectedError("no such listenKey", code=-1125)]
                await until(lambda: len(listener.told) == 5)

            assert listener.told == [*UP, (False, "no such listenKey"), *UP]

    asyncio.run(story())


def test_every_connection_asks_for_the_listen_key() -> None:
    async def story() -> None:
        async with venue() as place:
            listener = Listener(place, keep_seconds=1000.0)
            async with running(listener.stream):
                await until(lambda: listener.stream.is_up)
                place.cut()
                await until(lambda: len(listener.told) == 5)

            assert listener.keys.asked == 2

    asyncio.run(story())


def test_a_key_that_may_not_listen_is_not_tried_again_soon() -> None:
    async def story() -> None:
        async with venue() as place:
            listener = Listener(place)
            listener.keys.failures = [CredentialsError("Invalid API-key", code=-2015)]
            async with running(listener.stream):
                await until(lambda: listener.told)
                await a_while()

            assert place.paths == []
            assert listener.told == [(False, "Invalid API-key")]

    asyncio.run(story())


def test_a_venue_that_does_not_answer_is_asked_again() -> None:
    async def story() -> None:
        async with venue() as place:
            listener = Listener(place)
            listener.keys.failures = [UnavailableError("no answer"), UnavailableError("no answer")]
            async with running(listener.stream):
                await until(lambda: listener.stream.is_up)

            assert listener.told == [(False, "no answer"), *UP]

    asyncio.run(story())


def test_the_listen_key_is_neither_logged_nor_told(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> Listener:
        async with venue() as place:
            listener = Listener(place)
            caplog.set_level(logging.INFO, logger="websockets.server")
            with caplog.at_level(logging.DEBUG):
                async with running(listener.stream):
                    await until(lambda: listener.stream.is_up)
                    listener.keys.number = 2
                    await place.tell(EXPIRED)
                    await until(lambda: len(listener.told) == 5)
                    listener.keys.number = 3
                    place.refusal = (400, {})
                    place.cut()
                    await until(lambda: place.paths[-1].endswith("key3"))
                    await until(lambda: len(listener.told) == 7)
            return listener

    listener = asyncio.run(story())

    assert "key1" not in caplog.text + repr(listener.told)
    assert "key3" not in caplog.text + repr(listener.told)

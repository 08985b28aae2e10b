"""The signed subscription of the WebSocket API, against a server that says what it likes."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from exchange.binance.streams.spot_account import SpotAccountStream, signature
from exchange.binance.streams.tests.test_account_events import EXECUTION_REPORT
from exchange.binance.streams.tests.venue import QUICK, Venue, a_while, running, until, venue
from exchange.domain.errors import UnavailableError
from exchange.domain.streams import AccountEvent, AccountEventKind

KEY, SECRET = "theApiKey", "theApiSecret"
NOW_MS = 1_800_000_000_123  # signing time
ORDER_EVENT = {"subscriptionId": 0, "event": EXECUTION_REPORT}
TERMINATED = {"subscriptionId": 0, "event": {"e": "eventStreamTerminated", "E": 1728973001334}}
RESYNC = AccountEvent(kind=AccountEventKind.RESYNC)


def accepted(asked: dict[str, Any]) -> dict[str, Any]:
    """Return the venue's reply to a subscription, as documented."""
    return {"id": asked["id"], "status": 200, "result": {"subscriptionId": 0}}


def refused(code: int, *, status: int = 400, **more: Any) -> Callable[[dict[str, Any]], Any]:
    """Return an answer that refuses everything."""

    def answer(asked: dict[str, Any]) -> dict[str, Any]:
        error = {"code": code, "msg": "No.", **more}
        return {"id": asked["id"], "status": status, "error": error}

    return answer


class Listener:
    """An account stream and all that it told, in order."""

    def __init__(
        self, place: Venue, *, now_ms: Callable[[], Awaitable[int]] | None = None, **settings: Any
    ) -> None:
        place.answers = accepted
        self.told: list[Any] = []
        self.stream = SpotAccountStream(
            urls=place.urls,
            key=KEY,
            secret=SECRET,
            now_ms=now_ms or self._now_ms,
            on_event=self.told.append,
            on_link=lambda is_up, reason: self.told.append((is_up, reason)),
            settings=replace(QUICK, **settings),
        )

    async def _now_ms(self) -> int:
        return NOW_MS


def test_the_signature_is_that_of_the_venues_own_example() -> None:
    # web-socket-api.md of binance-spot-api-docs, "SIGNED request example (HMAC)"
    parameters = {
        "symbol": "BTCUSDT",
        "side": "SELL",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "0.01000000",
        "price": "52000.00",
        "newOrderRespType": "ACK",
        "recvWindow": 100,
        "timestamp": 1645423376532,
        "apiKey": "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A",
    }
    secret = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"

    assert signature(parameters, secret) == (
        "cc15477742bd704c29492d96c7ead9414dfd8e0ec4a00f947bb5bb454ddbd08a"
    )


def test_the_subscription_is_signed_and_followed_by_a_resync() -> None:
    async def story() -> None:
        async with venue() as place:
            listener = Listener(place)
            async with running(listener.stream):
                await until(lambda: len(listener.told) == 2)
                assert listener.stream.is_up
                await place.tell(ORDER_EVENT)
                await until(lambda: len(listener.told) == 3)

            payload = f"apiKey={KEY}&recvWindow=5000&timestamp={NOW_MS}"
            assert place.paths == ["/ws-api/v3"]
            assert place.asked == [
                {
                    "id": "subscribe",
                    "method": "userDataStream.subscribe.signature",
                    "params": {
                        "apiKey": KEY,
                        "recvWindow": 5000,
                        "timestamp": NOW_MS,
                        "signature": hmac.new(
                            SECRET.encode(), payload.encode(), hashlib.sha256
                        ).hexdigest(),
                    },
                }
            ]
            assert listener.told[:2] == [(True, ""), RESYNC]
            assert listener.told[2].client_order_id == "mUvoqJxFIILMdfAW5iGSOW"

    asyncio.run(story())


def test_an_event_right_behind_the_reply_is_not_lost() -> None:
    async def story() -> None:
        async with venue() as place:
            listener = Listener(place)
            place.answers = lambda asked: [accepted(asked), ORDER_EVENT]
            async with running(listener.stream):
                await until(lambda: len(listener.told) == 3)

            assert {getattr(told, "kind", None) for told in listener.told} == {
                None,
                AccountEventKind.RESYNC,
                AccountEventKind.ORDER,
            }

    asyncio.run(story())


def test_a_reply_that_comes_twice_counts_once() -> None:
    async def story() -> None:
        async with venue() as place:
            listener = Listener(place)
            place.answers = lambda asked: [accepted(asked), accepted(asked), ORDER_EVENT]
            async with running(listener.stream):
                await until(lambda: len(listener.told) == 3)

            assert (len(place.paths), len(place.asked)) == (1, 1)

    asyncio.run(story())


def test_every_connection_subscribes_anew() -> None:
    async def story() -> None:
        async with venue() as place:
            listener = Listener(place)
            async with running(listener.stream):
                await until(lambda: listener.stream.is_up)
                place.cut()
                await until(lambda: len(listener.told) == 5)

            up = [(True, ""), RESYNC]
            assert listener.told == [*up, (False, "the connection broke"), *up]
            assert len(place.asked) == 2

    asyncio.run(story())


def test_a_subscription_that_the_venue_ended_is_made_anew_at_once() -> None:
    async def story() -> None:
        async with venue() as place:
            listener = Listener(place, first_delay=1000.0, longest_delay=1000.0)
            async with running(listener.stream):
                await until(lambda: listener.stream.is_up)
                await place.tell(TERMINATED)
                await until(lambda: len(listener.told) == 5)

            up = [(True, ""), RESYNC]
            assert listener.told == [*up, (False, "the venue ended the subscription"), *up]

    asyncio.run(story())


@pytest.mark.parametrize("code", [-2015, -2014, -1022, -2008])
def test_a_key_that_is_refused_is_not_tried_again_soon(code: int) -> None:
    async def story() -> None:
        async with venue() as place:
            listener = Listener(place)
            place.answers = refused(code, status=401)
            async with running(listener.stream):
                await until(lambda: listener.told)
                await a_while()

            assert len(place.paths) == 1
            assert listener.told == [(False, f"the subscription was refused: No. (code {code})")]

    asyncio.run(story())


def test_after_a_refused_timestamp_the_venue_is_asked_for_its_clock_and_nobody_else() -> None:
    # Our own measurement of the difference stays wrong for half an hour.
    def answer(asked: dict[str, Any]) -> dict[str, Any]:
        if asked["method"] == "time":
            return {"id": asked["id"], "status": 200, "result": {"serverTime": NOW_MS + 7_200_000}}
        is_late = asked["params"]["timestamp"] < NOW_MS + 7_000_000
        told: dict[str, Any] = refused(-1021)(asked) if is_late else accepted(asked)
        return told

    async def story() -> None:
        async with venue() as place:
            listener = Listener(place)
            place.answers = answer
            async with running(listener.stream):
                await until(lambda: listener.stream.is_up)

            assert [asked["method"].split(".")[0] for asked in place.asked] == [
                "userDataStream",
                "time",
                "userDataStream",
            ]
            first, _, second = place.asked
            assert second["params"]["timestamp"] == NOW_MS + 7_200_000
            assert second["params"]["signature"] != first["params"]["signature"]
            assert len(place.paths) == 1
            assert listener.told == [(True, ""), RESYNC]

    asyncio.run(story())


@pytest.mark.parametrize("result", [{"serverTime": NOW_MS}, {"serverTime": "now"}, None])
def test_a_timestamp_that_is_refused_for_ever_is_not_signed_for_ever(result: Any) -> None:
    def answer(asked: dict[str, Any]) -> Any:
        if asked["method"] == "time":
            return {"id": asked["id"], "status": 200, "result": result}
        return refused(-1021)(asked)

    async def story() -> None:
        async with venue() as place:
            listener = Listener(place, first_delay=1000.0, longest_delay=1000.0)
            place.answers = answer
            async with running(listener.stream):
                await until(lambda: listener.told)
                await a_while()

            assert len(place.asked) <= 3
            assert len(place.paths) == 1
            assert len(listener.told) == 1
            assert listener.told[0][0] is False

    asyncio.run(story())


def test_a_ban_that_is_told_before_anything_is_asked_is_waited_out() -> None:
    banned = {"id": None, "status": 418, "error": {"code": -1003, "msg": "IP banned"}}

    async def now_ms() -> int:
        await asyncio.sleep(1000)
        return NOW_MS

    async def story() -> None:
        async with venue() as place:
            listener = Listener(place, now_ms=now_ms)
            place.on_open = [json.dumps(banned)]
            place.hangs_up = True
            async with running(listener.stream):
                await until(lambda: listener.told)
                await a_while()

            assert len(place.paths) == 1
            assert listener.told == [
                (False, "the subscription was refused: IP banned (code -1003)")
            ]

    asyncio.run(story())


def test_a_ban_is_waited_out() -> None:
    async def story() -> None:
        async with venue() as place:
            listener = Listener(place)
            place.answers = refused(-1003, status=418, data={"retryAfter": 10**15})
            async with running(listener.stream):
                await until(lambda: listener.told)
                await a_while()

            assert len(place.paths) == 1

    asyncio.run(story())


def test_a_clock_that_cannot_be_read_is_read_again() -> None:
    failures = [UnavailableError("no answer")]

    async def now_ms() -> int:
        if failures:
            raise failures.pop()
        return NOW_MS

    async def story() -> None:
        async with venue() as place:
            listener = Listener(place, now_ms=now_ms)
            async with running(listener.stream):
                await until(lambda: listener.stream.is_up)

            assert listener.told == [(False, "no answer"), (True, ""), RESYNC]

    asyncio.run(story())


@pytest.mark.parametrize(
    "reply", [None, {"id": None, "status": 400, "error": "odd"}, {"status": 200, "id": "other"}]
)
def test_a_reply_that_helps_nobody_is_asked_for_again(reply: Any) -> None:
    async def story() -> None:
        async with venue() as place:
            listener = Listener(place, reply_seconds=0.05)
            place.answers = lambda _: reply
            async with running(listener.stream):
                await until(lambda: len(place.paths) >= 2)
                assert listener.told[0][0] is False
                place.answers = accepted
                await until(lambda: listener.stream.is_up)

    asyncio.run(story())


def test_events_that_nobody_has_heard_of_are_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story() -> None:
        async with venue() as place:
            listener = Listener(place)
            async with running(listener.stream):
                await until(lambda: listener.stream.is_up)
                for _ in range(3):
                    await place.tell({"subscriptionId": 0, "event": {"e": "brandNew"}})
                await place.tell(ORDER_EVENT)
                await until(lambda: len(listener.told) == 3)

    asyncio.run(story())

    words = "spot account stream: skipped an event of kind 'brandNew'"
    assert [one.message for one in caplog.records if "skipped" in one.message] == [words]


def test_neither_key_nor_signature_is_logged_or_told(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> Listener:
        async with venue() as place:
            listener = Listener(place)
            place.answers = refused(-2015)
            # The server of this test logs what it hears; the client must not.
            caplog.set_level(logging.INFO, logger="websockets.server")
            with caplog.at_level(logging.DEBUG):
                async with running(listener.stream):
                    await until(lambda: listener.told)
            return listener

    listener = asyncio.run(story())

    told = caplog.text + repr(listener.told) + repr(listener.stream)
    assert KEY not in told
    assert SECRET not in told
    assert "signature" not in told


def test_before_a_server_stops_another_subscription_is_there() -> None:
    async def story() -> None:
        async with venue() as place:
            listener = Listener(place)
            async with running(listener.stream):
                await until(lambda: listener.stream.is_up)
                await place.tell({"event": {"e": "serverShutdown", "E": 1}})
                await until(lambda: len(listener.told) == 4)
                await until(lambda: len(place.open) == 1)
                listener.stream.reconnect("by hand")
                await until(lambda: len(listener.told) == 7)

            assert place.most_open == 2
            up = [(True, ""), RESYNC]
            assert listener.told == [*up, *up, (False, "by hand"), *up]

    asyncio.run(story())

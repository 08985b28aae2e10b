"""Keeps what one connection is subscribed to equal to what is wanted of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import Any, Final

from exchange.binance.parsing import MalformedReplyError
from exchange.binance.streams.klines import KLINE_EVENT, kline_update, stream_name
from exchange.binance.streams.losses import LinkLostError
from exchange.binance.streams.messages import Oddities, kind_of
from exchange.binance.streams.session import Say, Session
from exchange.binance.streams.settings import StreamSettings
from exchange.domain.streams import KlineStream, KlineUpdate

SUBSCRIBE: Final = "SUBSCRIBE"
UNSUBSCRIBE: Final = "UNSUBSCRIBE"
# Documented are errors of the form {"code", "msg"}, often without an id; {"error": …, "id"} is
# what mostly comes.
_REPLY_FIELDS: Final = frozenset({"id", "error", "code"})


class RefusedRequestError(Exception):
    """The venue answered a request with an error."""


class KlineSession(Session):
    """Subscribes to kline streams and hands on what they tell.

    wanted          asked anew after every `wake`
    on_subscribed   these streams were subscribed to just now on this connection

    A name that the venue refuses is left out for a while; the others go on. Where it refuses them
    all the connection serves nobody and ends.
    """

    def __init__(
        self,
        *,
        path: str,
        wanted: Callable[[], Collection[KlineStream]],
        on_kline: Callable[[KlineUpdate], None],
        on_subscribed: Callable[[frozenset[KlineStream]], None],
        oddities: Oddities,
        settings: StreamSettings,
    ) -> None:
        self.path = path
        self._wanted, self._on_kline, self._on_subscribed = wanted, on_kline, on_subscribed
        self._oddities, self._settings = oddities, settings
        self._held: set[KlineStream] = set()
        self._refused: dict[KlineStream, float] = {}  # until when, by the loop's clock
        self._doubted: set[KlineStream] = set()
        self._awake = asyncio.Event()
        self._asked: tuple[int, asyncio.Future[None]] | None = None
        self._refusal = ""
        self._requests = 0
        self._may_ask_at = 0.0  # by the loop's clock

    def wake(self) -> None:
        """Look anew at what is wanted."""
        self._awake.set()

    async def converse(self, say: Say, ready: Callable[[], None]) -> None:
        """Follow what is wanted, at the venue's pace."""
        while True:
            self._awake.clear()
            while await self._step(say):
                pass
            self._check_that_something_is_held()
            ready()
            await self._sleep()

    def hear(self, message: Mapping[str, Any], event: Mapping[str, Any]) -> None:
        """Hand on a kline; take the reply to a request."""
        if event.get("e") == KLINE_EVENT:
            self._take_kline(event)
        elif "e" not in event and not _REPLY_FIELDS.isdisjoint(message):
            self._take_reply(message)
        else:
            self._oddities.skip(f"an event of kind {kind_of(event)}")

    async def _sleep(self) -> None:
        # Not so many seconds from now: others may wake this one more often than that.
        with suppress(TimeoutError):
            async with asyncio.timeout_at(min(self._refused.values(), default=None)):
                await self._awake.wait()
        now = asyncio.get_running_loop().time()
        self._refused = {name: until for name, until in self._refused.items() if now < until}

    def _check_that_something_is_held(self) -> None:
        if self._wanted() and not self._held:
            why = f"the venue refused every subscription ({self._refusal})"
            raise LinkLostError(why, is_refusal=True)

    async def _step(self, say: Say) -> bool:
        wanted = set(self._wanted())
        if gone := self._held - wanted:
            await self._unsubscribe(say, self._batch(gone))
        elif missing := wanted - self._held - self._refused.keys():
            await self._subscribe(say, self._batch(missing - self._doubted or missing))
        else:
            return False
        return True

    def _batch(self, streams: Collection[KlineStream]) -> set[KlineStream]:
        # Streams that were refused together are asked for one by one.
        size = 1 if self._doubted.issuperset(streams) else self._settings.names_per_message
        return set(sorted(streams)[:size])

    async def _unsubscribe(self, say: Say, batch: set[KlineStream]) -> None:
        try:
            await self._ask(say, UNSUBSCRIBE, batch)
        except RefusedRequestError as refusal:
            # What still comes is not handed on.
            self._oddities.skip(f"an {UNSUBSCRIBE}, which the venue refused: {refusal}")
        self._held -= batch

    async def _subscribe(self, say: Say, batch: set[KlineStream]) -> None:
        try:
            await self._ask(say, SUBSCRIBE, batch)
        except RefusedRequestError as refusal:
            self._refuse(batch, str(refusal))
            return
        self._held |= batch
        self._doubted -= batch
        self._on_subscribed(frozenset(batch))

    def _refuse(self, batch: set[KlineStream], why: str) -> None:
        self._refusal = why
        if len(batch) > 1:
            self._doubted |= batch
            return
        self._doubted -= batch
        (stream,) = batch
        again = self._settings.refused_again_seconds
        self._refused[stream] = asyncio.get_running_loop().time() + again
        self._oddities.skip(f"{stream_name(stream)}, which the venue refused: {why}")

    async def _keep_pace(self) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._may_ask_at - loop.time()))
        self._may_ask_at = loop.time() + self._settings.message_seconds

    async def _ask(self, say: Say, method: str, batch: set[KlineStream]) -> None:
        await self._keep_pace()
        self._requests += 1
        reply = asyncio.get_running_loop().create_future()
        self._asked = self._requests, reply
        names = [stream_name(stream) for stream in sorted(batch)]
        request = {"method": method, "params": names, "id": self._requests}
        try:
            async with asyncio.timeout(self._settings.reply_seconds):
                await say(json.dumps(request, separators=(",", ":")))
                await reply
        except TimeoutError:
            raise LinkLostError(f"no answer to {method} in time") from None
        finally:
            self._asked = None
            reply.cancel()

    def _take_reply(self, message: Mapping[str, Any]) -> None:
        if self._asked is None:
            return
        number, reply = self._asked
        # A request that the venue cannot read is answered without its number.
        if message.get("id") not in (number, None) or reply.done():
            return
        error = message.get("error") or (message if "code" in message else None)
        if error is None:
            reply.set_result(None)
        else:
            reply.set_exception(RefusedRequestError(_words(error)))

    def _take_kline(self, event: Mapping[str, Any]) -> None:
        try:
            update = kline_update(event)
        except MalformedReplyError as error:
            self._oddities.skip(f"a kline: {error}")
            return
        if update.stream in self._wanted():
            self._on_kline(update)


def _words(error: Any) -> str:
    return f"code {error.get('code')!r:.20}" if isinstance(error, Mapping) else "an unknown error"

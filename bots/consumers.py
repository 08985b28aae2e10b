"""Live status over WebSocket.

A page joins its groups first and reads the state afterwards, so nothing falls between the two;
what arrives twice carries a sequence number that the page has already seen.

Beside that every socket has a watch, which looks into the shared market data and tells the page how
old they are: frames `feed.age` and `feed.kline`. They are no change of a bot, so they carry the
number of its newest change and are never a repeat.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from typing import Any, Final

import redis
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.db import DatabaseError
from django.utils import timezone

from accounts.models import User
from bots.feed import bot_group, user_group
from bots.models import BotConfig
from bots.selectors.access import bot_visible_to, bots_of, state_of
from bots.selectors.live_data import AgeWatch, ChartWatch, Told
from bots.selectors.status import state_data
from exchange.market_data.connection import Outage

logger = logging.getLogger(__name__)

NOT_SIGNED_IN: Final = 4401
NOT_FOUND: Final = 4404
BOTS_READ_EVERY: Final = 15.0  # seconds of wall time: a key or a symbol seldom changes

_redis: Final = Outage("Redis, which open pages ask how old their prices are, is")


class _FrameConsumer(AsyncJsonWebsocketConsumer, ABC):  # type: ignore[misc]  # channels ships no types
    """Join one group, answer with snapshots, forward frames, tell how old the data are."""

    group: str | None = None
    watch_every: float  # seconds of wall time

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._newest: dict[int, int] = {}  # bot id -> number of the newest change told
        self._watch: asyncio.Task[None] | None = None

    async def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Serve one socket; the watch never outlives it."""
        try:
            return await super().__call__(*args, **kwargs)
        finally:
            await self._end_watch()

    async def connect(self) -> None:
        """Accept, or close with a code that the page understands.

        A browser sees the code of a close only when the socket was accepted before.
        """
        await self.accept()
        user = self.scope.get("user")
        if user is None or not user.is_authenticated:
            await self.close(NOT_SIGNED_IN)
            return
        group = await self.group_for(user)
        if group is None:
            await self.close(NOT_FOUND)
            return
        await self.channel_layer.group_add(group, self.channel_name)
        self.group = group
        for frame in await self.snapshots(user):
            await self._tell(frame)
        self._watch = asyncio.create_task(self._keep_watch(user))

    async def disconnect(self, code: int) -> None:
        """Leave the group."""
        await self._end_watch()
        if self.group is not None:
            await self.channel_layer.group_discard(self.group, self.channel_name)

    async def receive(
        self, text_data: str | None = None, bytes_data: bytes | None = None, **_: Any
    ) -> None:
        """Ignore what pages say; there is nothing to ask for here."""

    async def frame(self, event: dict[str, Any]) -> None:
        """Forward one frame of the feed."""
        await self._tell(event["frame"])

    @abstractmethod
    async def group_for(self, user: User) -> str | None:
        """Return the group to join, None when there is nothing to see for this user."""

    @abstractmethod
    async def snapshots(self, user: User) -> list[dict[str, Any]]:
        """Return the current state as frames."""

    @abstractmethod
    async def watched(self, user: User) -> list[BotConfig]:
        """Return the bots of which the page has to know how old their data are."""

    @abstractmethod
    def new_watch(self) -> Callable[[list[BotConfig]], list[Told]]:
        """Return what looks, in a thread, and says what is worth telling; RedisError passes."""

    async def _tell(self, frame: dict[str, Any]) -> None:
        self._newest[frame["bot_id"]] = frame["seq"]
        await self.send_json(frame)

    async def _keep_watch(self, user: User) -> None:
        look, bots = self.new_watch(), list[BotConfig]()
        for turn in count():
            if turn * self.watch_every % BOTS_READ_EVERY < self.watch_every:
                bots = await self._watched_or(bots, user)
            for told in await _looked(look, bots):
                # A page that has gone meanwhile ends the watch in a moment.
                with suppress(OSError):
                    await self.send_json(self._frame_of(told))
            await asyncio.sleep(self.watch_every)

    async def _watched_or(self, known: list[BotConfig], user: User) -> list[BotConfig]:
        try:
            return await self.watched(user)
        except DatabaseError as error:
            logger.warning("the bots of an open page could not be read again: %s", error)
            return known

    def _frame_of(self, told: Told) -> dict[str, Any]:
        return {
            "type": told.kind,
            "seq": self._newest.get(told.bot_id, 0),
            "at": timezone.now().isoformat(),
            "bot_id": told.bot_id,
            "data": told.data,
        }

    async def _end_watch(self) -> None:
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch


class BotConsumer(_FrameConsumer):
    """The frames of one bot: state, trades, klines, and how old they are."""

    watch_every = 1.0

    @property
    def bot_id(self) -> int:
        """Return the bot of the address."""
        return int(self.scope["url_route"]["kwargs"]["bot_id"])

    async def group_for(self, user: User) -> str | None:
        """Return the bot's group when the user may see the bot."""
        visible = await self.watched(user)
        return bot_group(self.bot_id) if visible else None

    async def snapshots(self, user: User) -> list[dict[str, Any]]:
        """Return one frame."""
        frames: list[dict[str, Any]] = await _state_frames(user, self.bot_id)
        return frames

    async def watched(self, user: User) -> list[BotConfig]:
        """Return the one bot."""
        bots: list[BotConfig] = await _visible_bots(user, self.bot_id)
        return bots

    def new_watch(self) -> Callable[[list[BotConfig]], list[Told]]:
        """Return a watch of the running kline too: this page has a chart."""
        return ChartWatch().look


class DashboardConsumer(_FrameConsumer):
    """The states and trades of all bots of one user, and how old their data are."""

    watch_every = 2.0

    async def group_for(self, user: User) -> str | None:
        """Return the user's own group."""
        return user_group(user.pk)

    async def snapshots(self, user: User) -> list[dict[str, Any]]:
        """Return one frame per bot."""
        frames: list[dict[str, Any]] = await _state_frames(user, None)
        return frames

    async def watched(self, user: User) -> list[BotConfig]:
        """Return all bots of the user."""
        bots: list[BotConfig] = await _visible_bots(user, None)
        return bots

    def new_watch(self) -> Callable[[list[BotConfig]], list[Told]]:
        """Return a watch of the ages alone."""
        return AgeWatch().look


async def _looked(
    look: Callable[[list[BotConfig]], list[Told]], bots: list[BotConfig]
) -> list[Told]:
    try:
        told = await asyncio.to_thread(look, bots)
    except redis.RedisError as error:
        _redis.begins(error)  # ages count on in the browser, which is what they do
        return []
    _redis.ends()
    return told


def _bots(user: User, bot_id: int | None) -> list[BotConfig]:
    if bot_id is None:
        return list(bots_of(user))
    try:
        return [bot_visible_to(user, bot_id)]
    except BotConfig.DoesNotExist:
        return []


@database_sync_to_async  # type: ignore[untyped-decorator]
def _visible_bots(user: User, bot_id: int | None) -> list[BotConfig]:
    return _bots(user, bot_id)


@database_sync_to_async  # type: ignore[untyped-decorator]
def _state_frames(user: User, bot_id: int | None) -> list[dict[str, Any]]:
    states = [state_of(bot) for bot in _bots(user, bot_id)]
    return [
        {
            "type": "bot.state",
            "seq": state.sequence,
            "at": timezone.now().isoformat(),
            "bot_id": state.pk,
            "data": state_data(state),
        }
        for state in states
    ]

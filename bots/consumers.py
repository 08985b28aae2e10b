"""Live status over WebSocket.

A page joins its groups first and reads the state afterwards, so nothing falls between the two;
what arrives twice carries a sequence number that the page has already seen.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Final

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.utils import timezone

from accounts.models import User
from bots.feed import bot_group, user_group
from bots.models import BotConfig
from bots.selectors.access import bot_visible_to, bots_of, state_of
from bots.selectors.status import state_data

NOT_SIGNED_IN: Final = 4401
NOT_FOUND: Final = 4404


class _FrameConsumer(AsyncJsonWebsocketConsumer, ABC):  # type: ignore[misc]  # channels ships no types
    """Join one group, answer with snapshots, forward frames."""

    group: str | None = None

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
            await self.send_json(frame)

    async def disconnect(self, code: int) -> None:
        """Leave the group."""
        if self.group is not None:
            await self.channel_layer.group_discard(self.group, self.channel_name)

    async def receive(
        self, text_data: str | None = None, bytes_data: bytes | None = None, **_: Any
    ) -> None:
        """Ignore what pages say; there is nothing to ask for here."""

    async def frame(self, event: dict[str, Any]) -> None:
        """Forward one frame of the feed."""
        await self.send_json(event["frame"])

    @abstractmethod
    async def group_for(self, user: User) -> str | None:
        """Return the group to join, None when there is nothing to see for this user."""

    @abstractmethod
    async def snapshots(self, user: User) -> list[dict[str, Any]]:
        """Return the current state as frames."""


class BotConsumer(_FrameConsumer):
    """The frames of one bot: state, trades and klines."""

    @property
    def bot_id(self) -> int:
        """Return the bot of the address."""
        return int(self.scope["url_route"]["kwargs"]["bot_id"])

    async def group_for(self, user: User) -> str | None:
        """Return the bot's group when the user may see the bot."""
        visible = await _visible_bots(user, self.bot_id)
        return bot_group(self.bot_id) if visible else None

    async def snapshots(self, user: User) -> list[dict[str, Any]]:
        """Return one frame."""
        frames: list[dict[str, Any]] = await _state_frames(user, self.bot_id)
        return frames


class DashboardConsumer(_FrameConsumer):
    """The states and trades of all bots of one user."""

    async def group_for(self, user: User) -> str | None:
        """Return the user's own group."""
        return user_group(user.pk)

    async def snapshots(self, user: User) -> list[dict[str, Any]]:
        """Return one frame per bot."""
        frames: list[dict[str, Any]] = await _state_frames(user, None)
        return frames


def _bots(user: User, bot_id: int | None) -> list[BotConfig]:
    if bot_id is None:
        return list(bots_of(user))
    try:
        return [bot_visible_to(user, bot_id)]
    except BotConfig.DoesNotExist:
        return []


@database_sync_to_async  # type: ignore[untyped-decorator]
def _visible_bots(user: User, bot_id: int) -> bool:
    return bool(_bots(user, bot_id))


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

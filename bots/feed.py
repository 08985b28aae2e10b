"""Telling open pages what has changed, once it has committed."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Literal

import redis
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction
from django.utils import timezone

from bots.models import BotState

logger = logging.getLogger(__name__)

FrameType = Literal["bot.state", "bot.kline", "bot.trade"]


def bot_group(bot_id: int) -> str:
    """Return the channel group of one bot's pages."""
    return f"bot.{bot_id}"


def user_group(user_id: int) -> str:
    """Return the channel group of one user's overview pages."""
    return f"user.{user_id}"


def publish(state: BotState, kind: FrameType, data: Mapping[str, Any]) -> None:
    """Send one frame to the bot's pages and its owner's overview after the commit.

    Frame: `{type, seq, at, bot_id, data}`; `seq` rises by one per frame of a bot. The caller
    holds the bot's lock and saves `state` afterwards, because the sequence lives there.
    """
    state.sequence += 1
    frame = {
        "type": kind,
        "seq": state.sequence,
        "at": timezone.now().isoformat(),
        "bot_id": state.pk,
        "data": dict(data),
    }
    groups = [bot_group(state.pk)]
    if kind != "bot.kline":
        groups.append(user_group(state.bot.user_id))
    # Robust: the tick has happened, whatever goes wrong with telling about it.
    transaction.on_commit(lambda: _send(groups, frame), robust=True)


def _send(groups: list[str], frame: dict[str, Any]) -> None:
    layer = get_channel_layer()
    for group in groups:
        try:
            async_to_sync(layer.group_send)(group, {"type": "frame", "frame": frame})
        except (redis.RedisError, OSError) as error:
            # Pages fetch the state when they reconnect; a tick must not fail for their sake.
            logger.warning("could not publish frame of bot %s: %s", frame["bot_id"], error)

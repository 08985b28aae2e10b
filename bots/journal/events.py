"""What happened to a bot, appended and never changed."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from bots.journal.connection import JOURNAL
from bots.models import BotEvent, EventKind

logger = logging.getLogger(__name__)


def record_event(
    bot_id: int,
    kind: EventKind,
    message: str,
    *,
    actor_id: int | None = None,
    data: Mapping[str, Any] | None = None,
) -> BotEvent:
    """Append one event to the bot's journal."""
    logger.info("bot %s: %s: %s", bot_id, kind, message)
    return BotEvent.objects.using(JOURNAL).create(
        bot_id=bot_id, kind=kind, message=message, actor_id=actor_id, data=dict(data or {})
    )

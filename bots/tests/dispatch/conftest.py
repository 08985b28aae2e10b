"""What goes into the queue, and announcements as the market feed makes them."""

from __future__ import annotations

from typing import Any

import pytest
from celery import current_app

from bots.models import BotConfig
from bots.services import start_bot


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the bots whose ticks have been put into the queue; nobody takes them out."""
    bots: list[int] = []

    def send(name: str, args: tuple[int], **options: Any) -> None:
        assert (name, options) == ("bots.tasks.run_bot_task", {"expires": 10})
        bots.append(args[0])

    monkeypatch.setattr(current_app, "send_task", send)
    return bots


@pytest.fixture
def started_bot(bot: BotConfig) -> BotConfig:
    """Return the bot, pending."""
    return start_bot(bot_id=bot.pk, actor=None)

"""Moments of the recording at which the EMA bot (9, 21 on 5m) has something to decide."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from bots.models import BotConfig
from bots.services import start_bot
from exchange.demo.testing import RunningExchange

BEFORE_BUY = datetime(2025, 5, 12, 4, 4, 30, tzinfo=UTC)
AT_BUY = datetime(2025, 5, 12, 4, 5, 10, tzinfo=UTC)  # a kline with a cross has just closed
BEFORE_SELL = datetime(2025, 5, 12, 4, 20, 10, tzinfo=UTC)
AT_SELL = datetime(2025, 5, 12, 4, 30, 10, tzinfo=UTC)

GoTo = Callable[[datetime], None]


@pytest.fixture
def go_to(venue: RunningExchange) -> GoTo:
    """Return a function that moves the market's clock forward to a moment and holds it there."""

    def move(moment: datetime) -> None:
        venue.set_clock(market_time=moment.isoformat())

    return move


@pytest.fixture
def started_bot(bot: BotConfig) -> BotConfig:
    """Return the bot, pending."""
    return start_bot(bot_id=bot.pk, actor=None)

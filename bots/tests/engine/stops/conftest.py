"""Bots with exit rules on a market that stands still at 100,000."""

from __future__ import annotations

from decimal import Decimal

import pytest

from bots.engine.venue import is_futures, open_gateway
from bots.models import BotConfig
from exchange.demo.testing import RunningExchange
from exchange.domain.futures import MarginType

EXITS = {"stop_loss_perc": Decimal(2), "take_profit_perc": Decimal(4)}


def configure(bot: BotConfig, **settings: object) -> BotConfig:
    """Change a bot as an edit would, without its checks."""
    BotConfig.objects.filter(pk=bot.pk).update(is_active=True, **settings)
    return BotConfig.objects.select_related("api_key__account").get(pk=bot.pk)


@pytest.fixture
def at_100k(venue: RunningExchange) -> RunningExchange:
    """Return the venue with BTCUSDT held at 100,000 on every market."""
    venue.set_price("BTCUSDT", "100000")
    return venue


@pytest.fixture
def spot_bot(bot: BotConfig, at_100k: RunningExchange) -> BotConfig:
    """Return a spot bot with a stop-loss of 2 % and a target of 4 %."""
    return configure(bot, **EXITS)


@pytest.fixture
def futures_bot(bot: BotConfig, at_100k: RunningExchange) -> BotConfig:
    """Return a futures bot of both directions with the same exits."""
    futures = configure(bot, position_type="futures", leverage=5, direction="both", **EXITS)
    gateway = open_gateway(futures)
    assert is_futures(gateway)
    gateway.set_margin_type("BTCUSDT", MarginType.ISOLATED)
    return futures

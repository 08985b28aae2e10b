"""Bots on a market that stands still at 100,000, with and without a position."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import User
from bots.domain.direction import Direction
from bots.engine.venue import is_futures, open_gateway
from bots.engine.watched import is_watched
from bots.engine.watching import watch_round
from bots.locks import bot_lock
from bots.models import BotConfig, BotState
from bots.services import create_bot, stop_bot
from bots.tests.engine.stops.turns import market_entry, turn
from exchange.demo.testing import RunningExchange
from exchange.domain.futures import MarginType
from exchange.models import APIKey

MakeBot = Callable[..., BotConfig]


@pytest.fixture
def at_100k(venue: RunningExchange) -> RunningExchange:
    """Return the venue with BTCUSDT held at 100,000 on every market."""
    venue.set_price("BTCUSDT", "100000")
    return venue


@pytest.fixture
def make_bot(trader: User, api_key: APIKey, at_100k: RunningExchange) -> MakeBot:
    """Return a maker of stopped bots with a stop-loss of 2 %."""

    def make(name: str, **columns: Any) -> BotConfig:
        settings = {
            "symbol": "BTCUSDT",
            "position_size_fixed": Decimal(1000),
            "stop_loss_perc": Decimal(2),
        }
        bot = BotConfig(user=trader, api_key=api_key, name=name, **(settings | columns))
        bot.full_clean()
        create_bot(bot, actor=trader)
        return BotConfig.objects.select_related("api_key__account").get(pk=bot.pk)

    return make


@pytest.fixture
def make_futures_bot(make_bot: MakeBot) -> MakeBot:
    """Return a maker of stopped futures bots, leverage 5, on an isolated symbol."""

    def make(name: str, **columns: Any) -> BotConfig:
        bot = make_bot(name, position_type="futures", leverage=5, direction="both", **columns)
        gateway = open_gateway(bot)
        assert is_futures(gateway)
        if gateway.symbol_config(bot.symbol).margin_type is not MarginType.ISOLATED:
            gateway.set_margin_type(bot.symbol, MarginType.ISOLATED)
        return bot

    return make


def let_it_buy(bot: BotConfig, direction: Direction = Direction.LONG) -> BotState:
    """Have the bot open 0.01 at the market, as a tick does, and stop it with the position kept."""
    BotConfig.objects.filter(pk=bot.pk).update(is_active=True)
    turn(bot, enter=market_entry("0.01", direction))
    stop_bot(bot_id=bot.pk, actor=None)
    return state_of(bot)


def watch(bot: BotConfig) -> str:
    """Run one watch round."""
    with bot_lock(bot.pk) as state:
        assert is_watched(state)
        return watch_round(state)


def state_of(bot: BotConfig) -> BotState:
    """Return the state as it was saved."""
    return BotState.objects.select_related("bot__api_key").get(pk=bot.pk)

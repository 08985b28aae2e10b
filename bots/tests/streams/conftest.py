"""Twenty bots on both markets, as a dispatcher and a worker would let them tick."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import pytest

from accounts.models import User
from bots.engine.schedule import claim_due_bots
from bots.engine.tick import run_tick
from bots.models import BotConfig
from bots.services import create_bot, start_bot
from exchange.demo.testing import RunningExchange
from exchange.domain.streams import Series
from exchange.domain.types import Environment, Market
from exchange.market_data import refresh_market_time
from exchange.models import APIKey

# Ten seconds after a kline of fifteen minutes has closed. On shorter ones twenty bots would need
# more request weight than the venue gives in the few seconds in which the test plays the hour.
FIRST_LOOK: Final = datetime(2025, 5, 12, 3, 30, 10, tzinfo=UTC)
STEP: Final = timedelta(minutes=15)
EVERY: Final = tuple(
    Series(Environment.DEMO, market, symbol, "15m")
    for market in Market
    for symbol in ("BTCUSDT", "ETHUSDT")
)
KLINES: Final = ("GET /api/v3/klines", "GET /fapi/v1/klines")


@pytest.fixture
def twenty_bots(trader: User, api_key: APIKey) -> list[BotConfig]:
    """Return eighteen bots on spot and two on futures, started; two hundred USDT each.

    Without stops: the venue lets five of them rest on a symbol of spot.
    """
    made = [_bot(trader, api_key, number) for number in range(20)]
    return [start_bot(bot_id=bot.pk, actor=None) for bot in made]


def _bot(trader: User, api_key: APIKey, number: int) -> BotConfig:
    bot = BotConfig(
        user=trader,
        api_key=api_key,
        name=f"Bot {number}",
        symbol=("BTCUSDT", "ETHUSDT")[number % 2],
        timeframe="15m",
        strategy="ema",
        position_type="futures" if number < 2 else "spot",
        check_interval_seconds=60,
        initial_capital=Decimal(5000),
        position_size_fixed=Decimal(200),
    )
    bot.full_clean()
    return create_bot(bot, actor=trader)


def tick_all_that_are_due() -> int:
    """Claim what is due and tick it; return how many bots that were."""
    claims = claim_due_bots(refresh_market_time)
    for claim in claims:
        run_tick(claim.bot_id)
    return len(claims)


def counters(venue: RunningExchange, *endpoints: str) -> Callable[[], list[int]]:
    """Return a function that tells how often each endpoint has been asked from now on."""
    ids = [
        venue.set_fault(endpoint=one, when="before", action="delay", seconds=0, times=None)["id"]
        for one in endpoints
    ]

    def hits() -> list[int]:
        found: dict[Any, int] = {one["id"]: one["hits"] for one in venue.faults()}
        return [found[one] for one in ids]

    return hits

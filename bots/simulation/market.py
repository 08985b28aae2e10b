"""The demo exchange of one seed: random walks of a few pairs, from some minute of some day on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from bots.simulation.cast import account_specs
from bots.simulation.chance import Dice
from exchange.demo.market.futures_sources import plain_futures
from exchange.demo.market.sources import Market, walk_listings
from exchange.demo.venue import ExchangeConfig, Venue

PAIRS: Final = MappingProxyType(
    {"BTCUSDT": Decimal(100_000), "ETHUSDT": Decimal(2_500), "BNBUSDT": Decimal(600)}
)
DAY: Final = datetime(2025, 5, 12, tzinfo=UTC)
# Walks are costly to make and the same for everybody: seeds share a few of them.
_WALKS: Final = 4
_DAY_MINUTES: Final = 1440


@lru_cache(maxsize=_WALKS)
def _market(walk: int) -> Market:
    listings = walk_listings(PAIRS, seed=walk)
    return Market(listings, futures=plain_futures(listings))


def some_start(dice: Dice) -> datetime:
    """Return a market time to begin at: any minute of the day, often shortly before midnight."""
    if dice.happens(0.3):
        return DAY + timedelta(minutes=_DAY_MINUTES - dice.randint(2, 40))
    return DAY + timedelta(minutes=dice.randint(0, _DAY_MINUTES - 200))


def open_venue(
    *, seed: int, start: datetime, wall_seconds: Callable[[], float], people: int, scale: int = 1
) -> Venue:
    """Return a new exchange whose market stands still until the wire moves it on.

    people  how many accounts it has
    scale   multiplies what its accounts own
    """
    config = ExchangeConfig(
        is_paused=True,
        start=start,
        accounts=account_specs(people, scale=scale),
        slippage_bps=Decimal(2),
        seed=seed,
    )
    return Venue(config, market=_market(seed % _WALKS), wall_seconds=wall_seconds)

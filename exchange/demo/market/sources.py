"""What is listed: one symbol after the other with its rules and the source of its prices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from exchange.demo.amounts import to_units
from exchange.demo.errors import DemoExchangeError
from exchange.demo.market.futures_listings import FuturesListing
from exchange.demo.market.minutes import Source
from exchange.demo.market.recording import Recording, load_directory
from exchange.demo.market.symbols import Symbol, symbol_of
from exchange.demo.market.walk import WALK_START_MS, Walk

DEFAULT_WALKS: Final[Mapping[str, Decimal]] = MappingProxyType(
    {"BTCUSDT": Decimal(100_000), "ETHUSDT": Decimal(2_500), "BNBUSDT": Decimal(600)}
)


class Prices(StrEnum):
    """Where prices come from."""

    RECORDED = "recorded"
    WALK = "walk"
    MIRROR = "mirror"


class Listing(NamedTuple):
    """One symbol of the exchange."""

    symbol: Symbol
    source: Source


@dataclass(frozen=True, slots=True)
class Market:
    """Everything that is listed.

    listings   pairs of the spot market
    newest_ms  of a mirror: the market time that it had reached when the exchange started
    futures    perpetuals
    """

    listings: Mapping[str, Listing]
    newest_ms: int | None = None
    futures: Mapping[str, FuturesListing] = field(default_factory=dict)

    @property
    def sources(self) -> list[Source]:
        """Return where the last prices of both markets come from."""
        spot = [one.source for one in self.listings.values()]
        return spot + [one.source for one in self.futures.values()]


def recorded_listings(
    directory: Path, walks: Mapping[str, Decimal], *, seed: int
) -> dict[str, Listing]:
    """Return what a directory of recordings holds, and random walks beside it."""
    recordings = load_directory(directory)
    for name in walks:
        if name in recordings:
            raise DemoExchangeError(f"--walk {name}: {directory} holds a recording of it")
    listings = {name: Listing(symbol_of(one), one) for name, one in recordings.items()}
    start_ms = max(one.start_ms for one in recordings.values())
    return listings | walk_listings(walks, seed=seed, start_ms=start_ms)


def walk_listings(
    walks: Mapping[str, Decimal], *, seed: int, start_ms: int = WALK_START_MS
) -> dict[str, Listing]:
    """Return random walks by symbol and price."""
    return {
        name: Listing(_walked_symbol(name, price), Walk(name, price, seed=seed, start_ms=start_ms))
        for name, price in walks.items()
    }


def _walked_symbol(name: str, price: Decimal) -> Symbol:
    first = Recording(name, "walk")
    first.append((to_units(price),) * 4, 0)
    return symbol_of(first)

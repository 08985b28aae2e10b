"""What the futures market lists: perpetuals with prices, marks, funding rates and brackets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from exchange.demo.market.brackets import Brackets
from exchange.demo.market.funding import FundingRates
from exchange.demo.market.futures_symbols import FuturesSymbol
from exchange.demo.market.minutes import Source
from exchange.demo.market.steering import Steering
from exchange.demo.market.track import Track

# Mark prices have no tick of their own: they come in units of 1e-8.
MARK_TICK: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class FuturesListing:
    """One perpetual of the exchange.

    source  last prices
    mark    mark prices
    """

    symbol: FuturesSymbol
    source: Source
    mark: Source
    funding: FundingRates
    brackets: Brackets


@dataclass(frozen=True, slots=True, kw_only=True)
class FuturesMarket:
    """Everything about the perpetuals that does not depend on who trades them.

    symbols  what is listed now; tracks, marks, funding and brackets keep what was delisted
    tracks   last prices, in ticks
    marks    mark prices, in units of 1e-8
    """

    symbols: dict[str, FuturesSymbol]
    tracks: Mapping[str, Track]
    marks: Mapping[str, Track]
    funding: Mapping[str, FundingRates]
    brackets: Mapping[str, Brackets]


def futures_market(
    listings: Mapping[str, FuturesListing],
    *,
    steering: Callable[[str, str], Steering] = lambda _symbol, _market: Steering(),
) -> FuturesMarket:
    """Return the market of some listings.

    steering  returns what a person set, by symbol and `futures` or `mark`
    """
    return FuturesMarket(
        symbols={name: one.symbol for name, one in listings.items()},
        tracks={
            name: Track(one.source, tick=one.symbol.tick_units, steering=steering(name, "futures"))
            for name, one in listings.items()
        },
        marks={
            name: Track(one.mark, tick=MARK_TICK, steering=steering(name, "mark"))
            for name, one in listings.items()
        },
        funding={name: one.funding for name, one in listings.items()},
        brackets={name: one.brackets for name, one in listings.items()},
    )

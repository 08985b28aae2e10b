"""Where the prices of the perpetuals come from: every spot pair quoted in USDT is listed as one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from exchange.demo.amounts import from_units
from exchange.demo.market.brackets import brackets_of
from exchange.demo.market.funding import FundingRates
from exchange.demo.market.futures_listings import FuturesListing
from exchange.demo.market.futures_symbols import QUOTE_ASSET, futures_symbol_of
from exchange.demo.market.mark import MarkRatios, MarkSource, ratios_of
from exchange.demo.market.minutes import Source
from exchange.demo.market.recording import (
    KLINES,
    PERPETUAL,
    Recording,
    files_of,
    load_directory,
)
from exchange.demo.market.sources import Listing
from exchange.demo.market.stamps import load_funding, load_marks


def recorded_futures(directory: Path, listings: Mapping[str, Listing]) -> dict[str, FuturesListing]:
    """Return the perpetuals of a directory of recordings, and of the walks beside it.

    Last prices are the 1m usdm recording's, else the spot one's. RecordingError names the file and
    line of whatever is wrong.
    """
    recordings = _recordings(directory, listings)
    marks, rates = load_marks(directory), load_funding(directory)
    futures = plain_futures(listings)
    for name in futures.keys() & recordings.keys():
        recording = recordings[name]
        futures[name] = _listing(
            listings[name],
            recording,
            mark=MarkSource(recording, ratios_of(recording, marks.get(name, {}))),
            funding=FundingRates(
                rates.get(name, {}), start_ms=recording.start_ms, length_ms=recording.length_ms
            ),
        )
    return futures


def plain_futures(listings: Mapping[str, Listing]) -> dict[str, FuturesListing]:
    """Return perpetuals that play the spot prices; nothing is known of their marks and rates."""
    return {
        name: _listing(one, one.source, mark=_plain_mark(one.source), funding=FundingRates())
        for name, one in listings.items()
        if one.symbol.quote == QUOTE_ASSET
    }


# Most play what the spot pairs play. That is long since read, and may be a year of many symbols.
def _recordings(directory: Path, listings: Mapping[str, Listing]) -> dict[str, Recording]:
    sources = {name: one.source for name, one in listings.items()}
    played = {name: one for name, one in sources.items() if isinstance(one, Recording)}
    files = files_of(directory, interval="1m", kind=KLINES)
    apart = [name for name in played.keys() & files.keys() if len(files[name]) > 1]
    if apart:
        own = load_directory(directory, prefers=PERPETUAL)
        played |= {name: own[name] for name in apart}
    return played


def _listing(
    spot: Listing, source: Source, *, mark: Source, funding: FundingRates
) -> FuturesListing:
    first_price = from_units(source.path(source.start_ms).price(0))
    return FuturesListing(
        symbol=futures_symbol_of(spot.symbol, first_price),
        source=source,
        mark=mark,
        funding=funding,
        brackets=brackets_of(spot.symbol.name),
    )


# Where a minute may still change, nobody knows the line to its close: the mark is the last price.
def _plain_mark(source: Source) -> Source:
    return MarkSource(source, MarkRatios()) if source.is_settled else source

"""Trading rules of a venue that tells those of all symbols at once, kept by all threads."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from exchange.binance.rules import trading_rules
from exchange.binance.rules_cache import KnownRules
from exchange.domain.errors import UnknownSymbolError
from exchange.domain.rules import TradingRules

Rows = Mapping[str, Mapping[str, Any]]  # entries of exchangeInfo's `symbols`, by symbol


class _Listing:
    """One reply; a symbol's entry is read when it is first asked for, hundreds never are."""

    def __init__(self, rows: Rows, *, asked_at: float, times_forgotten: int) -> None:
        self.times_forgotten: Final = times_forgotten
        self._rows = dict(rows)
        self._asked_at = asked_at
        self._read: dict[str, TradingRules] = {}

    def known(self, symbol: str) -> KnownRules:
        return KnownRules(self._answer(symbol), self._asked_at)

    def _answer(self, symbol: str) -> TradingRules | UnknownSymbolError:
        if symbol not in self._rows:
            return UnknownSymbolError(f"the venue does not list {symbol}")
        if symbol not in self._read:
            self._read[symbol] = trading_rules(self._rows[symbol])
        return self._read[symbol]


class ListingCache:
    """What one origin told about all of its symbols, for any number of threads.

    As `RulesCache`, with one request for everybody. clock: seconds that only rise.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._listing: _Listing | None = None
        self._forgotten: dict[str, int] = {}
        self._times_forgotten = 0

    def get(
        self, symbol: str, fetch: Callable[[], Rows], *, max_age: float | None = None
    ) -> TradingRules:
        """Return the rules of `symbol`, from `fetch` when none are known that are new enough.

        max_age   seconds; None: as long as an answer of its kind is usually good

        UnknownSymbolError for what is not listed, MalformedReplyError for what makes no sense
        (of this symbol alone); errors of `fetch` pass and are not remembered.
        """
        with self._lock:
            listing = self._listing
            is_usable = listing is not None and not self._is_forgotten(symbol, listing)
        known = listing.known(symbol) if listing and is_usable else None
        if known is None or not known.is_good(self._clock(), max_age):
            known = self._ask(fetch).known(symbol)
        return known.rules()

    def forget(self, symbol: str) -> None:
        """Ask anew the next time, in every thread: the venue has just contradicted the rules."""
        with self._lock:
            self._times_forgotten += 1
            self._forgotten[symbol] = self._times_forgotten

    def _is_forgotten(self, symbol: str, listing: _Listing) -> bool:
        # A listing that was under way while somebody forgot may be the outdated one.
        return listing.times_forgotten < self._forgotten.get(symbol, 0)

    def _ask(self, fetch: Callable[[], Rows]) -> _Listing:
        asked_at = self._clock()
        with self._lock:
            times_forgotten = self._times_forgotten
        listing = _Listing(fetch(), asked_at=asked_at, times_forgotten=times_forgotten)
        with self._lock:
            self._listing = listing
        return listing


_lock = threading.Lock()
_caches: dict[str, ListingCache] = {}


def listing_cache_of(origin: str) -> ListingCache:
    """Return this process's cache for the futures market of one venue, named by its origin."""
    with _lock:
        return _caches.setdefault(origin, ListingCache())


def drop_listing_caches() -> None:
    """Forget every venue. Gateways that exist keep the cache they were opened with."""
    global _lock  # noqa: PLW0603 - a fork may have copied it locked by a thread that is not there
    _lock = threading.Lock()
    _caches.clear()


os.register_at_fork(after_in_child=drop_listing_caches)

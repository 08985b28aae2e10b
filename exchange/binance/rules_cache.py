"""Trading rules of one venue, kept for a while by all threads of a process."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from exchange.domain.errors import UnknownSymbolError
from exchange.domain.rules import TradingRules

LIFETIME_SECONDS: Final = 3600.0
# A symbol that is gone or halted may be back any minute; until then one look (weight 20) a minute
# is all that it costs, however often it is ticked.
TROUBLE_LIFETIME_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class KnownRules:
    """What the venue answered for one symbol, and when it was asked."""

    answer: TradingRules | UnknownSymbolError
    asked_at: float

    def is_good(self, now: float, max_age: float | None) -> bool:
        """Say whether the answer is no older than its kind, and `max_age` seconds, allow."""
        is_trading = isinstance(self.answer, TradingRules) and self.answer.is_trading
        lifetime = LIFETIME_SECONDS if is_trading else TROUBLE_LIFETIME_SECONDS
        return now - self.asked_at < (lifetime if max_age is None else min(lifetime, max_age))

    def rules(self) -> TradingRules:
        """Return the rules; UnknownSymbolError where the venue listed none."""
        if isinstance(self.answer, UnknownSymbolError):
            raise UnknownSymbolError(str(self.answer), code=self.answer.code)
        return self.answer


class RulesCache:
    """What one origin told about its symbols, for any number of threads.

    Two threads that miss at the same moment both ask: were one to wait for the other, the patience
    of a page would decide about an exit. Other processes have caches of their own; there an answer
    is an hour old at the most, and a filter rejection makes each forget for itself.

    clock   seconds that only rise
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, KnownRules] = {}
        self._forgotten: dict[str, int] = {}

    def get(
        self, symbol: str, fetch: Callable[[], TradingRules], *, max_age: float | None = None
    ) -> TradingRules:
        """Return the rules of `symbol`, from `fetch` when none are known that are new enough.

        max_age   seconds; None: as long as an answer of its kind is usually good

        UnknownSymbolError of `fetch` passes and is remembered; other errors pass and are not.
        """
        with self._lock:
            known = self._known.get(symbol)
            times_forgotten = self._forgotten.get(symbol, 0)
        if known is None or not known.is_good(self._clock(), max_age):
            known = self._ask(fetch)
            with self._lock:
                # An answer that was under way while somebody forgot may be the outdated one.
                if self._forgotten.get(symbol, 0) == times_forgotten:
                    self._known[symbol] = known
        return known.rules()

    def forget(self, symbol: str) -> None:
        """Ask anew the next time, in every thread: the venue has just contradicted the rules."""
        with self._lock:
            self._known.pop(symbol, None)
            self._forgotten[symbol] = self._forgotten.get(symbol, 0) + 1

    def _ask(self, fetch: Callable[[], TradingRules]) -> KnownRules:
        asked_at = self._clock()
        try:
            return KnownRules(fetch(), asked_at)
        except UnknownSymbolError as error:
            plain = UnknownSymbolError(str(error), code=error.code)  # keeps no frames alive
            return KnownRules(plain, asked_at)


_lock = threading.Lock()
_caches: dict[str, RulesCache] = {}


def rules_cache_of(origin: str) -> RulesCache:
    """Return this process's cache for one market of one venue, named by its origin."""
    with _lock:
        return _caches.setdefault(origin, RulesCache())


def drop_rules_caches() -> None:
    """Forget every venue. Gateways that exist keep the cache they were opened with."""
    global _lock  # noqa: PLW0603 - a fork may have copied it locked by a thread that is not there
    _lock = threading.Lock()
    _caches.clear()


os.register_at_fork(after_in_child=drop_rules_caches)

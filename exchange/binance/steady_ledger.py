"""Budgets that survive the loss of Redis: a small share of the limits for each process then."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeVar

import redis

from exchange.binance.ledgers import Draw, Granted, Ledger, Refused, Settlement
from exchange.binance.local_ledger import LocalLedger

T = TypeVar("T")
logger = logging.getLogger(__name__)

# How many processes ask at once is not known then; ten of them stay within the limit together.
SHARE_ALONE: Final = 0.1
ASK_AGAIN_SECONDS: Final = 5.0


class SteadyLedger:
    """`shared`, and while that fails a share of the limits that only this process knows.

    Alone, exits are refused by nothing but a ban. Bans are remembered here as well, so that losing
    Redis forgets none.
    """

    def __init__(self, shared: Ledger, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._shared = shared
        self._alone = LocalLedger(share=SHARE_ALONE, lets_exits_pass=True)
        self._monotonic = monotonic
        self._ask_again_at = -1.0
        self._is_lost = False

    def reserve(
        self,
        base: str,
        request_id: str,
        draws: Sequence[Draw],
        *,
        priority: int,
        fraction: float,
        clock_ms: int | None,
    ) -> Granted | Refused:
        """Reserve all of `draws`, or nothing."""

        def ask(ledger: Ledger) -> Granted | Refused:
            return ledger.reserve(
                base, request_id, draws, priority=priority, fraction=fraction, clock_ms=clock_ms
            )

        banned = self._alone.banned(base, draws, clock_ms=clock_ms)
        if banned:
            return banned
        answer = self._try(lambda: ask(self._shared))
        if answer is None:
            answer = ask(self._alone)
            return replace(answer, is_shared=False) if isinstance(answer, Granted) else answer
        return answer

    def settle(
        self,
        base: str,
        request_id: str,
        draws: Sequence[Draw],
        granted: Granted,
        settlements: Sequence[Settlement],
        *,
        clock_ms: int | None,
    ) -> None:
        """End a reservation where it was made."""

        def tell(ledger: Ledger) -> bool:
            ledger.settle(base, request_id, draws, granted, settlements, clock_ms=clock_ms)
            return True

        if granted.is_shared:
            self._try(lambda: tell(self._shared))  # in vain, it expires there by itself
        else:
            tell(self._alone)

    def ban(self, base: str, name: str, milliseconds: int, *, clock_ms: int | None) -> None:
        """Refuse everything that draws on `name` for a time, here and everywhere."""

        def tell() -> bool:
            self._shared.ban(base, name, milliseconds, clock_ms=clock_ms)
            return True

        self._alone.ban(base, name, milliseconds, clock_ms=clock_ms)
        self._ask_again_at = self._monotonic()  # at once: whoever does not hear of it offends again
        self._try(tell)

    def learn(self, base: str, limits: Mapping[str, int]) -> None:
        """Take over the venue's own limits, by label."""

        def tell() -> bool:
            self._shared.learn(base, limits)
            return True

        self._alone.learn(base, limits)
        self._try(tell)

    def _try(self, job: Callable[[], T]) -> T | None:
        if self._monotonic() < self._ask_again_at:
            return None
        try:
            answer = job()
        except redis.RedisError as error:
            self._note_lost(error)
            return None
        if self._is_lost:
            self._is_lost = False
            logger.warning("request budgets are shared again")
        return answer

    def _note_lost(self, error: Exception) -> None:
        self._ask_again_at = self._monotonic() + ASK_AGAIN_SECONDS
        if not self._is_lost:
            self._is_lost = True
            logger.error(
                "request budgets are not shared (%s); this process keeps to a share of %s",
                type(error).__name__,
                SHARE_ALONE,
            )

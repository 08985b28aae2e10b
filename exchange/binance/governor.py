"""Who may ask the venue, and when: polite, in order of priority, stopped by its bans.

`BINANCE_WEIGHT_THRESHOLD` is the share of each limit up to which everybody is served at
once. Above it pages are refused, entries are slowed down and end half-way to the limit, and
exits and protection have the rest for themselves.
"""

from __future__ import annotations

import copy
import math
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from exchange.binance.clock import wall_milliseconds
from exchange.binance.ledgers import (
    ORDERS,
    WEIGHT,
    WINDOWS,
    Counted,
    Draw,
    Free,
    Granted,
    Ledger,
    Refused,
    Seen,
    Settlement,
    Unanswered,
    Window,
    told_limits,
)
from exchange.binance.local_ledger import LocalLedger
from exchange.binance.retry import Retry, RetryPolicy
from exchange.domain.budget import Asking, Priority, current_asking
from exchange.domain.errors import RateLimitedError
from exchange.domain.types import Market

DEFAULT_THRESHOLD: Final = 0.8
POLITE_DELAY_SECONDS: Final = 0.25  # for an entry above the threshold
LONGEST_NAP_SECONDS: Final = 1.0  # then look again: others may have been answered


@dataclass(frozen=True, slots=True)
class Reservation:
    """What one request has taken and must settle."""

    request_id: str
    draws: tuple[Draw, ...]
    granted: Granted


@dataclass(frozen=True, slots=True, kw_only=True)
class Aftermath:
    """What came of one request, as far as the budgets care.

    headers         of the reply; None when there was none
    was_unsent      no byte of it can have reached the venue
    created_orders  True, False, or None when nobody knows
    """

    headers: Mapping[str, str] | None
    was_unsent: bool = False
    created_orders: bool | None = None


class Governor:
    """The budgets of one address at one market; `for_account` adds an account's order counts.

    Safe to share between threads. origin names the venue's host (`https://api.binance.com`).
    """

    def __init__(
        self,
        ledger: Ledger | None = None,
        *,
        origin: str = "",
        market: Market = Market.SPOT,
        threshold: float = DEFAULT_THRESHOLD,
        retry: RetryPolicy | None = None,
        count_retry: Callable[[Retry], None] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.retry: Final = retry or RetryPolicy()
        self.sleep: Final = sleep
        self._ledger = ledger or LocalLedger()
        self._market = market
        self._base = f"{origin}/{market.value}"
        self._threshold = threshold
        self._count_retry = count_retry
        self._account = ""
        self._clock: dict[str, int] = {}  # shared with the copies that `for_account` makes
        self._fractions = MappingProxyType(
            {Priority.EXIT: 1.0, Priority.ENTRY: (1 + threshold) / 2, Priority.PAGE: threshold}
        )

    def for_account(self, uid: str) -> Governor:
        """Return the same budgets, with the order counts of the account `uid`."""
        other = copy.copy(self)
        other._account = uid
        return other

    def take(self, *, weight: int, orders: int = 0) -> Reservation:
        """Reserve, waiting as long as the caller's patience allows.

        RateLimitedError says after how many seconds there may be room.
        """
        asking = current_asking()
        request_id, draws = uuid.uuid4().hex, self._draws(weight, orders)
        while True:
            answer = self._ledger.reserve(
                self._base,
                request_id,
                draws,
                priority=asking.priority,
                fraction=self._fractions[asking.priority],
                clock_ms=self._clock_ms(),
            )
            if isinstance(answer, Granted):
                break
            self._wait(answer, asking)
        reservation = Reservation(request_id, draws, answer)
        if asking.priority is Priority.ENTRY and answer.share > self._threshold:
            self._nap_politely(reservation, asking)
        return reservation

    def settle(self, reservation: Reservation, aftermath: Aftermath) -> None:
        """End a reservation with what came of its request."""
        settlements = [self._settlement(draw, aftermath) for draw in reservation.draws]
        if all(isinstance(settlement, Unanswered) for settlement in settlements):
            return  # it stays until it expires, and nobody needs to be told
        self._ledger.settle(
            self._base,
            reservation.request_id,
            reservation.draws,
            reservation.granted,
            settlements,
            clock_ms=self._clock_ms(),
        )

    def release(self, reservation: Reservation) -> None:
        """Give back a reservation whose request never left."""
        self.settle(reservation, Aftermath(headers=None, was_unsent=True))

    def stop_everybody(self, seconds: float) -> None:
        """Let no process ask this address's venue for `seconds` (429, 418, 403), exits included."""
        self._ban(WEIGHT, seconds)

    def stop_orders(self, seconds: float) -> None:
        """Let nobody create orders on this account for `seconds` (-1015)."""
        for window in WINDOWS[self._market]:
            if window.kind == ORDERS:
                self._ban(self._name(window), seconds)
                return  # every order draws on each of them

    def learn(self, reply: Any) -> None:
        """Take over the limits of an exchangeInfo reply."""
        rows = reply.get("rateLimits") if isinstance(reply, dict) else None
        if limits := told_limits(rows, self._market):
            self._ledger.learn(self._base, limits)

    def note_offset(self, milliseconds: int) -> None:
        """Remember the venue's wall clock minus this machine's: windows begin on the venue's."""
        self._clock["offset"] = milliseconds

    def note_retry(self, retry: Retry) -> None:
        """Log and count a request that is made again."""
        retry.log()
        if self._count_retry:
            self._count_retry(retry)

    def _ban(self, name: str, seconds: float) -> None:
        milliseconds = max(math.ceil(seconds * 1000), 1)
        self._ledger.ban(self._base, name, milliseconds, clock_ms=self._clock_ms())

    def _draws(self, weight: int, orders: int) -> tuple[Draw, ...]:
        return tuple(
            Draw(self._name(window), window, weight if window.kind == WEIGHT else orders)
            for window in WINDOWS[self._market]
            if window.kind == WEIGHT or orders
        )

    def _name(self, window: Window) -> str:
        return WEIGHT if window.kind == WEIGHT else f"{window.label}:{self._account}"

    def _clock_ms(self) -> int | None:
        offset = self._clock.get("offset")
        return None if offset is None else wall_milliseconds() + offset

    def _wait(self, refused: Refused, asking: Asking) -> None:
        seconds = refused.wait_ms / 1000
        if seconds > asking.patience:
            raise RateLimitedError(f"not asked: {_why(refused)}", retry_after=seconds)
        self._nap(min(seconds, LONGEST_NAP_SECONDS), asking)

    def _nap(self, seconds: float, asking: Asking) -> None:
        asking.lose(seconds)
        self.sleep(seconds)

    def _nap_politely(self, reservation: Reservation, asking: Asking) -> None:
        try:
            self._nap(POLITE_DELAY_SECONDS, asking)
        except BaseException:
            self.release(reservation)  # a soft time limit: nobody will ever use it
            raise

    def _settlement(self, draw: Draw, aftermath: Aftermath) -> Settlement:
        if aftermath.was_unsent:
            return Free()
        if aftermath.headers is None:
            return Unanswered()
        count = _count(aftermath.headers.get(draw.window.header))
        if count is not None:
            return Seen(count)
        if draw.window.kind == WEIGHT:
            return Unanswered()  # not the venue's own reply; perhaps it counted, perhaps not
        if aftermath.created_orders is None:
            return Unanswered()
        return Counted() if aftermath.created_orders else Free()


def _why(refused: Refused) -> str:
    what = "requests" if refused.name == WEIGHT else "orders"
    if not refused.is_ban:
        return f"no room for more {what} now"
    # To the next whole second: the same ban must read the same, whoever meets it when.
    end = datetime.fromtimestamp(math.ceil(time.time() + refused.wait_ms / 1000), UTC)
    return f"the venue takes no {what} from us until {end:%Y-%m-%d %H:%M:%S} UTC"


def _count(header: str | None) -> int | None:
    return int(header) if header is not None and header.isdecimal() else None

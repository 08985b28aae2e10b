"""Request weight per address and orders per account, counted in fixed windows of wall time."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from exchange.demo.errors import BANNED, TOO_MANY_REQUESTS, VenueError

WEIGHT_LIMIT: Final = 6_000
RAW_REQUEST_LIMIT: Final = 300_000
ORDERS_PER_TEN_SECONDS: Final = 100
ORDERS_PER_DAY: Final = 200_000
BAN_SECONDS: Final = 120
# A client that keeps asking after this many refusals within a minute is banned.
TOLERATED_REFUSALS: Final = 10
_MINUTE: Final = 60
_TEN_SECONDS: Final = 10
_DAY: Final = 86_400
_ADVICE: Final = "Please use WebSocket Streams for live updates to avoid"


@dataclass(slots=True)
class _Window:
    number: int = -1
    count: int = 0
    refusals: int = 0

    def at(self, wall_seconds: float, length: int) -> _Window:
        number = int(wall_seconds // length)
        if number != self.number:
            self.number, self.count, self.refusals = number, 0, 0
        return self


class RateLimits:
    """The counters behind X-MBX-USED-WEIGHT and X-MBX-ORDER-COUNT. Not kept across a restart."""

    def __init__(self, wall_seconds: Callable[[], float] = time.time) -> None:
        self._wall_seconds = wall_seconds
        self._weights: defaultdict[str, _Window] = defaultdict(_Window)
        self._ten_seconds: defaultdict[int, _Window] = defaultdict(_Window)
        self._days: defaultdict[int, _Window] = defaultdict(_Window)
        self._banned_until: dict[str, float] = {}

    def used_weight(self, peer: str) -> int:
        """Return the weight that an address has used in the running minute."""
        return self._weights[peer].at(self._wall_seconds(), _MINUTE).count

    def charge(self, peer: str, weight: int) -> None:
        """Count a request; -1003 with HTTP 429 above the limit, 418 for whoever insists."""
        now = self._wall_seconds()
        self._refuse_banned(peer, now)
        window = self._weights[peer].at(now, _MINUTE)
        window.count += weight
        if window.count <= WEIGHT_LIMIT:
            return
        window.refusals += 1
        if window.refusals > TOLERATED_REFUSALS:
            self._banned_until[peer] = now + BAN_SECONDS
            self._refuse_banned(peer, now)
        raise VenueError(
            -1003,
            f"Too much request weight used; current limit is {WEIGHT_LIMIT} request weight"
            f" per 1 MINUTE. {_ADVICE} polling the API.",
            status=TOO_MANY_REQUESTS,
            retry_after_seconds=_seconds_left(now, _MINUTE),
        )

    def refund(self, peer: str, weight: int) -> None:
        """Take back the weight of a request that costs nothing because it succeeded."""
        window = self._weights[peer].at(self._wall_seconds(), _MINUTE)
        window.count = max(window.count - weight, 0)

    def ban(self, peer: str, seconds: float) -> None:
        """Refuse everything from an address with HTTP 418 for some time from now on."""
        self._banned_until[peer] = self._wall_seconds() + seconds

    @contextmanager
    def placing(self, uid: int, orders: int) -> Iterator[tuple[int, int]]:
        """Count new orders while they are placed; yield the counts of both windows.

        They do not count when the block is refused. -1015 with HTTP 429 beyond the limits.
        """
        self.check_orders(uid, orders)
        self._add_orders(uid, orders)
        try:
            yield self.order_counts(uid)
        except VenueError:
            self._add_orders(uid, -orders)
            raise

    def first_fill(self, uid: int) -> None:
        """Take one order off the counts: it trades, so it is no unfilled order any more."""
        self._add_orders(uid, -1)

    def check_orders(self, uid: int, orders: int) -> None:
        """Refuse orders beyond the account's limits (-1015, HTTP 429)."""
        now = self._wall_seconds()
        ten_seconds, day = self.order_counts(uid)
        for count, limit, length, words in (
            (ten_seconds, ORDERS_PER_TEN_SECONDS, _TEN_SECONDS, "10 SECOND"),
            (day, ORDERS_PER_DAY, _DAY, "1 DAY"),
        ):
            if count + orders > limit:
                message = f"Too many new orders; current limit is {limit} orders per {words}."
                raise VenueError(
                    -1015,
                    message,
                    status=TOO_MANY_REQUESTS,
                    retry_after_seconds=_seconds_left(now, length),
                )

    def order_counts(self, uid: int) -> tuple[int, int]:
        """Return an account's orders in the running ten seconds and the running day."""
        now = self._wall_seconds()
        return (
            self._ten_seconds[uid].at(now, _TEN_SECONDS).count,
            self._days[uid].at(now, _DAY).count,
        )

    def _add_orders(self, uid: int, orders: int) -> None:
        now = self._wall_seconds()
        for windows, length in ((self._ten_seconds, _TEN_SECONDS), (self._days, _DAY)):
            window = windows[uid].at(now, length)
            window.count = max(window.count + orders, 0)

    def _refuse_banned(self, peer: str, now: float) -> None:
        until = self._banned_until.get(peer, 0.0)
        if now >= until:
            return
        raise VenueError(
            -1003,
            f"Way too much request weight used; IP banned until {int(until * 1000)}."
            f" {_ADVICE} bans.",
            status=BANNED,
            retry_after_seconds=int(until - now) + 1,
        )


def rate_limits() -> list[dict[str, str | int]]:
    """Return the limits as exchangeInfo lists them."""
    table = (
        ("REQUEST_WEIGHT", "MINUTE", 1, WEIGHT_LIMIT),
        ("ORDERS", "SECOND", 10, ORDERS_PER_TEN_SECONDS),
        ("ORDERS", "DAY", 1, ORDERS_PER_DAY),
        ("RAW_REQUESTS", "MINUTE", 5, RAW_REQUEST_LIMIT),
    )
    return [
        {"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit}
        for kind, interval, number, limit in table
    ]


def _seconds_left(now: float, length: int) -> int:
    return length - int(now % length)

"""Request weight per address and orders per account, counted in fixed windows of wall time.

Each market of the venue is a host of its own, with counters and bans of its own; `/sapi` lies on
the spot host and counts every path apart. Sources: "LIMITS" of the spot API's `rest-api.md`,
"General Info" of the USD-M futures and wallet APIs.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, NamedTuple

from exchange.demo.errors import BANNED, TOO_MANY_REQUESTS, VenueError

WEIGHT_LIMIT: Final = 6_000
RAW_REQUEST_LIMIT: Final = 300_000
ORDERS_PER_TEN_SECONDS: Final = 100
ORDERS_PER_DAY: Final = 200_000
FUTURES_WEIGHT_LIMIT: Final = 2_400
FUTURES_ORDERS_PER_TEN_SECONDS: Final = 300
FUTURES_ORDERS_PER_MINUTE: Final = 1_200
# `fundingRate` and `fundingInfo` share this many requests in five minutes.
FUNDING_REQUEST_LIMIT: Final = 500
SAPI_ADDRESS_LIMIT: Final = 12_000
SAPI_ACCOUNT_LIMIT: Final = 180_000
BAN_SECONDS: Final = 120
# A client that keeps asking after this many refusals within a window is banned.
TOLERATED_REFUSALS: Final = 10
_MINUTE: Final = 60
_FIVE_MINUTES: Final = 300
_TEN_SECONDS: Final = 10
_DAY: Final = 86_400


class OrderLimit(NamedTuple):
    """How many orders an account may place in `number` intervals, which are `length` seconds.

    words   what refusals call that; each market has its own way
    """

    interval: str
    number: int
    length: int
    limit: int
    words: str

    @property
    def header(self) -> str:
        """Return the name of the header that tells the count."""
        return f"X-MBX-ORDER-COUNT-{self.number}{self.interval[0]}"


class Texts(NamedTuple):
    """What refusals say; `{peer}`, `{limit}` and `{until}` (ms) are filled in."""

    too_much: str
    banned: str


_SPOT_TEXTS: Final = Texts(
    "Too much request weight used; current limit is {limit} request weight per 1 MINUTE."
    " Please use WebSocket Streams for live updates to avoid polling the API.",
    "Way too much request weight used; IP banned until {until}."
    " Please use WebSocket Streams for live updates to avoid bans.",
)
# As they arrive from the venue; the documentation leaves the address out.
_FUTURES_TEXTS: Final = Texts(
    "Too many requests; current limit of IP({peer}) is {limit} requests per minute."
    " Please use the websocket for live updates to avoid polling the API.",
    "Way too many requests; IP({peer}) banned until {until}."
    " Please use the websocket for live updates to avoid bans.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRules:
    """What one pool allows.

    weight    per window of `length` seconds and address (or account)
    headers   that tell the weight used
    """

    weight: int
    length: int = _MINUTE
    headers: tuple[str, ...] = ()
    texts: Texts = _SPOT_TEXTS
    orders: tuple[OrderLimit, ...] = ()


def spot_rules() -> LimitRules:
    """Return the limits of the spot host."""
    return LimitRules(
        weight=WEIGHT_LIMIT,
        headers=("X-MBX-USED-WEIGHT", "X-MBX-USED-WEIGHT-1M"),
        orders=(
            OrderLimit("SECOND", 10, _TEN_SECONDS, ORDERS_PER_TEN_SECONDS, "10 SECOND"),
            OrderLimit("DAY", 1, _DAY, ORDERS_PER_DAY, "1 DAY"),
        ),
    )


def futures_rules() -> LimitRules:
    """Return the limits of the USD-M futures host."""
    return LimitRules(
        weight=FUTURES_WEIGHT_LIMIT,
        headers=("X-MBX-USED-WEIGHT-1M",),
        texts=_FUTURES_TEXTS,
        orders=(
            OrderLimit("SECOND", 10, _TEN_SECONDS, FUTURES_ORDERS_PER_TEN_SECONDS, "TEN_SECONDS"),
            OrderLimit("MINUTE", 1, _MINUTE, FUTURES_ORDERS_PER_MINUTE, "MINUTE"),
        ),
    )


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


class Bans(dict[str, float]):
    """Until which wall time each address is banned from one host."""


class RateLimits:
    """The counters behind the headers of one host or path. Not kept across a restart.

    rules   the spot host's when not given
    bans    shared by all pools of one host
    """

    def __init__(
        self,
        wall_seconds: Callable[[], float] = time.time,
        rules: LimitRules | None = None,
        bans: Bans | None = None,
    ) -> None:
        self.rules = rules or spot_rules()
        self.bans = Bans() if bans is None else bans
        self._wall_seconds = wall_seconds
        self._weights: defaultdict[str, _Window] = defaultdict(_Window)
        self._orders: defaultdict[tuple[int, int], _Window] = defaultdict(_Window)

    def used_weight(self, peer: str) -> int:
        """Return the weight that an address has used in the running window."""
        return self._weights[peer].at(self._wall_seconds(), self.rules.length).count

    def headers(self, peer: str) -> dict[str, str]:
        """Return the headers that tell an address what it has used."""
        return dict.fromkeys(self.rules.headers, str(self.used_weight(peer)))

    def charge(self, peer: str, weight: int) -> None:
        """Count a request; -1003 with HTTP 429 above the limit, 418 for whoever insists."""
        now = self._wall_seconds()
        self._refuse_banned(peer, now)
        window = self._weights[peer].at(now, self.rules.length)
        window.count += weight
        if window.count <= self.rules.weight:
            return
        window.refusals += 1
        if window.refusals > TOLERATED_REFUSALS:
            self.bans[peer] = now + BAN_SECONDS
            self._refuse_banned(peer, now)
        raise VenueError(
            -1003,
            self.rules.texts.too_much.format(peer=peer, limit=self.rules.weight),
            status=TOO_MANY_REQUESTS,
            retry_after_seconds=_seconds_left(now, self.rules.length),
        )

    def refund(self, peer: str, weight: int) -> None:
        """Take back the weight of a request that costs nothing because it succeeded."""
        window = self._weights[peer].at(self._wall_seconds(), self.rules.length)
        window.count = max(window.count - weight, 0)

    def ban(self, peer: str, seconds: float) -> None:
        """Refuse everything from an address with HTTP 418 for some time from now on."""
        self.bans[peer] = self._wall_seconds() + seconds

    @contextmanager
    def placing(self, uid: int, orders: int) -> Iterator[tuple[int, ...]]:
        """Count new orders while they are placed; yield the counts of all windows.

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
        for count, rule in zip(self.order_counts(uid), self.rules.orders, strict=True):
            if count + orders > rule.limit:
                message = (
                    f"Too many new orders; current limit is {rule.limit} orders per {rule.words}."
                )
                raise VenueError(
                    -1015,
                    message,
                    status=TOO_MANY_REQUESTS,
                    retry_after_seconds=_seconds_left(now, rule.length),
                )

    def order_counts(self, uid: int) -> tuple[int, ...]:
        """Return an account's orders in each running window, in the order of the rules."""
        return tuple(self._order_window(uid, rule).count for rule in self.rules.orders)

    def _add_orders(self, uid: int, orders: int) -> None:
        for rule in self.rules.orders:
            window = self._order_window(uid, rule)
            window.count = max(window.count + orders, 0)

    def _order_window(self, uid: int, rule: OrderLimit) -> _Window:
        return self._orders[uid, rule.length].at(self._wall_seconds(), rule.length)

    def _refuse_banned(self, peer: str, now: float) -> None:
        until = self.bans.get(peer, 0.0)
        if now >= until:
            return
        raise VenueError(
            -1003,
            self.rules.texts.banned.format(peer=peer, until=int(until * 1000)),
            status=BANNED,
            retry_after_seconds=int(until - now) + 1,
        )


class OtherPools:
    """What is counted beside the weight of the two hosts: `/sapi`, and the history of funding."""

    def __init__(
        self, wall_seconds: Callable[[], float], *, spot: RateLimits, futures: RateLimits
    ) -> None:
        self._wall_seconds = wall_seconds
        self._spot_bans = spot.bans
        self._by_path: dict[tuple[str, bool], RateLimits] = {}
        rules = LimitRules(
            weight=FUNDING_REQUEST_LIMIT,
            length=_FIVE_MINUTES,
            texts=_FUTURES_TEXTS,
        )
        self.funding = RateLimits(wall_seconds, rules, futures.bans)

    def of_path(self, path: str, *, is_per_account: bool) -> RateLimits:
        """Return the pool of one path of `/sapi`, of addresses or of accounts."""
        if (path, is_per_account) not in self._by_path:
            rules = _SAPI_ACCOUNTS if is_per_account else _SAPI_ADDRESSES
            pool = RateLimits(self._wall_seconds, rules, self._spot_bans)
            self._by_path[path, is_per_account] = pool
        return self._by_path[path, is_per_account]


_SAPI_ADDRESSES: Final = LimitRules(
    weight=SAPI_ADDRESS_LIMIT, headers=("X-SAPI-USED-IP-WEIGHT-1M",)
)
_SAPI_ACCOUNTS: Final = LimitRules(
    weight=SAPI_ACCOUNT_LIMIT, headers=("X-SAPI-USED-UID-WEIGHT-1M",)
)


def rate_limits(rules: LimitRules | None = None) -> list[dict[str, str | int]]:
    """Return the limits as exchangeInfo lists them; those of the spot host by default."""
    chosen = rules or spot_rules()
    rows = [("REQUEST_WEIGHT", "MINUTE", 1, chosen.weight)]
    rows += [("ORDERS", one.interval, one.number, one.limit) for one in chosen.orders]
    if rules is None:
        rows.append(("RAW_REQUESTS", "MINUTE", 5, RAW_REQUEST_LIMIT))
    return [
        {"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit}
        for kind, interval, number, limit in rows
    ]


def _seconds_left(now: float, length: int) -> int:
    return length - int(now % length)

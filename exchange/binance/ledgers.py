"""What a ledger of request budgets is: the venue's limits, and a request that draws on them.

The venue counts in windows that are fixed on its own wall clock, and counts a request when it
arrives. A ledger therefore never knows exactly which window a request falls into:

- What was reserved and not answered counts against every window that may be running.
- Around a boundary, `GUARD_MS` before and after it, a request must fit into both windows.
- An answer's own count (X-MBX-USED-WEIGHT-1M …) is the truth, consumers of the same address
  that we know nothing of included, for the one window that the request can have met.

Times are ms of the venue's wall clock (signing time).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Protocol

from exchange.domain.types import Market

GUARD_MS: Final = 1_000  # what our picture of the venue's clock may be wrong by
# A reservation whose request was never answered (a killed process) counts as sent after this.
FLIGHT_MS: Final = 60_000
SHORTLY_MS: Final = 50  # when a place is taken by requests that are under way
WAITS_MS: Final = 1_500  # how long one refusal keeps lower priorities behind
MINUTE_MS: Final = 60_000
WEIGHT: Final = "weight"
ORDERS: Final = "orders"


@dataclass(frozen=True, slots=True)
class Window:
    """One limit of the venue: `kind` ("weight" or "orders") per `length_ms`.

    limit   what the venue is known to allow until exchangeInfo says more
    header  the reply header that carries the venue's own count
    """

    kind: str
    length_ms: int
    limit: int
    header: str

    @property
    def label(self) -> str:
        """Return the name under which a limit that the venue told is kept."""
        return f"{self.kind}:{self.length_ms}"


# https://github.com/binance/binance-spot-api-docs/blob/master/rest-api.md (limits) and the
# USD-M general info page. Orders: the smaller of the numbers that the venue has published.
WINDOWS: Final = MappingProxyType(
    {
        Market.SPOT: (
            Window(WEIGHT, MINUTE_MS, 6_000, "X-MBX-USED-WEIGHT-1M"),
            Window(ORDERS, 10_000, 50, "X-MBX-ORDER-COUNT-10S"),
            Window(ORDERS, 86_400_000, 160_000, "X-MBX-ORDER-COUNT-1D"),
        ),
        Market.FUTURES: (
            Window(WEIGHT, MINUTE_MS, 2_400, "X-MBX-USED-WEIGHT-1M"),
            Window(ORDERS, 10_000, 300, "X-MBX-ORDER-COUNT-10S"),
            Window(ORDERS, MINUTE_MS, 1_200, "X-MBX-ORDER-COUNT-1M"),
        ),
    }
)
_KINDS: Final = {"REQUEST_WEIGHT": WEIGHT, "ORDERS": ORDERS}
_UNITS_MS: Final = {"SECOND": 1_000, "MINUTE": MINUTE_MS, "HOUR": 3_600_000, "DAY": 86_400_000}


@dataclass(frozen=True, slots=True)
class Draw:
    """What one request takes from one budget; `name` tells whose budget of that window it is."""

    name: str
    window: Window
    amount: int


@dataclass(frozen=True, slots=True)
class Granted:
    """A reservation that stands until it is settled.

    at_ms      when it was made
    numbers    its place in the order of reservations, one for each draw
    share      how much of the fullest limit is taken now, 1.0 is all
    is_shared  whether all processes know of it
    """

    at_ms: int
    numbers: tuple[int, ...]
    share: float
    is_shared: bool = True


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing was reserved; asking again makes sense after `wait_ms`."""

    wait_ms: int
    name: str
    is_ban: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """The venue's own count, as the reply's header told it."""

    count: int


@dataclass(frozen=True, slots=True)
class Counted:
    """The venue took the request and told no count."""


@dataclass(frozen=True, slots=True)
class Free:
    """The request cost nothing, or never left."""


@dataclass(frozen=True, slots=True)
class Unanswered:
    """No reply: the reservation stays until it expires, and counts as sent then."""


Settlement = Seen | Counted | Free | Unanswered


class Ledger(Protocol):
    """Keeps the budgets of one address and market. Every method is atomic.

    `base` names address and market, `clock_ms` is the venue's wall clock, None when the
    caller never measured it.
    """

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
        """Reserve all of `draws` below `fraction` of each limit, or nothing."""
        ...

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
        """End a reservation with what came of it, one settlement for each draw."""
        ...

    def ban(self, base: str, name: str, milliseconds: int, *, clock_ms: int | None) -> None:
        """Refuse everything that draws on `name` for a time; a longer ban stays."""
        ...

    def learn(self, base: str, limits: Mapping[str, int]) -> None:
        """Take over the venue's own limits, by label."""
        ...


def cap_of(limit: int, fraction: float) -> int:
    """Return how much of `limit` may be taken."""
    return math.floor(limit * fraction + 1e-6)


def told_limits(rate_limits: Any, market: Market) -> dict[str, int]:
    """Return the limits of exchangeInfo's `rateLimits` that have a budget here, by label."""
    labels = {window.label for window in WINDOWS[market]}
    rows: Iterable[Any] = rate_limits if isinstance(rate_limits, list) else ()
    found = dict(_told_limit(row) for row in rows if isinstance(row, dict))
    return {label: limit for label, limit in found.items() if label in labels and limit > 0}


def _told_limit(row: dict[str, Any]) -> tuple[str, int]:
    unit, number, limit = (row.get(name) for name in ("interval", "intervalNum", "limit"))
    kind = _KINDS.get(str(row.get("rateLimitType")))
    if not kind or str(unit) not in _UNITS_MS or type(number) is not int or type(limit) is not int:
        return "", 0
    return f"{kind}:{_UNITS_MS[str(unit)] * number}", limit

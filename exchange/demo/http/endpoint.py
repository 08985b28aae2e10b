"""What an endpoint is: a function of a call, its weight, and whether it must be signed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Final, NamedTuple

from exchange.demo.accounts import Account
from exchange.demo.errors import INVALID_SYMBOL, VenueError, bad_combination, missing
from exchange.demo.futures.books import FuturesBooks
from exchange.demo.http.auth import FUTURES_TRADING, SPOT_TRADING
from exchange.demo.http.wire import Params
from exchange.demo.limits import RateLimits
from exchange.demo.market.futures_symbols import FuturesSymbol
from exchange.demo.market.symbols import Symbol
from exchange.demo.trading.ledger import Ledger
from exchange.demo.trading.orders import OrderBooks
from exchange.demo.venue import Venue

_SYMBOL_STATUSES: Final = ("TRADING", "HALT", "BREAK")
# `ticker/24hr` by `symbols`: how many are cheap, and how many dear.
_FEW_SYMBOLS: Final = 20
_SOME_SYMBOLS: Final = 100


class Books(NamedTuple):
    """What queries read: the engine's own books or, for a stale answer, an older copy of them."""

    orders: OrderBooks
    ledger: Ledger
    futures: FuturesBooks


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request on its way through an endpoint.

    now_ms    market time of the request, up to which the engine has matched
    limits    where its market counts orders
    headers   sent with the reply beside those that every reply carries
    """

    venue: Venue
    params: Params
    peer: str
    now_ms: int
    books: Books
    limits: RateLimits
    account: Account | None = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def holder(self) -> Account:
        """Return whose key was sent; only endpoints that need one may ask."""
        if self.account is None:
            raise LookupError("a request without a key has no account")
        return self.account

    @property
    def uid(self) -> int:
        """Return whose account it is; only endpoints that need a key may ask."""
        return self.holder.uid

    @contextmanager
    def counted(self, orders: int) -> Iterator[None]:
        """Count new orders of the account while they are placed (-1015), and tell so in headers."""
        with self.limits.placing(self.uid, orders) as counts:
            yield
        for count, rule in zip(counts, self.limits.rules.orders, strict=True):
            self.headers[rule.header] = str(count)

    def symbol_if_sent(self) -> Symbol | None:
        """Return the symbol that was asked for, if any (-1121 when it is not listed)."""
        name = self.params.symbol()
        return None if name is None else self.listed(name)

    def symbol(self) -> Symbol:
        """Return the symbol that was asked for (-1102 when none was)."""
        symbol = self.symbol_if_sent()
        if symbol is None:
            raise missing("symbol")
        return symbol

    def chosen_symbols(self) -> tuple[list[Symbol], bool]:
        """Return what `symbol` or `symbols` name, else all; and whether it was `symbol`."""
        if self.params.has("symbol") and self.params.has("symbols"):
            raise bad_combination()
        single = self.symbol_if_sent()
        if single:
            return [single], True
        names = self.params.symbols()
        if names is None:
            return list(self.venue.symbols.values()), False
        return [self.listed(name) for name in names], False

    def symbols_of_status(self) -> tuple[list[Symbol], bool]:
        """Return the chosen symbols of a `symbolStatus`; -1220 when `symbol` has another."""
        symbols, is_single = self.chosen_symbols()
        status = self.symbol_status()
        if status is None:
            return symbols, is_single
        fitting = [one for one in symbols if one.status == status]
        if is_single and not fitting:
            message = "The symbol's status does not match the requested symbolStatus."
            raise VenueError(-1220, message)
        return fitting, is_single

    def symbol_status(self) -> str | None:
        """Return `symbolStatus` if sent (-1122 when it is no status)."""
        return (
            self.params.choice(
                "symbolStatus", _SYMBOL_STATUSES, default="", refusal=_invalid_status
            )
            or None
        )

    def listed(self, name: str) -> Symbol:
        """Return a symbol by name; -1121 when the exchange does not list it."""
        if name not in self.venue.symbols:
            raise VenueError(*INVALID_SYMBOL)
        return self.venue.symbols[name]

    def futures_symbol_if_sent(self) -> FuturesSymbol | None:
        """Return the perpetual that was asked for, if any (-1121 when it is not listed).

        The venue's public endpoints take small letters as well.
        """
        name = self.params.symbol(in_any_case=self.account is None)
        if name is None:
            return None
        if name not in self.venue.futures_market.symbols:
            raise VenueError(*INVALID_SYMBOL)
        return self.venue.futures_market.symbols[name]

    def futures_symbol(self) -> FuturesSymbol:
        """Return the perpetual that was asked for (-1102 when none was)."""
        symbol = self.futures_symbol_if_sent()
        if symbol is None:
            raise missing("symbol")
        return symbol


class Counted(Enum):
    """Where the weight of a request is counted."""

    ADDRESS = auto()  # in the pool of the host, or of the path under /sapi
    ACCOUNT = auto()  # under /sapi: in the pool of the path, whoever asks from wherever
    FUNDING = auto()  # in the pool that the endpoints about funding share


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One method of one path.

    weight       of the request; a function when it depends on the parameters
    needs_key    an API key must be sent, without a signature
    permission   flag that the key needs, beside that of reading
    is_free      the weight is taken back when the request succeeds
    """

    handle: Callable[[Call], Any]
    weight: int | Callable[[Params], int]
    is_signed: bool = False
    needs_key: bool = False
    permission: str | None = None
    is_free: bool = False
    counted: Counted = Counted.ADDRESS

    def weight_of(self, params: Params) -> int:
        """Return what this request costs."""
        return self.weight if isinstance(self.weight, int) else self.weight(params)


def weight_by_symbol(one: int, many: int) -> Callable[[Params], int]:
    """Return the weight of endpoints that cost less when they are asked about one symbol."""
    return lambda params: one if params.has("symbol") else many


def day_weight(params: Params) -> int:
    """Return the weight of `ticker/24hr`, which grows with the number of symbols."""
    if params.has("symbol"):
        return 2
    count = params.count_of("symbols")
    if not count or count > _SOME_SYMBOLS:
        return 80
    return 2 if count <= _FEW_SYMBOLS else 40


def reading(handle: Callable[[Call], Any], weight: int | Callable[[Params], int]) -> Endpoint:
    """Return a signed endpoint that asks about an account."""
    return Endpoint(handle=handle, weight=weight, is_signed=True)


def trading(handle: Callable[[Call], Any]) -> Endpoint:
    """Return a signed endpoint that acts on orders: of weight 1, and 0 when it succeeds."""
    return Endpoint(handle=handle, weight=1, is_signed=True, permission=SPOT_TRADING, is_free=True)


def futures_signed(
    handle: Callable[[Call], Any], weight: int | Callable[[Params], int]
) -> Endpoint:
    """Return a signed endpoint of the futures API: for keys that may trade there."""
    return Endpoint(handle=handle, weight=weight, is_signed=True, permission=FUTURES_TRADING)


def _invalid_status(_name: str) -> VenueError:
    return VenueError(-1122, "Invalid symbolStatus.")

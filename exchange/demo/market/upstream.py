"""Public data of the venue that is mirrored: an HTTP client that obeys its limits."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from types import TracebackType
from typing import Any, Final

import aiohttp

from exchange.demo.amounts import UNIT, to_units
from exchange.demo.errors import BAD_REQUEST, BANNED, TOO_MANY_REQUESTS, DemoExchangeError
from exchange.demo.market.minutes import Amounts
from exchange.demo.market.mirror import Row
from exchange.demo.market.symbols import Symbol
from exchange.demo.times import MINUTE_MS

MOST_KLINES: Final = 1_000
_OK: Final = 200
_TIMEOUT: Final = aiohttp.ClientTimeout(total=10)
_USUAL_WAIT_SECONDS: Final = 60
_LARGEST: Final = 2**63 - 1
# Of the arithmetic kind are Decimal's own errors and numbers without end.
_UNUSABLE: Final = (ArithmeticError, LookupError, TypeError, ValueError)


class UpstreamError(DemoExchangeError):
    """The mirrored venue did not answer, or not with what was asked for."""


class UpstreamRefusalError(UpstreamError):
    """The mirrored venue refuses a request as wrong (HTTP 400)."""


class UpstreamLimitError(UpstreamError):
    """The mirrored venue wants no request for `seconds` of wall time (HTTP 429 or 418)."""

    def __init__(self, text: str, *, seconds: float) -> None:
        super().__init__(text)
        self.seconds = seconds


class Upstream:
    """The venue at `url`, an origin without a path. Every method may raise UpstreamError."""

    def __init__(self, url: str, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.url = url.rstrip("/")
        self._monotonic = monotonic
        self._silent_until = 0.0

    async def __aenter__(self) -> Upstream:
        self._session = aiohttp.ClientSession(timeout=_TIMEOUT)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def time_ms(self) -> int:
        """Return the venue's time."""
        payload = await self._get("time", {})
        try:
            return int(payload["serverTime"])
        except (KeyError, OverflowError, TypeError, ValueError) as e:
            raise UpstreamError(f"{self.url}: no serverTime in its answer to time") from e

    async def symbols(self, names: Sequence[str]) -> dict[str, Symbol]:
        """Return the rules of some symbols."""
        wanted = {"symbols": json.dumps(list(names), separators=(",", ":"))}
        payload = await self._get("exchangeInfo", wanted)
        try:
            found = {one["symbol"]: _symbol(one) for one in payload["symbols"]}
            return {name: found[name] for name in names}
        except _UNUSABLE as e:
            raise UpstreamError(f"{self.url}: exchangeInfo cannot be used: {e!r}") from e

    async def klines(self, symbol: str, since_ms: int, *, until_ms: int) -> list[Row]:
        """Return the 1m klines that open from `since_ms` to `until_ms`, in as many pages."""
        rows: list[Row] = []
        while since_ms <= until_ms:
            page = await self._page(symbol, since_ms)
            rows += page
            if len(page) < MOST_KLINES:
                break
            since_ms = page[-1].open_ms + MINUTE_MS
        return rows

    async def _page(self, symbol: str, since_ms: int) -> list[Row]:
        wanted = {
            "symbol": symbol,
            "interval": "1m",
            "startTime": str(since_ms),
            "limit": str(MOST_KLINES),
        }
        payload = await self._get("klines", wanted)
        if not isinstance(payload, list):
            raise UpstreamError(f"{self.url}: klines of {symbol} cannot be used: no list")
        try:
            rows = [_row(one) for one in payload]
        except _UNUSABLE as e:
            raise UpstreamError(f"{self.url}: klines of {symbol} cannot be used: {e!r}") from e
        # Also what keeps the paging from running in a circle.
        if any(later.open_ms <= earlier.open_ms for earlier, later in pairwise(rows)) or (
            rows and rows[0].open_ms < since_ms
        ):
            raise UpstreamError(f"{self.url}: klines of {symbol} are out of order")
        return rows

    async def _get(self, name: str, params: Mapping[str, str]) -> Any:
        if (wait := self._silent_until - self._monotonic()) > 0:
            raise UpstreamLimitError(f"{self.url}: asked to wait", seconds=wait)
        try:
            async with self._session.get(f"{self.url}/api/v3/{name}", params=params) as response:
                if response.status in (TOO_MANY_REQUESTS, BANNED):
                    raise self._limited(response)
                text = await response.text()
                if response.status != _OK:
                    kind = UpstreamRefusalError if response.status == BAD_REQUEST else UpstreamError
                    raise kind(f"{self.url}: HTTP {response.status} for {name}: {text[:200]}")
                return json.loads(text)
        except aiohttp.ClientError as e:
            raise UpstreamError(f"{self.url}: cannot be reached: {e}") from e
        except TimeoutError as e:
            raise UpstreamError(f"{self.url}: no answer in {_TIMEOUT.total:g} s") from e
        except (RecursionError, ValueError) as e:
            raise UpstreamError(f"{self.url}: no JSON in its answer to {name}: {e}") from e

    def _limited(self, response: aiohttp.ClientResponse) -> UpstreamLimitError:
        header = response.headers.get("Retry-After", "")
        seconds = int(header) if header.isdecimal() else _USUAL_WAIT_SECONDS
        self._silent_until = self._monotonic() + seconds
        text = f"{self.url}: HTTP {response.status}, asked to wait for {seconds} s"
        return UpstreamLimitError(text, seconds=seconds)


def _row(item: Sequence[Any]) -> Row:
    opened, high, low, closed, volume = (_units(value) for value in item[1:6])
    open_ms = int(item[0])
    if not 0 < low <= min(opened, closed) <= max(opened, closed) <= high or open_ms % MINUTE_MS:
        raise ValueError(f"no kline: {item}")
    traded = Amounts(volume, _units(item[7]), int(item[8]))
    if not 0 <= min(traded) <= max(traded) <= _LARGEST:
        raise ValueError(f"no volume or number of trades: {item}")
    return Row(open_ms, (opened, high, low, closed), traded)


# A volume that no column could hold is cut; nothing but its size depends on it.
def _units(value: str) -> int:
    return min(to_units(Decimal(value)), _LARGEST)


def _symbol(item: Mapping[str, Any]) -> Symbol:
    filters = {one["filterType"]: one for one in item["filters"]}
    lot, price = filters["LOT_SIZE"], filters["PRICE_FILTER"]
    market_lot = filters.get("MARKET_LOT_SIZE", lot)
    notional = filters.get("NOTIONAL") or filters["MIN_NOTIONAL"]
    limits = {
        "max_price": _limit(price["maxPrice"]),
        "max_quantity": _limit(lot["maxQty"]),
        "min_notional": _limit(notional["minNotional"]),
        "max_notional": _limit(notional.get("maxNotional", "0")),
    }
    return Symbol(
        name=item["symbol"],
        base=item["baseAsset"],
        quote=item["quoteAsset"],
        tick=_increment(price["tickSize"]),
        step=_increment(lot["stepSize"]),
        status=str(item["status"]),
        max_market_quantity=_limit(market_lot["maxQty"]) or _limit(lot["maxQty"]),
        **{name: value for name, value in limits.items() if value},
    )


def _increment(value: str) -> Decimal:
    # Without the zeros that the venue pads with: their number is that of the decimals.
    number = _limit(value).normalize()
    if not number or number % UNIT:
        raise ValueError(f"no positive number of at most eight decimals: {value!r}")
    return number


# Zero means that the venue sets no such limit.
def _limit(value: str) -> Decimal:
    number = Decimal(value)
    if not number.is_finite() or number < 0:
        raise ValueError(f"no number from zero on: {value!r}")
    return number

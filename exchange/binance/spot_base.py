"""What every part of the spot gateway stands on: one client, one caller, the rules it knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import urlsplit

from exchange.binance.calls import Caller
from exchange.binance.client import CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS, build_client
from exchange.binance.governor import Governor
from exchange.binance.hints import broken_filter
from exchange.binance.rules import rules_of_symbol
from exchange.binance.rules_cache import rules_cache_of
from exchange.binance.spot_parameters import Parameters
from exchange.binance.urls import UrlSet
from exchange.domain.budget import OrderPermit
from exchange.domain.errors import OrderRejectedError, TimestampError
from exchange.domain.rules import TradingRules
from exchange.domain.types import Environment, Market

T = TypeVar("T")

# Refusals that contradict what we took for the symbol's rules: filter, precision, symbol, status.
RULES_CODES: Final = frozenset({-1013, -1111, -1121, -1220})
ENGINE_REFUSAL: Final = -2010
RULES_TEXTS: Final = ("Market is closed", "This symbol is not permitted")


class Signed(Protocol):
    """A request that carries the timestamp it must be signed with."""

    @property
    def symbol(self) -> str: ...
    @property
    def signed_at_ms(self) -> int: ...
    @property
    def recv_window_ms(self) -> int: ...


class SpotBase:
    """Spot market of one environment, for everybody (no key) or for the holder of a key.

    governor   the budgets of this machine's address at the venue; without one, its own
    """

    market: Final = Market.SPOT

    def __init__(
        self,
        *,
        environment: Environment,
        urls: UrlSet,
        key: str | None = None,
        secret: str | None = None,
        recv_window_ms: int = 5000,
        timeout: tuple[float, float] = (CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS),
        governor: Governor | None = None,
    ) -> None:
        self.environment: Final = environment
        self._urls: Final = urls
        self._host: Final = urlsplit(urls.spot).netloc
        self._client = build_client(
            urls, key=key, secret=secret, recv_window_ms=recv_window_ms, timeout=timeout
        )
        self._calls = Caller(
            self._client,
            market=self.market,
            host=self._host,
            has_key=bool(key and secret),
            governor=governor,
        )
        self._rules = rules_cache_of(urls.spot)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.environment} at {self._host}>"

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        self._client.session.close()

    def rules(self, symbol: str, *, max_age: float | None = None) -> TradingRules:
        """Return the limits of `symbol`, at most an hour or `max_age` seconds old.

        Weight 20 when asked anew.
        """
        return self._rules.get(symbol, lambda: self._fetch_rules(symbol), max_age=max_age)

    def _fetch_rules(self, symbol: str) -> TradingRules:
        return self._calls.read(
            "GET /api/v3/exchangeInfo",
            # The library's own method takes no symbol and downloads all of them.
            lambda: self._client._get("exchangeInfo", data={"symbol": symbol}),
            lambda reply: rules_of_symbol(reply, symbol),
            weight=20,
        )

    def _place(
        self,
        endpoint: str,
        ask: Callable[[], Any],
        parse: Callable[[Any], T],
        *,
        request: Signed,
        permit: OrderPermit,
        orders: int = 1,
    ) -> T:
        """Send what creates `orders` orders once, signed with the timestamp of `request`."""
        if permit.orders < orders:
            raise ValueError(f"permit is for {permit.orders} orders, the request creates {orders}")

        def send() -> Any:
            with self._client.committed_timestamp(
                signed_at_ms=request.signed_at_ms, recv_window_ms=request.recv_window_ms
            ):
                return ask()

        with self._forgetting_rules(request.symbol):
            return self._calls.write(endpoint, send, parse, weight=1, permit=permit)

    def _cancel(self, endpoint: str, ask: Callable[[], Any], parse: Callable[[Any], T]) -> T:
        """Send a cancel once; -1021, which proves that it was not accepted, resyncs the clock."""
        self._calls.require_key()
        self._client.timestamp_offset = self._calls.clock.offset_ms()
        try:
            return self._calls.write(endpoint, ask, parse, weight=1)
        except TimestampError:
            self._client.timestamp_offset = self._calls.clock.resync()
        return self._calls.write(endpoint, ask, parse, weight=1)

    @contextmanager
    def _forgetting_rules(self, symbol: str) -> Iterator[None]:
        try:
            yield
        except OrderRejectedError as error:
            if contradicts_rules(error.code, error.venue_text):
                self._rules.forget(symbol)
            raise

    def _post(self, path: str, parameters: Parameters) -> Any:
        # For the addresses that the library has no method of its own for.
        return self._client._post(path, True, data=dict(parameters))  # noqa: FBT003


def contradicts_rules(code: int | None, venue_text: str) -> bool:
    """Say whether a refusal shows that the rules, as we know them, are outdated."""
    if code == ENGINE_REFUSAL:
        is_unsupported = "supported for this symbol" in venue_text
        return (
            broken_filter(venue_text) is not None
            or venue_text.startswith(RULES_TEXTS)
            or is_unsupported
        )
    return code in RULES_CODES

"""What every part of a gateway stands on, whatever the market: one client, one caller, rules."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Final, Generic, Protocol, TypeVar
from urllib.parse import urlsplit

from exchange.binance.calls import Caller
from exchange.binance.client import CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS, build_client
from exchange.binance.governor import Governor
from exchange.binance.urls import UrlSet
from exchange.domain.budget import OrderPermit
from exchange.domain.errors import OrderRejectedError, TimestampError
from exchange.domain.types import Environment, Market

T = TypeVar("T")


class Signed(Protocol):
    """A request that carries the timestamp it must be signed with."""

    @property
    def symbol(self) -> str: ...
    @property
    def signed_at_ms(self) -> int: ...
    @property
    def recv_window_ms(self) -> int: ...


class ForgetsRules(Protocol):
    """A cache of trading rules, as far as every market has one."""

    def forget(self, symbol: str) -> None:
        """Ask anew the next time, in every thread."""
        ...


Cache = TypeVar("Cache", bound=ForgetsRules)


class VenueBase(ABC, Generic[Cache]):
    """One market of one environment, for everybody (no key) or for the holder of a key.

    governor   the budgets of this machine's address at the venue; without one, its own
    """

    market: ClassVar[Market]

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
        self._host: Final = urlsplit(urls.origin(self.market)).netloc
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
        self._rules: Final = self._rules_cache(urls)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.environment} at {self._host}>"

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        self._client.session.close()

    def server_time_ms(self) -> int:
        """Ask the venue for its wall clock; weight 1."""
        return self._calls.server_time_ms()

    def signing_time_ms(self) -> int:
        """Return the venue's wall time in ms; the first call measures the difference."""
        return self._calls.clock.now_ms()

    def resync_clock(self) -> None:
        """Measure the difference to the venue's wall clock again; weight 1."""
        self._calls.clock.resync()

    def permit_orders(self, count: int = 1) -> OrderPermit:
        """Return leave to create `count` orders by one request; RateLimitedError when none."""
        return self._calls.permit_orders(count)

    @staticmethod
    @abstractmethod
    def _rules_cache(urls: UrlSet) -> Cache: ...

    @staticmethod
    @abstractmethod
    def _contradicts_rules(code: int | None, venue_text: str) -> bool:
        """Say whether a refusal shows that the rules, as we know them, are outdated."""

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
        return self._change(endpoint, ask, parse, weight=1)

    def _change(
        self, endpoint: str, ask: Callable[[], Any], parse: Callable[[Any], T], *, weight: int
    ) -> T:
        """Send what creates no order, signed with this moment, once; -1021 as of `_cancel`."""
        self._calls.require_key()
        self._client.timestamp_offset = self._calls.clock.offset_ms()
        try:
            return self._calls.write(endpoint, ask, parse, weight=weight)
        except TimestampError:
            self._client.timestamp_offset = self._calls.clock.resync()
        return self._calls.write(endpoint, ask, parse, weight=weight)

    @contextmanager
    def _forgetting_rules(self, symbol: str) -> Iterator[None]:
        try:
            yield
        except OrderRejectedError as error:
            if self._contradicts_rules(error.code, error.venue_text):
                self._rules.forget(symbol)
            raise

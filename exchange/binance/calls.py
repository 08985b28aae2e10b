"""One request to the venue and what came of it: signed with the right time, its errors sorted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from exchange.binance import parsing
from exchange.binance.clock import SigningClock
from exchange.binance.errors import (
    TRANSPORT_ERRORS,
    RefusedReplyError,
    UnreadableReplyError,
    from_reply,
    from_transport,
    uncertain,
)
from exchange.domain.errors import CredentialsError, GatewayError, TimestampError
from exchange.domain.types import Market

T = TypeVar("T")


class Caller:
    """Sends what a gateway asks for. One instance serves one client, in one thread.

    endpoint   method and path as the venue's documentation names them, for logs and counters
    weight     request weight of the call, known before it is sent
    """

    def __init__(self, client: Any, *, market: Market, host: str, has_key: bool) -> None:
        self.client: Final = client
        self.market: Final = market
        self._host = host
        self._has_key = has_key
        self.clock: Final = SigningClock(self._server_time_ms)

    def read(
        self, endpoint: str, ask: Callable[[], Any], parse: Callable[[Any], T], *, weight: int
    ) -> T:
        """Return what the venue tells everybody; may be asked again by itself."""
        return self._call(ask, parse, creates_order=False)

    def signed_read(
        self, endpoint: str, ask: Callable[[], Any], parse: Callable[[Any], T], *, weight: int
    ) -> T:
        """Return what the venue tells the holder of the key; -1021 resyncs the clock, once."""
        self.require_key()
        self.client.timestamp_offset = self.clock.offset_ms()
        try:
            return self.read(endpoint, ask, parse, weight=weight)
        except TimestampError:
            self.client.timestamp_offset = self.clock.resync()
        return self.read(endpoint, ask, parse, weight=weight)

    def write(
        self, endpoint: str, ask: Callable[[], Any], parse: Callable[[Any], T], *, weight: int
    ) -> T:
        """Send what changes something at the venue exactly once, whatever happens."""
        self.require_key()
        return self._call(ask, parse, creates_order=True)

    def require_key(self) -> None:
        """Raise CredentialsError when this gateway was opened without a key."""
        if not self._has_key:
            raise CredentialsError("this call needs an API key")

    def _server_time_ms(self) -> int:
        return self.read(
            "GET /api/v3/time", self.client.get_server_time, parsing.server_time_ms, weight=1
        )

    def _call(self, ask: Callable[[], Any], parse: Callable[[Any], T], *, creates_order: bool) -> T:
        failure: GatewayError
        try:
            return parse(ask())
        except RefusedReplyError as error:
            failure = from_reply(error, market=self.market, creates_order=creates_order)
        except (UnreadableReplyError, parsing.MalformedReplyError) as error:
            failure = uncertain(f"{self._host}: {error}", creates_order=creates_order)
        except TRANSPORT_ERRORS as error:
            failure = from_transport(error, host=self._host, creates_order=creates_order)
        # Outside of the handlers, or the failure would carry the library's exception,
        # whose request holds the key and whose text holds the signed URL.
        raise failure

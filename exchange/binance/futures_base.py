"""What every part of the futures gateway stands on, and the rules it knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from exchange.binance.listing_cache import ListingCache, listing_cache_of
from exchange.binance.rules import rows_by_symbol
from exchange.binance.urls import UrlSet
from exchange.binance.venue_base import VenueBase
from exchange.domain.rules import TradingRules
from exchange.domain.types import Market

# Refusals that contradict what we took for the symbol's rules: precision, symbol, quantity, price
# increment and limits, status, notional. Those of the price band (-4016, -4024, -4131) go by the
# mark price of that moment and contradict nothing.
RULES_CODES: Final = frozenset(
    {
        *(-1013, -1111, -1121, -4001, -4002, -4003, -4004, -4005),
        *(-4013, -4014, -4023, -4029, -4030, -4140, -4141, -4164),
    }
)


class FuturesBase(VenueBase[ListingCache]):
    """USD-M futures market of one environment; arguments as of `VenueBase`."""

    market: ClassVar[Market] = Market.FUTURES

    def rules(self, symbol: str, *, max_age: float | None = None) -> TradingRules:
        """Return the limits of `symbol`, at most an hour or `max_age` seconds old.

        Weight 1 when asked anew: the venue always tells those of all symbols (about 1 MB).
        """
        return self._rules.get(symbol, self._fetch_rules, max_age=max_age)

    def _fetch_rules(self) -> Mapping[str, Mapping[str, Any]]:
        return self._calls.read(
            "GET /fapi/v1/exchangeInfo",
            self._client.futures_exchange_info,
            rows_by_symbol,
            weight=1,
        )

    @staticmethod
    def _rules_cache(urls: UrlSet) -> ListingCache:
        return listing_cache_of(urls.futures)

    @staticmethod
    def _contradicts_rules(code: int | None, venue_text: str) -> bool:
        return code in RULES_CODES

    def _request(
        self, method: str, path: str, parameters: Mapping[str, str], *, version: int = 1
    ) -> Any:
        # Signed; for the addresses that the library has no method of its own for.
        return self._client._request_futures_api(
            method, path, signed=True, version=version, data=dict(parameters)
        )

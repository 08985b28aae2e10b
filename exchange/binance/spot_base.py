"""What every part of the spot gateway stands on, and the rules it knows."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from exchange.binance.hints import broken_filter
from exchange.binance.rules import rules_of_symbol
from exchange.binance.rules_cache import RulesCache, rules_cache_of
from exchange.binance.spot_parameters import Parameters
from exchange.binance.urls import UrlSet
from exchange.binance.venue_base import VenueBase
from exchange.domain.rules import TradingRules
from exchange.domain.types import Market

# Refusals that contradict what we took for the symbol's rules: filter, precision, symbol, status.
RULES_CODES: Final = frozenset({-1013, -1111, -1121, -1220})
ENGINE_REFUSAL: Final = -2010
RULES_TEXTS: Final = ("Market is closed", "This symbol is not permitted")


class SpotBase(VenueBase[RulesCache]):
    """Spot market of one environment; arguments as of `VenueBase`."""

    market: ClassVar[Market] = Market.SPOT

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

    @staticmethod
    def _rules_cache(urls: UrlSet) -> RulesCache:
        return rules_cache_of(urls.spot)

    @staticmethod
    def _contradicts_rules(code: int | None, venue_text: str) -> bool:
        return contradicts_rules(code, venue_text)

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

"""The symbols of the exchange: their exchangeInfo entries and the filters of a market order.

BTCUSDT and ETHUSDT carry the filters of the real venue in 2026. A symbol that only a directory of
foreign recordings brings gets increments derived from its first price.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from exchange.demo.amounts import DECIMALS, UNIT, from_units, text, to_units
from exchange.demo.errors import DemoExchangeError, VenueError, filter_failure
from exchange.demo.recording import Recording

_QUOTE_ASSETS: Final = ("USDT", "USDC", "FDUSD", "TUSD", "EUR", "TRY", "BTC", "ETH", "BNB")
_ORDER_TYPES: Final = (
    "LIMIT",
    "LIMIT_MAKER",
    "MARKET",
    "STOP_LOSS",
    "STOP_LOSS_LIMIT",
    "TAKE_PROFIT",
    "TAKE_PROFIT_LIMIT",
)
SELF_TRADE_PREVENTION_MODES: Final = (
    "NONE",
    "EXPIRE_TAKER",
    "EXPIRE_MAKER",
    "EXPIRE_BOTH",
    "DECREMENT",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbol:
    """One spot pair and its limits: prices and notionals in quote, quantities in base currency."""

    name: str
    base: str
    quote: str
    tick: Decimal
    step: Decimal
    max_price: Decimal = Decimal(1_000_000)
    max_quantity: Decimal = Decimal(9_000)
    max_market_quantity: Decimal
    min_notional: Decimal = Decimal(5)
    max_notional: Decimal = Decimal(9_000_000)

    @property
    def tick_units(self) -> int:
        """Return the smallest step of the price in units of 1e-8."""
        return to_units(self.tick)

    def check_quantity(self, quantity: Decimal) -> None:
        """Refuse a quantity that LOT_SIZE or MARKET_LOT_SIZE does not allow (-1111, -1013)."""
        check_precision("quantity", quantity)
        if not quantity:
            raise VenueError(-1013, "Invalid quantity.")
        if not self.step <= quantity <= self.max_quantity or quantity % self.step:
            raise filter_failure("LOT_SIZE")
        if quantity > self.max_market_quantity:
            raise filter_failure("MARKET_LOT_SIZE")

    def check_notional(self, notional: Decimal) -> None:
        """Refuse a market order worth too little (-1013); the maximum binds limit orders only."""
        if notional < self.min_notional:
            raise filter_failure("NOTIONAL")

    def exchange_info(self) -> dict[str, Any]:
        """Return the symbol's entry of exchangeInfo."""
        return {
            "symbol": self.name,
            "status": "TRADING",
            "baseAsset": self.base,
            "baseAssetPrecision": DECIMALS,
            "quoteAsset": self.quote,
            "quotePrecision": DECIMALS,
            "quoteAssetPrecision": DECIMALS,
            "baseCommissionPrecision": DECIMALS,
            "quoteCommissionPrecision": DECIMALS,
            "orderTypes": list(_ORDER_TYPES),
            "icebergAllowed": True,
            "ocoAllowed": True,
            "otoAllowed": True,
            "opoAllowed": True,
            "quoteOrderQtyMarketAllowed": True,
            "allowTrailingStop": True,
            "cancelReplaceAllowed": True,
            "amendAllowed": True,
            "pegInstructionsAllowed": True,
            "isSpotTradingAllowed": True,
            "isMarginTradingAllowed": False,
            "filters": self._filters(),
            "permissions": [],
            "permissionSets": [["SPOT"]],
            "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
            "allowedSelfTradePreventionModes": list(SELF_TRADE_PREVENTION_MODES),
        }

    def _filters(self) -> list[dict[str, Any]]:
        return [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": text(self.tick),
                "maxPrice": text(self.max_price),
                "tickSize": text(self.tick),
            },
            {
                "filterType": "LOT_SIZE",
                "minQty": text(self.step),
                "maxQty": text(self.max_quantity),
                "stepSize": text(self.step),
            },
            {"filterType": "ICEBERG_PARTS", "limit": 100},
            {
                "filterType": "MARKET_LOT_SIZE",
                "minQty": text(Decimal(0)),
                "maxQty": text(self.max_market_quantity),
                "stepSize": text(Decimal(0)),
            },
            {
                "filterType": "TRAILING_DELTA",
                "minTrailingAboveDelta": 10,
                "maxTrailingAboveDelta": 2000,
                "minTrailingBelowDelta": 10,
                "maxTrailingBelowDelta": 2000,
            },
            {
                "filterType": "PERCENT_PRICE_BY_SIDE",
                "bidMultiplierUp": "5",
                "bidMultiplierDown": "0.2",
                "askMultiplierUp": "5",
                "askMultiplierDown": "0.2",
                "avgPriceMins": 5,
            },
            {
                "filterType": "NOTIONAL",
                "minNotional": text(self.min_notional),
                "applyMinToMarket": True,
                "maxNotional": text(self.max_notional),
                "applyMaxToMarket": False,
                "avgPriceMins": 5,
            },
            {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
            {"filterType": "MAX_NUM_ORDER_LISTS", "maxNumOrderLists": 20},
            {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 5},
            {"filterType": "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends": 10},
        ]


def check_precision(name: str, amount: Decimal) -> None:
    """Refuse an amount that is finer than the asset allows (-1111)."""
    if amount % UNIT:
        raise VenueError(-1111, f"Parameter '{name}' has too much precision.")


_KNOWN: Final = {
    symbol.name: symbol
    for symbol in (
        Symbol(
            name="BTCUSDT",
            base="BTC",
            quote="USDT",
            tick=Decimal("0.01"),
            step=Decimal("0.00001"),
            max_market_quantity=Decimal("146.30917125"),
        ),
        Symbol(
            name="ETHUSDT",
            base="ETH",
            quote="USDT",
            tick=Decimal("0.01"),
            step=Decimal("0.0001"),
            max_market_quantity=Decimal("2810.64219875"),
        ),
    )
}


def symbol_of(recording: Recording) -> Symbol:
    """Return the symbol of a recording; DemoExchangeError when its name tells no quote asset."""
    return _KNOWN.get(recording.symbol) or _derived(recording)


def _derived(recording: Recording) -> Symbol:
    name = recording.symbol
    quote = next((asset for asset in _QUOTE_ASSETS if name.endswith(asset) and name != asset), None)
    if quote is None:
        raise DemoExchangeError(f"{name}: its quote asset is none of {', '.join(_QUOTE_ASSETS)}")
    magnitude = from_units(recording.opens[0]).adjusted()
    tick = Decimal(1).scaleb(max(-DECIMALS, min(magnitude - 4, -2)))
    step = Decimal(1).scaleb(max(-DECIMALS - tick.adjusted(), min(-magnitude, 0)))
    return Symbol(
        name=name,
        base=name.removesuffix(quote),
        quote=quote,
        tick=tick,
        step=step,
        max_quantity=step * 10**9,
        max_market_quantity=step * 10**8,
    )

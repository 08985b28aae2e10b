"""The symbols of the exchange: their exchangeInfo entries, and filters that need no market.

BTCUSDT and ETHUSDT carry the filters of the real venue in 2026. A symbol that only a directory of
foreign recordings brings gets increments derived from its first price.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from exchange.demo.amounts import DECIMALS, UNIT, from_units, text, to_units
from exchange.demo.errors import DemoExchangeError, VenueError, filter_failure
from exchange.demo.market.recording import Recording

_QUOTE_ASSETS: Final = ("USDT", "USDC", "FDUSD", "TUSD", "EUR", "TRY", "BTC", "ETH", "BNB")
# Where the quote asset is no dollar: about five dollars of it.
_LEAST_NOTIONALS: Final = {
    "BTC": Decimal("0.0001"),
    "ETH": Decimal("0.001"),
    "BNB": Decimal("0.01"),
}
_ORDER_TYPES: Final = (
    "LIMIT",
    "LIMIT_MAKER",
    "MARKET",
    "STOP_LOSS",
    "STOP_LOSS_LIMIT",
    "TAKE_PROFIT",
    "TAKE_PROFIT_LIMIT",
)
TRADING: Final = "TRADING"
STATUSES: Final = (TRADING, "END_OF_DAY", "HALT", "BREAK", "CANCEL_ONLY")
MAX_NUM_ORDERS: Final = 200
MAX_NUM_ALGO_ORDERS: Final = 5
MAX_NUM_ORDER_LISTS: Final = 20
PERCENT_PRICE_UP: Final = Decimal(5)
PERCENT_PRICE_DOWN: Final = Decimal("0.2")
AVERAGE_MINUTES: Final = 5
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
    status: str = TRADING

    @property
    def tick_units(self) -> int:
        """Return the smallest step of the price in units of 1e-8."""
        return to_units(self.tick)

    @property
    def is_trading(self) -> bool:
        """Say whether orders are taken and filled."""
        return self.status == TRADING

    def check_quantity(self, quantity: Decimal, *, is_market: bool) -> None:
        """Refuse a quantity that LOT_SIZE or MARKET_LOT_SIZE does not allow (-1111, -1013)."""
        check_precision("quantity", quantity)
        if quantity <= 0:
            raise VenueError(-1013, "Invalid quantity.")
        if not self.step <= quantity <= self.max_quantity or quantity % self.step:
            raise filter_failure("LOT_SIZE")
        if is_market and quantity > self.max_market_quantity:
            raise filter_failure("MARKET_LOT_SIZE")

    def check_price(self, name: str, price: Decimal) -> None:
        """Refuse a price or stop price that PRICE_FILTER does not allow (-1111, -1013)."""
        check_precision(name, price)
        if price <= 0:
            raise VenueError(-1013, "Invalid price.")
        if not self.tick <= price <= self.max_price or price % self.tick:
            raise filter_failure("PRICE_FILTER")

    def check_notional(self, notional: Decimal, *, is_market: bool) -> None:
        """Refuse an order that NOTIONAL does not allow (-1013); no maximum for market orders."""
        if notional < self.min_notional or (not is_market and notional > self.max_notional):
            raise filter_failure("NOTIONAL")

    def exchange_info(self) -> dict[str, Any]:
        """Return the symbol's entry of exchangeInfo."""
        return {
            "symbol": self.name,
            "status": self.status,
            "baseAsset": self.base,
            "baseAssetPrecision": DECIMALS,
            "quoteAsset": self.quote,
            "quotePrecision": DECIMALS,
            "quoteAssetPrecision": DECIMALS,
            "baseCommissionPrecision": DECIMALS,
            "quoteCommissionPrecision": DECIMALS,
            "orderTypes": list(_ORDER_TYPES),
            "icebergAllowed": False,
            "ocoAllowed": True,
            "otoAllowed": True,
            "opoAllowed": True,
            "quoteOrderQtyMarketAllowed": True,
            "allowTrailingStop": False,
            "cancelReplaceAllowed": True,
            "amendAllowed": False,
            "pegInstructionsAllowed": False,
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
            {
                "filterType": "MARKET_LOT_SIZE",
                "minQty": text(Decimal(0)),
                "maxQty": text(self.max_market_quantity),
                "stepSize": text(Decimal(0)),
            },
            {
                "filterType": "PERCENT_PRICE_BY_SIDE",
                "bidMultiplierUp": f"{PERCENT_PRICE_UP:f}",
                "bidMultiplierDown": f"{PERCENT_PRICE_DOWN:f}",
                "askMultiplierUp": f"{PERCENT_PRICE_UP:f}",
                "askMultiplierDown": f"{PERCENT_PRICE_DOWN:f}",
                "avgPriceMins": AVERAGE_MINUTES,
            },
            {
                "filterType": "NOTIONAL",
                "minNotional": text(self.min_notional),
                "applyMinToMarket": True,
                "maxNotional": text(self.max_notional),
                "applyMaxToMarket": False,
                "avgPriceMins": AVERAGE_MINUTES,
            },
            {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": MAX_NUM_ORDERS},
            {"filterType": "MAX_NUM_ORDER_LISTS", "maxNumOrderLists": MAX_NUM_ORDER_LISTS},
            {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": MAX_NUM_ALGO_ORDERS},
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


def assets_of(name: str) -> tuple[str, str]:
    """Return base and quote asset of a symbol; DemoExchangeError when its name does not tell."""
    quote = next((asset for asset in _QUOTE_ASSETS if name.endswith(asset) and name != asset), None)
    if quote is None:
        raise DemoExchangeError(f"{name}: its quote asset is none of {', '.join(_QUOTE_ASSETS)}")
    return name.removesuffix(quote), quote


def _derived(recording: Recording) -> Symbol:
    name = recording.symbol
    base, quote = assets_of(name)
    magnitude = from_units(recording.opens[0]).adjusted()
    tick = Decimal(1).scaleb(max(-DECIMALS, min(magnitude - 4, -2)))
    step = Decimal(1).scaleb(max(-DECIMALS - tick.adjusted(), min(-magnitude, 0)))
    return Symbol(
        name=name,
        base=base,
        quote=quote,
        tick=tick,
        step=step,
        max_quantity=step * 10**9,
        max_market_quantity=step * 10**8,
        min_notional=_LEAST_NOTIONALS.get(quote, Decimal(5)),
    )

"""The perpetual contracts of the exchange: exchangeInfo entries and filters that need no market.

BTCUSDT, ETHUSDT and BNBUSDT carry the rules of the real venue in 2026. Everything else, and one of
these at a price that the real rules do not allow, gets the increments of its spot pair.
Source of the refusals: error codes of the USD-M API, 40xx Filters and other issues.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from exchange.demo.amounts import DECIMALS, to_units
from exchange.demo.errors import VenueError
from exchange.demo.market.symbols import TRADING, Symbol

QUOTE_ASSET: Final = "USDT"
FUTURES_STATUSES: Final = (TRADING, "PENDING_TRADING", "TRADING_HALT", "SETTLING", "CLOSE")
FUTURES_ORDER_TYPES: Final = (
    "LIMIT",
    "MARKET",
    "STOP",
    "STOP_MARKET",
    "TAKE_PROFIT",
    "TAKE_PROFIT_MARKET",
    "TRAILING_STOP_MARKET",
)
FUTURES_TIMES_IN_FORCE: Final = ("GTC", "IOC", "FOK", "GTX", "GTD")
MAX_NUM_FUTURES_ORDERS: Final = 200
_PERPETUAL_DELIVERY_MS: Final = 4_133_404_800_000
_ONBOARD_MS: Final = 1_569_398_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FuturesSymbol:
    """One USD-M perpetual and its limits: prices and notionals in quote, quantities in base.

    price_precision     decimals that a price may have; the tick may be coarser
    quantity_precision  decimals that a quantity may have
    percent_up          how far above the mark price a buyer's limit may lie, as a factor
    percent_down        how far below the mark price a seller's limit may lie, as a factor
    liquidation_fee     part of the notional that a forced close costs at most
    market_take_bound   how far from the mark price a market order may reach, as a part of it
    trigger_protect     how far mark and last price may part for a protected trigger, as a part
    """

    name: str
    base: str
    quote: str
    tick: Decimal
    step: Decimal
    price_precision: int
    quantity_precision: int
    min_price: Decimal
    max_price: Decimal
    min_quantity: Decimal
    max_quantity: Decimal
    max_market_quantity: Decimal
    min_notional: Decimal = Decimal(5)
    percent_up: Decimal = Decimal("1.0500")
    percent_down: Decimal = Decimal("0.9500")
    liquidation_fee: Decimal = Decimal("0.012500")
    market_take_bound: Decimal = Decimal("0.05")
    trigger_protect: Decimal = Decimal("0.0500")
    onboard_ms: int = _ONBOARD_MS
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
        """Refuse a quantity of the wrong size (-4003 -4004 -4005) or fineness (-1111 -4023)."""
        _check_precision(quantity, self.quantity_precision)
        if quantity <= 0:
            raise VenueError(-4003, "Quantity less than or equal to zero.")
        if quantity < self.min_quantity:
            raise VenueError(-4004, "Quantity less than min quantity.")
        most = self.max_market_quantity if is_market else self.max_quantity
        if quantity > most:
            raise VenueError(-4005, "Quantity greater than max quantity.")
        if quantity % self.step:
            raise VenueError(-4023, "Qty not increased by step size.")

    def check_price(self, price: Decimal) -> None:
        """Refuse a limit or trigger price that PRICE_FILTER forbids.

        Codes: -1111 too fine, -4001 not above zero, -4002 over the maximum, -4013 under the
        minimum, -4014 no multiple of the tick.
        """
        _check_precision(price, self.price_precision)
        if price <= 0:
            raise VenueError(-4001, "Price less than 0.")
        if price > self.max_price:
            raise VenueError(-4002, "Price greater than max price.")
        if price < self.min_price:
            raise VenueError(-4013, "Price less than min price.")
        if price % self.tick:
            raise VenueError(-4014, "Price not increased by tick size.")

    def check_distance(self, price: Decimal, mark: Decimal, *, is_buy: bool) -> None:
        """Refuse a limit price that PERCENT_PRICE finds too far from the mark (-4016, -4024)."""
        cap, floor = mark * self.percent_up, mark * self.percent_down
        if is_buy and price > cap:
            highest = cap // self.tick * self.tick
            raise VenueError(-4016, f"Limit price can't be higher than {highest:f}.")
        if not is_buy and price < floor:
            # Decimal cuts towards zero, so the next tick above is found from the one below.
            lowest = (floor // self.tick + bool(floor % self.tick)) * self.tick
            raise VenueError(-4024, f"Limit price can't be lower than {lowest:f}.")

    def check_notional(self, notional: Decimal, *, reduces_only: bool) -> None:
        """Refuse an order that is worth too little (-4164); one that only reduces may be small."""
        if notional < self.min_notional and not reduces_only:
            least = f"{self.min_notional:f}"
            text = f"Order's notional must be no smaller than {least} (unless you choose"
            raise VenueError(-4164, f"{text} reduce only).")

    def exchange_info(self) -> dict[str, Any]:
        """Return the symbol's entry of exchangeInfo."""
        return {
            "symbol": self.name,
            "pair": self.name,
            "contractType": "PERPETUAL",
            "deliveryDate": _PERPETUAL_DELIVERY_MS,
            "onboardDate": self.onboard_ms,
            "status": self.status,
            "maintMarginPercent": "2.5000",
            "requiredMarginPercent": "5.0000",
            "baseAsset": self.base,
            "quoteAsset": self.quote,
            "marginAsset": self.quote,
            "pricePrecision": self.price_precision,
            "quantityPrecision": self.quantity_precision,
            "baseAssetPrecision": DECIMALS,
            "quotePrecision": DECIMALS,
            "underlyingType": "COIN",
            "underlyingSubType": [],
            "triggerProtect": f"{self.trigger_protect:f}",
            "liquidationFee": f"{self.liquidation_fee:f}",
            "marketTakeBound": f"{self.market_take_bound:f}",
            "maxMoveOrderLimit": 10_000,
            "filters": self._filters(),
            "orderTypes": list(FUTURES_ORDER_TYPES),
            "timeInForce": list(FUTURES_TIMES_IN_FORCE),
            "permissionSets": [],
        }

    def with_rules(
        self,
        *,
        tick: Decimal | None = None,
        step: Decimal | None = None,
        min_notional: Decimal | None = None,
    ) -> FuturesSymbol:
        """Return the symbol with other increments; its limits move to where these allow a value."""
        changed_tick = self.tick if tick is None else tick.normalize()
        changed_step = self.step if step is None else step.normalize()
        return replace(
            self,
            tick=changed_tick,
            step=changed_step,
            price_precision=max(self.price_precision, _decimals(changed_tick)),
            quantity_precision=max(self.quantity_precision, _decimals(changed_step)),
            min_price=max(self.min_price // changed_tick, Decimal(1)) * changed_tick,
            min_quantity=changed_step if step is not None else self.min_quantity,
            min_notional=self.min_notional if min_notional is None else min_notional,
        )

    def _filters(self) -> list[dict[str, Any]]:
        return [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": f"{self.min_price:f}",
                "maxPrice": f"{self.max_price:f}",
                "tickSize": f"{self.tick:f}",
            },
            {
                "filterType": "LOT_SIZE",
                "minQty": f"{self.min_quantity:f}",
                "maxQty": f"{self.max_quantity:f}",
                "stepSize": f"{self.step:f}",
            },
            {
                "filterType": "MARKET_LOT_SIZE",
                "minQty": f"{self.min_quantity:f}",
                "maxQty": f"{self.max_market_quantity:f}",
                "stepSize": f"{self.step:f}",
            },
            {"filterType": "MAX_NUM_ORDERS", "limit": MAX_NUM_FUTURES_ORDERS},
            {"filterType": "MIN_NOTIONAL", "notional": f"{self.min_notional:f}"},
            {
                "filterType": "PERCENT_PRICE",
                "multiplierUp": f"{self.percent_up:f}",
                "multiplierDown": f"{self.percent_down:f}",
                "multiplierDecimal": "4",
            },
            {"filterType": "POSITION_RISK_CONTROL", "positionControlSide": "NONE"},
        ]


def _check_precision(amount: Decimal, decimals: int) -> None:
    if amount % Decimal(1).scaleb(-decimals):
        raise VenueError(-1111, "Precision is over the maximum defined for this asset.")


def _decimals(increment: Decimal) -> int:
    exponent = increment.normalize().as_tuple().exponent
    return max(-int(exponent), 0)


_KNOWN: Final = {
    symbol.name: symbol
    for symbol in (
        FuturesSymbol(
            name="BTCUSDT",
            base="BTC",
            quote="USDT",
            tick=Decimal("0.10"),
            step=Decimal("0.001"),
            price_precision=2,
            quantity_precision=3,
            min_price=Decimal("556.80"),
            max_price=Decimal(4_529_764),
            min_quantity=Decimal("0.001"),
            max_quantity=Decimal(1_000),
            max_market_quantity=Decimal(120),
            min_notional=Decimal(50),
            onboard_ms=1_567_965_300_000,
        ),
        FuturesSymbol(
            name="ETHUSDT",
            base="ETH",
            quote="USDT",
            tick=Decimal("0.01"),
            step=Decimal("0.001"),
            price_precision=2,
            quantity_precision=3,
            min_price=Decimal("39.86"),
            max_price=Decimal(306_177),
            min_quantity=Decimal("0.001"),
            max_quantity=Decimal(10_000),
            max_market_quantity=Decimal(2_000),
            min_notional=Decimal(20),
        ),
        FuturesSymbol(
            name="BNBUSDT",
            base="BNB",
            quote="USDT",
            tick=Decimal("0.010"),
            step=Decimal("0.01"),
            price_precision=3,
            quantity_precision=2,
            min_price=Decimal("6.600"),
            max_price=Decimal(100_000),
            min_quantity=Decimal("0.01"),
            max_quantity=Decimal(10_000),
            max_market_quantity=Decimal(2_000),
        ),
    )
}


def futures_symbol_of(spot: Symbol, first_price: Decimal) -> FuturesSymbol:
    """Return the perpetual of a spot pair, whose prices begin at `first_price`."""
    known = _KNOWN.get(spot.name)
    if known and known.min_price <= first_price <= known.max_price:
        return known
    return FuturesSymbol(
        name=spot.name,
        base=spot.base,
        quote=spot.quote,
        tick=spot.tick,
        step=spot.step,
        price_precision=_decimals(spot.tick),
        quantity_precision=_decimals(spot.step),
        min_price=spot.tick,
        max_price=spot.max_price,
        min_quantity=spot.step,
        max_quantity=spot.max_quantity,
        max_market_quantity=spot.max_market_quantity // spot.step * spot.step,
    )

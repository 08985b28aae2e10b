"""A venue's limits for one symbol, and what they say to an order before it is sent.

The venue's reference price for its price band and for the value of a market order is one of its
own (filters.md: reference price, else an average over `average_price_minutes`, else the last
price). Callers pass the price they know, so an order at the edge of a band may still be refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from exchange.domain.filters import (
    EXACT,
    Filter,
    Grid,
    OpenOrders,
    PriceBand,
    SizeLimits,
    Violation,
    number_violation,
)
from exchange.domain.symbol_status import TRADING, takes_cancels, takes_exits
from exchange.domain.types import ZERO, Market, Side


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingRules:
    """Limits of one symbol: prices and notionals in quote, quantities in base currency.

    A zero means "no constraint", field by field, as the venue means it
    (MARKET_LOT_SIZE on spot has minQty = stepSize = 0 beside a real maxQty).
    The quantity and notional fields are those of a market order: the stricter of LOT_SIZE and
    MARKET_LOT_SIZE.

    status                  the venue's word; words that nobody has heard of yet are kept
    is_trading              whether entries may be sent
    order_types             the venue's words; empty when it did not say
    limit_size              limits of orders with a price of their own; None: those of market orders
    buy_band, sell_band     PERCENT_PRICE and PERCENT_PRICE_BY_SIDE
    average_price_minutes   what the venue averages its reference price over; None: not told
    max_stop_orders         MAX_NUM_ALGO_ORDERS; on futures see `exchange.domain.algo_rules`
    max_position            free + locked + open buys of the base currency (MAX_POSITION)
    contract_type           futures only: PERPETUAL, CURRENT_QUARTER …
    market_take_bound       futures only: how far from the mark price a market order may reach
    trigger_protect         futures only: how far last and mark price may differ at a trigger
    """

    symbol: str
    base_asset: str
    quote_asset: str
    is_trading: bool
    price_increment: Decimal
    quantity_increment: Decimal
    min_quantity: Decimal
    max_quantity: Decimal
    min_notional: Decimal  # smallest price x quantity of a market order
    max_notional: Decimal  # largest price x quantity of a market order
    market: Market = Market.SPOT
    status: str = TRADING
    order_types: tuple[str, ...] = ()
    allows_oco: bool = False
    allows_oto: bool = False
    allows_opo: bool = False
    allows_quote_quantity: bool = False
    quantity_origin: Decimal = ZERO
    min_price: Decimal = ZERO
    max_price: Decimal = ZERO
    price_origin: Decimal = ZERO
    quote_increment: Decimal = ZERO  # of an amount of quote currency that a market order spends
    limit_size: SizeLimits | None = None
    buy_band: PriceBand | None = None
    sell_band: PriceBand | None = None
    average_price_minutes: int | None = None
    max_orders: int | None = None
    max_stop_orders: int | None = None
    max_order_lists: int | None = None
    max_position: Decimal = ZERO
    contract_type: str = ""
    market_take_bound: Decimal = ZERO
    trigger_protect: Decimal = ZERO

    @property
    def allows_entries(self) -> bool:
        """Say whether a position may be opened: only while the symbol is trading."""
        return self.is_trading

    @property
    def allows_exits(self) -> bool:
        """Say whether it makes sense to send an order that closes a position."""
        return takes_exits(self.status)

    @property
    def allows_cancels(self) -> bool:
        """Say whether open orders can be canceled; HALT, BREAK and CANCEL_ONLY allow it."""
        return takes_cancels(self.status)

    @property
    def market_size(self) -> SizeLimits:
        """Return the size limits of market orders, and of stops that become one."""
        return SizeLimits(
            min_quantity=self.min_quantity,
            max_quantity=self.max_quantity,
            quantity_increment=self.quantity_increment,
            quantity_origin=self.quantity_origin,
            min_notional=self.min_notional,
            max_notional=self.max_notional,
        )

    @property
    def priced_size(self) -> SizeLimits:
        """Return the size limits of orders with a price of their own."""
        return self.limit_size or self.market_size

    def takes(self, order_type: str) -> bool:
        """Say whether the symbol allows orders of this type, in the venue's word."""
        return not self.order_types or order_type in self.order_types

    def floor_quantity(self, quantity: Decimal) -> Decimal:
        """Round a market order's quantity down; rounding up could spend money we lack."""
        return self.market_size.grid.floor(quantity)

    def floor_price(self, price: Decimal) -> Decimal:
        """Round down to the price increment."""
        return self._prices.floor(price)

    def ceil_price(self, price: Decimal) -> Decimal:
        """Round up to the price increment."""
        return self._prices.ceil(price)

    def round_price(self, side: Side, price: Decimal) -> Decimal:
        """Round a limit, stop or target price the safe way for its side: up to sell, down to buy.

        A sale then never brings less and a buy never costs more than was asked, and the stop of a
        long position triggers a step earlier, never later (mirrored for the stop of a short one).
        A target is reached a step later, for what was asked at least.
        """
        return self.ceil_price(price) if side is Side.SELL else self.floor_price(price)

    def market_order_violation(
        self, *, quantity: Decimal, price: Decimal, reduces_only: bool = False
    ) -> Violation | None:
        """Say why the venue would refuse a market order at about `price`; None when it would not.

        reduces_only   a futures order that can only shrink a position
        """
        return self.type_violation("MARKET") or self._size_violation(
            self.market_size, quantity=quantity, price=price, reduces_only=reduces_only
        )

    def quote_order_violation(self, *, quote_quantity: Decimal, price: Decimal) -> Violation | None:
        """Say why the venue would refuse a market order that spends or brings this amount.

        The venue works out the quantity itself; what it would be at `price` has to be within the
        limits of one.
        """
        if not self.allows_quote_quantity:
            words = f"{self.symbol} takes no market orders by an amount of {self.quote_asset}"
            return Violation(code=Filter.QUOTE_QUANTITY, words=words)
        problem = self.type_violation("MARKET") or number_violation(
            quote_quantity=quote_quantity, price=price
        )
        if problem:
            return problem
        if not Grid(increment=self.quote_increment).has(quote_quantity):
            words = f"amount {quote_quantity:f} is no multiple of {self.quote_increment:f}"
            return Violation(code=Filter.QUOTE_QUANTITY, words=words)
        quantity = self.market_size.grid.floor(EXACT.divide(quote_quantity, price))
        return self._quantity_violation(
            self.market_size, quantity
        ) or self.market_size.notional_violation(quote_quantity)

    def limit_order_violation(
        self,
        *,
        side: Side,
        quantity: Decimal,
        price: Decimal,
        reference_price: Decimal | None = None,
        order_type: str = "LIMIT",
        reduces_only: bool = False,
    ) -> Violation | None:
        """Say why the venue would refuse an order that rests at `price`; None when it would not.

        reference_price   the market's; without it the price band is not looked at
        """
        return (
            self.type_violation(order_type)
            or number_violation(price=price, reference_price=reference_price)
            or self._size_violation(
                self.priced_size, quantity=quantity, price=price, reduces_only=reduces_only
            )
            or self.price_violation("price", price)
            or self._band_violation(side, price, reference_price)
        )

    def stop_order_violation(
        self,
        *,
        order_type: str,
        side: Side,
        quantity: Decimal,
        stop_price: Decimal,
        limit_price: Decimal | None = None,
        reference_price: Decimal | None = None,
        reduces_only: bool = False,
    ) -> Violation | None:
        """Say why the venue would refuse an order that waits for `stop_price`.

        Without `limit_price` it becomes a market order, so a market order's size limits hold, with
        its value taken at the trigger. Whether it would trigger at once is not looked at.
        On futures the band of a limit price goes by the stop price (-4183, -4184), else by the
        market's.
        """
        if limit_price is not None:
            return self.price_violation("stop price", stop_price) or self.limit_order_violation(
                side=side,
                quantity=quantity,
                price=limit_price,
                reference_price=stop_price if self.market is Market.FUTURES else reference_price,
                order_type=order_type,
                reduces_only=reduces_only,
            )
        return (
            self.type_violation(order_type)
            or self.price_violation("stop price", stop_price)
            or self._size_violation(
                self.market_size, quantity=quantity, price=stop_price, reduces_only=reduces_only
            )
        )

    def room_violation(self, *, open_now: OpenOrders, adding: OpenOrders) -> Violation | None:
        """Say why the symbol has no room for these orders beside those that are open."""
        for code, limit, open_, more in (
            (Filter.MAX_NUM_ORDERS, self.max_orders, open_now.orders, adding.orders),
            (Filter.MAX_NUM_ALGO_ORDERS, self.max_stop_orders, open_now.stops, adding.stops),
            (Filter.MAX_NUM_ORDER_LISTS, self.max_order_lists, open_now.lists, adding.lists),
        ):
            if limit is not None and more and open_ + more > limit:
                words = f"{open_} open and {more} more are above the maximum of {limit} ({code})"
                return Violation(code=code, words=words)
        return None

    def position_violation(self, *, quantity: Decimal, held: Decimal) -> Violation | None:
        """Say why a buy would make the account hold too much.

        held   free + locked + open buys of the base currency, of the whole account
        """
        if not self.max_position or held + quantity <= self.max_position:
            return None
        words = f"{held:f} held and {quantity:f} more are above the maximum {self.max_position:f}"
        return Violation(code=Filter.MAX_POSITION, words=words)

    @property
    def _prices(self) -> Grid:
        return Grid(increment=self.price_increment, origin=self.price_origin)

    def type_violation(self, order_type: str) -> Violation | None:
        """Say that the symbol takes no orders of this type, in the venue's word."""
        if self.takes(order_type):
            return None
        allowed = ", ".join(self.order_types)
        words = f"{self.symbol} takes no {order_type} orders, only {allowed}"
        return Violation(code=Filter.ORDER_TYPE, words=words)

    def _size_violation(
        self, limits: SizeLimits, *, quantity: Decimal, price: Decimal, reduces_only: bool
    ) -> Violation | None:
        return (
            number_violation(price=price)
            or self._quantity_violation(limits, quantity)
            or limits.notional_violation(
                EXACT.multiply(quantity, price),
                reduces_only=reduces_only and self.market is Market.FUTURES,
            )
        )

    def _quantity_violation(self, limits: SizeLimits, quantity: Decimal) -> Violation | None:
        if quantity > ZERO and (problem := number_violation(quantity=quantity)):
            return problem
        found = limits.quantity_violation(quantity, code=Filter.LOT_SIZE)
        if found is None or self.limit_size is None:
            return found
        # What LOT_SIZE itself has nothing against, the stricter rule for market orders refuses.
        if self.limit_size.quantity_violation(quantity, code=Filter.LOT_SIZE) is None:
            return Violation(code=Filter.MARKET_LOT_SIZE, words=found.words)
        return found

    def price_violation(self, name: str, price: Decimal) -> Violation | None:
        """Say why this is no price for the venue; `name` is what it is called in the words."""
        if problem := number_violation(**{name: price}):
            return problem
        words = None
        if not self._prices.has(price):
            words = f"{name} {price:f} is no multiple of {self.price_increment:f}"
        elif price < self.min_price:
            words = f"{name} {price:f} is below the minimum {self.min_price:f}"
        elif self.max_price and price > self.max_price:
            words = f"{name} {price:f} is above the maximum {self.max_price:f}"
        return Violation(code=Filter.PRICE_FILTER, words=words) if words else None

    def _band_violation(
        self, side: Side, price: Decimal, reference_price: Decimal | None
    ) -> Violation | None:
        band = self.buy_band if side is Side.BUY else self.sell_band
        if band is None or reference_price is None:
            return None
        return band.violation(price, reference_price=reference_price)

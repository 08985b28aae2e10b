"""What the venue's own books say: the one truth that everything else is compared with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Final

from django.conf import settings

from exchange.demo.futures.values import NO_ORDER
from exchange.demo.futures.values import Fill as FuturesFill
from exchange.demo.trading.orders import Fill as SpotFill
from exchange.demo.venue import Venue
from exchange.domain.types import Market

_OPEN: Final = ("NEW", "PARTIALLY_FILLED", "PENDING_NEW", "TRIGGERING")


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueOrder:
    """An order or algo order of either market, as far as anybody compares it.

    order_id   whose fills are its fills: of an algo order the child's, 0 while it has none
    own_id     its own number, the algo order's for one
    """

    market: Market
    uid: int
    symbol: str
    client_id: str
    order_id: int
    own_id: int
    side: str
    type: str
    status: str
    quantity: Decimal
    trigger_price: Decimal
    is_algo: bool = False

    @property
    def is_open(self) -> bool:
        """Say whether it may still be filled."""
        return self.status in _OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueFill:
    """An execution of either market."""

    market: Market
    uid: int
    symbol: str
    order_id: int
    trade_id: str
    is_buy: bool
    price: Decimal
    quantity: Decimal
    quote_quantity: Decimal
    commission: Decimal
    commission_asset: str
    at_ms: int


class Truth:
    """The books of a venue, read once: make a new one after every step."""

    def __init__(self, venue: Venue) -> None:
        self.venue = venue

    @cached_property
    def orders(self) -> list[VenueOrder]:
        """Return every order that a client placed, algo orders included, their children not."""
        return [*self._spot_orders(), *self._futures_orders(), *self._algo_orders()]

    @cached_property
    def ours(self) -> list[VenueOrder]:
        """Return what carries a name of this installation."""
        prefix = f"tb{settings.INSTALLATION_ID}-"
        return [one for one in self.orders if one.client_id.startswith(prefix)]

    @cached_property
    def ours_by_client_id(self) -> dict[str, VenueOrder]:
        """Return our orders by their name."""
        return {one.client_id: one for one in self.ours}

    @cached_property
    def fills(self) -> list[VenueFill]:
        """Return every execution of both markets."""
        spot = [_spot_fill(one) for one in self.venue.engine.orders.all_fills()]
        return spot + [_futures_fill(one) for one in self.venue.futures.books.all_fills()]

    @cached_property
    def fills_by_order(self) -> dict[tuple[Market, int], list[VenueFill]]:
        """Return the executions of each order, by market and the venue's number."""
        result: dict[tuple[Market, int], list[VenueFill]] = {}
        for fill in self.fills:
            result.setdefault((fill.market, fill.order_id), []).append(fill)
        return result

    def fills_of(self, order: VenueOrder) -> list[VenueFill]:
        """Return the executions of one order."""
        return self.fills_by_order.get((order.market, order.order_id), [])

    def wallet(self, uid: int, wallet: str) -> dict[str, Decimal]:
        """Return what an account owns in a wallet, free and locked together, by asset."""
        return {
            one.asset: one.free + one.locked
            for one in self.venue.engine.ledger.holdings()
            if (one.uid, one.wallet) == (uid, wallet)
        }

    def deposits(self, uid: int, wallet: str) -> dict[str, Decimal]:
        """Return what came into a wallet from outside, by asset."""
        result: dict[str, Decimal] = {}
        for row in self.venue.engine.ledger.deposits():
            if (row["uid"], row["wallet"]) == (uid, wallet):
                before = result.get(row["asset"], Decimal(0))
                result[row["asset"]] = before + Decimal(row["amount"])
        return result

    def _spot_orders(self) -> Iterator[VenueOrder]:
        for one in self.venue.engine.orders.all_orders():
            yield VenueOrder(
                market=Market.SPOT,
                uid=one.uid,
                symbol=one.symbol,
                client_id=one.client_order_id,
                order_id=one.order_id,
                own_id=one.order_id,
                side=one.side,
                type=one.type,
                status=one.status,
                quantity=one.quantity,
                trigger_price=one.stop_price,
            )

    def _futures_orders(self) -> Iterator[VenueOrder]:
        for one in self.venue.futures.books.all_orders():
            if one.algo_id == NO_ORDER:
                yield VenueOrder(
                    market=Market.FUTURES,
                    uid=one.uid,
                    symbol=one.symbol,
                    client_id=one.client_order_id,
                    order_id=one.order_id,
                    own_id=one.order_id,
                    side=one.side,
                    type=one.type,
                    status=one.status,
                    quantity=one.quantity,
                    trigger_price=one.stop_price,
                )

    def _algo_orders(self) -> Iterator[VenueOrder]:
        for one in self.venue.futures.books.all_algos():
            yield VenueOrder(
                market=Market.FUTURES,
                uid=one.uid,
                symbol=one.symbol,
                client_id=one.client_algo_id,
                order_id=one.child_id,
                own_id=one.algo_id,
                side=one.side,
                type=one.type,
                status=one.status,
                quantity=one.quantity,
                trigger_price=one.trigger_price,
                is_algo=True,
            )


def _spot_fill(fill: SpotFill) -> VenueFill:
    return VenueFill(
        market=Market.SPOT,
        uid=fill.uid,
        symbol=fill.symbol,
        order_id=fill.order_id,
        trade_id=str(fill.trade_id),
        is_buy=fill.is_buyer,
        price=fill.price,
        quantity=fill.quantity,
        quote_quantity=fill.quote_quantity,
        commission=fill.commission,
        commission_asset=fill.commission_asset,
        at_ms=fill.at_ms,
    )


def _futures_fill(fill: FuturesFill) -> VenueFill:
    return VenueFill(
        market=Market.FUTURES,
        uid=fill.uid,
        symbol=fill.symbol,
        order_id=fill.order_id,
        trade_id=str(fill.trade_id),
        is_buy=fill.side == "BUY",
        price=fill.price,
        quantity=fill.quantity,
        quote_quantity=fill.quote_quantity,
        commission=fill.commission,
        commission_asset=fill.commission_asset,
        at_ms=fill.at_ms,
    )

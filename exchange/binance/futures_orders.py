"""Orders of the futures book: place, check, cancel, ask. None of them waits for a trigger."""

from __future__ import annotations

from typing import Final

from exchange.binance import futures_order_replies, futures_parameters
from exchange.binance.errors import NO_SUCH_ORDER
from exchange.binance.futures_trades import FuturesTrades
from exchange.binance.parsing import mapping
from exchange.binance.spot_parameters import Parameters
from exchange.domain.budget import OrderPermit
from exchange.domain.errors import OrderRejectedError
from exchange.domain.orders import LimitOrderRequest, MarketOrderRequest, check_client_order_id
from exchange.domain.reports import OrderReport

OPEN_ORDERS_WEIGHT: Final = 1  # of one symbol
ALL_OPEN_ORDERS_WEIGHT: Final = 40


class FuturesOrders(FuturesTrades):
    """Everything about orders of the book.

    Their reports carry no executions: `trades_of_order` alone tells average price and commission.
    """

    def place_market_order(
        self, request: MarketOrderRequest, *, permit: OrderPermit
    ) -> OrderReport:
        """Send `request` once, signed with its own timestamp. Never repeated, whatever happens.

        ValueError, before anything is sent, for an amount of quote currency.
        """
        return self._place_order(request, permit)

    def place_limit_order(self, request: LimitOrderRequest, *, permit: OrderPermit) -> OrderReport:
        """Send `request` once, signed with its own timestamp."""
        return self._place_order(request, permit)

    def check_order(self, request: MarketOrderRequest) -> None:
        """Have the venue check `request`, signed with this moment, without placing it; weight 1."""
        parameters = futures_parameters.single_order(request)
        with self._forgetting_rules(request.symbol):
            self._calls.signed_read(
                "POST /fapi/v1/order/test",
                lambda: self._request("post", "order/test", parameters),
                lambda reply: mapping(reply, "test order"),
                weight=1,
            )

    def cancel_order(self, symbol: str, client_order_id: str) -> OrderReport:
        """Cancel an order; weight 1.

        OrderRejectedError with code -2011 when it is not open, OutcomeUnknownError when only
        the venue's books tell.
        """
        named = _named(symbol, client_order_id)
        return self._cancel(
            "DELETE /fapi/v1/order",
            lambda: self._request("delete", "order", named),
            futures_order_replies.order,
        )

    def order_by_client_id(self, symbol: str, client_order_id: str) -> OrderReport | None:
        """Return the newest order of that name, or None for the venue's -2013 alone; weight 1."""
        return self._order(_named(symbol, client_order_id))

    def order_by_venue_id(self, symbol: str, venue_order_id: str) -> OrderReport | None:
        """Return the order, or None for the venue's -2013 alone; weight 1."""
        return self._order({"symbol": symbol, "orderId": venue_order_id})

    def open_orders(self, symbol: str | None) -> list[OrderReport]:
        """Return the open orders of one symbol (weight 1) or of all (weight 40)."""
        of_symbol = {"symbol": symbol} if symbol else {}
        return self._calls.signed_read(
            "GET /fapi/v1/openOrders",
            lambda: self._request("get", "openOrders", of_symbol),
            futures_order_replies.orders,
            weight=OPEN_ORDERS_WEIGHT if symbol else ALL_OPEN_ORDERS_WEIGHT,
        )

    def _place_order(
        self, request: MarketOrderRequest | LimitOrderRequest, permit: OrderPermit
    ) -> OrderReport:
        parameters = futures_parameters.single_order(request)
        return self._place(
            "POST /fapi/v1/order",
            # Not the library's own method: that sends conditional orders somewhere else, under
            # names that it makes up.
            lambda: self._request("post", "order", parameters),
            futures_order_replies.order,
            request=request,
            permit=permit,
        )

    def _order(self, named: Parameters) -> OrderReport | None:
        try:
            return self._calls.signed_read(
                "GET /fapi/v1/order",
                lambda: self._request("get", "order", named),
                futures_order_replies.order,
                weight=1,
            )
        except OrderRejectedError as error:
            if error.code == NO_SUCH_ORDER:
                return None
            raise


def _named(symbol: str, client_order_id: str) -> Parameters:
    check_client_order_id("client_order_id", client_order_id)
    return {"symbol": symbol, "origClientOrderId": client_order_id}

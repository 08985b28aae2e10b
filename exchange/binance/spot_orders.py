"""Single orders of the spot gateway: place, check, cancel, replace, ask."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from exchange.binance import order_replies, spot_parameters
from exchange.binance.errors import NO_SUCH_ORDER
from exchange.binance.list_replies import cancel_replace_report
from exchange.binance.parsing import MalformedReplyError, mapping
from exchange.binance.spot_base import SpotBase, contradicts_rules
from exchange.domain.budget import OrderPermit
from exchange.domain.errors import OrderRejectedError, OutcomeUnknownError
from exchange.domain.orders import (
    CancelReplaceRequest,
    LimitOrderRequest,
    MarketOrderRequest,
    SingleOrderRequest,
    StopOrderRequest,
    check_client_order_id,
)
from exchange.domain.reports import CancelReplaceReport, OrderReport, TradeReport

MAX_TRADES: Final = 1000
OPEN_ORDERS_WEIGHT: Final = 6  # of one symbol
ALL_OPEN_ORDERS_WEIGHT: Final = 80
# Of a cancel-replace that went half or not at all, with what became of each half.
HALF_DONE_CODES: Final = frozenset({-2021, -2022})


class SpotOrders(SpotBase):
    """Everything about orders that belong to no list."""

    def place_market_order(
        self, request: MarketOrderRequest, *, permit: OrderPermit
    ) -> OrderReport:
        """Send `request` once, signed with its own timestamp. Never repeated, whatever happens."""
        return self._place_order(request, permit)

    def place_limit_order(self, request: LimitOrderRequest, *, permit: OrderPermit) -> OrderReport:
        """Send `request` once, signed with its own timestamp."""
        return self._place_order(request, permit)

    def place_stop_order(self, request: StopOrderRequest, *, permit: OrderPermit) -> OrderReport:
        """Send `request` once, signed with its own timestamp."""
        return self._place_order(request, permit)

    def check_order(self, request: MarketOrderRequest) -> None:
        """Have the venue check `request`, signed with this moment, without placing it; weight 1."""
        parameters = spot_parameters.single_order(request)
        with self._forgetting_rules(request.symbol):
            self._calls.signed_read(
                "POST /api/v3/order/test",
                lambda: self._client.create_test_order(**parameters),
                lambda reply: mapping(reply, "test order"),
                weight=1,
            )

    def cancel_order(self, symbol: str, client_order_id: str) -> OrderReport:
        """Cancel an order, and with it the list that it belongs to; weight 1.

        OrderRejectedError with code -2011 when it is not open, OutcomeUnknownError when only
        the venue's books tell.
        """
        check_client_order_id("client_order_id", client_order_id)
        return self._cancel(
            "DELETE /api/v3/order",
            lambda: self._client.cancel_order(symbol=symbol, origClientOrderId=client_order_id),
            lambda reply: order_replies.canceled_order(reply, client_order_id=client_order_id),
        )

    def cancel_replace(
        self, request: CancelReplaceRequest, *, permit: OrderPermit
    ) -> CancelReplaceReport:
        """Cancel one order and place another in one request, sent once; weight 1.

        A half that failed is part of the report. OrderRejectedError: the venue refused the
        request before it tried either half.
        """
        parameters = spot_parameters.cancel_replace(request)
        try:
            return self._place(
                "POST /api/v3/order/cancelReplace",
                lambda: self._client.cancel_replace_order(**parameters),
                lambda reply: cancel_replace_report(reply, request),
                request=request.order,
                permit=permit,
            )
        except OrderRejectedError as error:
            if error.code not in HALF_DONE_CODES:
                raise
            refusal = error
        return self._half_done(refusal, request)

    def order_by_client_id(self, symbol: str, client_order_id: str) -> OrderReport | None:
        """Return the order, or None for the venue's -2013 alone; weight 4."""
        check_client_order_id("client_order_id", client_order_id)
        try:
            return self._calls.signed_read(
                "GET /api/v3/order",
                lambda: self._client.get_order(symbol=symbol, origClientOrderId=client_order_id),
                order_replies.queried_order,
                weight=4,
            )
        except OrderRejectedError as error:
            if error.code == NO_SUCH_ORDER:
                return None
            raise

    def open_orders(self, symbol: str | None) -> list[OrderReport]:
        """Return the open orders of one symbol (weight 6) or of all (weight 80)."""
        of_symbol = {"symbol": symbol} if symbol else {}
        return self._calls.signed_read(
            "GET /api/v3/openOrders",
            lambda: self._client.get_open_orders(**of_symbol),
            order_replies.queried_orders,
            weight=OPEN_ORDERS_WEIGHT if symbol else ALL_OPEN_ORDERS_WEIGHT,
        )

    def trades_of_order(
        self, symbol: str, venue_order_id: str, *, filled_quantity: Decimal | None = None
    ) -> list[TradeReport]:
        """Return the executions of one order, oldest first; weight 5 for each 1000 of them.

        All of them, however old: `filled_quantity` is not needed here.
        """
        found: list[TradeReport] = []
        page = self._trades_page(symbol, venue_order_id, from_id=None)
        while len(page) == MAX_TRADES:
            found += page
            newest = max(int(trade.trade_id) for trade in page)
            page = self._trades_page(symbol, venue_order_id, from_id=newest + 1)
        return found + page

    def _trades_page(
        self, symbol: str, venue_order_id: str, *, from_id: int | None
    ) -> list[TradeReport]:
        after = {} if from_id is None else {"fromId": from_id}
        return self._calls.signed_read(
            "GET /api/v3/myTrades",
            lambda: self._client.get_my_trades(
                symbol=symbol, orderId=venue_order_id, limit=MAX_TRADES, **after
            ),
            order_replies.trades,
            weight=5,
        )

    def _place_order(self, request: SingleOrderRequest, permit: OrderPermit) -> OrderReport:
        parameters = spot_parameters.single_order(request)
        return self._place(
            "POST /api/v3/order",
            lambda: self._client.create_order(**parameters),
            order_replies.placed_order,
            request=request,
            permit=permit,
        )

    def _half_done(
        self, refusal: OrderRejectedError, request: CancelReplaceRequest
    ) -> CancelReplaceReport:
        try:
            report = cancel_replace_report(refusal.details, request)
        except MalformedReplyError as error:
            problem = f"{self._host}: {error}"
        else:
            reason = report.order_refusal
            if reason and contradicts_rules(reason.code, reason.text):
                self._rules.forget(request.order.symbol)
            return report
        # Something happened, and the reply does not tell what.
        raise OutcomeUnknownError(problem, code=refusal.code)

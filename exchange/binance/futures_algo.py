"""Conditional orders of the futures market, which the venue's algo service keeps."""

from __future__ import annotations

from typing import Final

from exchange.binance import futures_algo_replies, futures_parameters
from exchange.binance.errors import NO_SUCH_ORDER
from exchange.binance.futures_base import FuturesBase
from exchange.binance.futures_order_replies import check_done
from exchange.domain.algo_orders import AlgoOrderReport, AlgoOrderRequest
from exchange.domain.budget import OrderPermit
from exchange.domain.errors import GatewayError, OrderRejectedError
from exchange.domain.orders import check_client_order_id

OPEN_ALGO_ORDERS_WEIGHT: Final = 1  # of one symbol
ALL_OPEN_ALGO_ORDERS_WEIGHT: Final = 40


class FuturesAlgo(FuturesBase):
    """Stops, targets and trailing stops.

    What became of one that triggered is told by its child (`exchange.domain.algo_children`).
    """

    def place_algo_order(
        self, request: AlgoOrderRequest, *, permit: OrderPermit
    ) -> AlgoOrderReport:
        """Send `request` once, signed with its own timestamp. Never repeated, whatever happens.

        The venue checks no margin before it triggers.
        """
        parameters = futures_parameters.algo_order(request)
        return self._place(
            "POST /fapi/v1/algoOrder",
            lambda: self._request("post", "algoOrder", parameters),
            futures_algo_replies.algo_order,
            request=request,
            permit=permit,
        )

    def algo_order_by_client_id(self, client_order_id: str) -> AlgoOrderReport | None:
        """Return the newest algo order of that name, or None for -2013 alone; weight 1."""
        check_client_order_id("client_order_id", client_order_id)
        try:
            return self._calls.signed_read(
                "GET /fapi/v1/algoOrder",
                lambda: self._request("get", "algoOrder", {"clientAlgoId": client_order_id}),
                futures_algo_replies.algo_order,
                weight=1,
            )
        except OrderRejectedError as error:
            if error.code == NO_SUCH_ORDER:
                return None
            raise

    def open_algo_orders(self, symbol: str | None) -> list[AlgoOrderReport]:
        """Return the open algo orders of one symbol (weight 1) or of all (weight 40)."""
        of_symbol = {"symbol": symbol} if symbol else {}
        return self._calls.signed_read(
            "GET /fapi/v1/openAlgoOrders",
            lambda: self._request("get", "openAlgoOrders", of_symbol),
            futures_algo_replies.algo_orders,
            weight=OPEN_ALGO_ORDERS_WEIGHT if symbol else ALL_OPEN_ALGO_ORDERS_WEIGHT,
        )

    def cancel_algo_order(self, client_order_id: str) -> None:
        """Cancel an algo order that has not triggered; weight 1.

        OrderRejectedError with -2011 when it is not there to be canceled: it may be triggering, so
        ask for it, and for its child. OutcomeUnknownError when only the venue's books tell.
        """
        check_client_order_id("client_order_id", client_order_id)
        self._cancel(
            "DELETE /fapi/v1/algoOrder",
            lambda: self._request("delete", "algoOrder", {"clientAlgoId": client_order_id}),
            check_done,
        )

    def cancel_all_orders(self, symbol: str) -> None:
        """Cancel every open order of a symbol, those of the book first, then the algo orders.

        Both are tried, whatever comes of the first; weight 1 each. When both fail, the first
        failure is raised and a note of it tells the second.
        """
        try:
            self._cancel_all("allOpenOrders", symbol)
        except GatewayError as failure:
            self._cancel_all_after(failure, symbol)
            raise
        self._cancel_all("algoOpenOrders", symbol)

    def _cancel_all_after(self, failure: GatewayError, symbol: str) -> None:
        try:
            self._cancel_all("algoOpenOrders", symbol)
        except GatewayError as error:
            failure.add_note(f"the algo orders of {symbol} could not be canceled either: {error}")

    def _cancel_all(self, path: str, symbol: str) -> None:
        self._cancel(
            f"DELETE /fapi/v1/{path}",
            lambda: self._request("delete", path, {"symbol": symbol}),
            check_done,
        )

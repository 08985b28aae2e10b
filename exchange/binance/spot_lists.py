"""Order lists of the spot gateway: exits that end each other, entries with their exits."""

from __future__ import annotations

from typing import Final

from exchange.binance import spot_parameters
from exchange.binance.errors import NO_SUCH_ORDER
from exchange.binance.list_replies import order_list, order_lists
from exchange.binance.spot_base import SpotBase
from exchange.domain.budget import OrderPermit
from exchange.domain.errors import OrderRejectedError
from exchange.domain.order_lists import EntryListRequest, OcoRequest
from exchange.domain.orders import check_client_order_id
from exchange.domain.reports import OrderListReport
from exchange.domain.rules import TradingRules

NO_SUCH_LIST: Final = -2018  # of `GET orderList`; errors.md does not list it


class SpotLists(SpotBase):
    """Everything about orders that belong to a list."""

    def place_oco(self, request: OcoRequest, *, permit: OrderPermit) -> OrderListReport:
        """Send a stop-loss and a take-profit once; weight 1.

        The permit is for `request.order_count` orders. OrderRejectedError, before anything is
        sent, where the symbol allows none.
        """
        if not self.rules(request.symbol).allows_oco:
            raise _not_offered(request.symbol, "a stop-loss and a take-profit that end each other")
        parameters = spot_parameters.oco(request)
        return self._place(
            "POST /api/v3/orderList/oco",
            lambda: self._client.create_oco_order(**parameters),
            order_list,
            request=request,
            permit=permit,
            orders=request.order_count,
        )

    def place_entry_list(
        self, request: EntryListRequest, *, permit: OrderPermit
    ) -> OrderListReport:
        """Send an entry with one exit (OPO) or both (OPOCO) once; weight 1.

        The permit is for `request.order_count` orders. OrderRejectedError, before anything is
        sent, where the symbol allows no such list.
        """
        has_both = bool(request.stop and request.target)
        if not _allows_entry_list(self.rules(request.symbol), has_both=has_both):
            raise _not_offered(request.symbol, "an entry together with its exits")
        path = "orderList/opoco" if has_both else "orderList/opo"
        parameters = spot_parameters.entry_list(request)
        return self._place(
            f"POST /api/v3/{path}",
            lambda: self._post(path, parameters),
            order_list,
            request=request,
            permit=permit,
            orders=request.order_count,
        )

    def cancel_list(self, symbol: str, list_client_order_id: str) -> OrderListReport:
        """Cancel every order of a list; weight 1. Errors as of `cancel_order`."""
        check_client_order_id("list_client_order_id", list_client_order_id)
        return self._cancel(
            "DELETE /api/v3/orderList",
            lambda: self._client.v3_delete_order_list(
                symbol=symbol, listClientOrderId=list_client_order_id
            ),
            order_list,
        )

    def list_by_client_id(self, list_client_order_id: str) -> OrderListReport | None:
        """Return the list, or None when the venue says that it knows none; weight 4."""
        check_client_order_id("list_client_order_id", list_client_order_id)
        try:
            return self._calls.signed_read(
                "GET /api/v3/orderList",
                lambda: self._client.v3_get_order_list(origClientOrderId=list_client_order_id),
                order_list,
                weight=4,
            )
        except OrderRejectedError as error:
            if error.code in (NO_SUCH_LIST, NO_SUCH_ORDER):
                return None
            raise

    def open_lists(self) -> list[OrderListReport]:
        """Return the lists of all symbols that have an open order; weight 6."""
        return self._calls.signed_read(
            "GET /api/v3/openOrderList", self._client.get_open_oco_orders, order_lists, weight=6
        )


def _allows_entry_list(rules: TradingRules, *, has_both: bool) -> bool:
    # opo.md: an OPO needs otoAllowed and opoAllowed, an OPOCO ocoAllowed as well.
    return rules.allows_oto and rules.allows_opo and (rules.allows_oco or not has_both)


def _not_offered(symbol: str, what: str) -> OrderRejectedError:
    return OrderRejectedError(f"not sent: the venue does not offer {what} for {symbol}")

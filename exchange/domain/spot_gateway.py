"""What the spot market alone can do: order lists, stops in its own book, transfers by sapi."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from exchange.domain.budget import OrderPermit
from exchange.domain.gateway import ExchangeGateway
from exchange.domain.order_lists import EntryListRequest, OcoRequest
from exchange.domain.orders import CancelReplaceRequest, StopOrderRequest
from exchange.domain.reports import CancelReplaceReport, OrderListReport, OrderReport
from exchange.domain.transfers import TransferDirection, TransferReport, TransferRequest


class SpotGateway(ExchangeGateway, Protocol):
    """The spot market of one environment for the holder of a key."""

    def list_by_client_id(self, list_client_order_id: str) -> OrderListReport | None:
        """Return the list without its orders' reports, or None when the venue knows none."""
        ...

    def open_lists(self) -> list[OrderListReport]:
        """Return the lists with an open order, of all symbols, without their orders' reports."""
        ...

    def place_stop_order(self, request: StopOrderRequest, *, permit: OrderPermit) -> OrderReport:
        """Place an order that waits for its price."""
        ...

    def place_oco(self, request: OcoRequest, *, permit: OrderPermit) -> OrderListReport:
        """Place a stop-loss and a take-profit of which one fills.

        The permit is for `request.order_count` orders. OrderRejectedError, before anything is
        sent, where the symbol's rules allow no such pair.
        """
        ...

    def place_entry_list(
        self, request: EntryListRequest, *, permit: OrderPermit
    ) -> OrderListReport:
        """Place an entry with its exits; takes a permit for `request.order_count`.

        OrderRejectedError, before anything is sent, where the symbol's rules allow no such list.
        """
        ...

    def cancel_list(self, symbol: str, list_client_order_id: str) -> OrderListReport:
        """Cancel every order of a list; errors as of `cancel_order`."""
        ...

    def cancel_replace(
        self, request: CancelReplaceRequest, *, permit: OrderPermit
    ) -> CancelReplaceReport:
        """Cancel an order and place another; the report tells what came of each half.

        OrderRejectedError means that the venue attempted neither.
        """
        ...

    def transfer(self, request: TransferRequest) -> str:
        """Move money between the account's wallets, sent once; return the venue's id of it.

        Not idempotent at the venue: OutcomeUnknownError means that only `transfers` tells.
        UnavailableError that is lasting where the venue has no sapi (the testnet).
        """
        ...

    def transfers(
        self, direction: TransferDirection, *, start: datetime, end: datetime | None = None
    ) -> list[TransferReport]:
        """Return the history of one direction, oldest first; times are the venue's wall time."""
        ...

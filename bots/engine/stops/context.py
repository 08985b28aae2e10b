"""What one keeping of the stops works with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.conf import settings

from bots import journal
from bots.domain.decision import Intent
from bots.engine.venue import VenueGateway
from bots.models import BotState, Order, OrderSource
from exchange.domain.rules import TradingRules


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """A locked state, its venue, and the name under which orders are written down."""

    state: BotState
    gateway: VenueGateway
    rules: TradingRules
    price: Decimal
    mark_price: Decimal | None
    slot: int
    source: OrderSource

    def commit(self, intents: Sequence[Intent]) -> list[Order]:
        """Write the orders of one request down, before it is sent."""
        return journal.record_intents(
            self.state.bot,
            intents,
            source=self.source,
            slot=self.slot,
            signed_at_ms=self.gateway.signing_time_ms(),
            recv_window_ms=settings.BINANCE_RECV_WINDOW,
        )

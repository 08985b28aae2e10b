"""Orders of one bot, placed and followed step by step as a tick does, against the demo exchange."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Final

from bots import journal
from bots.domain.decision import Intent, IntentReason, Leg, Route
from bots.domain.direction import Direction
from bots.engine.cancellation import cancel_orders
from bots.engine.execution import submit_orders
from bots.engine.reconciliation import VenueView, reconcile_orders
from bots.engine.replacing import replace_stop
from bots.engine.venue import open_gateway
from bots.locks import bot_lock
from bots.models import BotConfig, Order, OrderSource
from exchange.demo.testing import RunningExchange
from exchange.domain.types import Side

SIZE: Final = Decimal("0.01")
BUY: Final = Intent(leg=Leg.ENTRY, side=Side.BUY, quantity=SIZE, reason=IntentReason.ENTRY_SIGNAL)
SELL: Final = Intent(leg=Leg.EXIT, side=Side.SELL, quantity=SIZE, reason=IntentReason.EXIT_SIGNAL)
LIMIT_BUY: Final = replace(
    BUY, type="LIMIT", price=Decimal(100_500), time_in_force="GTC", route=Route.LIST
)
STOP: Final = Intent(
    leg=Leg.STOP,
    side=Side.SELL,
    quantity=SIZE,
    reason=IntentReason.PROTECTION,
    type="STOP_LOSS",
    trigger_price=Decimal(98_000),
)
TARGET: Final = Intent(
    leg=Leg.TARGET,
    side=Side.SELL,
    quantity=SIZE,
    reason=IntentReason.PROTECTION,
    type="LIMIT_MAKER",
    price=Decimal(104_000),
)
PAIR: Final = (replace(STOP, route=Route.LIST), replace(TARGET, route=Route.LIST))
ALGO_STOP: Final = replace(STOP, type="STOP_MARKET", route=Route.ALGO, reduces_only=True)
ALGO_TARGET: Final = replace(
    STOP,
    leg=Leg.TARGET,
    type="TAKE_PROFIT_MARKET",
    route=Route.ALGO,
    reduces_only=True,
    trigger_price=Decimal(104_000),
)
SHORT: Final = Direction.SHORT


class Desk:
    """One bot with its gateway; every step holds the bot's lock, as a tick does."""

    def __init__(self, bot: BotConfig) -> None:
        BotConfig.objects.filter(pk=bot.pk).update(is_active=True)
        self.bot = BotConfig.objects.select_related("api_key__account").get(pk=bot.pk)
        self.gateway = open_gateway(self.bot)

    def record(self, *intents: Intent, slot: int = 1) -> list[Order]:
        """Commit the orders of one request."""
        return journal.record_intents(
            self.bot,
            intents,
            source=OrderSource.TICK,
            slot=slot,
            signed_at_ms=self.gateway.signing_time_ms(),
            recv_window_ms=5000,
        )

    def place(self, *intents: Intent, slot: int = 1) -> list[Order]:
        """Commit and send one request."""
        orders = self.record(*intents, slot=slot)
        self.submit(orders)
        return orders

    def submit(self, orders: list[Order]) -> None:
        """Send what was committed."""
        with bot_lock(self.bot.pk):
            submit_orders(orders, gateway=self.gateway)

    def reconcile(self, *, look: bool = False) -> VenueView:
        """Ask for all that is not settled."""
        with bot_lock(self.bot.pk):
            return reconcile_orders(self.bot, gateway=self.gateway, look=look)

    def cancel(self, *orders: Order) -> bool:
        """Take orders back."""
        with bot_lock(self.bot.pk):
            return cancel_orders(orders, gateway=self.gateway)

    def replace(self, old: Order, intent: Intent) -> tuple[bool, Order]:
        """Put a stop in the place of another."""
        (new,) = self.record(intent, slot=old.slot)
        with bot_lock(self.bot.pk):
            return replace_stop(old, new, gateway=self.gateway), new


def statuses() -> dict[str, str]:
    """Return leg and status of every order in the database, the newest of a leg."""
    return {order.leg: order.status for order in Order.objects.order_by("pk")}


def at_venue(venue: RunningExchange) -> dict[str, str]:
    """Return name and status of every order of the spot ledger."""
    return {one["clientOrderId"]: one["status"] for one in venue.ledger()["orders"]}


def age_all(*, by_ms: int) -> None:
    """Let every order look as if it had been signed earlier."""
    for order in Order.objects.all():
        Order.objects.filter(pk=order.pk).update(signed_at_ms=order.signed_at_ms - by_ms)

"""Turns of a bot without a strategy: reconcile, fold, enter when told to, keep the stops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from bots import journal
from bots.domain.decision import Intent, IntentReason, Leg
from bots.domain.direction import Direction
from bots.domain.stops import entry_intents
from bots.domain.tests.builders import QUIET, snapshot
from bots.engine.books import fold_books
from bots.engine.execution import submit_orders
from bots.engine.reconciliation import reconcile_orders
from bots.engine.stops import KeptStops, fall_back_to_market, keep_stops
from bots.engine.venue import VenueGateway, is_futures, open_gateway
from bots.locks import bot_lock
from bots.models import BotConfig, BotState, Order, OrderSource
from exchange.demo.testing import RunningExchange
from exchange.domain.rules import TradingRules

SYMBOL = "BTCUSDT"
RECV_WINDOW_MS = 5000


def turn(bot: BotConfig, *, slot: int = 1, enter: Sequence[Intent] = ()) -> KeptStops:
    """Do what a tick does around the stops, under the bot's lock."""
    with bot_lock(bot.pk) as state:
        gateway = open_gateway(state.bot)
        reconcile_orders(state.bot, gateway=gateway)
        rules = gateway.rules(SYMBOL)
        fold_books(state, rules=rules)
        price = gateway.ticker(SYMBOL).price
        if enter:
            _enter(state, enter, gateway=gateway, rules=rules, price=price, slot=slot)
            fold_books(state, rules=rules)
        mark = gateway.mark_price(SYMBOL).mark_price if is_futures(gateway) else None
        kept = keep_stops(
            state, gateway=gateway, rules=rules, price=price, mark_price=mark, slot=slot
        )
        state.save()
    return kept


def _enter(
    state: BotState,
    intents: Sequence[Intent],
    *,
    gateway: VenueGateway,
    rules: TradingRules,
    price: Decimal,
    slot: int,
) -> None:
    orders = journal.record_intents(
        state.bot,
        intents,
        source=OrderSource.TICK,
        slot=slot,
        signed_at_ms=gateway.signing_time_ms(),
        recv_window_ms=RECV_WINDOW_MS,
    )
    submit_orders(orders, gateway=gateway)
    fall_back_to_market(state, orders, gateway=gateway, rules=rules, price=price, slot=slot)


def market_entry(quantity: str, direction: Direction = Direction.LONG) -> tuple[Intent, ...]:
    """Return an entry that brings no stop along."""
    return (
        Intent(
            leg=Leg.ENTRY,
            side=direction.entry_side,
            quantity=Decimal(quantity),
            reason=IntentReason.ENTRY_SIGNAL,
            direction=direction,
        ),
    )


def list_entry(bot: BotConfig, quantity: str) -> tuple[Intent, ...]:
    """Return the entry that the bot's decision would want now."""
    gateway = open_gateway(bot)
    wanted = replace(
        snapshot(QUIET),
        price=gateway.ticker(SYMBOL).price,
        rules=gateway.rules(SYMBOL),
        parameters=bot.parameters,
        free_quote=Decimal(10**9),
    )
    return entry_intents(wanted, quantity=Decimal(quantity), direction=Direction.LONG)


def move_price(venue: RunningExchange, price: str, *, pass_seconds: int = 1) -> None:
    """Hold another price, and let market time pass so that what waits for it acts."""
    venue.set_price(SYMBOL, price)
    later = venue.market_time() + timedelta(seconds=pass_seconds)
    venue.set_clock(market_time=later.isoformat())


def state_of(bot: BotConfig) -> BotState:
    return BotState.objects.get(pk=bot.pk)


def legs(**filters: Any) -> list[tuple[str, str, str]]:
    """Return leg, status and level of the bot's stops and targets, oldest first."""
    orders = Order.objects.filter(leg__in=("s", "t"), **filters).order_by("pk")
    return [(o.leg, o.status, f"{(o.trigger_price or o.price).normalize():f}") for o in orders]


def open_at_spot(venue: RunningExchange) -> list[tuple[str, str, str]]:
    """Return type, quantity and level of what rests at the venue: the truth."""
    return sorted(
        (
            o["type"],
            f"{Decimal(o['origQty']).normalize():f}",
            f"{(Decimal(o['stopPrice']) or Decimal(o['price'])).normalize():f}",
        )
        for o in venue.ledger()["orders"]
        if o["status"] in ("NEW", "PARTIALLY_FILLED")
    )


def open_algos(venue: RunningExchange) -> list[tuple[str, str, str]]:
    return sorted(
        (
            o["orderType"],
            f"{Decimal(o['quantity']).normalize():f}",
            f"{Decimal(o['triggerPrice']).normalize():f}",
        )
        for o in venue.ledger()["algo_orders"]
        if o["algoStatus"] == "NEW"
    )

"""Orders: written down before they are sent, moved along the table of legal moves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from bots.domain.client_order_id import PAIR, client_order_id, order_id_in_list
from bots.domain.decision import Intent, Leg, Route
from bots.domain.orders import OrderStatus, sources_of
from bots.journal.connection import JOURNAL
from bots.models import BotConfig, Order, OrderSource
from exchange.domain.types import Market


def record_intents(
    bot: BotConfig,
    intents: Sequence[Intent],
    *,
    source: OrderSource,
    slot: int,
    signed_at_ms: int,
    recv_window_ms: int,
    actor_id: int | None = None,
) -> list[Order]:
    """Commit the orders of one request, before it is sent; nothing when there are none.

    One order, or two or three with the route LIST. A slot that is ticked again after its first
    request came to nothing gets a new attempt and so new client order ids; none is ever used
    twice. ValueError for intents that no single request can place.
    """
    if not intents:
        return []
    if bot.api_key is None:
        raise ValueError(f"bot {bot.pk} has no API key")
    _check_one_request(intents)
    with transaction.atomic(using=JOURNAL):
        attempt = 1 + _last_attempt(bot, intents, source=source, slot=slot)
        list_id, names = _names(bot, intents, source=source, slot=slot, attempt=attempt)
        return [
            Order.objects.using(JOURNAL).create(
                bot_id=bot.pk,
                account_id=bot.api_key.account_id,
                source=source,
                slot=slot,
                attempt=attempt,
                client_order_id=name,
                list_client_order_id=list_id,
                actor_id=actor_id,
                signed_at_ms=signed_at_ms,
                recv_window_ms=recv_window_ms,
                **_wanted(bot, intent),
            )
            for intent, name in zip(intents, names, strict=True)
        ]


def _check_one_request(intents: Sequence[Intent]) -> None:
    is_list = any(intent.route is Route.LIST for intent in intents)
    if is_list and (
        len(intents) not in (2, 3) or any(intent.route is not Route.LIST for intent in intents)
    ):
        raise ValueError("route: a list is two or three orders, all of them of the route LIST")
    if not is_list and len(intents) > 1:
        raise ValueError(f"{len(intents)} intents that are no list need a request each")
    legs = [intent.leg for intent in intents]
    if len(set(legs)) != len(legs) or (is_list and Leg.EXIT in legs):
        raise ValueError("leg: a list has one entry, one stop and one target at most")


def _last_attempt(
    bot: BotConfig, intents: Sequence[Intent], *, source: OrderSource, slot: int
) -> int:
    orders = Order.objects.using(JOURNAL).filter(
        bot_id=bot.pk, source=source, slot=slot, leg__in=[intent.leg for intent in intents]
    )
    return orders.aggregate(last=Max("attempt"))["last"] or 0


def _names(
    bot: BotConfig, intents: Sequence[Intent], *, source: OrderSource, slot: int, attempt: int
) -> tuple[str, list[str]]:
    """Return the name of the list, empty without one, and those of its orders."""
    is_list = intents[0].route is Route.LIST
    is_pair = is_list and all(intent.leg is not Leg.ENTRY for intent in intents)
    name = client_order_id(
        installation=settings.INSTALLATION_ID,
        bot_id=bot.pk,
        source=source,
        slot=slot,
        leg=PAIR if is_pair else Leg.ENTRY if is_list else intents[0].leg,
        attempt=attempt,
    )
    if not is_list:
        return "", [name]
    return name, [order_id_in_list(name, intent.leg) for intent in intents]


def _wanted(bot: BotConfig, intent: Intent) -> dict[str, Any]:
    market = Market(bot.position_type)
    return {
        "market": market,
        "symbol": bot.symbol,
        "leg": intent.leg,
        "route": intent.route,
        "side": intent.side,
        "order_type": intent.type,
        "quantity": intent.quantity,
        "price": intent.price,
        "trigger_price": intent.trigger_price,
        "time_in_force": intent.time_in_force,
        "direction": intent.direction,
        # What closes a futures position must never open the opposite one.
        "reduces_only": market is Market.FUTURES
        and (intent.reduces_only or intent.leg is not Leg.ENTRY),
        "reserve": intent.reserve,
        "intent_reason": intent.reason,
    }


def move_order(
    order: Order, target: OrderStatus, *, closed_reason: str = "", message: str = "", **columns: Any
) -> bool:
    """Move an order along the table of legal moves; False when it has already gone elsewhere."""
    changed = (
        Order.objects.using(JOURNAL)
        .filter(pk=order.pk, status__in=sources_of(target))
        .update(
            status=target,
            closed_reason=closed_reason,
            message=message,
            updated_at=timezone.now(),
            **columns,
        )
    )
    if changed:
        order.status = target
        order.closed_reason, order.message = closed_reason, message
    return bool(changed)


def note_not_found(order: Order) -> int:
    """Count one look at the venue that did not find the order; return how many there were."""
    order.not_found_looks += 1
    order.save(using=JOURNAL, update_fields=["not_found_looks", "updated_at"])
    return order.not_found_looks


def note_found(order: Order) -> None:
    """Forget the looks that did not find the order: they count in a row."""
    order.not_found_looks = 0
    order.save(using=JOURNAL, update_fields=["not_found_looks", "updated_at"])


def note_cancel(orders: Sequence[Order]) -> None:
    """Commit that a cancel of these orders is about to be sent."""
    now = timezone.now()
    rows = Order.objects.using(JOURNAL).filter(pk__in=[order.pk for order in orders])
    rows.update(cancel_sent_at=now, updated_at=now)
    for order in orders:
        order.cancel_sent_at = now


def note_triggering(order: Order) -> None:
    """Note since when a conditional order's trigger is met and nothing has come of it."""
    if order.triggering_since is None:
        order.triggering_since = timezone.now()
        order.save(using=JOURNAL, update_fields=["triggering_since", "updated_at"])


def note_message(order: Order, message: str) -> bool:
    """Write down what a person should know of an order; False when it is known already."""
    if order.message == message:
        return False
    order.message = message
    order.save(using=JOURNAL, update_fields=["message", "updated_at"])
    return True

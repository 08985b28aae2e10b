"""What the bots of an account have in the market together, entries under way included."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Final

from django.db.models import F
from django.utils import timezone

from bots.domain.decision import Leg
from bots.domain.orders import UNSETTLED
from bots.domain.protections.account_caps import Exposure
from bots.models import BotConfig, BotState, Order
from exchange.domain.types import ZERO

_FOLDED_WITHIN: Final = timedelta(days=1)  # a fill is in its bot's state long before


def exposure_of(
    account_id: int, *, leaving_out: int | None = None, using: str = "default"
) -> Exposure:
    """Return open positions and notional of the account's bots, spot and futures together.

    leaving_out   the bot that asks, when what it holds is counted by itself
    using         `journal` where only what has committed may count

    An entry counts from the moment it is written down until its bot's state shows the position
    or its end; one that has neither limit nor a price known counts with its reserve.
    """
    states = _states(account_id, leaving_out, using)
    notionals = {pk: _value(state) for pk, state in states.items() if state.in_position}
    for order in _entries_under_way(account_id, leaving_out, using):
        before = notionals.get(order.bot_id, ZERO)
        notionals[order.bot_id] = before + _still_coming(order, states.get(order.bot_id))
    return Exposure(open_positions=len(notionals), notional=sum(notionals.values(), ZERO))


def _states(account_id: int, leaving_out: int | None, using: str) -> dict[int, BotState]:
    bots = BotConfig.objects.using(using).filter(api_key__account_id=account_id)
    states = BotState.objects.using(using).filter(bot__in=bots).exclude(pk=leaving_out)
    return {state.pk: state for state in states}


def _value(state: BotState) -> Decimal:
    price: Decimal = state.last_price or state.entry_price or ZERO
    quantity: Decimal = state.current_position_size_coins
    return quantity * price


def _entries_under_way(account_id: int, leaving_out: int | None, using: str) -> list[Order]:
    entries = Order.objects.using(using).filter(account_id=account_id, leg=Leg.ENTRY.value)
    # Fills commit before the state that folds them: those that are newer than it count too.
    not_folded = entries.exclude(status__in=UNSETTLED).filter(
        reserve__gt=0,
        filled_quantity__gt=0,
        sent_at__gte=timezone.now() - _FOLDED_WITHIN,
        updated_at__gte=F("bot__state__last_updated_at"),
    )
    # Two questions, because each has an index of its own.
    found = [*entries.filter(status__in=UNSETTLED), *not_folded]
    return [order for order in found if order.bot_id != leaving_out]


def _still_coming(order: Order, state: BotState | None) -> Decimal:
    quantity: Decimal = order.quantity
    if state is not None and state.in_position and order.updated_at < state.last_updated_at:
        quantity -= order.filled_quantity  # the rest stands in the state
    price = order.price or (state.last_price if state is not None else None)
    value: Decimal = quantity * price if price else order.reserve
    return value

"""Which bots are looked after although they do not trade."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q

from bots.domain.life import HEALS_BY_ITSELF, is_waiting_for_a_person
from bots.domain.orders import UNSETTLED
from bots.domain.status import State
from bots.models import BotState, Order


def to_be_watched() -> Q:
    """Return the condition on BotState rows under which `is_watched` holds."""
    unsettled = Order.objects.filter(bot_id=OuterRef("pk"), status__in=UNSETTLED)
    idle = Q(bot__is_active=False) | (
        Q(state=State.ERROR) & ~Q(reason__in=[reason.value for reason in HEALS_BY_ITSELF])
    )
    # Without a key nobody can look; the page says that nothing watches the position.
    holds = Q(in_position=True) | Q(Exists(unsettled))
    return idle & Q(bot__api_key__isnull=False) & holds


def is_watched(state: BotState) -> bool:
    """Say whether the bot's next turn is a watch round instead of a tick.

    It is stopped, or in an error that waits for a person, and it holds a position or has an order
    whose end is not known.
    """
    is_idle = not state.bot.is_active or is_waiting_for_a_person(state.current)
    if not is_idle or state.bot.api_key is None:
        return False
    unsettled = Order.objects.filter(bot_id=state.pk, status__in=UNSETTLED)
    return state.in_position or unsettled.exists()

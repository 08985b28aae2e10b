"""The reset at 00:00 UTC, for bots that no tick has looked at since."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from django.db import transaction

from bots.engine.day import roll_day
from bots.engine.publishing import publish_state
from bots.locks import lock_due_states
from bots.models import BotState
from exchange.domain.types import Environment, Market


def wake_daily_pauses(
    read_market_time: Callable[[Environment, Market], datetime | None],
) -> int:
    """Roll the trading day of every active bot whose market has reached a new one.

    Keyed by (bot, day): running it twice, or beside the ticks, does it once. Bots whose row a
    tick holds are passed over, because that tick rolls the day itself.
    """
    rolled = 0
    ids = BotState.objects.filter(bot__is_active=True).exclude(trading_day=None)
    for bot_id in list(ids.values_list("pk", flat=True)):
        with transaction.atomic():
            rolled += sum(_roll(state, read_market_time) for state in lock_due_states([bot_id]))
    return rolled


def _roll(
    state: BotState, read_market_time: Callable[[Environment, Market], datetime | None]
) -> bool:
    if state.bot.api_key is None:
        return False
    environment = Environment(state.bot.api_key.environment)
    market_time = read_market_time(environment, Market(state.bot.position_type))
    if market_time is None or not roll_day(state, market_time=market_time, environment=environment):
        return False
    publish_state(state)
    state.save()
    return True

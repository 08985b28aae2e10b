"""The reset at 00:00 UTC, for bots that no tick has looked at since."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from django.db import transaction
from django.db.models import Q, QuerySet

from bots.engine.day import roll_day
from bots.engine.publishing import publish_state
from bots.locks import lock_due_states
from bots.models import BotState
from exchange.domain.types import Environment, Market

# What a stopped bot may still show of the day before; a new day finds nothing more to clear.
_SHOWS_THE_DAY = (
    Q(bot__is_active=True)
    | Q(in_position=True)
    | Q(daily_trades_count__gt=0)
    | ~Q(daily_pnl=0)
    | ~Q(daily_limit_reason="")
    | ~Q(last_error_message="")
)

MarketTimeReader = Callable[[Environment, Market], datetime | None]


def wake_daily_pauses(read_market_time: MarketTimeReader) -> int:
    """Roll the trading day of every bot whose market has reached a new one; return how many.

    Counters and profit of the day are cleared, and a bot that a daily limit had paused becomes
    pending; a stopped bot stays stopped, and an error stays with its message. Keyed by (bot, day)
    under the bot's lock: running it twice, late, or beside the ticks does it once. Each bot is
    committed by itself, so that a crash leaves the others to the next run. Bots whose row a tick
    holds are passed over, because their ticks roll the day themselves.
    """
    rolled = 0
    for environment, market in _markets():
        market_time = read_market_time(environment, market)
        if market_time is None:
            continue
        bots = _of_another_day(environment, market, market_time)
        for bot_id in list(bots.order_by("pk").values_list("pk", flat=True)):
            rolled += _roll(bot_id, market_time, environment)
    return rolled


def _markets() -> list[tuple[Environment, Market]]:
    rows = (
        _candidates()
        .order_by("bot__api_key__environment", "bot__position_type")
        .values_list("bot__api_key__environment", "bot__position_type")
        .distinct()
    )
    return [(Environment(environment), Market(market)) for environment, market in rows]


def _candidates() -> QuerySet[BotState]:
    with_a_day = BotState.objects.filter(_SHOWS_THE_DAY, bot__deleted_at=None)
    return with_a_day.exclude(trading_day=None).exclude(bot__api_key=None)


def _of_another_day(
    environment: Environment, market: Market, market_time: datetime
) -> QuerySet[BotState]:
    return (
        _candidates()
        .filter(bot__api_key__environment=environment, bot__position_type=market)
        .exclude(trading_day=market_time.astimezone(UTC).date())
    )


def _roll(bot_id: int, market_time: datetime, environment: Environment) -> int:
    with transaction.atomic():
        for state in lock_due_states([bot_id]):
            # Asked again under the lock: a tick may have rolled the day meanwhile.
            if roll_day(state, market_time=market_time, environment=environment):
                publish_state(state)
                state.save()
                return 1
    return 0

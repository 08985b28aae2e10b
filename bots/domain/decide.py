"""The one decision of a tick."""

from __future__ import annotations

from bots.domain.decision import Decision, Denial
from bots.domain.entering import seek_entry
from bots.domain.guarding import guard_position
from bots.domain.limits import PAUSE_REASONS, daily_limit
from bots.domain.positions import is_dust
from bots.domain.reading import read_strategy
from bots.domain.snapshot import Snapshot
from bots.domain.status import Reason, State, Status
from bots.domain.strategies import get_strategy
from bots.domain.wording import sentence
from exchange.domain.types import ZERO


def decide(snapshot: Snapshot) -> Decision:
    """Say what the bot does now and why. The same snapshot always gives the same decision.

    In position: exits. Flat: signal, then limits, trend and size. `UnknownStrategyError` when no
    strategy has the name that the bot's settings hold; ValueError when the price is not positive
    or a kline is unfinished or out of order.
    """
    if snapshot.price <= ZERO:
        raise ValueError(f"price of {snapshot.symbol} must be positive, was {snapshot.price}")
    strategy = get_strategy(snapshot.parameters.strategy)
    in_position = not is_dust(snapshot.position.quantity, snapshot.rules.quantity_increment)
    reading = read_strategy(snapshot, strategy, in_position=in_position)
    limit = daily_limit(snapshot)
    if in_position:
        outcome = guard_position(snapshot, reading.signal)
    else:
        outcome = seek_entry(snapshot, reading, limit=limit)
    return Decision(
        signal=reading.signal,
        intents=(outcome.intent,) if outcome.intent else (),
        denials=(outcome.denial,) if outcome.denial else (),
        levels=outcome.levels,
        status=_status(limit, lacks_size=outcome.lacks_size),
        sentence=sentence(outcome.words),
        seen_until=reading.seen_until,
    )


def _status(limit: Denial | None, *, lacks_size: bool) -> Status:
    if limit is not None:
        return Status(State.PAUSED, PAUSE_REASONS[limit.code])
    if lacks_size:
        return Status(State.WAITING, Reason.QUANTITY_BELOW_FILTERS)
    return Status(State.RUNNING)

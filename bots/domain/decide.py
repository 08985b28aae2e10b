"""The one decision of a tick."""

from __future__ import annotations

from dataclasses import replace

from bots.domain.decision import Decision, Denial, DenialCode
from bots.domain.entering import seek_entry
from bots.domain.guarding import guard_position
from bots.domain.limits import PAUSE_REASONS, daily_limit
from bots.domain.positions import is_dust
from bots.domain.reading import nothing_asked, read_strategy
from bots.domain.residue import is_residue
from bots.domain.snapshot import Snapshot
from bots.domain.status import Reason, State, Status
from bots.domain.strategies import get_strategy
from bots.domain.wording import sentence
from exchange.domain.types import ZERO


def decide(snapshot: Snapshot) -> Decision:
    """Say what the bot does now and why. The same snapshot always gives the same decision.

    In position: exits. Flat: signal, then blocks, limits, trend and size. `UnknownStrategyError`
    when no strategy has the name that the bot's settings hold; ValueError when the price is not
    positive or a kline is unfinished or out of order.
    """
    if snapshot.price <= ZERO:
        raise ValueError(f"price of {snapshot.symbol} must be positive, was {snapshot.price}")
    held = snapshot.position.direction if is_held(snapshot) else None
    if snapshot.close_request is not None and held is not None:
        reading = nothing_asked(snapshot)  # nor does a strategy that is gone stand in the way
    else:
        reading = read_strategy(snapshot, get_strategy(snapshot.parameters.strategy), held=held)
    limit = daily_limit(snapshot)
    if held is None:
        outcome = seek_entry(snapshot, reading, limit=limit)
    else:
        outcome = guard_position(snapshot, reading, limit=limit)
    return Decision(
        signal=reading.signal,
        intents=outcome.intents,
        denials=(outcome.denial,) if outcome.denial else (),
        levels=outcome.levels,
        status=_status(snapshot, limit, lacks_size=outcome.lacks_size),
        sentence=sentence(outcome.words),
        seen_until=reading.seen_until,
        checks=outcome.checks,
    )


def decide_again(snapshot: Snapshot, *blocks: Denial) -> tuple[Snapshot, Decision]:
    """Decide once more, with what has come up since against an entry.

    The snapshot that is returned holds it, so that what is recorded decides the same when it is
    run again.
    """
    with_them = replace(snapshot, entry_blocks=(*snapshot.entry_blocks, *blocks))
    return with_them, decide(with_them)


def is_held(snapshot: Snapshot) -> bool:
    """Say whether there is a position that can be closed: more than dust, and worth an order."""
    held, rules = snapshot.position.quantity, snapshot.rules
    if is_dust(held, rules.quantity_increment):
        return False
    return not is_residue(held, snapshot.price, rules)


def old_prices(snapshot: Snapshot) -> str:
    """Return why the prices are too old to open a position by; empty when they are not."""
    blocks = snapshot.entry_blocks
    return next((one.detail for one in blocks if one.code is DenialCode.STALE_DATA), "")


def limit_reached(snapshot: Snapshot) -> Reason:
    """Return which daily limit stops entries now, whatever else the bot shows; NONE for none."""
    limit = daily_limit(snapshot)
    return Reason.NONE if limit is None else PAUSE_REASONS[limit.code]


def _status(snapshot: Snapshot, limit: Denial | None, *, lacks_size: bool) -> Status:
    if old_prices(snapshot):
        # What is held is guarded all the same; a limit shows again when prices have come back.
        return Status(State.ERROR, Reason.PRICE_DATA)
    if limit is not None:
        return Status(State.PAUSED, PAUSE_REASONS[limit.code])
    if lacks_size:
        return Status(State.WAITING, Reason.QUANTITY_BELOW_FILTERS)
    return Status(State.RUNNING)

"""Ask the protections about what has happened, and keep the bot's locks as they say.

A lock is what its rule says now: it follows edits of the settings, ends when its rule is switched
off, and is found again by whoever looks at the same facts after a crash.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Final

from bots import journal
from bots.domain.decision import Denial, DenialCode
from bots.domain.protections import Asking, Lock
from bots.engine.protecting import RULES, Facts, Rule
from bots.models import BotState, EntryLock
from bots.selectors.entry_locks import forgiven_until, standing_locks
from exchange.market_data import RESTARTED_AFTER

_Ask = Callable[[Asking], Lock | None]
_END: Final = "%Y-%m-%d %H:%M:%S"


def note_market_time(state: BotState, *, now: datetime, market_time: datetime) -> None:
    """Note the market's time, and `now` (wall time) when it has moved on since the last tick."""
    if state.market_moved_at is None or state.last_market_time != market_time:
        state.market_moved_at = now
    state.last_market_time = market_time


def note_locks(
    state: BotState,
    *,
    now: datetime,
    market_time: datetime,
    newest_kline: datetime | None = None,
) -> None:
    """Write, move and end the bot's locks. Call after the books were folded; safe to repeat.

    now            wall time
    newest_kline   open time of the newest closed kline, market time
    """
    standing = standing_locks(state.pk, now=now, market_time=market_time)
    facts = Facts(state=state, newest_kline=newest_kline)
    for rule in RULES:
        moment = now if rule.is_wall_time else market_time
        lock = _ask(rule, facts, moment)
        own = [r for r in standing if (r.kind, r.is_wall_time) == (rule.kind, rule.is_wall_time)]
        _keep(state.pk, own, lock, moment=moment)


def _ask(rule: Rule, facts: Facts, moment: datetime) -> Lock | None:
    # A cause far ahead belongs to a recording that has been started anew since.
    ask = partial(rule.ask, facts)
    if (first := ask(Asking(now=moment, newest=moment + RESTARTED_AFTER))) is None:
        return None
    forgiven = forgiven_until(
        facts.state.pk, rule.kind, moment=moment, is_wall_time=rule.is_wall_time
    )
    if forgiven is None:
        return first
    return ask(Asking(now=moment, newest=moment + RESTARTED_AFTER, forgiven_until=forgiven))


def _keep(bot_id: int, own: list[EntryLock], lock: Lock | None, *, moment: datetime) -> None:
    for row in own:
        if lock is None or row.starts_at != lock.starts_at:
            journal.move_lock_end(row, moment)
    if lock is not None and not any(_is_as_said(row, lock) for row in own):
        journal.record_lock(bot_id, lock)


def _is_as_said(row: EntryLock, lock: Lock) -> bool:
    return (row.starts_at, row.ends_at) == (lock.starts_at, lock.ends_at)


def entry_locks(state: BotState, *, now: datetime, market_time: datetime) -> tuple[Denial, ...]:
    """Return one refusal per standing lock, with its end in words. `now` is wall time."""
    rows = standing_locks(state.pk, now=now, market_time=market_time)
    return tuple(Denial(code=DenialCode(row.kind), detail=_words(row)) for row in rows)


def _words(row: EntryLock) -> str:
    clock = "UTC" if row.is_wall_time else "market time"
    return f"{row.reason}; no entries until {row.ends_at:{_END}} ({clock})"

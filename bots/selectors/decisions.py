"""Why a bot does, or does not, trade: read from its newest recorded tick."""

from __future__ import annotations

from typing import Final

from bots.domain.codec import decode
from bots.domain.decision import Check
from bots.domain.entry_rules import SIGNAL
from bots.domain.status import State
from bots.models import BotConfig, BotState, Tick
from bots.selectors.access import state_of

NOT_TICKED: Final = "It has not had its first tick yet."
WAITS_FOR_ITS_TURN: Final = "It trades from its next tick on."


def why(bot: BotConfig) -> str:
    """Answer "why is it not trading?" in one sentence; of a bot that trades, what it is doing.

    Everything that stands in the way is named, the first refusal first.
    """
    state = state_of(bot)
    if state.state == State.STOPPED:
        return _one_sentence(f"It is stopped{_kept(state)}")
    if state.state == State.ERROR:
        return _one_sentence(f"It stands still after an error: {state.last_error_message}")
    tick = newest_tick(bot)
    if tick is None:
        return NOT_TICKED
    if state.state == State.PENDING:
        return WAITS_FOR_ITS_TURN  # what it said before it was started, or paused, is over
    # The state knows what became of the orders, and the numbers of ticks that were only counted.
    first = _one_sentence(state.last_sentence or tick.error or tick.sentence)
    others = _other_obstacles(tick)
    return f"{first.removesuffix('.')}; also in the way: {'; '.join(others)}." if others else first


def newest_tick(bot: BotConfig) -> Tick | None:
    """Return the newest recorded tick without what it read."""
    return Tick.objects.filter(bot=bot).defer("inputs").order_by("-id").first()


def checks_of(tick: Tick) -> tuple[Check, ...]:
    """Return every rule that the tick asked, in order; nothing when it decided nothing.

    ValueError when the record does not fit.
    """
    return decode(tuple[Check, ...], tick.decision.get("checks", []), path="decision.checks")


def obstacles_of(tick: Tick) -> tuple[Check, ...]:
    """Return what spoke against an entry; nothing for a tick in position."""
    checks = checks_of(tick)
    if not checks or checks[0].code != SIGNAL:
        return ()  # it guarded a position: what did not pass there asked for an exit
    return tuple(check for check in checks[1:] if not check.passed)


def _kept(state: BotState) -> str:
    if not state.in_position:
        return ""
    if state.close_requested_at is not None:
        return "; what it holds is being closed at the market"
    if state.unprotected_since is not None:
        why_not = state.unprotected_reason or "its stop is being placed"
        return f"; what it holds is kept, but has no stop at the venue: {why_not}"
    if state.resting_stop_price is None:
        return "; what it holds is kept, and no stop is set"
    return "; what it holds is kept, with its stop"


def _other_obstacles(tick: Tick) -> tuple[str, ...]:
    details = dict.fromkeys(check.detail for check in obstacles_of(tick))
    return tuple(detail for detail in details if detail not in tick.sentence)


def _one_sentence(text: str) -> str:
    words = text.strip() or "Nothing is known yet"
    return words if words.endswith((".", "!", "?")) else f"{words}."

"""No more entries than a day allows, and none after a person has said stop."""

from __future__ import annotations

from collections import Counter
from typing import Final

from bots.domain.status import Reason, State
from bots.models import Order
from bots.simulation.errors import InvariantError
from bots.simulation.view import View
from exchange.domain.clock import from_milliseconds

_OF_A_DAY: Final = (Reason.MAX_DAILY_LOSS, Reason.DAILY_TARGET)


def check_limits(view: View) -> None:
    """Raise InvariantError where an entry was sent that must not have been."""
    entries = [one for one in view.orders if one.leg == "e" and one.intent_reason != "adopted"]
    _check_daily_trades(view, entries)
    _check_daily_pauses(view, entries)
    _check_caps(view)
    for entry in entries:
        _check_stops_and_halts(view, entry)


def _check_daily_trades(view: View, entries: list[Order]) -> None:
    days: Counter[tuple[int, str]] = Counter()
    for entry in entries:
        placed = view.truth.ours_by_client_id.get(entry.client_order_id)
        fills = view.truth.fills_of(placed) if placed else []
        if fills:
            day = from_milliseconds(min(one.at_ms for one in fills)).date().isoformat()
            days[entry.bot_id, day] += 1
    for (bot_id, day), count in days.items():
        most = view.bots[bot_id].max_daily_trades
        if most is not None and count > most:
            raise InvariantError(f"bot {bot_id} entered {count} times on {day}, {most} allowed")


def _check_daily_pauses(view: View, entries: list[Order]) -> None:
    for entry in entries:
        placed = view.truth.ours_by_client_id.get(entry.client_order_id)
        for fill in view.truth.fills_of(placed) if placed else []:
            day = from_milliseconds(fill.at_ms).date()
            paused = view.promises.paused.get((entry.bot_id, day))
            if paused is not None and entry.sent_at is not None and entry.sent_at > paused:
                raise InvariantError(f"{entry} was sent after a limit of {day} had been reached")
    for bot_id, state in view.states.items():
        if state.state == State.PAUSED and state.reason in _OF_A_DAY and state.trading_day:
            view.promises.paused.setdefault((bot_id, state.trading_day), view.now)


def _check_caps(view: View) -> None:
    held = Counter(view.account_of(pk) for pk, state in view.states.items() if state.in_position)
    for account, most in view.caps.items():
        if most is not None and held[account] > most:
            raise InvariantError(f"account {account} has {held[account]} positions, {most} allowed")


def _check_stops_and_halts(view: View, entry: Order) -> None:
    if entry.sent_at is None:
        return
    stopped = view.promises.stopped.get(entry.bot_id)
    if stopped is not None and entry.sent_at > stopped:
        raise InvariantError(f"{entry} was sent after bot {entry.bot_id} had been stopped")
    for scope in ("all", f"account {entry.account_id}", f"bot {entry.bot_id}"):
        halted = view.promises.halted.get(scope)
        if halted is not None and entry.sent_at > halted:
            raise InvariantError(f"{entry} was sent after a halt of {scope}")

"""The seconds that a position goes without its stop: counted, shown, told once."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.db.models import Max, Q
from django.utils import timezone

from bots import journal
from bots.domain.decision import RESTING_LEGS, Leg
from bots.domain.stops import Protection
from bots.domain.wording import plain
from bots.models import BotState, EventKind, IncidentKind, Order
from exchange.domain.types import ZERO


def note_start(state: BotState, found: Protection) -> None:
    """Begin to count when the position is found without the stop that it needs. Wall time."""
    if found.is_needed and not found.is_there and state.unprotected_since is None:
        state.unprotected_since = _naked_since(state)


def _naked_since(state: BotState) -> datetime:
    """Return when the stop went missing, also where a worker died before it could say so.

    Wall time: when an entry or a cancel was sent after the state was saved last, else now.
    """
    rows = Order.objects.using(journal.JOURNAL).filter(bot_id=state.pk)
    found = rows.aggregate(
        entered=Max("sent_at", filter=Q(leg=Leg.ENTRY, filled_quantity__gt=0)),
        canceled=Max("cancel_sent_at", filter=Q(leg__in=RESTING_LEGS)),
    )
    since = [each for each in found.values() if each and each > state.last_updated_at]
    return max(since, default=timezone.now())


def note_end(state: BotState, found: Protection, *, why: str) -> None:
    """Say how it stands after all that could be done; `why` is the reason when it is missing."""
    now = timezone.now()
    if found.is_needed and not found.is_there:
        _note_naked(state, why, now=now)
        return
    state.stop_failures = 0
    if state.unprotected_since is None:
        return
    _count(state, is_there=found.is_there, now=now)
    state.unprotected_since, state.unprotected_reason = None, ""
    journal.close_gone(state.pk, IncidentKind.UNPROTECTED, still_there=())


def note_flat(state: BotState) -> None:
    """Forget what belonged to a position that is gone."""
    state.unprotected_since, state.unprotected_reason = None, ""
    state.unprotected_seconds, state.stop_failures = ZERO, 0
    state.stop_basis = ""
    # The books may have forgotten the seconds before: whether it was naked is not asked here.
    journal.close_gone(state.pk, IncidentKind.UNPROTECTED, still_there=())


def raise_incident(state: BotState, why: str) -> None:
    """Ask for a person: the position is kept without its stop. Safe to repeat."""
    key = f"{state.position_opened_at:%Y-%m-%dT%H:%M:%S}" if state.position_opened_at else "now"
    account = state.bot.api_key.account_id if state.bot.api_key else None
    journal.open_incident(
        state.pk,
        IncidentKind.UNPROTECTED,
        key,
        f"The position has no stop at the venue, and the bot keeps it as configured: {why}",
        data={"why": why, "since": str(state.unprotected_since), "failures": state.stop_failures},
        account_id=account,
    )


def _note_naked(state: BotState, why: str, *, now: datetime) -> None:
    if state.unprotected_since is None:
        state.unprotected_since = now
    if not state.unprotected_reason:
        since = f"{state.unprotected_since:%Y-%m-%d %H:%M:%S} UTC"
        journal.record_event(
            state.pk, EventKind.UNPROTECTED, f"The position has no stop since {since}: {why}."
        )
    state.unprotected_reason = why


def _count(state: BotState, *, is_there: bool, now: datetime) -> None:
    if state.unprotected_since is None:
        return
    seconds = Decimal(str((now - state.unprotected_since).total_seconds()))
    state.unprotected_seconds += seconds
    if state.unprotected_reason and is_there:
        words = f"The position has its stop again, after {plain(round(seconds, 1))} seconds."
        journal.record_event(state.pk, EventKind.UNPROTECTED, words, data={"seconds": str(seconds)})

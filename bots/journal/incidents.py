"""What only a person can settle: opened once, seen again, closed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from bots.journal.connection import JOURNAL
from bots.journal.events import record_event
from bots.models import EventKind, Incident, IncidentKind, Resolution


def open_incident(
    bot_id: int,
    kind: IncidentKind,
    key: str,
    message: str,
    *,
    data: Mapping[str, Any],
    is_blocking: bool = True,
    account_id: int | None = None,
) -> Incident:
    """Open the incident of this bot, kind and thing, or note that it was seen again.

    One event tells of it when it opens, and again when it comes back after it was gone or
    adopted. What a person has dismissed stays dismissed; only `last_seen_at` moves (wall time).
    Of one that is open, words and data follow what is seen. Safe to repeat and beside itself.
    """
    now = timezone.now()
    found: dict[str, Any] = {
        "account_id": account_id,
        "message": message,
        "data": dict(data),
        "is_blocking": is_blocking,
        "last_seen_at": now,
    }
    with transaction.atomic(using=JOURNAL):
        incident, is_new = Incident.objects.using(JOURNAL).get_or_create(
            bot_id=bot_id, kind=kind, key=key, defaults=found
        )
        if not is_new:
            is_new = _reopen(incident, found)
        if is_new:
            data = {"incident": incident.pk, "kind": str(kind), "key": key}
            record_event(bot_id, EventKind.INCIDENT, message, data=data)
        else:
            _see_again(incident, found)
    return incident


def _see_again(incident: Incident, found: Mapping[str, Any]) -> None:
    rows = Incident.objects.using(JOURNAL).filter(pk=incident.pk)
    if not rows.filter(closed_at=None).update(**found):
        rows.update(last_seen_at=found["last_seen_at"])
    incident.refresh_from_db(using=JOURNAL)


def _reopen(incident: Incident, found: Mapping[str, Any]) -> bool:
    came_back = Incident.objects.using(JOURNAL).filter(
        pk=incident.pk, resolution__in=(Resolution.GONE, Resolution.ADOPTED)
    )
    again = {"resolution": "", "closed_at": None, "closed_by": None, "note": ""}
    if not came_back.update(opened_at=found["last_seen_at"], **again, **found):
        return False
    incident.refresh_from_db(using=JOURNAL)
    return True


def close_incident(
    incident: Incident, resolution: Resolution, *, actor_id: int | None = None, note: str = ""
) -> bool:
    """Close an open incident and note how it ended; False when somebody has closed it before."""
    with transaction.atomic(using=JOURNAL):
        closed = {
            "resolution": resolution.value,
            "closed_at": timezone.now(),
            "closed_by_id": actor_id,
            "note": note,
        }
        still_open = Incident.objects.using(JOURNAL).filter(pk=incident.pk, closed_at=None)
        if not still_open.update(**closed):
            return False
        words = f"{Resolution(resolution).label.capitalize()}: {incident.message}"
        if note:
            words = f"{words} Note: {note}"
        record_event(
            incident.bot_id,
            EventKind.INCIDENT_CLOSED,
            words,
            actor_id=actor_id,
            data={"incident": incident.pk, "resolution": resolution.value},
        )
    for name, value in closed.items():
        setattr(incident, name, value)
    return True


def close_gone(bot_id: int, kind: IncidentKind, *, still_there: Collection[str]) -> int:
    """Close the open incidents of a kind whose keys are not among `still_there`; return how many.

    Call it only after a look that would have seen them.
    """
    gone = Incident.objects.using(JOURNAL).filter(bot_id=bot_id, kind=kind, closed_at=None)
    return sum(
        close_incident(incident, Resolution.GONE)
        for incident in gone.exclude(key__in=list(still_there)).order_by("pk")
    )

"""Incidents as people read them."""

from __future__ import annotations

from django.db.models import QuerySet

from bots.models import Incident


def open_incidents(bot_id: int) -> QuerySet[Incident]:
    """Return what still waits for a person at one bot, oldest first."""
    return Incident.objects.filter(bot_id=bot_id, closed_at=None).order_by("pk")


def closed_incidents(bot_id: int) -> QuerySet[Incident]:
    """Return what was settled at one bot, newest first."""
    closed = Incident.objects.filter(bot_id=bot_id, closed_at__isnull=False)
    return closed.select_related("closed_by").order_by("-closed_at", "-pk")


def open_incidents_of(user_id: int | None) -> QuerySet[Incident]:
    """Return what waits at all bots of a person, or of everybody with None, oldest first."""
    incidents = Incident.objects.filter(closed_at=None, bot__deleted_at=None)
    if user_id is not None:
        incidents = incidents.filter(bot__user_id=user_id)
    return incidents.select_related("bot").order_by("pk")

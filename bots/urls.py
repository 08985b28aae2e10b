"""Addresses of the pages."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseRedirect
from django.templatetags.static import static
from django.urls import path

from bots.views import chart, controls, detail, overview, safety


def favicon(request: HttpRequest) -> HttpResponseRedirect:
    """Lead browsers that ask at the old place, as the admin's pages make them, to the icon."""
    return HttpResponseRedirect(static("favicon.svg"))


urlpatterns = [
    path("favicon.ico", favicon),
    path("", overview.overview, name="overview"),
    path("bots/<int:pk>/", detail.detail, name="bot-detail"),
    path("bots/<int:pk>/history/", detail.history, name="bot-history"),
    path("bots/<int:pk>/chart.json", chart.chart, name="bot-chart"),
    path("bots/<int:pk>/start/", controls.start, name="bot-start"),
    path("bots/<int:pk>/stop/", controls.stop, name="bot-stop"),
    path("bots/<int:pk>/holds/", detail.holds, name="bot-holds"),
    path("bots/<int:pk>/close/", safety.close, name="bot-close"),
    path("bots/<int:pk>/halt/", safety.halt, name="bot-halt"),
    path("bots/<int:pk>/halt/lift/", safety.end_halt, name="bot-lift-halt"),
    path("bots/<int:pk>/locks/<int:lock_id>/lift/", safety.end_lock, name="bot-lift-lock"),
    path("bots/<int:pk>/incidents/<int:incident_id>/adopt/", safety.adopt, name="bot-adopt"),
    path("bots/<int:pk>/incidents/<int:incident_id>/dismiss/", safety.dismiss, name="bot-dismiss"),
    path("bots/<int:pk>/hand-over/", safety.pass_on, name="bot-hand-over"),
    path("bots/<int:pk>/transfer-back/", safety.move_back, name="bot-return"),
    path("bots/<int:pk>/delete/", safety.delete, name="bot-delete"),
]

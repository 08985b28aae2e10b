"""Addresses of the pages."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseRedirect
from django.templatetags.static import static
from django.urls import path

from bots.views import chart, controls, detail, overview


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
]

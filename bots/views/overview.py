"""All bots of one person at a glance."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from bots.selectors.access import bots_of
from bots.selectors.bot_view import bot_views
from bots.selectors.overview import demo_note, environments, totals
from bots.views.access import signed_in_user


@require_safe
@login_required
def overview(request: HttpRequest) -> HttpResponse:
    """Show equity, today, positions, what needs a person, and every bot as a row."""
    views = bot_views(bots_of(signed_in_user(request)))
    in_use = environments(views)
    context = {
        "views": views,
        "rail_bots": views,
        "totals": totals(views),
        "in_position": sum(view.state.in_position for view in views),
        "attention": [view for view in views if view.needs_a_person],
        "demo": demo_note(views),
        "environments": in_use,
        "environment": in_use[0] if in_use else "",
        "page_data": {"page": "overview", "bots": [view.page_data for view in views]},
    }
    return render(request, "bots/overview.html", context)

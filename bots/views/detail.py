"""One bot: chart, position, limits, health and history."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.models import User
from bots.models import BotConfig, Tick
from bots.selectors.access import bots_of, heirs_of, may_control, may_halt_account
from bots.selectors.bot_view import BotView, bot_views
from bots.selectors.decisions import why
from bots.selectors.history import (
    decisions_in,
    events_of,
    market_speed,
    ticks_of,
    trades_of,
)
from bots.selectors.holds import holds_on
from bots.selectors.overview import demo_note
from bots.services.incidents import ADOPTABLE
from bots.views.access import bot_or_404, signed_in_user


@require_safe
@login_required
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Show everything about one bot."""
    bot = bot_or_404(request, pk)
    user = signed_in_user(request)
    [view], ticks = bot_views([bot]), ticks_of(bot)
    context = {
        "view": view,
        "may_control": may_control(user, bot),
        "rail_bots": [BotView(each) for each in bots_of(user)],
        "environments": [view.environment] if view.environment else [],
        "environment": view.environment,
        "demo": demo_note([view]),
        "speed": market_speed(ticks),
        "page_data": {
            "page": "bot",
            "bots": [view.page_data],
            "chart_url": reverse("bot-chart", args=[pk]),
        },
        "heirs": heirs_of(bot),
        **_holds(bot, user),
        **_history(bot, ticks),
    }
    return render(request, "bots/detail.html", context)


@require_safe
@login_required
def holds(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer what holds the bot back alone, for pages that are open."""
    bot, user = bot_or_404(request, pk), signed_in_user(request)
    context = {"view": BotView(bot), "may_control": may_control(user, bot), **_holds(bot, user)}
    return render(request, "bots/_holds.html", context)


@require_safe
@login_required
def history(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer the tables below the chart alone, for pages that are open."""
    bot = bot_or_404(request, pk)
    return render(
        request, "bots/_history.html", {"view": BotView(bot), **_history(bot, ticks_of(bot))}
    )


def _holds(bot: BotConfig, user: User) -> dict[str, Any]:
    return {
        "holds": holds_on(bot),
        "adoptable": ADOPTABLE,
        "may_halt_account": may_halt_account(user, bot),
    }


def _history(bot: BotConfig, ticks: list[Tick]) -> dict[str, Any]:
    return {
        "trades": trades_of(bot),
        "decisions": decisions_in(ticks),
        "why": why(bot),
        "events": events_of(bot),
    }

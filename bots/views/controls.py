"""Starting and stopping, with or without JavaScript."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from accounts.models import User
from bots.models import BotConfig
from bots.selectors.access import may_control
from bots.selectors.bot_view import BotView
from bots.services import BotError, start_bot, stop_bot
from bots.views.access import bot_or_404, signed_in_user


@require_POST
@login_required
def start(request: HttpRequest, pk: int) -> HttpResponse:
    """Start the bot and show it, or say why it cannot start."""
    return _control(request, pk, lambda user: start_bot(bot_id=pk, actor=user), done="starts")


@require_POST
@login_required
def stop(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop the bot; a position it holds is kept, or closed when the form says so."""
    closes = request.POST.get("position") == "close"
    return _control(
        request,
        pk,
        lambda user: stop_bot(bot_id=pk, actor=user, close=closes),
        done="is stopped",
        failed="stop as asked",
    )


def _control(
    request: HttpRequest,
    pk: int,
    act: Callable[[User], BotConfig],
    *,
    done: str,
    failed: str = "start",
) -> HttpResponse:
    bot, user = bot_or_404(request, pk), signed_in_user(request)
    if not may_control(user, bot):
        raise PermissionDenied
    problem = ""
    try:
        act(user)
    except BotError as error:
        problem = str(error)
    if request.headers.get("HX-Request"):
        return _fragment(request, pk, problem=problem)
    if problem:
        messages.error(request, f"{bot.name} did not {failed}: {problem}")
    else:
        messages.success(request, f"{bot.name} {done}.")
    return redirect(back(request, bot))


def _fragment(request: HttpRequest, pk: int, *, problem: str) -> HttpResponse:
    context = {
        "view": BotView(bot_or_404(request, pk)),
        "may_control": True,
        "problem": problem,
        "out_of_band": True,
    }
    return render(request, "bots/_controls.html", context)


def back(request: HttpRequest, bot: BotConfig) -> str:
    """Return where the form came from when it says so and that is here, else the bot's page."""
    target = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return target if safe else bot.get_absolute_url()

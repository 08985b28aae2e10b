"""Closing, halting, lifting, adopting, deleting: forms of a bot's page, without JavaScript too."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from accounts.models import User
from bots.domain.halting import HaltLevel
from bots.locks import HaltScope
from bots.models import BotConfig, EntryLock, Incident
from bots.selectors.access import may_control, may_halt_account
from bots.services import (
    BotError,
    adopt_incident,
    close_position,
    delete_bot,
    dismiss_incident,
    hand_over,
    lift_halt,
    lift_lock,
    return_transfer,
    set_halt,
)
from bots.views.access import bot_or_404, signed_in_user


@require_POST
@login_required
def close(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for the position to be closed."""
    return _act(
        request,
        pk,
        lambda bot, user: close_position(bot_id=bot.pk, actor=user),
        done="The position is being closed at the market.",
    )


@require_POST
@login_required
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Delete the bot and show the overview."""
    bot, user = _allowed(request, pk)
    try:
        delete_bot(bot_id=pk, actor=user)
    except BotError as error:
        messages.error(request, str(error))
        return redirect(bot.get_absolute_url())
    messages.success(request, f"{bot.name} is deleted.")
    return redirect("overview")


@require_POST
@login_required
def pass_on(request: HttpRequest, pk: int) -> HttpResponse:
    """Hand the position over to another bot."""
    heir = bot_or_404(request, _number(request.POST.get("heir", "")))
    return _act(
        request,
        pk,
        lambda bot, user: hand_over(bot_id=bot.pk, heir_id=heir.pk, actor=user),
        done=f"{heir.name} has the position now.",
    )


@require_POST
@login_required
def move_back(request: HttpRequest, pk: int) -> HttpResponse:
    """Move what the bot had brought to the futures wallet back."""
    return _act(
        request,
        pk,
        lambda bot, user: return_transfer(bot_id=bot.pk, actor=user),
        done="The money is back in the spot wallet.",
    )


@require_POST
@login_required
def halt(request: HttpRequest, pk: int) -> HttpResponse:
    """Halt the bot, or its account, as the form says."""
    try:
        level = HaltLevel(request.POST.get("level", ""))
    except ValueError:
        level = HaltLevel.NONE  # which the service refuses in words
    return _act(
        request,
        pk,
        lambda bot, user: set_halt(
            scope=_scope(request, bot, user),
            level=level,
            reason=request.POST.get("reason", ""),
            actor=user,
        ),
        done="Halted. From now on no such order is sent.",
    )


@require_POST
@login_required
def end_halt(request: HttpRequest, pk: int) -> HttpResponse:
    """Lift the halt of the bot, or of its account, as the form says."""
    return _act(
        request,
        pk,
        lambda bot, user: lift_halt(scope=_scope(request, bot, user), actor=user),
        done="The halt is lifted.",
    )


@require_POST
@login_required
def end_lock(request: HttpRequest, pk: int, lock_id: int) -> HttpResponse:
    """Lift a lock of the bot."""
    if not EntryLock.objects.filter(pk=lock_id, bot_id=pk).exists():
        raise Http404
    return _act(
        request,
        pk,
        lambda _, user: lift_lock(lock_id, actor=user),
        done="The lock is lifted.",
    )


@require_POST
@login_required
def adopt(request: HttpRequest, pk: int, incident_id: int) -> HttpResponse:
    """Give what was found to the bot."""
    _incident_or_404(pk, incident_id)
    return _act(
        request,
        pk,
        lambda _, user: adopt_incident(incident_id, actor=user),
        done="Adopted: it is in the bot's books now.",
    )


@require_POST
@login_required
def dismiss(request: HttpRequest, pk: int, incident_id: int) -> HttpResponse:
    """Close what was found as none of the bot's business."""
    _incident_or_404(pk, incident_id)
    note = request.POST.get("note", "")
    return _act(
        request,
        pk,
        lambda _, user: dismiss_incident(incident_id, actor=user, note=note),
        done="Dismissed.",
    )


def _act(
    request: HttpRequest, pk: int, act: Callable[[BotConfig, User], object], *, done: str
) -> HttpResponse:
    bot, user = _allowed(request, pk)
    try:
        act(bot, user)
    except BotError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, done)
    return redirect(bot.get_absolute_url())


def _allowed(request: HttpRequest, pk: int) -> tuple[BotConfig, User]:
    bot, user = bot_or_404(request, pk), signed_in_user(request)
    if not may_control(user, bot):
        raise PermissionDenied
    return bot, user


def _scope(request: HttpRequest, bot: BotConfig, user: User) -> HaltScope:
    if request.POST.get("scope") != "account":
        return HaltScope(bot_id=bot.pk)
    if bot.api_key is None or not may_halt_account(user, bot):
        raise PermissionDenied
    return HaltScope(account_id=bot.api_key.account_id)


def _incident_or_404(bot_id: int, incident_id: int) -> None:
    if not Incident.objects.filter(pk=incident_id, bot_id=bot_id).exists():
        raise Http404


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0

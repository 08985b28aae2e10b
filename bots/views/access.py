"""Who may look at which bot."""

from __future__ import annotations

from typing import cast

from django.http import Http404, HttpRequest

from accounts.models import User
from bots.models import BotConfig
from bots.selectors.access import bot_visible_to


def signed_in_user(request: HttpRequest) -> User:
    """Return who is looking; only for views behind `login_required`."""
    return cast(User, request.user)


def bot_or_404(request: HttpRequest, bot_id: int) -> BotConfig:
    """Return the bot; strangers learn no more than that there is nothing."""
    try:
        return bot_visible_to(signed_in_user(request), bot_id)
    except BotConfig.DoesNotExist:
        raise Http404("no such bot") from None

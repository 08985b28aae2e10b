"""Whose bots a person may see and steer."""

from __future__ import annotations

from django.db.models import QuerySet

from accounts.models import User
from bots.models import BotConfig, BotState


def bots_of(user: User) -> QuerySet[BotConfig]:
    """Return the user's bots with state and key; the key's secrets stay in the database."""
    return _with_state(BotConfig.objects.filter(user=user)).order_by("name", "pk")


def bot_visible_to(user: User, bot_id: int) -> BotConfig:
    """Return a bot of the user, or any bot for staff; BotConfig.DoesNotExist otherwise."""
    bots = BotConfig.objects.all() if user.is_staff else BotConfig.objects.filter(user=user)
    return _with_state(bots).get(pk=bot_id)


def may_control(user: User, bot: BotConfig) -> bool:
    """Say whether the user may start and stop the bot: its owner, or staff with the permission."""
    return bot.user_id == user.pk or (user.is_staff and user.has_perm("bots.change_botconfig"))


def state_of(bot: BotConfig) -> BotState:
    """Return the bot's state, an unsaved stopped one when the row is missing."""
    try:
        return bot.state
    except BotState.DoesNotExist:
        return BotState(bot=bot)


def _with_state(bots: QuerySet[BotConfig]) -> QuerySet[BotConfig]:
    return bots.select_related("state", "api_key").defer(
        "api_key__encrypted_key", "api_key__encrypted_secret"
    )

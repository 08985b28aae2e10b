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


def may_halt_everything(user: User) -> bool:
    """Say whether the user may halt the whole installation: staff with the permission."""
    return user.is_staff and user.has_perm("bots.change_halt")


def may_halt_account(user: User, bot: BotConfig) -> bool:
    """Say whether the user may halt the account that the bot trades on.

    Its owner, who owns all its keys and so the bot, or staff with the permission.
    """
    return bot.api_key is not None and (bot.user_id == user.pk or may_halt_everything(user))


def may_control(user: User, bot: BotConfig) -> bool:
    """Say whether the user may start and stop the bot: its owner, or staff with the permission."""
    return bot.user_id == user.pk or (user.is_staff and user.has_perm("bots.change_botconfig"))


def heirs_of(bot: BotConfig) -> list[BotConfig]:
    """Return the bots that could take over this one's position: flat ones with the same books."""
    if bot.api_key is None or not state_of(bot).in_position:
        return []
    others = BotConfig.objects.filter(
        user_id=bot.user_id,
        api_key__account_id=bot.api_key.account_id,
        position_type=bot.position_type,
        symbol=bot.symbol,
        state__in_position=False,
        deleted_at=None,
    )
    return list(others.exclude(pk=bot.pk).order_by("name", "pk"))


def state_of(bot: BotConfig) -> BotState:
    """Return the bot's state, an unsaved stopped one when the row is missing."""
    try:
        return bot.state
    except BotState.DoesNotExist:
        return BotState(bot=bot)


def _with_state(bots: QuerySet[BotConfig]) -> QuerySet[BotConfig]:
    # A deleted bot is shown to nobody; its orders and fills stay.
    return (
        bots.filter(deleted_at=None)
        .select_related("state", "api_key")
        .defer("api_key__encrypted_key", "api_key__encrypted_secret")
    )

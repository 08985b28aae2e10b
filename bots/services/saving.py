"""Creating bots and changing their settings."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from accounts.models import User
from bots import journal
from bots.models import BotConfig, BotState, EventKind


def create_bot(bot: BotConfig, *, actor: User | None) -> BotConfig:
    """Save a new bot, stopped, together with its state; the caller has run `full_clean`."""
    with transaction.atomic():
        bot.is_active = False
        bot.save()
        BotState.objects.create(bot=bot)
        transaction.on_commit(
            lambda: journal.record_event(
                bot.pk, EventKind.CREATED, f"Created {bot}.", actor_id=actor.pk if actor else None
            )
        )
    return bot


def update_bot(bot: BotConfig, *, changed: Sequence[str], actor: User | None) -> BotConfig:
    """Save edited settings and note which; the caller has run `full_clean`.

    Writes every column but the switch: a form that was open for a while must not turn it.
    """
    columns = [f.name for f in BotConfig._meta.concrete_fields if not f.primary_key]
    bot.save(update_fields=[name for name in columns if name != "is_active"])
    if changed:
        what = ", ".join(f"{name} = {getattr(bot, name)}" for name in changed)
        transaction.on_commit(
            lambda: journal.record_event(
                bot.pk, EventKind.EDITED, f"Changed: {what}.", actor_id=actor.pk if actor else None
            )
        )
    return bot

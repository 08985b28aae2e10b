"""Creating bots and changing their settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from django.db import transaction

from accounts.models import User
from bots import journal
from bots.domain.edits import sorted_edit
from bots.models import BotConfig, BotState, EventKind

SWITCHES: Final = frozenset({"is_active", "deleted_at"})


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

    Writes every column but the switches: a form that was open for a while must not turn them.
    In a position some settings wait; `when_it_applies` says which.
    """
    columns = [f.name for f in BotConfig._meta.concrete_fields if not f.primary_key]
    bot.save(update_fields=[name for name in columns if name not in SWITCHES])
    if changed:
        what = ", ".join(f"{name} = {getattr(bot, name)}" for name in changed)
        words = " ".join((f"Changed: {what}.", when_it_applies(bot, changed))).strip()
        transaction.on_commit(
            lambda: journal.record_event(
                bot.pk, EventKind.EDITED, words, actor_id=actor.pk if actor else None
            )
        )
    return bot


def when_it_applies(bot: BotConfig, changed: Sequence[str]) -> str:
    """Say which changed settings wait until when; empty when all of them apply at once."""
    groups = sorted_edit(changed)
    in_position = BotState.objects.filter(pk=bot.pk, in_position=True).exists()
    sentences = []
    if in_position and groups["next entry"]:
        sentences.append(f"Waits for the next entry: {', '.join(groups['next entry'])}.")
    if bot.is_active and groups["next start"]:
        sentences.append(f"Waits for the next start: {', '.join(groups['next start'])}.")
    return " ".join(sentences)

"""Turning the kill switches. After the commit of `set_halt` no order turns `sent`."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.models import User
from bots import journal
from bots.domain.halting import HaltLevel, strictest
from bots.locks import HaltScope, halt_for_update
from bots.models import BotConfig, EventKind, Halt, HaltChange
from bots.selectors.halts import in_words
from bots.services.errors import BotError


def set_halt(*, scope: HaltScope, level: HaltLevel, reason: str, actor: User | None) -> Halt:
    """Stop entries, or everything but stops and a person's own closes, at once.

    What was sent before is in flight and is followed. Waits for orders that are being turned
    `sent` this moment. Setting what is set already changes nothing. BotError without a reason, and
    where a stricter halt stands: that one is lifted, never weakened in passing.
    """
    if level is HaltLevel.NONE:
        raise BotError("Choose what to halt: entries, or everything.")
    if not reason.strip():
        raise BotError("Say why: whoever comes next has to know when it may be lifted.")
    return _turn(scope, level, reason.strip(), actor)


def lift_halt(*, scope: HaltScope, actor: User | None, reason: str = "") -> Halt:
    """Let orders be sent again. Lifting what is not set changes nothing."""
    return _turn(scope, HaltLevel.NONE, reason.strip(), actor)


def _turn(scope: HaltScope, level: HaltLevel, reason: str, actor: User | None) -> Halt:
    with transaction.atomic():
        halt = halt_for_update(scope)
        if halt.level == level and (halt.reason == reason or level is HaltLevel.NONE):
            return halt
        if level is not HaltLevel.NONE and strictest(level, HaltLevel(halt.level)) is not level:
            raise BotError(f"A stricter halt stands ({in_words(halt)}). Lift it first.")
        HaltChange.objects.create(
            halt=halt, level_before=halt.level, level=level, reason=reason, actor=actor
        )
        halt.level, halt.reason = level.value, reason
        halt.set_by, halt.set_at = actor, timezone.now()
        halt.save()
        transaction.on_commit(lambda: _tell(scope, halt, actor))
    return halt


def _tell(scope: HaltScope, halt: Halt, actor: User | None) -> None:
    words = "the halt is lifted" if halt.level == HaltLevel.NONE else in_words(halt)
    if halt.level == HaltLevel.NONE and halt.reason:
        words = f"{words}: {halt.reason}"
    for bot_id in _concerned(scope).values_list("pk", flat=True):
        journal.record_event(
            bot_id,
            EventKind.HALTED,
            f"{words[:1].upper()}{words[1:]}.",
            actor_id=actor.pk if actor else None,
            data={"level": halt.level, "scope": halt.scope},
        )


def _concerned(scope: HaltScope) -> QuerySet[BotConfig]:
    bots = BotConfig.objects.filter(deleted_at=None).order_by("pk")
    if scope.bot_id is not None:
        return bots.filter(pk=scope.bot_id)
    at_work = bots.filter(Q(is_active=True) | Q(state__in_position=True))
    if scope.account_id is not None:
        return at_work.filter(api_key__account_id=scope.account_id)
    return at_work

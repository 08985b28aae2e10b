"""What keeps a bot from opening positions until somebody, or time, ends it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q
from django.utils import timezone

from bots.models import BotConfig, BotState, EntryLock, Halt, Incident
from bots.selectors.access import state_of
from bots.selectors.halts import halts_over, in_words


@dataclass(frozen=True, slots=True)
class HaltShown:
    """A switch that is on, with its words and whose it is: `everything`, `account` or `bot`."""

    halt: Halt
    words: str
    scope: str


@dataclass(frozen=True, slots=True)
class Holds:
    """Everything that holds a bot back, for its page."""

    halts: Sequence[HaltShown]
    locks: Sequence[EntryLock]
    incidents: Sequence[Incident]

    @property
    def is_empty(self) -> bool:
        """Say whether nothing holds the bot back."""
        return not (self.halts or self.locks or self.incidents)

    @property
    def own_halt(self) -> Halt | None:
        """Return the bot's own switch when it is on."""
        return next((shown.halt for shown in self.halts if shown.scope == "bot"), None)


def holds_on(bot: BotConfig) -> Holds:
    """Return halts, standing locks and open incidents, the oldest first."""
    return Holds(
        halts=[_shown(halt) for halt in halts_over(bot)],
        locks=standing_locks(state_of(bot)),
        incidents=list(Incident.objects.filter(bot_id=bot.pk, closed_at=None).order_by("id")),
    )


def standing_locks(state: BotState, *, now: datetime | None = None) -> list[EntryLock]:
    """Return the locks whose end has not come, each measured by its own clock."""
    moment = now or timezone.now()
    runs = Q(is_wall_time=True, ends_at__gt=moment) | Q(
        is_wall_time=False, ends_at__gt=state.last_market_time or moment
    )
    rows = EntryLock.objects.filter(runs, bot_id=state.pk, lifted_at=None)
    return list(rows.order_by("id"))


def _shown(halt: Halt) -> HaltShown:
    scope = "everything"
    if halt.bot_id is not None:
        scope = "bot"
    elif halt.account_id is not None:
        scope = "account"
    words = in_words(halt)
    return HaltShown(halt, f"{words[:1].upper()}{words[1:]}.", scope)

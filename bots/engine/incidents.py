"""What the account keeps a bot from: incidents that are open, suspicions, symbols of others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from bots.domain.decision import Denial, DenialCode
from bots.domain.wording import plain
from bots.engine.account import symbol_taken_by, taken_in_words
from bots.journal import JOURNAL
from bots.models import BotState, Incident, IncidentKind, Resolution
from exchange.domain.types import ZERO

FOREIGN_KINDS: Final = (IncidentKind.FOREIGN_ORDER, IncidentKind.FOREIGN_POSITION)
POSITION_KINDS: Final = (IncidentKind.FOREIGN_POSITION, IncidentKind.POSITION_DIFFERS)
_WHAT_TO_DO: Final = "adopt or dismiss it on the bot's page"


def entry_blocks_of_account(state: BotState) -> tuple[Denial, ...]:
    """Return why the account lets this bot open no position now; empty when it does.

    Incidents that a person must close, oldest first, what a look has found and the next one has
    to confirm, and the other bot that has the symbol.
    """
    incidents = _open_incidents(state.pk)
    blocks = [_block(incident) for incident in incidents]
    confirmed = {incident.key for incident in incidents}
    blocks += [
        Denial(code=DenialCode.FOREIGN, detail=f"{words}; it is looked at again")
        for key, words in Look.of(state).suspicions.items()
        if key not in confirmed
    ]
    holder = symbol_taken_by(state.bot)
    if holder is not None:
        detail = taken_in_words(state.bot, holder)
        blocks.append(Denial(code=DenialCode.SYMBOL_TAKEN, detail=detail))
    return tuple(blocks)


def _open_incidents(bot_id: int) -> list[Incident]:
    still_open = Incident.objects.using(JOURNAL).filter(bot_id=bot_id, closed_at=None)
    return list(still_open.filter(is_blocking=True).order_by("pk"))


def _block(incident: Incident) -> Denial:
    is_foreign = incident.kind in FOREIGN_KINDS
    return Denial(
        code=DenialCode.FOREIGN if is_foreign else DenialCode.INCIDENT,
        detail=f"{incident.message.rstrip('.')}; {_WHAT_TO_DO}",
    )


def was_dismissed(bot_id: int, kinds: Sequence[IncidentKind], key: str) -> bool:
    """Say whether a person has dismissed a difference of this size."""
    of_bot = Incident.objects.using(JOURNAL).filter(bot_id=bot_id, kind__in=kinds, key=key)
    return of_bot.filter(resolution=Resolution.DISMISSED).exists()


@dataclass(slots=True, kw_only=True)
class Look:
    """What looks at the account have found so far; kept in `BotState.account_look`.

    agreed_at     market time of the newest look at which the position was as expected
    agreed        signed quantity that the venue had more than the books at it: zero, or what a
                  person has dismissed
    suspicions    what the newest look has found for the first time, by key, in words
    """

    agreed_at: datetime | None = None
    agreed: Decimal = ZERO
    suspicions: dict[str, str]

    @classmethod
    def of(cls, state: BotState) -> Look:
        """Read what `state` remembers; nothing when that belongs to another symbol or account."""
        kept = state.account_look
        if kept.get("books") != state.folded_for:
            kept = {}
        at = kept.get("agreed_at")
        return cls(
            agreed_at=datetime.fromisoformat(at) if at else None,
            agreed=Decimal(kept.get("agreed", "0")),
            suspicions=dict(kept.get("suspicions", {})),
        )

    def keep(self, state: BotState) -> None:
        """Write it into `state`, which the caller saves."""
        state.account_look = {
            "books": state.folded_for,
            "agreed_at": self.agreed_at.isoformat() if self.agreed_at else None,
            "agreed": plain(self.agreed),
            "suspicions": self.suspicions,
        }

    def is_confirmed(self, key: str, words: str) -> bool:
        """Say whether a look before this one has found the same; else remember it for the next."""
        if key in self.suspicions:
            return True
        self.suspicions[key] = words
        return False

    def forget(self, prefix: str, *, but: str = "") -> None:
        """Drop the suspicions whose keys begin with `prefix`, all but one."""
        for key in [key for key in self.suspicions if key.startswith(prefix) and key != but]:
            del self.suspicions[key]

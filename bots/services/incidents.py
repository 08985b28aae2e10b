"""What a person may do about something that was found: adopt it, or dismiss it."""

from __future__ import annotations

from typing import Final

from django.db import transaction

from accounts.models import User
from bots import journal
from bots.domain.orders import UNSETTLED, OrderStatus
from bots.engine.account import symbol_taken_by, taken_in_words
from bots.engine.adopting import (
    NotAdoptableError,
    adopt_order,
    adopt_position,
    write_off_coins,
)
from bots.engine.answers import EXPECTED_FAILURES
from bots.engine.books import fold_books
from bots.engine.publishing import publish_state, publish_trades
from bots.engine.schedule import make_due
from bots.engine.venue import open_gateway
from bots.locks import BotLockedError, lock_state
from bots.models import BotState, Incident, IncidentKind, Order, Resolution
from bots.services.errors import BotError
from exchange.domain.budget import Priority, asking_for

WAITS_SECONDS: Final = 10  # how long a person waits for a tick that is under way
_IN_DOUBT: Final = [each for each in UNSETTLED if each is not OrderStatus.OPEN]
_POSITIONS: Final = (IncidentKind.FOREIGN_POSITION, IncidentKind.POSITION_DIFFERS)
ADOPTABLE: Final = (*_POSITIONS, IncidentKind.FOREIGN_ORDER, IncidentKind.WALLET_SHORT)


def adopt_incident(incident_id: int, *, actor: User | None) -> Incident:
    """Make what was found the bot's own: its books take it over, its stops follow it.

    The venue is asked again first. `BotError` says in plain words why it does not fit, also
    when it has been closed before or a tick is under way.
    """
    incident = _open(incident_id)
    if incident.kind not in ADOPTABLE:
        raise BotError("This cannot be adopted. Put it right, then dismiss it.")
    try:
        with transaction.atomic(), asking_for(Priority.PAGE):
            state = lock_state(incident.bot_id, wait_seconds=WAITS_SECONDS)
            _adopt(state, incident, actor)
    except BotLockedError as error:
        raise BotError("A tick of this bot is under way. Try again in a moment.") from error
    except NotAdoptableError as error:
        raise BotError(str(error)) from error
    except EXPECTED_FAILURES as error:
        raise BotError(f"The venue could not be asked: {error}") from error
    return incident


def _adopt(state: BotState, incident: Incident, actor: User | None) -> None:
    """Fold what was adopted at once: a stopped bot has no tick that would."""
    actor_id = actor.pk if actor else None
    _refuse_in_doubt(state)
    gateway = open_gateway(state.bot)
    rules = gateway.rules(state.bot.symbol)
    # The journal commits on its own: whatever fails after it is found by the next look.
    if incident.kind == IncidentKind.FOREIGN_ORDER:
        adopt_order(state, incident, gateway=gateway, actor_id=actor_id)
    elif incident.kind == IncidentKind.WALLET_SHORT:
        write_off_coins(state, incident, rules=rules, actor_id=actor_id)
    else:
        adopt_position(state, incident, gateway=gateway, rules=rules, actor_id=actor_id)
    publish_trades(state, fold_books(state, rules=rules, gateway=gateway))
    journal.close_incident(incident, Resolution.ADOPTED, actor_id=actor_id)
    make_due(state)  # its stops are
    publish_state(state)
    state.save()


def _refuse_in_doubt(state: BotState) -> None:
    rows = Order.objects.using(journal.JOURNAL).filter(bot_id=state.pk, status__in=_IN_DOUBT)
    if rows.exists():
        raise BotError("An order of this bot is not settled yet. Try again in a moment.")
    holder = symbol_taken_by(state.bot)
    if holder is not None:
        raise BotError(f"It cannot be this bot's: {taken_in_words(state.bot, holder)}.")


def dismiss_incident(incident_id: int, *, actor: User | None, note: str) -> Incident:
    """Close what was found as none of the bot's business; it is not raised again.

    note   why, for whoever reads it later. `BotError` when it is closed already.
    """
    if not note.strip():
        raise BotError("Say in a few words why this can be dismissed.")
    incident = _open(incident_id)
    actor_id = actor.pk if actor else None
    if not journal.close_incident(
        incident, Resolution.DISMISSED, actor_id=actor_id, note=note.strip()
    ):
        raise BotError("Somebody else has closed it meanwhile.")
    return incident


def _open(incident_id: int) -> Incident:
    incident = Incident.objects.using(journal.JOURNAL).filter(pk=incident_id).first()
    if incident is None:
        raise BotError(f"There is no incident {incident_id}.")
    if incident.closed_at is not None:
        raise BotError(f"It is closed already: {Resolution(incident.resolution).label}.")
    return incident

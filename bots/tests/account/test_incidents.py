"""Incidents as rows: opened once, seen again, closed once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest

from accounts.models import User
from bots import journal
from bots.models import BotConfig, BotEvent, EventKind, Incident, IncidentKind, Resolution
from bots.selectors.incidents import closed_incidents, open_incidents, open_incidents_of
from bots.services import BotError, adopt_incident

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])

TROUBLE = IncidentKind.ORDER_TROUBLE


def open_one(bot: BotConfig, key: str = "a", message: str = "Trouble.") -> Incident:
    return journal.open_incident(bot.pk, TROUBLE, key, message, data={"n": 1})


def count(bot: BotConfig, kind: EventKind) -> int:
    return BotEvent.objects.filter(bot=bot, kind=kind).count()


def test_the_same_thing_is_one_incident_and_one_event_whose_words_follow(bot: BotConfig) -> None:
    first = open_one(bot)
    again = open_one(bot, message="Worse trouble.")

    assert again.pk == first.pk
    assert Incident.objects.get().message == "Worse trouble."
    assert again.last_seen_at is not None
    assert first.last_seen_at is not None
    assert again.last_seen_at > first.last_seen_at
    assert count(bot, EventKind.INCIDENT) == 1


@pytest.mark.parametrize("resolution", [Resolution.GONE, Resolution.ADOPTED])
def test_what_was_gone_or_adopted_and_comes_back_is_open_again(
    bot: BotConfig, resolution: Resolution
) -> None:
    assert journal.close_incident(open_one(bot), resolution, note="Was it?")

    again = open_one(bot)

    assert (again.resolution, again.closed_at, again.note) == ("", None, "")
    assert count(bot, EventKind.INCIDENT) == 2


def test_what_was_dismissed_stays_dismissed_with_the_words_it_was_dismissed_for(
    bot: BotConfig, trader: User
) -> None:
    incident = open_one(bot)
    journal.close_incident(incident, Resolution.DISMISSED, actor_id=trader.pk, note="Known.")

    again = open_one(bot, message="Worse trouble.")

    assert (again.resolution, again.message) == ("dismissed", "Trouble.")
    assert count(bot, EventKind.INCIDENT) == 1
    event = BotEvent.objects.get(kind=EventKind.INCIDENT_CLOSED)
    assert event.message == "Dismissed by a person: Trouble. Note: Known."
    assert event.actor == trader


def test_an_incident_is_closed_once(bot: BotConfig) -> None:
    incident = open_one(bot)
    other_copy = Incident.objects.get(pk=incident.pk)

    assert journal.close_incident(incident, Resolution.GONE)
    assert not journal.close_incident(other_copy, Resolution.DISMISSED)

    assert Incident.objects.get().resolution == "gone"
    assert count(bot, EventKind.INCIDENT_CLOSED) == 1


def test_only_those_that_a_look_did_not_find_are_gone(bot: BotConfig) -> None:
    open_one(bot, "a")
    open_one(bot, "b")
    journal.open_incident(bot.pk, IncidentKind.BOOKS, "c", "Books.", data={})

    assert journal.close_gone(bot.pk, TROUBLE, still_there=["b"]) == 1

    assert list(open_incidents(bot.pk).values_list("key", flat=True)) == ["b", "c"]
    assert list(closed_incidents(bot.pk).values_list("key", flat=True)) == ["a"]


def test_many_at_once_open_one_incident_with_one_event(
    bot: BotConfig, worker_thread: Callable[[Callable[[], Any]], Future[Any]]
) -> None:
    opened = [worker_thread(lambda: open_one(bot).pk) for _ in range(8)]

    assert len({future.result() for future in opened}) == 1
    assert count(bot, EventKind.INCIDENT) == 1


def test_people_see_what_waits_at_their_own_bots(
    bot: BotConfig, trader: User, stranger: User
) -> None:
    open_one(bot)

    assert [one.bot_id for one in open_incidents_of(trader.pk)] == [bot.pk]
    assert list(open_incidents_of(stranger.pk)) == []
    assert len(open_incidents_of(None)) == 1


def test_what_has_nothing_to_adopt_says_so(bot: BotConfig, trader: User) -> None:
    incident = open_one(bot)

    with pytest.raises(BotError, match="cannot be adopted"):
        adopt_incident(incident.pk, actor=trader)
    with pytest.raises(BotError, match="There is no incident 999999"):
        adopt_incident(999999, actor=trader)

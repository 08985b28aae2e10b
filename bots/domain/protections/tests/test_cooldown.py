from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from bots.domain.decision import DenialCode
from bots.domain.protections import Lock, cooldown
from bots.domain.protections.tests.builders import HOUR, NOON, SECOND, asking

PAUSE = timedelta(seconds=90)
EARLIER = NOON - 30 * SECOND
LATER = NOON - 10 * SECOND


def ask(
    *, last_entry: datetime | None = None, last_close: datetime | None = None, **changes: datetime
) -> Lock | None:
    return cooldown(asking(**changes), pause=PAUSE, last_entry=last_entry, last_close=last_close)


def test_a_bot_that_never_traded_does_not_wait() -> None:
    assert ask() is None


def test_an_entry_order_and_a_close_each_begin_the_pause() -> None:
    entry = ask(last_entry=EARLIER)
    assert entry == Lock(
        kind=DenialCode.COOLDOWN,
        starts_at=EARLIER,
        ends_at=EARLIER + PAUSE,
        reason="a pause of 90 s after an entry order",
    )
    close = ask(last_close=EARLIER)
    assert close is not None
    assert close.reason == "a pause of 90 s after the last close"


@pytest.mark.parametrize(
    ("seconds", "words"), [(60, "60 s"), (119, "119 s"), (120, "2 minutes"), (3600, "60 minutes")]
)
def test_a_pause_of_whole_minutes_is_told_in_minutes(seconds: int, words: str) -> None:
    lock = cooldown(asking(), pause=seconds * SECOND, last_entry=NOON, last_close=None)
    assert lock is not None
    assert lock.reason == f"a pause of {words} after an entry order"


def test_the_newer_cause_counts() -> None:
    after_close = ask(last_entry=EARLIER, last_close=LATER)
    after_entry = ask(last_entry=LATER, last_close=EARLIER)
    assert after_close is not None
    assert after_entry is not None
    assert (after_close.starts_at, after_close.reason[-10:]) == (LATER, "last close")
    assert (after_entry.starts_at, after_entry.reason[-11:]) == (LATER, "entry order")


@pytest.mark.parametrize(("seconds", "stands"), [(89, True), (90, False), (91, False)])
def test_the_pause_ends_on_the_second(*, seconds: int, stands: bool) -> None:
    assert (ask(last_entry=NOON - seconds * SECOND) is not None) is stands


def test_no_pause_is_no_lock() -> None:
    nothing = timedelta(0)
    assert cooldown(asking(), pause=nothing, last_entry=NOON, last_close=NOON) is None


def test_a_cause_that_a_person_has_lifted_locks_no_more_but_a_newer_one_does() -> None:
    assert ask(last_entry=EARLIER, forgiven_until=EARLIER) is None
    lock = ask(last_entry=EARLIER, last_close=LATER, forgiven_until=EARLIER)
    assert lock is not None
    assert lock.starts_at == LATER


def test_an_order_of_a_recording_that_was_started_anew_does_not_lock() -> None:
    assert ask(last_entry=NOON + 2 * HOUR) is None
    assert ask(last_entry=NOON + SECOND) is not None  # two symbols' times differ a little


def test_without_a_pause_a_fill_that_is_ahead_of_the_price_makes_no_lock() -> None:
    ahead = NOON + 5 * SECOND
    assert cooldown(asking(), pause=timedelta(0), last_entry=ahead, last_close=ahead) is None
    # With one it does: the fault is the pause's alone.
    assert cooldown(asking(), pause=PAUSE, last_entry=ahead, last_close=None) is not None

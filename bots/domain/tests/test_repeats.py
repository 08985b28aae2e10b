from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bots.domain.decide import decide
from bots.domain.decision import Denial, DenialCode
from bots.domain.repeats import HALF, acts_on_stops, decision_key, whole_key, words_key
from bots.domain.snapshot import Snapshot
from bots.domain.tests.builders import (
    ENTRY,
    EXIT,
    QUIET,
    D,
    holding,
    parameters,
    rules,
    snapshot,
)

QUIET_PLAN: dict[str, Any] = {"actions": [], "obstacle": "", "notes": [], "needs_person": False}


def key(now: Snapshot) -> str:
    return decision_key(now, decide(now))


def stops(**changes: object) -> dict[str, Any]:
    return {"rounds": [{"view": {"price": "1"}, "plan": {**QUIET_PLAN, **changes}}]}


def test_ticks_that_differ_by_price_and_time_alone_are_the_same() -> None:
    first = snapshot(EXIT - 1, position=holding(), price=D(21000))
    moved = replace(first, price=D(21010), market_time=first.klines[-1].close_time)
    assert key(first) == key(moved)
    padded = holding(quantity=D("0.0200"), entry_price=D("21000.00"))
    assert key(first) == key(replace(moved, position=padded))
    assert len(key(first)) == HALF


@pytest.mark.parametrize(
    "other",
    [
        snapshot(QUIET + 1),
        snapshot(QUIET, parameters=parameters(stop_loss_perc=D(3))),
        snapshot(QUIET, parameters=parameters(position_size_fixed=D(3))),
        snapshot(QUIET, position=holding(quantity=D("0.00001"))),
        snapshot(QUIET, rules=rules(is_trading=False, status="HALT")),
        snapshot(QUIET, entry_blocks=(Denial(code=DenialCode.HALTED, detail="halted"),)),
    ],
)
def test_another_kline_setting_position_or_refusal_is_another_tick(other: Snapshot) -> None:
    assert key(other) != key(snapshot(QUIET))


def test_a_tick_with_orders_stands_alone() -> None:
    assert key(snapshot(ENTRY)) == ""
    assert whole_key("", status="running", stops={}) == ""


def test_the_status_and_what_was_found_of_the_stops_are_part_of_it() -> None:
    half = key(snapshot(QUIET))
    same = whole_key(half, status="running", stops=stops())
    assert same == whole_key(half, status="running", stops=stops())
    assert len(same) == 2 * HALF
    assert same[:HALF] == half
    assert same != whole_key(half, status="paused", stops=stops())
    assert same != whole_key(half, status="running", stops=stops(obstacle="refused"))


def test_a_tick_that_did_something_about_the_stops_stands_alone() -> None:
    acting = stops(actions=[{"step": "place"}])
    assert whole_key(key(snapshot(QUIET)), status="running", stops=acting) == ""
    assert acts_on_stops(acting)
    assert not acts_on_stops(stops())
    assert not acts_on_stops({})


def test_words_alone_make_a_key() -> None:
    assert words_key("failure", "no answer") == words_key("failure", "no answer")
    assert words_key("failure", "no answer") != words_key("round", "no answer")

"""Edits while a position is open: what applies now and what waits."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from bots.domain.direction import Directions
from bots.domain.edits import (
    APPLIES_NOW,
    NEEDS_A_FLAT_BOT,
    NEXT_START,
    WAITS,
    Pending,
    entry_settings,
    parameters_in_force,
    sorted_edit,
    unplaced_levels,
    waiting_edits,
)
from bots.domain.snapshot import Parameters
from bots.domain.tests.builders import parameters as make_parameters

AT_ENTRY = make_parameters(
    ema_fast=9, position_size_fixed=Decimal("1000.50"), stop_loss_perc=Decimal(2), leverage=5
)
EDITED = replace(
    AT_ENTRY,
    ema_fast=12,
    position_size_fixed=Decimal(2000),
    stop_loss_perc=Decimal(3),
    directions=Directions.BOTH,
    max_daily_trades=7,
)


def _bot(parameters: Parameters) -> Any:
    return SimpleNamespace(parameters=parameters)


def _state(*, in_position: bool = True, noted: Any = None) -> Any:
    return SimpleNamespace(in_position=in_position, entry_settings=noted or {})


def _noted(parameters: Parameters) -> Any:
    return json.loads(json.dumps(entry_settings(_bot(parameters))))


def test_what_is_noted_at_the_entry_survives_json_exactly() -> None:
    assert parameters_in_force(_bot(AT_ENTRY), _state(noted=_noted(AT_ENTRY))) == AT_ENTRY


def test_in_a_position_stops_and_limits_follow_the_edit_and_the_entrys_settings_stay() -> None:
    in_force = parameters_in_force(_bot(EDITED), _state(noted=_noted(AT_ENTRY)))
    assert in_force == replace(
        AT_ENTRY, stop_loss_perc=EDITED.stop_loss_perc, max_daily_trades=EDITED.max_daily_trades
    )


def test_a_flat_bot_and_one_whose_entry_was_not_noted_go_by_what_is_configured() -> None:
    flat = _state(in_position=False, noted=_noted(AT_ENTRY))
    assert parameters_in_force(_bot(EDITED), flat) == EDITED
    assert parameters_in_force(_bot(EDITED), _state()) == EDITED
    assert waiting_edits(_bot(EDITED), flat) == ()


def test_what_an_older_version_did_not_note_is_as_configured() -> None:
    in_force = parameters_in_force(_bot(EDITED), _state(noted={"ema_fast": 9, "unheard": 1}))
    assert in_force == replace(EDITED, ema_fast=9)


def test_what_waits_is_named_with_both_values() -> None:
    assert waiting_edits(_bot(EDITED), _state(noted=_noted(AT_ENTRY))) == (
        Pending("positions", "long", "both"),
        Pending("fast EMA", "9", "12"),
        Pending("position size", "1000.5", "2000"),
    )


@pytest.mark.parametrize("noted", [{"rsi_oversold": "thirty"}, {"directions": "sideways"}])
def test_a_note_that_cannot_be_read_is_an_error(noted: Any) -> None:
    with pytest.raises(ValueError, match=r"thirty|sideways"):
        parameters_in_force(_bot(AT_ENTRY), _state(noted=noted))


def _levels(**prices: Any) -> Any:
    names = ("stop_loss", "trailing_stop", "take_profit", "resting_stop", "resting_target")
    values = {f"{name}_price": prices.get(name) for name in names}
    return SimpleNamespace(
        in_position=prices.get("in_position", True), last_price=prices.get("last_price"), **values
    )


def test_a_stop_that_rests_elsewhere_than_wanted_is_pending() -> None:
    state = _levels(
        stop_loss=Decimal(100),
        trailing_stop=Decimal(101),
        take_profit=Decimal(110),
        resting_stop=Decimal(100),
        resting_target=Decimal("110.00"),
    )
    assert unplaced_levels(state) == (Pending("stop", "100", "101"),)


def test_a_stop_that_lags_by_too_little_to_be_moved_is_not_pending() -> None:
    levels = {"take_profit": Decimal(110), "resting_target": Decimal(110)}
    lags = _levels(
        trailing_stop=Decimal("98.04"), resting_stop=Decimal(98), last_price=Decimal(100), **levels
    )
    assert unplaced_levels(lags) == ()
    far = _levels(
        trailing_stop=Decimal("98.05"), resting_stop=Decimal(98), last_price=Decimal(100), **levels
    )
    assert unplaced_levels(far) == (Pending("stop", "98", "98.05"),)


def test_a_stop_that_rests_nowhere_is_pending_whatever_the_price() -> None:
    state = _levels(stop_loss=Decimal("0.01"), last_price=Decimal(100))
    assert unplaced_levels(state) == (Pending("stop", "none", "0.01"),)


def test_the_tighter_stop_of_a_short_position_is_the_lower_one() -> None:
    state = _levels(stop_loss=Decimal(105), trailing_stop=Decimal(103), resting_stop=Decimal(103))
    assert unplaced_levels(state, is_short=True) == ()


def test_a_stop_that_was_switched_off_is_pending_until_it_is_gone_and_flat_has_none() -> None:
    assert unplaced_levels(_levels(resting_target=Decimal(1))) == (Pending("target", "1", "none"),)
    assert unplaced_levels(_levels(resting_stop=Decimal(1), in_position=False)) == ()


def test_changed_columns_are_sorted_by_when_they_apply() -> None:
    assert sorted_edit(["stop_loss_perc", "strategy", "transfer_amount", "name"]) == {
        "now": ["stop_loss_perc", "name"],
        "next entry": ["strategy"],
        "next start": ["transfer_amount"],
    }


def test_no_column_is_in_two_groups_and_every_waiting_parameter_is_noted() -> None:
    groups = [APPLIES_NOW, WAITS, NEXT_START, NEEDS_A_FLAT_BOT]
    assert len(frozenset().union(*groups)) == sum(map(len, groups))
    noted = set(entry_settings(_bot(AT_ENTRY)))
    plain_names = {name.removeprefix("custom_") for name in WAITS} - {"direction"}
    assert noted - {"directions"} == plain_names
    assert noted <= {each.name for each in fields(Parameters)}

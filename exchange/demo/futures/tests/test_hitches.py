"""Hitches strike the triggers that they were set for, and what they hold back survives."""

from __future__ import annotations

from exchange.demo.futures.hitches import Hitch, Hitches, HitchKind
from exchange.demo.state import State


def hitch(symbol: str | None = None, times: int | None = 1) -> Hitch:
    return Hitch(symbol=symbol, kind=HitchKind.LATE, seconds=1.5, times=times)


def test_a_hitch_strikes_its_symbol_as_often_as_it_was_told_to() -> None:
    hitches = Hitches(State(None))
    added = hitches.add(hitch("ETHUSDT", times=2))
    assert hitches.strike("BTCUSDT") is None
    assert [hitches.strike("ETHUSDT") for _ in range(3)] == [added, added, None]
    assert added.as_json() == {
        "id": 1,
        "symbol": "ETHUSDT",
        "on_trigger": "late",
        "seconds": 1.5,
        "times": 2,
        "hits": 2,
    }


def test_one_without_times_or_symbol_strikes_for_ever() -> None:
    hitches = Hitches(State(None))
    added = hitches.add(hitch(times=None))
    assert [hitches.strike(name) for name in ("BTCUSDT", "ETHUSDT")] == [added, added]
    hitches.clear()
    assert hitches.strike("BTCUSDT") is None
    assert hitches.all() == []


def test_ids_go_on_after_a_clear() -> None:
    hitches = Hitches(State(None))
    hitches.add(hitch())
    hitches.clear()
    assert hitches.add(hitch()).hitch_id == 2


def test_what_is_held_back_or_hidden_is_in_the_state() -> None:
    state = State(None)
    hitches = Hitches(state)
    hitches.hold(7, 5_000)
    hitches.hold(8, 6_000)
    hitches.let_go(7)
    hitches.hide(41, at_ms=100, until_ms=1_100)
    again = Hitches(state)
    assert again.due() == {8: 6_000}
    assert again.hides(41, 1_099)
    assert not again.hides(41, 1_100)
    assert not again.hides(42, 100)


def test_what_is_no_longer_hidden_is_forgotten_with_the_next_one() -> None:
    state = State(None)
    hitches = Hitches(state)
    hitches.hide(41, at_ms=100, until_ms=1_100)
    hitches.hide(42, at_ms=1_100, until_ms=2_000)
    assert state.meta("futures_hidden_orders") == '{"42": 2000}'

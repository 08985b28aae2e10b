"""Whoever hears every futures event knows the account, whatever happens to it."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.demo.futures.tests.machine_world import MINUTES, change, hitch, new_world
from exchange.demo.futures.tests.test_futures_machine import ACTS, act
from exchange.demo.streams.tests.follower import Ear, Follower
from exchange.demo.trading.tests.engine_world import D

HITCHES = st.sampled_from(["", "", "late", "stuck", "missing", "refuse"])


@settings(max_examples=150, deadline=None)
@given(MINUTES, MINUTES, ACTS, HITCHES, st.booleans(), st.booleans())
def test_the_events_tell_what_the_books_hold(
    btc: list[Any],
    ether: list[Any],
    acts: list[Any],
    kind: str,
    is_hedge_mode: bool,  # noqa: FBT001
    restarts: bool,  # noqa: FBT001
) -> None:
    ear, follower = Ear(), Follower(D(500))
    world = new_world(btc, ether, on_change=ear)
    change(world, ("hedge", "", is_hedge_mode))
    if kind:
        hitch(world, kind)
    for number, (step, drawn) in enumerate(acts):
        act(world, drawn, number)
        world.go(step)
        if number % 4 == 3:
            world.engine.cancel_all(world.uid, "BTCUSDT", at_ms=world.now)
            world.engine.cancel_all_algo(world.uid, "BTCUSDT", at_ms=world.now)
        if restarts:
            world.reopen()
        for event in ear.take():
            follower.hear(event)
        follower.check(world)

"""What an account holds is found without looking through what all others hold."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from exchange.demo.futures.memory import ByAccount, Memory
from exchange.demo.futures.values import Position
from exchange.demo.trading.tests.engine_world import D

KEYS = st.integers(1, 6)
# What is done to which key; None forgets it, "commit" and "undo" end a step.
ACTS = st.lists(st.tuples(KEYS, st.sampled_from([1, 2, 3, None, "commit", "undo"])), max_size=30)


class Row(NamedTuple):
    uid: int
    number: int


def of_each(rows: dict[int, Row]) -> dict[int, list[Row]]:
    return {uid: [one for one in rows.values() if one.uid == uid] for uid in (1, 2, 3, 4)}


@given(acts=ACTS)
def test_whatever_is_kept_forgotten_and_taken_back_each_account_finds_its_own(
    acts: list[tuple[int, int | str | None]],
) -> None:
    memory, shelf = Memory(), ByAccount[int, Row]()
    plain: dict[int, Row] = {}
    safe: dict[int, Row] = {}
    for number, (key, act) in enumerate(acts):
        if act == "commit":
            memory.commit()
            safe = dict(plain)
        elif act == "undo":
            memory.roll_back()
            plain = dict(safe)
        else:
            # A key belongs to one account for ever, as the ids of orders do.
            row = None if act is None else Row(1 + key % 3, number)
            memory.set(shelf, key, row)
            plain = {one: kept for one, kept in plain.items() if one != key}
            plain |= {} if row is None else {key: row}
        assert shelf == plain
        assert {uid: sorted(shelf.of(uid)) for uid in (1, 2, 3, 4)} == {
            uid: sorted(rows) for uid, rows in of_each(plain).items()
        }


def test_a_position_that_is_taken_back_is_gone_for_its_account_too() -> None:
    memory = Memory()
    held = Position(uid=7, symbol="BTCUSDT", side="BOTH", amount=D(1))
    memory.set(memory.positions, (7, "BTCUSDT", "BOTH"), held)
    assert list(memory.positions.of(7)) == [held]
    assert list(memory.positions.of(8)) == []
    memory.roll_back()
    assert list(memory.positions.of(7)) == []

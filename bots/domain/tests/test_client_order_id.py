"""Names of orders."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.domain.client_order_id import (
    PAIR,
    base36,
    client_order_id,
    is_ours,
    order_id_in_list,
)

VENUE = re.compile(r"[a-zA-Z0-9-_]{1,36}")


def test_the_name_says_installation_bot_source_slot_leg_and_attempt() -> None:
    name = client_order_id(
        installation="4f2a", bot_id=36, source="t", slot=1_747_022_700, leg="e", attempt=1
    )
    assert name == "tb4f2a-10t-sw4rcc-e1"


@given(number=st.integers(min_value=0, max_value=2**63))
def test_base_36_reads_back(number: int) -> None:
    assert int(base36(number), 36) == number


def test_a_negative_number_has_no_name() -> None:
    with pytest.raises(ValueError, match="negative"):
        base36(-1)


@given(
    bot_id=st.integers(min_value=1, max_value=2**31),
    slot=st.integers(min_value=1, max_value=2**36),
    attempt=st.integers(min_value=1, max_value=1000),
)
def test_every_name_is_one_that_the_venue_accepts_with_a_suffix(
    bot_id: int, slot: int, attempt: int
) -> None:
    name = client_order_id(
        installation="zzzz", bot_id=bot_id, source="t", slot=slot, leg="x", attempt=attempt
    )
    assert VENUE.fullmatch(order_id_in_list(name, "s"))


@given(data=st.data())
def test_two_intents_never_share_a_name(data: st.DataObject) -> None:
    intents = st.tuples(
        st.integers(1, 5000),
        st.sampled_from("tmwe"),
        st.integers(1, 5000),
        st.sampled_from("exst" + PAIR),
        st.integers(1, 40),
    )
    first, second = data.draw(intents), data.draw(intents)

    def name(intent: tuple[int, str, int, str, int]) -> str:
        bot_id, source, slot, leg, attempt = intent
        return client_order_id(
            installation="test", bot_id=bot_id, source=source, slot=slot, leg=leg, attempt=attempt
        )

    assert (name(first) == name(second)) == (first == second)


@pytest.mark.parametrize("installation", ["", "abc", "abcde", "AB12", "a_b1"])
def test_a_malformed_installation_is_refused(installation: str) -> None:
    with pytest.raises(ValueError, match="installation"):
        client_order_id(installation=installation, bot_id=1, source="t", slot=1, leg="e", attempt=1)


def test_the_orders_of_a_list_are_named_after_it() -> None:
    assert order_id_in_list("tb4f2a-10t-sw4rcc-p2", "t") == "tb4f2a-10t-sw4rcc-p2-t"


def test_a_name_tells_whose_installation_it_is() -> None:
    assert is_ours("tb4f2a-1t-1-e1", installation="4f2a")
    assert not is_ours("tb4f2b-1t-1-e1", installation="4f2a")
    assert not is_ours("web_4f2a", installation="4f2a")

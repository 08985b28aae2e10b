from __future__ import annotations

import threading

import pytest

from exchange.domain.budget import (
    PATIENCE,
    OrderPermit,
    Priority,
    asking_for,
    current_asking,
    one_asking,
)


def test_who_says_nothing_asks_for_an_entry() -> None:
    assert current_asking().priority is Priority.ENTRY
    assert current_asking().patience == PATIENCE[Priority.ENTRY]


def test_the_innermost_block_decides_and_ends() -> None:
    with asking_for(Priority.PAGE):
        with asking_for(Priority.EXIT):
            assert current_asking().priority is Priority.EXIT
        assert current_asking().priority is Priority.PAGE
    assert current_asking().priority is Priority.ENTRY


def test_a_block_ends_with_an_error_too() -> None:
    with pytest.raises(ValueError, match="no"), asking_for(Priority.PAGE):
        raise ValueError("no")
    assert current_asking().priority is Priority.ENTRY


def test_all_calls_of_a_block_have_one_patience() -> None:
    with asking_for(Priority.ENTRY):
        current_asking().lose(2)
        with asking_for(Priority.EXIT):
            current_asking().lose(1)
            assert current_asking().patience == PATIENCE[Priority.EXIT] - 3
        assert current_asking().patience == PATIENCE[Priority.ENTRY] - 3
        current_asking().lose(60)
        assert current_asking().patience == 0


def test_a_block_may_be_less_patient_than_its_priority() -> None:
    with asking_for(Priority.EXIT, patience=1):
        current_asking().lose(0.25)
        assert current_asking().patience == 0.75


def test_the_steps_of_one_call_have_one_patience_outside_of_any_block() -> None:
    with one_asking():
        current_asking().lose(1)
        with one_asking():
            current_asking().lose(1)
        assert current_asking().patience == PATIENCE[Priority.ENTRY] - 2
    assert current_asking().patience == PATIENCE[Priority.ENTRY]


def test_a_thread_knows_nothing_of_anothers_block() -> None:
    found: list[Priority] = []

    with asking_for(Priority.PAGE):
        thread = threading.Thread(target=lambda: found.append(current_asking().priority))
        thread.start()
        thread.join()

    assert found == [Priority.ENTRY]


def test_a_permit_serves_one_request() -> None:
    given_back: list[str] = []
    permit = OrderPermit(orders=1, reservation="r", give_back=lambda: given_back.append("r"))

    assert permit.spend() == "r"
    with pytest.raises(ValueError, match="has been used"):
        permit.spend()
    permit.release()

    assert given_back == []


def test_a_permit_that_was_not_used_is_given_back_once() -> None:
    given_back: list[str] = []
    permit = OrderPermit(orders=1, give_back=lambda: given_back.append("r"))

    permit.release()
    permit.release()

    assert given_back == ["r"]
    with pytest.raises(ValueError, match="has been used"):
        permit.spend()

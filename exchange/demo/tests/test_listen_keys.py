"""Listen keys: who holds which, for how long, and who is told when one ends."""

from __future__ import annotations

import pytest

from exchange.demo.listen_keys import VALID_SECONDS, ListenKeys


class Keys(ListenKeys):
    """Keys whose time a test lets pass."""

    def __init__(self) -> None:
        self.now = 1_000.0
        super().__init__(lambda: self.now)


def test_an_account_has_one_key_which_is_prolonged_when_it_is_opened_again() -> None:
    keys = Keys()
    word = keys.open(7)
    assert len(word) == 64
    assert word.isalnum()
    keys.now += 3_000
    assert keys.open(7) == word
    assert keys.seconds_left(word) == VALID_SECONDS == 3_600
    assert (keys.holder(word), keys.word_of(7)) == (7, word)
    assert keys.open(8) != word


def test_a_key_is_valid_for_an_hour_and_not_a_moment_longer() -> None:
    keys = Keys()
    word = keys.open(7)
    keys.now += 3_599.999
    assert keys.holder(word) == 7
    keys.now += 0.001
    assert keys.holder(word) is None
    assert keys.word_of(7) is None
    assert keys.seconds_left(word) == 0
    assert keys.open(7) != word


def test_a_key_that_is_kept_lives_on() -> None:
    keys = Keys()
    word = keys.open(7)
    for _ in range(5):
        keys.now += 1_800
        keys.keep(word)
    assert keys.holder(word) == 7
    keys.now += 3_600
    with pytest.raises(KeyError):
        keys.keep(word)


def test_whoever_watches_is_told_once_and_whoever_left_is_not() -> None:
    keys, told = Keys(), []
    word = keys.open(7)
    keys.watch(word, lambda: told.append("stays"))
    leave = keys.watch(word, lambda: told.append("leaves"))
    leave()
    leave()
    keys.close(word)
    assert told == ["stays"]
    with pytest.raises(KeyError):
        keys.close(word)
    keys.open(7)
    assert keys.expire_all() == 1
    assert told == ["stays"]


def test_the_end_by_time_is_told_when_anybody_asks() -> None:
    keys, told = Keys(), []
    word = keys.open(7)
    keys.now += 60
    other = keys.open(8)
    keys.watch(word, lambda: told.append(7))
    keys.watch(other, lambda: told.append(8))
    keys.now += 3_540
    assert told == []
    assert keys.holder("no such key") is None
    assert told == [7]


def test_a_listener_that_opens_a_new_key_at_the_end_gets_another() -> None:
    keys, found = Keys(), []
    word = keys.open(7)
    keys.watch(word, lambda: found.append(keys.open(7)))
    assert keys.expire_all() == 1
    assert found != [word]
    assert keys.word_of(7) == found[0]

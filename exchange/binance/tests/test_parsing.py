from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

import pytest

from exchange.binance import parsing
from exchange.binance.parsing import MalformedReplyError
from exchange.binance.tests.samples import AT
from exchange.domain.clock import from_milliseconds, to_milliseconds


class Colour(StrEnum):
    RED = "RED"
    OTHER = "OTHER"


def test_milliseconds_survive_the_way_to_a_datetime_and_back() -> None:
    moment = from_milliseconds(AT)

    assert moment == datetime(2026, 11, 18, 11, 6, 40, 1000, tzinfo=UTC)
    assert to_milliseconds(moment) == AT
    assert to_milliseconds(moment + timedelta(microseconds=999)) == AT


def test_the_wall_clock_of_the_venue_is_read_in_milliseconds() -> None:
    assert parsing.server_time_ms({"serverTime": AT}) == AT


@pytest.mark.parametrize("value", ["true", 1, None, "yes"])
def test_only_true_and_false_are_yes_and_no(value: Any) -> None:
    with pytest.raises(MalformedReplyError, match="flag is neither true nor false"):
        parsing.boolean({"flag": value}, "flag")


def test_a_word_is_one_of_ours_or_other() -> None:
    assert parsing.word({"colour": "RED"}, "colour", Colour) is Colour.RED
    assert parsing.word({"colour": "INFRARED"}, "colour", Colour) is Colour.OTHER
    with pytest.raises(MalformedReplyError, match="no field colour"):
        parsing.word({}, "colour", Colour)


@pytest.mark.parametrize("value", ["12a", "-1", "", None, 1.5])
def test_an_id_that_must_be_a_number_is_one(value: Any) -> None:
    with pytest.raises(MalformedReplyError, match="tradeId"):
        parsing.number_text({"tradeId": value}, "tradeId")


@pytest.mark.parametrize("value", ["1e999999", "-1E+41", "1e-400000", "NaN", "-Infinity", "", "x"])
def test_a_number_that_no_arithmetic_survives_is_none(value: str) -> None:
    with pytest.raises(MalformedReplyError, match="price is not a number"):
        parsing.decimal({"price": value}, "price")


@pytest.mark.parametrize("value", ["0", "0.00000000", "-0.00000001", "92141578000000.00000001"])
def test_a_number_keeps_every_digit_that_the_venue_sent(value: str) -> None:
    assert str(parsing.decimal({"price": value}, "price")) == format(Decimal(value))

from __future__ import annotations

import re

import pytest

from exchange.binance.hints import FILTER_HINTS, HINTS, broken_filter, hint
from exchange.domain.types import Market

SPOT_TOO = (-2018, -2021, -2022, -2026)  # there with another meaning


def test_the_same_number_means_different_things_on_spot_and_futures() -> None:
    for code in (-2021, -2022, -2026):
        assert hint(Market.SPOT, code)
        assert hint(Market.FUTURES, code)
        assert hint(Market.SPOT, code) != hint(Market.FUTURES, code)
    assert hint(Market.SPOT, -4164) is None
    assert "minimum" in (hint(Market.FUTURES, -4164) or "")


@pytest.mark.parametrize("name", FILTER_HINTS)
def test_a_broken_filter_is_explained_by_its_name(name: str) -> None:
    text = f"Filter failure: {name}"

    assert broken_filter(text) == name
    assert hint(Market.SPOT, -1013, text) == FILTER_HINTS[name]
    assert hint(Market.SPOT, -2010, text) == FILTER_HINTS[name]


def test_a_filter_that_nobody_has_heard_of_is_explained_by_its_code() -> None:
    unheard = hint(Market.SPOT, -1013, "Filter failure: MOON_PHASE")

    assert unheard == HINTS[Market.SPOT][-1013]
    assert broken_filter("Filter failure: MOON_PHASE") == "MOON_PHASE"
    assert broken_filter("Market is closed.") is None


def test_filters_that_sound_alike_have_words_of_their_own() -> None:
    words = {
        hint(Market.SPOT, -1013, f"Filter failure: {name}")
        for name in (
            "LOT_SIZE",
            "MARKET_LOT_SIZE",
            "NOTIONAL",
            "PRICE_FILTER",
            "PERCENT_PRICE_BY_SIDE",
            "MAX_NUM_ORDERS",
            "MAX_NUM_ALGO_ORDERS",
            "EXCHANGE_MAX_NUM_ORDERS",
            "MAX_POSITION",
        )
    }

    assert len(words) == 9


@pytest.mark.parametrize(
    ("code", "text", "word"),
    [
        (-2010, "Account has insufficient balance for requested action.", "too little"),
        (-2010, "Order would trigger immediately.", "passed already"),
        (-2010, "Order would immediately match and take.", "resting in the book"),
        (-2010, "The relationship of the prices for the orders is not correct.", "either side"),
        (-2010, "Market is closed.", "not trading"),
        (-1013, "Market is closed.", "not trading"),
        (-2010, "This symbol is not permitted for this account.", "may not trade"),
        (-2011, "Unknown order sent.", "not open"),
        (-2011, "Order was not canceled due to cancel restrictions.", "no longer in the state"),
    ],
)
def test_what_the_engine_said_is_explained_by_its_words(code: int, text: str, word: str) -> None:
    assert word in (hint(Market.SPOT, code, text) or "")


def test_words_of_the_spot_engine_explain_nothing_on_futures() -> None:
    text = "Order would trigger immediately."

    assert hint(Market.FUTURES, -2021, text) == HINTS[Market.FUTURES][-2021]


def test_a_code_without_a_hint_has_none() -> None:
    assert hint(Market.SPOT, -9999) is None
    assert hint(Market.SPOT, -9999, "Something new.") is None


# Refusals that a bot's own orders and settings can meet on futures.
FUTURES_REFUSALS = [
    *(
        -2007,
        -4136,
        -2018,
        -2019,
        -2021,
        -2022,
        -2023,
        -2024,
        -2025,
        -2026,
        -2027,
        -2028,
        -4001,
        -4002,
        -4003,
    ),
    *(-4004, -4005, -4006, -4007, -4013, -4014, -4015, -4016, -4023, -4024, -4028, -4045, -4046),
    *(-4047, -4048, -4049, -4050, -4051, -4059, -4060, -4061, -4062, -4067, -4068, -4087, -4088),
    *(-4109, -4116, -4117, -4118, -4120, -4131, -4135, -4137, -4138, -4140, -4141, -4142, -4161),
    *(-4164, -4168, -4183, -4184, -4192, -4202, -4203, -4205, -4206, -4208, -4209, -4210, -4211),
    *(-4400, -4401, -4402, -4403, -4531, -5021, -5022, -5028),
]


@pytest.mark.parametrize("code", FUTURES_REFUSALS)
def test_a_futures_refusal_is_explained_in_plain_words(code: int) -> None:
    words = hint(Market.FUTURES, code)

    assert words
    assert not re.search(r"[A-Z]{3}|reduceOnly|closePosition", words)
    if code not in SPOT_TOO:
        assert hint(Market.SPOT, code) is None


@pytest.mark.parametrize("market", Market)
def test_the_codes_that_people_meet_first_are_explained(market: Market) -> None:
    for code in (-1003, -1013, -1015, -1021, -1022, -2010, -2011, -2014, -2015):
        assert hint(market, code), code


def test_the_flag_that_hedge_mode_does_not_take_is_explained_by_the_mode() -> None:
    """Futures refuse it as a parameter too many, whatever the order; so it reads like a bug."""
    for text in (
        "Parameter 'reduceonly' sent when not required.",
        "Parameter 'reduceOnly' sent when not required.",
    ):
        assert hint(Market.FUTURES, -1106, text) == HINTS[Market.FUTURES][-4062]
        assert hint(Market.SPOT, -1106, text) is None
    assert hint(Market.FUTURES, -1106, "Parameter 'timeInForce' sent when not required.") is None
    assert hint(Market.FUTURES, -1102, "Mandatory parameter 'reduceOnly' was not sent.") is None

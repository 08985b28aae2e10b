"""Which settings of a futures bot are refused on save, and what its size comes to."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError

from accounts.models import User
from bots.domain.edits import APPLIES_NOW, NEEDS_A_FLAT_BOT, NEXT_START, WAITS
from bots.domain.estimates import furthest_stop_perc, size_estimate
from bots.domain.tests.builders import parameters as make_parameters
from bots.models import BotConfig

D = Decimal


def _problems(trader: User, **columns: Any) -> dict[str, list[str]]:
    settings = {
        "symbol": "BTCUSDT",
        "position_size_fixed": D(100),
        "position_type": "futures",
        "leverage": 10,
    }
    bot = BotConfig(user=trader, name="F", **(settings | columns))
    try:
        bot.full_clean()
    except ValidationError as error:
        return error.message_dict
    return {}


def test_a_futures_bot_may_go_both_ways_with_a_stop_before_its_liquidation(trader: User) -> None:
    assert _problems(trader, direction="both", stop_loss_perc=D("9.5")) == {}


def test_a_stop_that_comes_too_late_names_the_furthest_one(trader: User) -> None:
    assert _problems(trader, stop_loss_perc=D("9.51")) == {
        "stop_loss_perc": [
            "At leverage 10 a position is liquidated about 10 % away from its entry. "
            "Choose at most 9.5 %, or a lower leverage."
        ]
    }


def test_a_leverage_above_the_most_that_is_used_counts_as_that(trader: User) -> None:
    assert _problems(trader, leverage=125, stop_loss_perc=D("1.5")) == {}
    (message,) = _problems(trader, leverage=125, stop_loss_perc=D("1.6"))["stop_loss_perc"]
    assert message.startswith("At leverage 50 ")


def test_a_custom_stop_stands_in_for_the_plain_one(trader: User) -> None:
    assert _problems(trader, custom_stop_loss=D(1), stop_loss_perc=D(20)) == {}
    assert list(_problems(trader, custom_stop_loss=D(20), stop_loss_perc=D(1))) == [
        "custom_stop_loss"
    ]


def test_a_trailing_stop_counts_where_it_is_the_only_one_and_switched_on(trader: User) -> None:
    wide = {"trailing_stop_perc": D(20)}
    assert list(_problems(trader, trailing_stop_active=True, **wide)) == ["trailing_stop_perc"]
    assert _problems(trader, trailing_stop_active=True, stop_loss_perc=D(2), **wide) == {}
    assert _problems(trader, **wide) == {}


def test_a_spot_bot_goes_long_only_and_may_have_any_stop(trader: User) -> None:
    spot = {"position_type": "spot", "stop_loss_perc": D(50)}
    assert _problems(trader, **spot) == {}
    problems = _problems(trader, direction="short", **spot)
    assert problems["direction"] == ["Spot bots can only go long; choose long, or futures."]


def test_money_that_is_transferred_by_itself_needs_an_amount(trader: User) -> None:
    assert list(_problems(trader, auto_transfer_funds=True)) == ["transfer_amount"]
    assert _problems(trader, auto_transfer_funds=True, transfer_amount=D(5)) == {}
    assert _problems(trader, position_type="spot", auto_transfer_funds=True) == {}


def test_the_size_is_margin_and_the_notional_is_margin_times_leverage() -> None:
    estimate = size_estimate(make_parameters(leverage=8, position_size_fixed=D(250)))
    assert (estimate.margin, estimate.notional) == (D(250), D(2000))
    assert estimate.liquidation_distance == D("12.50")
    share = make_parameters(
        position_size_fixed=None, position_size_perc=D(10), initial_capital=D(5000), leverage=3
    )
    assert size_estimate(share).notional == D(1500)
    assert furthest_stop_perc(3) == D("32.83")  # 33.333... less half a percent, rounded down


def test_every_setting_says_when_an_edit_of_it_applies() -> None:
    columns = {field.name for field in BotConfig._meta.concrete_fields}
    facts = {"id", "is_active", "deleted_at", "created_at", "updated_at"}
    assert columns - facts == APPLIES_NOW | WAITS | NEXT_START | NEEDS_A_FLAT_BOT

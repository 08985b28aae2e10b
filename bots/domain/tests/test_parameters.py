from __future__ import annotations

from decimal import Decimal

import pytest

from bots.domain.parameters import validate_parameters

GOOD: dict[str, object] = {
    "symbol": "BTCUSDT",
    "timeframe": "5m",
    "strategy": "ema",
    "ema_fast": 9,
    "ema_slow": 21,
    "rsi_period": 14,
    "rsi_oversold": Decimal(30),
    "rsi_overbought": Decimal(70),
    "stop_loss_perc": Decimal(2),
    "take_profit_perc": Decimal(4),
    "initial_capital": Decimal(1000),
    "position_size_perc": Decimal(10),
    "check_interval_seconds": 30,
    "order_cooldown_seconds": 0,
    "leverage": 10,
}


def errors(**changes: object) -> dict[str, str]:
    return validate_parameters({**GOOD, **changes})


def test_sensible_settings_have_no_errors() -> None:
    assert errors() == {}
    assert (
        errors(
            ema_period=100,
            custom_ema_fast=5,
            custom_ema_slow=8,
            custom_rsi_period=7,
            custom_rsi_oversold=Decimal(20),
            custom_rsi_overbought=Decimal(80),
            custom_stop_loss=Decimal("99.9"),
            custom_take_profit=Decimal(1000),
            trailing_stop_active=True,
            custom_trailing_stop=Decimal("0.5"),
            daily_target_perc=Decimal(100),
            max_daily_loss_perc=Decimal("0.1"),
            max_daily_trades=10000,
            position_size_fixed=Decimal("15.5"),
            entry_slippage_perc=Decimal("0.5"),
            transfer_amount=Decimal(100),
            stop_loss_guard_count=3,
            stop_loss_guard_minutes=1,
            stop_loss_guard_lock_minutes=43200,
            max_drawdown_perc=Decimal("7.5"),
            max_drawdown_minutes=1440,
            max_drawdown_lock_minutes=240,
            exchange_error_count=1,
            exchange_error_minutes=10,
            exchange_error_lock_minutes=10,
            stale_data_seconds=10,
        )
        == {}
    )


def test_numbers_as_text_are_numbers() -> None:
    assert errors(ema_fast="9", position_size_perc="12.5") == {}


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("symbol", "btcusdt", "Must be 5 to 20 capital letters or digits like BTCUSDT, was "),
        ("symbol", "BTC/USDT", "Must be 5 to 20 capital letters or digits like BTCUSDT, was "),
        ("symbol", "BTCUSDT\n", "Must be 5 to 20 capital letters or digits like BTCUSDT, was "),
        ("symbol", None, "Must be 5 to 20 capital letters or digits like BTCUSDT, was None."),
        ("timeframe", "7m", "Must be one of 1m, 3m, 5m, 15m, 30m, 1h, 2h, 4h, 6h, 8h, 12h, 1d, "),
        ("timeframe", ["5m"], "Must be one of 1m, 3m, "),
        ("strategy", "macd", "Must be one of ema, was 'macd'."),
        ("ema_fast", 1, "Must be a whole number from 2 to 400, was 1."),
        ("ema_slow", 401, "Must be a whole number from 2 to 400, was 401."),
        ("ema_slow", None, "Is required: a whole number from 2 to 400."),
        ("ema_period", 500, "Must be a whole number from 2 to 400, was 500."),
        ("rsi_period", True, "Must be a whole number from 2 to 400, was True."),
        ("rsi_period", Decimal("14.5"), "Must be a whole number from 2 to 400, was 14.5."),
        ("custom_rsi_period", 0, "Must be a whole number from 2 to 400, was 0."),
        ("rsi_oversold", Decimal("0.9"), "Must be a number from 1 to 99, was 0.9."),
        ("rsi_overbought", 100, "Must be a number from 1 to 99, was 100."),
        ("stop_loss_perc", Decimal(100), "Must be a number above 0 and below 100, was 100."),
        ("stop_loss_perc", Decimal(0), "Must be a number above 0 and below 100, was 0."),
        ("custom_stop_loss", Decimal(-1), "Must be a number above 0 and below 100, was -1."),
        ("trailing_stop_perc", "x", "Must be a number above 0 and below 100, was x."),
        ("take_profit_perc", 1001, "Must be a number above 0 and at most 1000, was 1001."),
        ("daily_target_perc", 101, "Must be a number above 0 and at most 100, was 101."),
        ("max_daily_loss_perc", 0, "Must be a number above 0 and at most 100, was 0."),
        ("position_size_perc", 101, "Must be a number above 0 and at most 100, was 101."),
        ("position_size_perc", Decimal("NaN"), "Must be a number above 0 and at most 100, was NaN"),
        ("position_size_fixed", 0, "Must be a number above 0 and at most 1000000000, was 0."),
        ("initial_capital", Decimal("Infinity"), "Must be a number above 0 and at most 1000000000"),
        ("initial_capital", None, "Is required: a number above 0 and at most 1000000000."),
        ("initial_capital", 10**9 + 1, "Must be a number above 0 and at most 1000000000, was 1"),
        ("max_daily_trades", 0, "Must be a whole number from 1 to 10000, was 0."),
        ("check_interval_seconds", 29, "Must be a whole number from 30 to 86400, was 29."),
        ("order_cooldown_seconds", 604801, "Must be a whole number from 0 to 604800, was 604801."),
        ("leverage", 126, "Must be a whole number from 1 to 125, was 126."),
        ("entry_slippage_perc", 0, "Must be a number above 0 and at most 10, was 0."),
        ("entry_slippage_perc", 11, "Must be a number above 0 and at most 10, was 11."),
        ("transfer_amount", 0, "Must be a number above 0 and at most 1000000000, was 0."),
        ("stop_loss_guard_count", 0, "Must be a whole number from 1 to 1000, was 0."),
        ("stop_loss_guard_minutes", 43201, "Must be a whole number from 1 to 43200, was 43201."),
        ("stop_loss_guard_lock_minutes", 0, "Must be a whole number from 1 to 43200, was 0."),
        ("max_drawdown_perc", 101, "Must be a number above 0 and at most 100, was 101."),
        ("max_drawdown_minutes", 0, "Must be a whole number from 1 to 43200, was 0."),
        ("max_drawdown_lock_minutes", 0, "Must be a whole number from 1 to 43200, was 0."),
        ("exchange_error_count", 1001, "Must be a whole number from 1 to 1000, was 1001."),
        ("exchange_error_minutes", "1.5", "Must be a whole number from 1 to 43200, was 1.5."),
        ("exchange_error_lock_minutes", 0, "Must be a whole number from 1 to 43200, was 0."),
        ("stale_data_seconds", 9, "Must be a whole number from 10 to 86400, was 9."),
        ("stale_data_seconds", 86401, "Must be a whole number from 10 to 86400, was 86401."),
    ],
)
def test_a_setting_that_makes_no_sense_is_named_with_its_range(
    field: str, value: object, message: str
) -> None:
    found = errors(**{field: value})
    assert list(found) == [field]
    assert found[field].startswith(message)


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"ema_fast": 21}, "ema_fast", "Must be below ema_slow (21), was 21."),
        ({"custom_ema_fast": 30}, "custom_ema_fast", "Must be below ema_slow (21), was 30."),
        ({"custom_ema_slow": 5}, "ema_fast", "Must be below custom_ema_slow (5), was 9."),
        ({"rsi_oversold": 70}, "rsi_oversold", "Must be below rsi_overbought (70), was 70."),
        (
            {"position_size_perc": None},
            "position_size_perc",
            "Is required unless position_size_fixed is given: a number above 0 and at most 100.",
        ),
        (
            {"trailing_stop_active": True},
            "trailing_stop_perc",
            "Is required while the trailing stop is active.",
        ),
    ],
)
def test_settings_that_contradict_each_other_are_named(
    changes: dict[str, object], field: str, message: str
) -> None:
    assert errors(**changes) == {field: message}


def test_an_order_is_not_judged_when_one_of_its_numbers_is_wrong() -> None:
    assert list(errors(ema_slow=1)) == ["ema_slow"]


def test_a_custom_value_that_mends_the_order_is_enough() -> None:
    assert errors(ema_fast=30, custom_ema_slow=50) == {}


def test_either_size_is_enough() -> None:
    assert errors(position_size_perc=None, position_size_fixed=Decimal(50)) == {}


def test_nothing_at_all_names_every_required_field() -> None:
    assert sorted(validate_parameters({})) == sorted(
        set(GOOD) - {"stop_loss_perc", "take_profit_perc"}
    )

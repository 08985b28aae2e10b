"""What the models refuse, in words that name the field, and in the database itself."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction

from accounts.models import User
from bots.models import BotConfig, BotEvent, BotState, Order
from exchange.models import APIKey

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])


def _refused(bot: BotConfig) -> dict[str, list[str]]:
    with pytest.raises(ValidationError) as refused:
        bot.full_clean()
    return dict(refused.value.message_dict)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("symbol", "BTC/USDT"),
        ("symbol", ""),
        ("timeframe", "7m"),
        ("strategy", "astrology"),
        ("initial_capital", Decimal(-1)),
        ("initial_capital", Decimal("1e20")),
        ("position_size_fixed", Decimal(-5)),
        ("position_size_perc", Decimal(101)),
        ("stop_loss_perc", Decimal(-2)),
        ("stop_loss_perc", Decimal(100)),
        ("take_profit_perc", Decimal(0)),
        ("rsi_overbought", Decimal(130)),
        ("ema_fast", 1),
        ("leverage", 126),
        ("leverage", 0),
        ("check_interval_seconds", 29),
        ("max_daily_trades", 0),
        ("position_type", "margin"),
    ],
)
def test_a_setting_that_cannot_work_is_named(bot: BotConfig, field: str, value: object) -> None:
    setattr(bot, field, value)
    assert field in _refused(bot)


def test_crossing_periods_are_refused(bot: BotConfig) -> None:
    bot.ema_fast, bot.ema_slow = 21, 9
    assert "ema_fast" in _refused(bot)


def test_a_bot_without_a_size_is_refused_by_the_form_and_by_the_database(bot: BotConfig) -> None:
    bot.position_size_fixed = bot.position_size_perc = None
    refused = _refused(bot)
    assert refused
    with pytest.raises(IntegrityError, match="bot_has_a_position_size"), transaction.atomic():
        bot.save()


def test_a_trailing_stop_without_a_distance_is_refused(bot: BotConfig) -> None:
    bot.trailing_stop_active = True
    assert "trailing_stop_perc" in _refused(bot)


def test_somebody_elses_key_is_refused(bot: BotConfig, stranger: User) -> None:
    bot.user = stranger
    assert "api_key" in _refused(bot)


def test_a_custom_value_overrides_the_plain_one(bot: BotConfig) -> None:
    bot.stop_loss_perc, bot.custom_stop_loss = Decimal(2), Decimal("1.5")
    bot.custom_ema_fast = 5
    bot.trailing_stop_perc = Decimal(1)
    parameters = bot.parameters
    assert (parameters.stop_loss_perc, parameters.ema_fast) == (Decimal("1.5"), 5)
    assert parameters.trailing_stop_perc is None  # switched off
    bot.trailing_stop_active, bot.custom_trailing_stop = True, Decimal("0.7")
    assert bot.parameters.trailing_stop_perc == Decimal("0.7")


def test_a_symbol_is_written_in_capitals(bot: BotConfig) -> None:
    bot.symbol = " btcusdt "
    bot.full_clean()
    assert bot.symbol == "BTCUSDT"


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"check_interval_seconds": 5}, "bot_check_interval_30_or_more"),
        ({"leverage": 200}, "bot_leverage_1_to_125"),
        ({"initial_capital": 0}, "bot_initial_capital_positive"),
        ({"position_type": "margin"}, "bot_position_type_known"),
    ],
)
def test_the_database_refuses_it_too(
    bot: BotConfig, change: dict[str, object], constraint: str
) -> None:
    with pytest.raises(IntegrityError, match=constraint):
        BotConfig.objects.update(**change)


def test_a_position_without_a_price_cannot_be_stored(bot: BotConfig) -> None:
    with pytest.raises(IntegrityError, match="state_position_has_price_and_size"):
        BotState.objects.update(in_position=True)


def test_the_journal_can_be_neither_changed_nor_deleted(bot: BotConfig) -> None:
    with pytest.raises(IntegrityError, match="append-only: UPDATE refused"):
        BotEvent.objects.update(message="never happened")
    with pytest.raises(IntegrityError, match="append-only: DELETE refused"):
        BotEvent.objects.all().delete()
    assert BotEvent.objects.count() == 1


def test_an_order_is_unique_per_intent_for_ever(bot: BotConfig, api_key: APIKey) -> None:
    def order(name: str) -> Order:
        return Order.objects.create(
            bot=bot,
            account=api_key.account,
            market="spot",
            symbol="BTCUSDT",
            source="t",
            slot=1,
            leg="e",
            attempt=1,
            client_order_id=name,
            side="BUY",
            quantity=Decimal(1),
            intent_reason="entry_signal",
            signed_at_ms=1,
            recv_window_ms=5000,
        )

    order("one")
    with pytest.raises(IntegrityError, match="order_once_per_intent"), transaction.atomic():
        order("two")
    with pytest.raises(IntegrityError, match="order_sent_has_a_time"), transaction.atomic():
        Order.objects.update(status="filled")


def test_secrets_are_not_readable_in_the_database(api_key: APIKey) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(k)::text FROM exchange_apikey k")
        (text,) = cursor.fetchone()
    assert "DemoKey0DemoKey0" not in text
    assert "Secret00Secret00" not in text

"""A futures bot that goes both ways, over HTTP against the demo exchange."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import call_command

from bots.domain.direction import Direction
from bots.engine.tick import run_tick
from bots.models import BotConfig, BotState, Order, Tick
from bots.services import start_bot
from bots.tests.engine.conftest import AT_BUY, AT_SELL, GoTo
from exchange.demo.testing import RunningExchange

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])


@pytest.fixture
def turning_bot(bot: BotConfig) -> BotConfig:
    BotConfig.objects.filter(pk=bot.pk).update(
        position_type="futures",
        direction="both",
        leverage=5,
        position_size_fixed=Decimal(200),
    )
    return start_bot(bot_id=bot.pk, actor=None)


def position(bot: BotConfig) -> tuple[bool, str]:
    state = BotState.objects.get(pk=bot.pk)
    return state.in_position, state.direction


def entries_and_exits() -> list[tuple[str, str, str]]:
    rows = Order.objects.filter(leg__in="ex").order_by("id")
    return list(rows.values_list("leg", "side", "direction"))


def test_a_bot_that_goes_both_ways_turns_around_on_one_kline(
    turning_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    go_to(AT_BUY)
    run_tick(turning_bot.pk)
    assert position(turning_bot) == (True, Direction.LONG)

    go_to(AT_SELL)
    run_tick(turning_bot.pk)
    assert not position(turning_bot)[0]
    go_to(AT_SELL + timedelta(seconds=10))
    run_tick(turning_bot.pk)
    assert position(turning_bot) == (True, Direction.SHORT)
    run_tick(turning_bot.pk)

    assert entries_and_exits() == [
        ("e", "BUY", "long"),
        ("x", "SELL", "long"),
        ("e", "SELL", "short"),
    ]
    (held,) = venue.ledger()["positions"]
    state = BotState.objects.get(pk=turning_bot.pk)
    assert Decimal(held["positionAmt"]) == -state.current_position_size_coins
    notional = state.current_position_size_coins * (state.entry_price or 0)
    assert Decimal(800) < notional <= Decimal(1000)  # 200 of margin times 5


def test_every_tick_of_turning_around_decides_the_same_again(
    turning_bot: BotConfig, go_to: GoTo
) -> None:
    for moment in (AT_BUY, AT_SELL, AT_SELL + timedelta(seconds=10)):
        go_to(moment)
        run_tick(turning_bot.pk)
    ticks = list(Tick.objects.order_by("id"))
    assert len(ticks) == 3
    for tick in ticks:
        call_command("replay_tick", str(tick.pk))


def test_a_bot_that_only_sells_short_lets_the_crossing_above_pass(
    turning_bot: BotConfig, go_to: GoTo
) -> None:
    BotConfig.objects.update(direction="short")
    go_to(AT_BUY)
    run_tick(turning_bot.pk)
    assert entries_and_exits() == []
    state = BotState.objects.get(pk=turning_bot.pk)
    assert state.last_sentence.endswith("; the bot opens no long positions.")

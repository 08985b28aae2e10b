"""Promise 5: a recorded tick can be run again and gives the same decision."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command

from bots.engine.tick import run_tick
from bots.models import BotConfig, Tick
from bots.services import start_bot
from bots.tests.engine.conftest import AT_BUY, AT_SELL, BEFORE_BUY, GoTo

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])


def test_every_tick_of_a_round_trip_decides_the_same_again(
    started_bot: BotConfig, go_to: GoTo, capsys: pytest.CaptureFixture[str]
) -> None:
    for moment in (BEFORE_BUY, AT_BUY, AT_SELL):
        go_to(moment)
        run_tick(started_bot.pk)
    ticks = list(Tick.objects.order_by("id"))
    assert [tick.has_orders for tick in ticks] == [False, True, True]
    for tick in ticks:
        call_command("replay_tick", str(tick.pk))
    assert capsys.readouterr().out.count("decides the same again") == 3


def test_a_changed_record_is_noticed(started_bot: BotConfig, go_to: GoTo) -> None:
    go_to(AT_BUY)
    run_tick(started_bot.pk)
    tick = Tick.objects.get()
    tick.inputs["free_quote"] = "3"
    tick.save()
    with pytest.raises(CommandError, match="decides differently"):
        call_command("replay_tick", str(tick.pk))


def test_other_klines_than_the_recorded_ones_are_noticed(
    started_bot: BotConfig, go_to: GoTo
) -> None:
    go_to(AT_BUY)
    run_tick(started_bot.pk)
    tick = Tick.objects.get()
    tick.inputs["klines"]["digest"] = "0" * 64
    tick.save()
    with pytest.raises(CommandError, match="not the recorded klines"):
        call_command("replay_tick", str(tick.pk))


def test_a_tick_that_decided_nothing_cannot_be_replayed(started_bot: BotConfig) -> None:
    BotConfig.objects.update(strategy="astrology")
    run_tick(started_bot.pk)
    with pytest.raises(CommandError, match="decided nothing: Unknown strategy: astrology"):
        call_command("replay_tick", str(Tick.objects.get().pk))


def test_the_plan_for_the_stops_is_made_again_too(
    bot: BotConfig, go_to: GoTo, capsys: pytest.CaptureFixture[str]
) -> None:
    bot.stop_loss_perc, bot.take_profit_perc = Decimal(2), Decimal(4)
    bot.save()
    start_bot(bot_id=bot.pk, actor=None)
    go_to(AT_BUY)
    run_tick(bot.pk)
    run_tick(bot.pk)
    tick = Tick.objects.latest("id")
    assert tick.stops["rounds"]
    call_command("replay_tick", str(tick.pk))
    assert "  stops: nothing to do" in capsys.readouterr().out

    tick.stops["rounds"][0]["plan"]["obstacle"] = "somebody changed the record"
    tick.save()
    with pytest.raises(CommandError, match="decides differently"):
        call_command("replay_tick", str(tick.pk))
    assert "stops, round 1, obstacle: recorded somebody changed" in capsys.readouterr().out


def test_every_rule_that_was_asked_is_printed(
    started_bot: BotConfig, go_to: GoTo, capsys: pytest.CaptureFixture[str]
) -> None:
    go_to(BEFORE_BUY)
    run_tick(started_bot.pk)
    call_command("replay_tick", str(Tick.objects.get().pk))
    out = capsys.readouterr().out
    assert "  no  signal: no cross: EMA 9 " in out
    assert "  yes symbol_not_trading: BTCUSDT is trading at the venue" in out


def test_an_unknown_tick_is_named() -> None:
    with pytest.raises(CommandError, match="no tick 42"):
        call_command("replay_tick", "42")

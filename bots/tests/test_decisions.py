"""One sentence for the question why a bot is not trading."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from bots.domain.decide import decide
from bots.domain.decision import Denial, DenialCode
from bots.domain.record import decision_to_record
from bots.domain.snapshot import Snapshot
from bots.domain.tests.builders import ENTRY, EXIT, QUIET, D, holding, parameters, snapshot
from bots.models import BotConfig, BotState, Tick
from bots.selectors.decisions import checks_of, obstacles_of, why

pytestmark = pytest.mark.django_db

HALT = Denial(code=DenialCode.HALTED, detail="entries are halted for this bot")
LOCK = Denial(code=DenialCode.COOLDOWN, detail="a pause until 17:01:00")


@pytest.fixture
def running(bot: BotConfig) -> BotConfig:
    return in_state(bot, "running")


def in_state(bot: BotConfig, state: str, **columns: Any) -> BotConfig:
    BotState.objects.filter(pk=bot.pk).update(state=state, status=state, **columns)
    return BotConfig.objects.get(pk=bot.pk)


def decided(bot: BotConfig, now: Snapshot) -> Tick:
    decision = decide(now)
    return Tick.objects.create(
        bot=bot,
        slot=1,
        started_at=timezone.now(),
        sentence=decision.sentence,
        decision=decision_to_record(decision),
    )


def test_a_bot_without_a_signal_says_what_its_strategy_sees(running: BotConfig) -> None:
    decided(running, snapshot(QUIET))
    assert why(running).startswith("No cross: EMA 9 21122.731 above EMA 21 ")
    assert why(running).endswith(" klines.")


def test_everything_else_that_is_in_the_way_is_named_in_the_same_sentence(
    running: BotConfig,
) -> None:
    now = snapshot(
        ENTRY, entry_blocks=(HALT, LOCK), parameters=parameters(position_size_fixed=D(3))
    )
    decided(running, now)
    assert why(running) == (
        "Did not buy: entries are halted for this bot; also in the way: a pause until 17:01:00; "
        "position size 3.00 USDT is too small: value 2.939790 is below the minimum 5."
    )


def test_the_newest_tick_answers(running: BotConfig) -> None:
    decided(running, snapshot(QUIET))
    decided(running, snapshot(ENTRY))
    assert why(running) == "Buys 0.02381 BTC: EMA 9 crossed above EMA 21, RSI 55.3 < 70."


def test_a_position_is_no_obstacle(running: BotConfig) -> None:
    tick = decided(running, snapshot(EXIT, position=holding(), price=D(20000)))
    assert obstacles_of(tick) == ()
    assert why(running) == "Sells 0.02 BTC: EMA 9 crossed below EMA 21, RSI 45.8 > 30."


def test_a_tick_that_failed_says_why(running: BotConfig) -> None:
    Tick.objects.create(bot=running, slot=1, started_at=timezone.now(), error="no answer")
    assert why(running) == "no answer."


def test_a_bot_that_has_not_ticked_or_does_not_tick_says_so(bot: BotConfig) -> None:
    assert why(bot) == "It is stopped."
    assert why(in_state(bot, "pending")) == "It has not had its first tick yet."
    failed = in_state(bot, "error", last_error_message="API key not found")
    assert why(failed) == "It stands still after an error: API key not found."


def test_the_rules_that_were_asked_are_read_back(running: BotConfig) -> None:
    now = snapshot(ENTRY)
    assert checks_of(decided(running, now)) == decide(now).checks
    empty = Tick.objects.create(bot=running, slot=2, started_at=timezone.now())
    assert checks_of(empty) == ()


def test_a_record_that_does_not_fit_is_refused(running: BotConfig) -> None:
    tick = decided(running, snapshot(ENTRY))
    tick.decision["checks"] = [{"code": "size"}]
    with pytest.raises(ValueError, match=r"decision\.checks\[0\]"):
        checks_of(tick)


def test_what_became_of_an_order_is_part_of_the_answer(running: BotConfig) -> None:
    tick = decided(running, snapshot(ENTRY))
    refused = in_state(running, "running", last_sentence=f"{tick.sentence} But: too small")
    assert why(refused) == f"{tick.sentence} But: too small."


def test_a_bot_that_was_started_again_does_not_repeat_what_it_said_before(
    running: BotConfig,
) -> None:
    decided(running, snapshot(QUIET))
    assert why(in_state(running, "pending")) == "It trades from its next tick on."


def test_a_stopped_bot_never_claims_a_stop_that_is_not_there(bot: BotConfig) -> None:
    held = {"in_position": True, "entry_price": D(1), "current_position_size_coins": D(1)}
    assert why(in_state(bot, "stopped", **held)) == (
        "It is stopped; what it holds is kept, and no stop is set."
    )
    resting = in_state(bot, "stopped", resting_stop_price=D(1))
    assert why(resting) == "It is stopped; what it holds is kept, with its stop."
    naked = in_state(
        bot, "stopped", unprotected_since=timezone.now(), unprotected_reason="-2010, no"
    )
    assert why(naked) == (
        "It is stopped; what it holds is kept, but has no stop at the venue: -2010, no."
    )
    closing = in_state(bot, "stopped", close_requested_at=timezone.now())
    assert why(closing) == "It is stopped; what it holds is being closed at the market."

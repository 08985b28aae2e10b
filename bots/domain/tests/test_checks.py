"""Every rule that was asked is told with its numbers, in a fixed order, passed or not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bots.domain.decide import decide, decide_again
from bots.domain.decision import Check, Decision, Denial, DenialCode, IntentReason
from bots.domain.protections import AccountCaps, Exposure
from bots.domain.snapshot import CloseRequest
from bots.domain.status import Reason, State, Status
from bots.domain.tests.builders import (
    DAY,
    ENTRY,
    EXIT,
    QUIET,
    D,
    holding,
    parameters,
    rules,
    snapshot,
)

HALT = Denial(code=DenialCode.HALTED, detail="entries are halted for this bot")
LOCK = Denial(code=DenialCode.COOLDOWN, detail="a pause until 17:01:00")


def codes(decision: Decision) -> list[tuple[str, bool]]:
    return [(check.code, check.passed) for check in decision.checks]


def check(decision: Decision, code: str) -> Check:
    (found,) = (each for each in decision.checks if each.code == code)
    return found


def test_an_entry_is_told_with_every_rule_that_let_it_through() -> None:
    assert codes(decide(snapshot(ENTRY))) == [
        ("signal", True),
        ("entry_blocks", True),
        ("symbol_not_trading", True),
        ("max_daily_loss_perc", True),
        ("daily_target_perc", True),
        ("max_daily_trades", True),
        ("trend_filter", True),
        ("size", True),
        ("account_caps", True),
    ]


def test_rules_after_the_first_refusal_are_asked_too() -> None:
    now = snapshot(
        ENTRY,
        entry_blocks=(HALT, LOCK),
        rules=rules(is_trading=False),
        parameters=parameters(max_daily_loss_perc=D(1), daily_target_perc=D(9), max_daily_trades=3),
        day=replace(DAY, realized_pnl=D(-12), trades_count=3),
        free_quote=D(1),
    )
    decision = decide(now)
    assert [each for each in codes(decision) if not each[1]] == [
        ("halted", False),
        ("cooldown", False),
        ("symbol_not_trading", False),
        ("max_daily_loss_perc", False),
        ("max_daily_trades", False),
        ("insufficient_balance", False),
    ]
    assert decision.denials == (HALT,)
    assert decision.sentence == "Did not buy: entries are halted for this bot."
    loss = check(decision, "max_daily_loss_perc")
    assert loss.detail == "-12.00 USDT today, the limit is -10.00"
    target = check(decision, "daily_target_perc")
    assert (target.passed, target.detail) == (True, "-12.00 USDT today, the target is 90.00")


def test_passed_rules_tell_their_numbers_too() -> None:
    decision = decide(
        snapshot(
            ENTRY,
            parameters=parameters(max_daily_trades=3, max_daily_loss_perc=D(5)),
            exposure=Exposure(open_positions=1, notional=D(700)),
            caps=AccountCaps(max_open_positions=2),
        )
    )
    assert check(decision, "max_daily_trades").detail == "0 of 3 trades today"
    assert check(decision, "max_daily_loss_perc").detail == "0.00 USDT today, the limit is -50.00"
    assert check(decision, "daily_target_perc").detail == "no limit is set"
    assert check(decision, "trend_filter").detail == "no trend filter is set"
    assert check(decision, "size").detail.endswith(" USDT; 10000.00 USDT is free")
    held = "the account's bots hold 1 positions of 700.00 USDT"
    assert check(decision, "account_caps").detail == held
    assert len(decision.intents) == 1


def test_a_cap_of_the_account_refuses() -> None:
    decision = decide(
        snapshot(
            ENTRY,
            exposure=Exposure(open_positions=2, notional=D(700)),
            caps=AccountCaps(max_open_positions=2),
        )
    )
    assert [denial.code for denial in decision.denials] == [DenialCode.MAX_OPEN_POSITIONS]
    assert decision.intents == ()


def test_a_bot_without_a_signal_is_told_the_same_rules() -> None:
    decision = decide(snapshot(QUIET, entry_blocks=(HALT,)))
    assert codes(decision)[:2] == [("signal", False), ("halted", False)]
    assert decision.denials == ()  # nothing was wanted, so nothing was refused
    assert decision.sentence == "Waits: entries are halted for this bot."


def test_a_lock_that_ends_by_itself_is_no_headline_without_a_signal() -> None:
    decision = decide(snapshot(QUIET, entry_blocks=(LOCK,)))
    assert decision.sentence.startswith("No cross: ")
    assert ("cooldown", False) in codes(decision)


def test_a_refusal_that_came_up_later_is_decided_again_and_waits_for_money() -> None:
    short_of_money = Denial(
        code=DenialCode.INSUFFICIENT_BALANCE, detail="needs 500.00 USDT, but 1.00 USDT is free"
    )
    now = snapshot(ENTRY)
    again, decision = decide_again(now, short_of_money)
    assert again.entry_blocks == (short_of_money,)
    assert decision.denials == (short_of_money,)
    assert decision.intents == ()
    assert decision.status == Status(State.WAITING, Reason.QUANTITY_BELOW_FILTERS)
    assert decide(again) == decision


# --- in position


def test_a_position_is_told_with_every_rule_that_watches_it() -> None:
    decision = decide(snapshot(EXIT - 1, position=holding(), price=D(21000)))
    assert codes(decision) == [
        ("close_request", True),
        ("exit_signal", True),
        ("stop_loss", True),
        ("take_profit", True),
        ("daily_limit", True),
    ]
    stop = "price 21000, stop loss 20580, 2.0 % away"
    assert check(decision, "stop_loss").detail == stop


def test_all_reasons_to_leave_are_told_not_only_the_first() -> None:
    decision = decide(snapshot(EXIT, position=holding(), price=D(20000)))
    assert [intent.reason for intent in decision.intents] == [IntentReason.EXIT_SIGNAL]
    assert [code for code, passed in codes(decision) if not passed] == [
        "exit_signal",
        "stop_loss",
    ]
    assert check(decision, "size").detail == "0.02 of the 0.02 BTC held"


def test_a_request_to_close_goes_before_everything_else() -> None:
    asked = CloseRequest(source="m", reason="anna asked for it")
    now = snapshot(EXIT, position=holding(), close_request=asked, price=D(20000))
    decision = decide(now)
    assert [intent.reason for intent in decision.intents] == [IntentReason.CLOSE_REQUEST]
    assert decision.sentence == "Sells 0.02 BTC: anna asked for it."


def test_while_a_close_is_asked_for_nothing_is_opened() -> None:
    asked = CloseRequest(source="m", reason="anna asked for it")
    decision = decide(snapshot(ENTRY, close_request=asked))
    assert [denial.code for denial in decision.denials] == [DenialCode.CLOSE_REQUESTED]
    assert decision.intents == ()


@pytest.mark.parametrize("price", ["20000", "20900"])
def test_a_halt_of_everything_keeps_the_bots_own_exits(price: str) -> None:
    now = snapshot(EXIT, position=holding(), exit_block="everything is halted", price=D(price))
    decision = decide(now)
    assert decision.intents == ()
    assert [denial.code for denial in decision.denials] == [DenialCode.HALTED]
    assert decision.sentence.startswith("Did not sell (EMA 9 crossed below EMA 21, RSI 45.8 > 30)")
    assert decision.seen_until == snapshot(EXIT - 1).klines[-1].open_time  # it stands


def test_a_halt_of_everything_does_not_keep_what_a_person_asked_for() -> None:
    now = snapshot(
        EXIT,
        position=holding(),
        exit_block="everything is halted",
        close_request=CloseRequest(source="e", reason="the operator closes everything"),
    )
    assert [one.reason for one in decide(now).intents] == [IntentReason.CLOSE_REQUEST]


def test_a_halt_that_keeps_nothing_is_not_told_as_a_refusal() -> None:
    held = snapshot(EXIT - 1, position=holding(), exit_block="everything is halted", price=D(21000))
    assert decide(held).denials == ()


def test_a_daily_limit_closes_the_position_of_a_bot_that_is_set_to() -> None:
    settings = parameters(max_daily_loss_perc=D(1), closes_at_daily_limit=True)
    now = snapshot(EXIT - 1, position=holding(), parameters=settings, price=D(20900), day=DAY)
    lost = replace(now, day=replace(DAY, realized_pnl=D(-50)))
    decision = decide(lost)
    assert [intent.reason for intent in decision.intents] == [IntentReason.DAILY_LIMIT]
    assert decision.status == Status(State.PAUSED, Reason.MAX_DAILY_LOSS)
    assert decision.sentence == (
        "Sells 0.02 BTC: a daily limit is reached: -52.00 USDT today, the limit is -10.00."
    )
    assert decide(now).intents == ()
    keeps = replace(lost, parameters=replace(settings, closes_at_daily_limit=False))
    assert decide(keeps).intents == ()

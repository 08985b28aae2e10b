from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from bots.domain.decide import decide
from bots.domain.decision import (
    Decision,
    Denial,
    DenialCode,
    Intent,
    IntentReason,
    Leg,
    Levels,
    SignalKind,
)
from bots.domain.snapshot import Snapshot
from bots.domain.status import Reason, State, Status
from bots.domain.strategies import UnknownStrategyError, get_strategy
from bots.domain.tests.builders import (
    DAY,
    ENTRY,
    EXIT,
    HOUR,
    QUIET,
    START,
    D,
    holding,
    kline,
    market_closes,
    market_klines,
    parameters,
    reference,
    rules,
    snapshot,
)
from exchange.domain.symbol_status import NOT_LISTED
from exchange.domain.types import Kline, Side

RUNNING = Status(State.RUNNING)
WAITING = Status(State.WAITING, Reason.QUANTITY_BELOW_FILTERS)
WALK_FROM = 210
SWITCHED_OFF = Denial(code=DenialCode.ENTRY_BLOCKED, detail="live trading is switched off")


def opened(index: int) -> Any:
    return START + index * HOUR


def sale(reason: IntentReason, quantity: str = "0.02") -> tuple[Intent, ...]:
    return (Intent(leg=Leg.EXIT, side=Side.SELL, quantity=D(quantity), reason=reason),)


def refused(decision: Decision) -> DenialCode:
    assert decision.intents == ()
    (denial,) = decision.denials
    return denial.code


# --- entries


def test_a_crossing_on_the_last_kline_is_bought() -> None:
    decision = decide(snapshot(ENTRY))
    assert decision.intents == (
        Intent(
            leg=Leg.ENTRY,
            side=Side.BUY,
            quantity=D("0.02381"),
            reason=IntentReason.ENTRY_SIGNAL,
            reserve=D("0.02381") * market_closes()[ENTRY] * D("1.002"),
        ),
    )
    assert decision.denials == ()
    assert decision.levels == Levels()
    assert decision.status == RUNNING
    assert decision.sentence == "Buys 0.02381 BTC: EMA 9 crossed above EMA 21, RSI 55.3 < 70."
    assert decision.signal.kind is SignalKind.ENTER_LONG
    assert decision.signal.kline_time == opened(ENTRY)
    assert [name for name, _ in decision.signal.indicators] == ["ema_fast", "ema_slow", "rsi"]
    assert decision.seen_until == opened(ENTRY)


def test_without_a_crossing_nothing_happens() -> None:
    decision = decide(snapshot(QUIET))
    assert (decision.intents, decision.denials) == ((), ())
    assert decision.signal.kind is SignalKind.NONE
    assert decision.status == RUNNING
    assert decision.sentence.startswith("No cross: EMA 9 21122.731 above EMA 21 ")


def test_an_entry_of_an_older_kline_is_not_chased() -> None:
    decision = decide(snapshot(ENTRY + 1, last_seen_kline=opened(ENTRY - 3)))
    assert decision.intents == ()
    assert decision.signal.kind is SignalKind.NONE


def test_an_entry_is_over_when_the_kline_after_it_must_have_closed() -> None:
    now = snapshot(ENTRY)
    last_moment = replace(now, market_time=opened(ENTRY + 2) - timedelta(milliseconds=1))
    assert len(decide(last_moment).intents) == 1
    late = decide(replace(now, market_time=opened(ENTRY + 2)))
    assert late.intents == ()
    assert late.sentence == (
        "Did not buy: the kline that crossed closed at 16:59:59, newer klines are missing."
    )


def test_the_same_kline_may_be_bought_by_a_later_tick_when_the_first_was_refused() -> None:
    first = decide(snapshot(ENTRY, free_quote=D(1)))
    assert refused(first) is DenialCode.INSUFFICIENT_BALANCE
    assert first.status == WAITING
    assert first.sentence.startswith("Did not buy: needs 500.00 USDT, at the very least 5.00, ")
    second = decide(snapshot(ENTRY, last_seen_kline=first.seen_until))
    assert len(second.intents) == 1


def test_a_signal_is_spent_once_an_order_was_tried_after_its_kline() -> None:
    closed_at = snapshot(ENTRY).klines[-1].close_time
    spent = decide(snapshot(ENTRY, last_order_time=closed_at))
    assert (spent.intents, spent.denials) == ((), ())
    assert spent.signal.kind is SignalKind.NONE
    assert spent.sentence == (
        "Did not buy again: the kline that crossed closed at 16:59:59 and an order was tried since."
    )
    before = decide(snapshot(ENTRY, last_order_time=closed_at - timedelta(milliseconds=1)))
    assert len(before.intents) == 1


def test_an_overbought_market_is_not_bought_and_the_rsi_is_named() -> None:
    decision = decide(snapshot(ENTRY, parameters=parameters(rsi_overbought=D(55))))
    assert (decision.intents, decision.denials) == ((), ())
    assert decision.sentence == "Did not buy: RSI 55.3 ≥ 55."


def test_too_few_klines_are_not_read() -> None:
    klines = market_klines(ENTRY, first=ENTRY - 208)
    decision = decide(snapshot(ENTRY, klines=klines, last_seen_kline=opened(ENTRY - 4)))
    assert decision.intents == ()
    assert decision.signal.kind is SignalKind.NOT_READY
    assert decision.sentence == "Not ready: 209 of 210 closed klines."
    assert decision.seen_until == opened(ENTRY - 4)
    enough = market_klines(ENTRY, first=ENTRY - 209)
    assert len(decide(snapshot(ENTRY, klines=enough)).intents) == 1


def test_no_klines_at_all_are_no_signal() -> None:
    decision = decide(snapshot(ENTRY, klines=()))
    assert decision.sentence == "Not ready: 0 of 210 closed klines."


def test_the_trend_filter_refuses_with_its_numbers() -> None:
    now = replace(snapshot(ENTRY), klines=_rally_in_a_falling_market(), price=D(25000))
    now = replace(now, market_time=now.klines[-1].close_time)
    assert len(decide(now).intents) == 1
    decision = decide(replace(now, parameters=parameters(ema_period=50)))
    assert refused(decision) is DenialCode.TREND_FILTER
    assert decision.denials[0].detail == "close 24525.04 is not above EMA 50 24621.877"
    assert decision.sentence == "Did not buy: close 24525.04 is not above EMA 50 24621.877."
    assert decision.signal.kind is SignalKind.ENTER_LONG
    assert decision.status == RUNNING


def _rally_in_a_falling_market() -> tuple[Kline, ...]:
    closes = [D(f"{30000 - 10 * i + 160 * math.sin(i / 8):.2f}") for i in range(600)]
    arrays = get_strategy("ema").signals(
        np.array(closes, dtype=np.float64), parameters(ema_period=50)
    )
    last = int(np.flatnonzero(arrays.enter_long & ~arrays.trend_up)[-1])
    return tuple(kline(i, closes[i]) for i in range(last + 1))


@pytest.mark.parametrize(
    ("changes", "code", "detail"),
    [
        (
            {"entry_blocks": (SWITCHED_OFF,)},
            DenialCode.ENTRY_BLOCKED,
            "live trading is switched off",
        ),
        (
            {"rules": rules(is_trading=False)},
            DenialCode.SYMBOL_NOT_TRADING,
            "BTCUSDT is not trading at the venue",
        ),
    ],
)
def test_an_entry_is_refused_for_this_reason(
    changes: dict[str, Any], code: DenialCode, detail: str
) -> None:
    decision = decide(snapshot(ENTRY, **changes))
    assert refused(decision) is code
    assert decision.denials[0].detail == detail
    assert decision.sentence == f"Did not buy: {detail}."
    assert decision.status == RUNNING


def test_a_size_below_the_filters_waits_and_says_so_even_before_a_signal() -> None:
    tiny = parameters(position_size_fixed=D(3))
    wanted = decide(snapshot(ENTRY, parameters=tiny))
    assert refused(wanted) is DenialCode.QUANTITY_BELOW_FILTERS
    assert wanted.status == WAITING
    idle = decide(snapshot(QUIET, parameters=tiny))
    assert (idle.intents, idle.denials) == ((), ())
    assert idle.status == WAITING
    assert idle.sentence.startswith("Waits: position size 3.00 USDT is too small: value 2.9")


def test_a_daily_limit_pauses_with_and_without_a_signal() -> None:
    limited = {
        "parameters": parameters(max_daily_trades=3),
        "day": replace(DAY, trades_count=3),
    }
    paused = Status(State.PAUSED, Reason.MAX_DAILY_TRADES)
    wanted = decide(snapshot(ENTRY, **limited))
    assert refused(wanted) is DenialCode.MAX_DAILY_TRADES
    assert wanted.status == paused
    assert wanted.sentence == "Did not buy: 3 of 3 trades today."
    idle = decide(snapshot(QUIET, **limited))
    assert idle.denials == ()
    assert idle.status == paused
    assert idle.sentence == "Paused until the next day (UTC): 3 of 3 trades today."


# --- exits


def test_a_crossing_below_sells_everything_that_is_held() -> None:
    decision = decide(snapshot(EXIT, position=holding()))
    assert decision.intents == sale(IntentReason.EXIT_SIGNAL)
    assert decision.signal.kind is SignalKind.EXIT_LONG
    assert decision.sentence == "Sells 0.02 BTC: EMA 9 crossed below EMA 21, RSI 45.8 > 30."
    assert decision.levels.stop_loss == D(20580)
    assert decision.levels.take_profit == D(21840)


def test_without_a_reason_to_leave_the_bot_holds_and_shows_its_distances() -> None:
    decision = decide(snapshot(EXIT - 1, position=holding(), price=D(21000)))
    assert (decision.intents, decision.denials) == ((), ())
    assert decision.signal.kind is SignalKind.NONE
    assert decision.sentence == "Holds: stop 2.0 % away, target 4.0 % away."
    assert decision.status == RUNNING


def test_an_exit_of_any_kline_since_the_last_tick_still_closes() -> None:
    late = snapshot(EXIT + 3, position=holding(), last_seen_kline=opened(EXIT - 1))
    decision = decide(late)
    assert decision.intents == sale(IntentReason.EXIT_SIGNAL)
    assert decision.signal.kline_time == opened(EXIT)
    seen = decide(replace(late, last_seen_kline=opened(EXIT)))
    assert seen.intents == ()
    assert seen.seen_until == opened(EXIT + 3)


def test_after_a_start_only_the_last_closed_kline_counts_for_exits() -> None:
    assert decide(snapshot(EXIT + 1, position=holding(), last_seen_kline=None)).intents == ()
    now = decide(snapshot(EXIT, position=holding(), last_seen_kline=None))
    assert now.intents == sale(IntentReason.EXIT_SIGNAL)


def test_an_exit_stands_until_the_position_is_gone() -> None:
    capped = rules(max_quantity=D("0.015"))
    first = decide(snapshot(EXIT, position=holding(), rules=capped))
    assert first.intents == sale(IntentReason.EXIT_SIGNAL, "0.015")
    assert first.seen_until == opened(EXIT - 1)
    rest = holding(quantity=D("0.005"))
    second = decide(snapshot(EXIT, position=rest, last_seen_kline=first.seen_until))
    assert second.intents == sale(IntentReason.EXIT_SIGNAL, "0.005")
    flat = decide(snapshot(EXIT, last_seen_kline=second.seen_until))
    assert flat.intents == ()
    assert flat.seen_until == opened(EXIT)


def test_an_exit_of_before_the_position_was_opened_does_not_end_it() -> None:
    bought = holding(opened_at=opened(ENTRY + 1) + timedelta(seconds=3))
    decision = decide(snapshot(ENTRY, position=bought, last_seen_kline=opened(EXIT - 1)))
    assert decision.intents == ()
    assert decision.signal.kind is SignalKind.NONE


def test_an_oversold_market_is_not_left() -> None:
    settings = parameters(rsi_oversold=D("46.5"))
    decision = decide(snapshot(EXIT, position=holding(), parameters=settings, price=D(21000)))
    assert decision.intents == ()
    assert decision.signal.detail == "did not sell: RSI 45.8 ≤ 46.5"


@pytest.mark.parametrize(
    ("price", "reason", "sentence"),
    [
        (
            "20580",
            IntentReason.STOP_LOSS,
            "Sells 0.02 BTC: price 20580 reached the stop loss 20580.",
        ),
        (
            "21840.5",
            IntentReason.TAKE_PROFIT,
            "Sells 0.02 BTC: price 21840.5 reached the take profit 21840.",
        ),
    ],
)
def test_the_price_ends_the_position_between_klines(
    price: str, reason: IntentReason, sentence: str
) -> None:
    decision = decide(snapshot(QUIET, position=holding(), price=D(price)))
    assert decision.intents == sale(reason)
    assert decision.sentence == sentence


def test_the_trailing_stop_remembers_what_it_had_reached() -> None:
    held = holding(max_price_since_entry=D(21500), trailing_stop_price=D("21285"))
    settings = parameters(trailing_stop_perc=D(1))
    decision = decide(snapshot(QUIET, position=held, parameters=settings, price=D(21200)))
    assert decision.intents == sale(IntentReason.TRAILING_STOP)
    assert decision.levels.trailing_stop is not None
    assert decision.levels.trailing_stop >= D(21285)


def test_an_exit_signal_goes_before_a_stop() -> None:
    decision = decide(snapshot(EXIT, position=holding(), price=D(20000)))
    assert decision.intents == sale(IntentReason.EXIT_SIGNAL)


def test_no_limit_block_or_cooldown_stops_an_exit() -> None:
    now = snapshot(
        EXIT,
        position=holding(),
        parameters=parameters(
            max_daily_loss_perc=D("0.1"), max_daily_trades=1, order_cooldown_seconds=3600
        ),
        day=replace(DAY, realized_pnl=D(-500), trades_count=1),
        rules=rules(is_trading=False),
        entry_blocks=(SWITCHED_OFF,),
    )
    decision = decide(replace(now, last_order_time=now.market_time))
    assert decision.intents == sale(IntentReason.EXIT_SIGNAL)
    assert decision.status == Status(State.PAUSED, Reason.MAX_DAILY_LOSS)


def test_a_position_in_profit_pauses_at_the_daily_target_and_goes_on_holding() -> None:
    held = holding(quantity=D(1))
    settings = parameters(daily_target_perc=D(10))
    decision = decide(snapshot(EXIT - 1, position=held, parameters=settings, price=D(21100)))
    assert decision.status == Status(State.PAUSED, Reason.DAILY_TARGET)
    assert decision.intents == ()
    assert decision.sentence.startswith("Holds: ")


def test_coins_that_are_not_there_cannot_be_sold() -> None:
    decision = decide(snapshot(EXIT, position=holding(), free_base=D(0)))
    assert refused(decision) is DenialCode.INSUFFICIENT_BALANCE
    assert decision.status == WAITING
    assert decision.seen_until == opened(EXIT - 1)
    assert decision.sentence == (
        "Did not sell (EMA 9 crossed below EMA 21, RSI 45.8 > 30): holds 0.02 BTC, 0 free in the "
        "account: quantity is zero after rounding to the increment."
    )


def test_a_position_goes_on_being_guarded_without_klines() -> None:
    decision = decide(snapshot(EXIT, klines=(), position=holding(), price=D(20000)))
    assert decision.intents == sale(IntentReason.STOP_LOSS)
    assert decision.signal.kind is SignalKind.NOT_READY


def test_dust_counts_as_flat() -> None:
    dust = holding(quantity=D("0.0000099"))
    decision = decide(snapshot(ENTRY, position=dust))
    assert [intent.side for intent in decision.intents] == [Side.BUY]
    assert decide(snapshot(EXIT, position=dust)).intents == ()
    enough_to_sell = holding(quantity=D("0.00025"), opened_at=opened(0))
    assert decide(snapshot(ENTRY, position=enough_to_sell)).intents == ()


def test_a_residue_that_the_venue_would_not_take_is_joined_by_the_next_entry() -> None:
    residue = holding(quantity=D("0.00023"))  # below the minimum of 5 USDT
    assert decide(snapshot(EXIT, position=residue, price=D(19000))).intents == ()
    assert [each.side for each in decide(snapshot(ENTRY, position=residue)).intents] == [Side.BUY]
    idle = decide(snapshot(QUIET, position=residue))
    assert idle.sentence.endswith(
        "; the 0.00023 BTC that are held are worth too little to be sold."
    )
    assert idle.levels == Levels()


# --- what cannot be decided


def test_an_unknown_strategy_is_raised_to_the_caller() -> None:
    with pytest.raises(UnknownStrategyError, match=r"^Unknown strategy: macd$"):
        decide(snapshot(QUIET, parameters=parameters(strategy="macd")))


@pytest.mark.parametrize("price", ["0", "-1"])
def test_a_price_that_is_not_positive_is_refused(price: str) -> None:
    with pytest.raises(ValueError, match="price of BTCUSDT must be positive"):
        decide(snapshot(QUIET, price=D(price)))


def test_the_same_snapshot_gives_the_same_decision() -> None:
    for last in (ENTRY, EXIT, QUIET):
        assert decide(snapshot(last)) == decide(snapshot(last))


def test_a_walk_through_the_slice_trades_what_the_reference_says() -> None:
    found = _walk()
    assert found == _expected_walk()
    assert {reason for _, reason in found} == {
        IntentReason.ENTRY_SIGNAL,
        IntentReason.EXIT_SIGNAL,
        IntentReason.TAKE_PROFIT,
        IntentReason.STOP_LOSS,
    }


def _expected_walk() -> list[tuple[int, IntentReason]]:
    part, closes = reference()["slices"][0], market_closes()
    traded, entry = [], None
    for last in range(WALK_FROM, len(closes)):
        if entry is None and last in part["enter_idx"]:
            entry, reason = closes[last], IntentReason.ENTRY_SIGNAL
        elif entry is None:
            continue
        elif last in part["exit_idx"]:
            entry, reason = None, IntentReason.EXIT_SIGNAL
        elif closes[last] <= entry * D("0.995"):
            entry, reason = None, IntentReason.STOP_LOSS
        elif closes[last] >= entry * D("1.04"):
            entry, reason = None, IntentReason.TAKE_PROFIT
        else:
            continue
        traded.append((last, reason))
    return traded


def _walk() -> list[tuple[int, IntentReason]]:
    traded = []
    now = snapshot(WALK_FROM - 1, parameters=parameters(stop_loss_perc=D("0.5")))
    for last in range(WALK_FROM, len(market_closes())):
        now = _next_hour(now, last)
        decision = decide(now)
        now = replace(now, last_seen_kline=decision.seen_until)
        for intent in decision.intents:
            traded.append((last, intent.reason))
            now = _filled(now, intent)
    return traded


def _next_hour(now: Snapshot, last: int) -> Snapshot:
    return replace(
        now,
        klines=market_klines(last),
        market_time=opened(last + 1) + timedelta(minutes=1),
        price=market_closes()[last],
    )


def _filled(now: Snapshot, intent: Intent) -> Snapshot:
    quantity = intent.quantity if intent.side is Side.BUY else Decimal(0)
    position = holding(quantity=quantity, entry_price=now.price, opened_at=now.market_time)
    return replace(now, position=position, last_order_time=now.market_time)


def test_a_halted_symbol_is_named_before_there_is_anything_to_buy() -> None:
    decision = decide(snapshot(QUIET, rules=rules(is_trading=False, status="CANCEL_ONLY")))
    assert decision.sentence == "Waits: BTCUSDT is not trading at the venue (status CANCEL_ONLY)."
    assert decision.status == Status(State.RUNNING)
    assert decision.denials == ()


def test_an_exit_that_the_venue_takes_no_order_for_is_denied_and_stands() -> None:
    halted = rules(is_trading=False, status="HALT")
    decision = decide(snapshot(EXIT, position=holding(), rules=halted))
    assert refused(decision) is DenialCode.SYMBOL_NOT_TRADING
    assert decision.status == Status(State.RUNNING)
    assert decision.seen_until == opened(EXIT - 1)  # the signal is seen again by the next tick
    assert decision.sentence == (
        "Did not sell (EMA 9 crossed below EMA 21, RSI 45.8 > 30): BTCUSDT is not trading at the "
        "venue (status HALT); the position is kept until it is."
    )


def test_levels_of_a_position_go_on_rising_while_its_symbol_is_halted() -> None:
    halted = rules(is_trading=False, status="HALT")
    trailing = parameters(trailing_stop_perc=D(1))
    held = holding(max_price_since_entry=D(21500))
    decision = decide(
        snapshot(EXIT - 1, position=held, rules=halted, parameters=trailing, price=D(21490))
    )
    assert decision.levels.trailing_stop == D(21285)
    assert decision.sentence.startswith("Holds: ")
    assert decision.sentence.endswith("; BTCUSDT is not trading at the venue (status HALT).")


def test_an_exit_of_a_symbol_that_is_no_longer_listed_is_tried() -> None:
    gone = rules(is_trading=False, status=NOT_LISTED)
    assert decide(snapshot(EXIT, position=holding(), rules=gone)).intents == sale(
        IntentReason.EXIT_SIGNAL
    )
    assert refused(decide(snapshot(ENTRY, rules=gone))) is DenialCode.SYMBOL_NOT_TRADING

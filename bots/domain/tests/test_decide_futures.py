"""Both directions, leverage, and what only a futures bot has to ask."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from bots.domain.decide import decide
from bots.domain.decision import DenialCode, IntentReason, Leg, SignalKind
from bots.domain.direction import Direction, Directions
from bots.domain.snapshot import Snapshot
from bots.domain.status import Reason, State, Status
from bots.domain.strategies import get_strategy
from bots.domain.tests.builders import (
    ENTRY,
    EXIT,
    HOUR,
    QUIET,
    START,
    D,
    futures_snapshot,
    futures_view,
    holding,
    kline,
    market_closes,
    parameters,
    short,
)
from bots.domain.wording import plain
from exchange.domain.types import Kline, Side


def test_a_crossing_above_opens_long_with_the_notional_of_margin_times_leverage() -> None:
    decision = decide(futures_snapshot(ENTRY))
    (intent,) = decision.intents
    assert (intent.leg, intent.side, intent.direction) == (Leg.ENTRY, Side.BUY, Direction.LONG)
    assert intent.quantity == D("0.047")  # 1000 USDT at about 21,000
    assert not intent.reduces_only
    assert decision.signal.kind is SignalKind.ENTER_LONG
    assert decision.status == Status(State.RUNNING)


def test_a_crossing_below_opens_short() -> None:
    decision = decide(futures_snapshot(EXIT))
    (intent,) = decision.intents
    assert (intent.leg, intent.side, intent.direction) == (Leg.ENTRY, Side.SELL, Direction.SHORT)
    assert decision.signal.kind is SignalKind.ENTER_SHORT
    assert decision.sentence == "Sells short 0.048 BTC: EMA 9 crossed below EMA 21, RSI 45.8 > 30."


@pytest.mark.parametrize(
    ("last", "allowed", "words"),
    [
        (EXIT, Directions.LONG, "; the bot opens no short positions."),
        (ENTRY, Directions.SHORT, "; the bot opens no long positions."),
    ],
)
def test_a_direction_that_the_bot_may_not_take_is_named_and_not_taken(
    last: int, allowed: Directions, words: str
) -> None:
    now = futures_snapshot(last)
    decision = decide(replace(now, parameters=replace(now.parameters, directions=allowed)))
    assert decision.intents == ()
    assert decision.signal.kind is SignalKind.NONE
    assert decision.sentence.endswith(words)


def test_a_crossing_above_buys_a_short_position_back_and_only_reduces() -> None:
    decision = decide(futures_snapshot(ENTRY, position=short()))
    (intent,) = decision.intents
    assert (intent.leg, intent.side, intent.direction) == (Leg.EXIT, Side.BUY, Direction.SHORT)
    assert (intent.quantity, intent.reduces_only) == (D("0.02"), True)
    assert intent.reason is IntentReason.EXIT_SIGNAL
    assert decision.signal.kind is SignalKind.EXIT_SHORT
    assert decision.sentence == "Buys back 0.02 BTC: EMA 9 crossed above EMA 21, RSI 55.3 < 70."
    assert decision.levels.stop_loss == D(21420)
    assert decision.levels.take_profit == D(20160)


def test_a_crossing_below_does_not_end_a_short_position() -> None:
    held = short(opened_at=START)
    decision = decide(futures_snapshot(EXIT, position=held, price=D(21000)))
    assert decision.intents == ()
    assert decision.signal.kind is SignalKind.NONE


@pytest.mark.parametrize(
    ("mark", "last_price", "reason"),
    [
        ("21420", "21000", IntentReason.STOP_LOSS),
        ("20500", "20160", IntentReason.TAKE_PROFIT),
        ("20100", "20500", None),  # the mark price reaches no target
        ("21000", "21500", None),  # the last price reaches no stop
    ],
)
def test_a_short_position_is_left_by_mark_price_at_its_stop_and_last_price_at_its_target(
    mark: str, last_price: str, reason: IntentReason | None
) -> None:
    now = futures_snapshot(
        QUIET, position=short(), price=D(last_price), futures=futures_view(D(mark))
    )
    reasons = [intent.reason for intent in decide(now).intents]
    assert reasons == ([] if reason is None else [reason])


def test_the_sentence_of_a_stop_names_the_mark_price() -> None:
    now = futures_snapshot(QUIET, position=short(), price=D(21000), futures=futures_view(D(21500)))
    assert (
        decide(now).sentence == "Buys back 0.02 BTC: mark price 21500 reached the stop loss 21420."
    )


def test_the_trend_filter_lets_no_short_position_open_above_it() -> None:
    now = replace(futures_snapshot(EXIT), klines=_dip_in_a_rising_market())
    now = replace(now, market_time=now.klines[-1].close_time, price=now.klines[-1].close)
    assert [intent.side for intent in decide(now).intents] == [Side.SELL]
    filtered = decide(replace(now, parameters=replace(now.parameters, ema_period=50)))
    (denial,) = filtered.denials
    assert filtered.intents == ()
    assert denial.code is DenialCode.TREND_FILTER
    close = plain(now.klines[-1].close)
    assert denial.detail.startswith(f"close {close} is not below EMA 50 ")
    assert filtered.sentence.startswith("Did not sell short: close ")


def _dip_in_a_rising_market() -> tuple[Kline, ...]:
    closes = [D(f"{20000 + 10 * i - 160 * math.sin(i / 8):.2f}") for i in range(600)]
    arrays = get_strategy("ema").signals(
        np.array(closes, dtype=np.float64), parameters(ema_period=50)
    )
    last = int(np.flatnonzero(arrays.enter_short & ~arrays.trend_down)[-1])
    return tuple(kline(i, closes[i]) for i in range(last + 1))


# --- turning around


def closed_short(last: int, **changes: Any) -> Snapshot:
    """Return the tick after a short position was bought back on the crossing of kline `last`."""
    now = futures_snapshot(last)
    at = now.klines[-1].close_time + timedelta(seconds=20)
    told: dict[str, Any] = {
        "last_order_time": at,
        "last_close_time": at,
        "last_entry_time": at - 30 * HOUR,
        "last_close_direction": Direction.SHORT,
    }
    return replace(now, **{**told, **changes})


def test_the_exit_of_a_reversal_leaves_the_entry_of_the_same_kline() -> None:
    decision = decide(closed_short(ENTRY))
    assert [intent.direction for intent in decision.intents] == [Direction.LONG]


def test_the_entry_of_a_reversal_is_spent_by_its_own_order() -> None:
    at = futures_snapshot(ENTRY).klines[-1].close_time + timedelta(seconds=50)
    assert decide(closed_short(ENTRY, last_entry_time=at)).intents == ()


def test_after_the_stop_of_a_position_of_the_same_direction_its_signal_is_spent() -> None:
    decision = decide(closed_short(ENTRY, last_close_direction=Direction.LONG))
    assert decision.intents == ()
    assert "an order was tried since" in decision.sentence


def test_without_knowing_which_way_the_last_position_went_the_signal_is_spent() -> None:
    assert decide(closed_short(ENTRY, last_close_direction=None)).intents == ()


# --- leverage and liquidation


def test_a_stop_beyond_the_liquidation_is_denied_with_both_prices() -> None:
    now = futures_snapshot(ENTRY)
    risky = replace(now.parameters, leverage=20, stop_loss_perc=D(5))
    decision = decide(replace(now, parameters=risky))
    (denial,) = decision.denials
    assert decision.intents == ()
    assert denial.code is DenialCode.STOP_BEYOND_LIQUIDATION
    assert "estimated liquidation at 20" in denial.detail
    assert decision.status == Status(State.RUNNING)
    idle = decide(replace(futures_snapshot(QUIET), parameters=risky))
    assert idle.denials == ()
    assert idle.sentence.startswith("Waits: stop ")


def test_the_same_stop_with_less_leverage_is_let_through() -> None:
    now = futures_snapshot(ENTRY)
    calm = replace(now.parameters, leverage=10, stop_loss_perc=D(5))
    decision = decide(replace(now, parameters=calm))
    assert len(decision.intents) == 1
    (check,) = (one for one in decision.checks if one.code == DenialCode.STOP_BEYOND_LIQUIDATION)
    assert check.passed
    assert "is clear of the estimated liquidation at" in check.detail


def test_the_tighter_of_both_stops_is_what_counts_against_the_liquidation() -> None:
    now = futures_snapshot(ENTRY)
    both = replace(now.parameters, leverage=20, stop_loss_perc=D(5), trailing_stop_perc=D(1))
    assert len(decide(replace(now, parameters=both)).intents) == 1


def test_too_little_margin_waits_with_what_is_needed_and_free() -> None:
    decision = decide(futures_snapshot(ENTRY, free_quote=D(5)))
    assert decision.status == Status(State.WAITING, Reason.QUANTITY_BELOW_FILTERS)
    assert [denial.code for denial in decision.denials] == [DenialCode.INSUFFICIENT_BALANCE]
    assert decision.sentence.startswith("Did not buy: needs 100.00 USDT margin (1000.00 USDT at ")
    idle = decide(futures_snapshot(QUIET, free_quote=D(5)))
    assert idle.status == Status(State.WAITING, Reason.QUANTITY_BELOW_FILTERS)
    assert idle.sentence.startswith("Waits: needs 100.00 USDT margin")


def test_coins_in_the_account_do_not_matter_to_a_futures_exit() -> None:
    decision = decide(futures_snapshot(EXIT, position=holding(), free_base=D(0)))
    assert [intent.quantity for intent in decision.intents] == [D("0.02")]


def test_a_futures_position_of_any_value_is_no_residue() -> None:
    tiny = holding(quantity=D("0.001"))
    decision = decide(futures_snapshot(EXIT, position=tiny))
    assert [intent.quantity for intent in decision.intents] == [D("0.001")]


def test_a_walk_through_the_slice_turns_around_at_every_crossing() -> None:
    now = replace(
        futures_snapshot(209),
        parameters=replace(
            futures_snapshot(ENTRY).parameters, stop_loss_perc=None, take_profit_perc=None
        ),
    )
    turns: list[Direction] = []
    for last in range(210, len(market_closes())):
        for second in (20, 40):  # the second tick opens what the first has made room for
            now = at_hour(now, last, seconds=second)
            decision = decide(now)
            now = replace(now, last_seen_kline=decision.seen_until)
            for intent in decision.intents:
                now = filled(now, intent.leg, intent.direction)
                turns += [intent.direction] if intent.leg is Leg.ENTRY else []
    assert len(turns) == 12
    assert all(one is not other for one, other in pairwise(turns))


def at_hour(now: Snapshot, last: int, *, seconds: int) -> Snapshot:
    fresh = futures_snapshot(last)
    return replace(
        now,
        klines=fresh.klines,
        price=fresh.price,
        futures=fresh.futures,
        market_time=fresh.klines[-1].open_time + HOUR + timedelta(seconds=seconds),
    )


def filled(now: Snapshot, leg: Leg, direction: Direction) -> Snapshot:
    is_entry = leg is Leg.ENTRY
    position = short(
        quantity=D("0.02") if is_entry else D(0),
        direction=direction,
        entry_price=now.price if is_entry else None,
        opened_at=now.market_time if is_entry else None,
    )
    return replace(
        now,
        position=position,
        last_order_time=now.market_time,
        last_entry_time=now.market_time if is_entry else now.last_entry_time,
        last_close_time=now.last_close_time if is_entry else now.market_time,
        last_close_direction=None if is_entry else direction,
    )

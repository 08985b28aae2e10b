"""The demo's first minutes, decided by the real code over the recording that is shipped.

The minute at which the demo starts is chosen so that a person who looks on for two minutes after
the start sees the seeded bot buy and sell. At the demo's speed of 60 a market minute is a second.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache

import pytest

from bots.domain.decide import decide
from bots.domain.decision import Intent, IntentReason, SignalKind
from bots.domain.folding import fold
from bots.domain.positions import Fill
from bots.domain.snapshot import PositionState, Snapshot
from bots.domain.tests.builders import D, parameters, snapshot
from exchange.demo.clock import DEFAULT_START
from exchange.demo.market.recording import BUNDLED_DIRECTORY
from exchange.domain.types import Kline, Side

RECORDING = BUNDLED_DIRECTORY / "BTCUSDT-1m-usdm.csv.gz"
MINUTE = timedelta(minutes=1)
FIVE_MINUTES = timedelta(minutes=5)
SEEDED = parameters(timeframe="5m", position_size_fixed=None, position_size_perc=D(10))
LONGEST_WAIT_FOR_READY = 90  # market minutes between the start of the clock and the first tick

Traded = tuple[int, IntentReason]


def test_the_recording_reaches_far_enough_back_for_the_indicators() -> None:
    klines = _klines_before(DEFAULT_START, count=1000)
    assert len(klines) == 1000
    assert klines[-1].close_time == DEFAULT_START - timedelta(milliseconds=1)


def test_two_round_trips_end_by_signal_within_two_minutes_of_the_start() -> None:
    assert [each for each, _ in _walk(wait=0, minutes=120)] == [
        (45, IntentReason.ENTRY_SIGNAL),
        (70, IntentReason.EXIT_SIGNAL),
        (95, IntentReason.ENTRY_SIGNAL),
        (110, IntentReason.EXIT_SIGNAL),
    ]


@pytest.mark.parametrize("wait", range(0, LONGEST_WAIT_FOR_READY + 1, 5))
def test_whoever_is_ready_later_still_sees_a_whole_round_trip(wait: int) -> None:
    reasons = [reason for (_, reason), _ in _walk(wait=wait, minutes=120, step=5)]
    assert reasons[:2] == [IntentReason.ENTRY_SIGNAL, IntentReason.EXIT_SIGNAL]


def test_the_crossings_are_clear_and_not_a_matter_of_rounding() -> None:
    for _, now in _walk(wait=0, minutes=120):
        signal = decide(now).signal
        values = dict(signal.indicators)
        gap = abs(values["ema_fast"] - values["ema_slow"])
        assert signal.kind in (SignalKind.ENTER_LONG, SignalKind.EXIT_LONG)
        # A window of 210 klines instead of all history moves an EMA by a ten-thousandth of this.
        assert gap > 1.0
        assert 35 < values["rsi"] < 65


def test_the_third_round_trip_gains() -> None:
    third = _walk(wait=0, minutes=300, step=5)[4:6]
    assert [each for each, _ in third] == [
        (185, IntentReason.ENTRY_SIGNAL),
        (290, IntentReason.EXIT_SIGNAL),
    ]
    assert [now.price for _, now in third] == [D("104026.5"), D("104277.8")]


def _walk(*, wait: int, minutes: int, step: int = 1) -> list[tuple[Traded, Snapshot]]:
    """Tick every `step` market minutes from `wait` on; return what was traded and what was read."""
    traded: list[tuple[Traded, Snapshot]] = []
    fills: list[Fill] = []
    now = replace(snapshot(1), parameters=SEEDED, last_seen_kline=None)
    for minute in range(wait, wait + minutes + 1, step):
        now = _at_minute(now, minute)
        decision = decide(now)
        for intent in decision.intents:
            traded.append(((minute, intent.reason), now))
            fills.append(_fill(intent, now, number=len(fills)))
        now = replace(_settled(now, fills), last_seen_kline=decision.seen_until)
    return traded


def _at_minute(now: Snapshot, minute: int) -> Snapshot:
    moment = DEFAULT_START + minute * MINUTE
    klines = _klines_before(moment, count=210)
    # A second later, so that the last kline has closed and the market has moved on.
    return replace(
        now, market_time=moment + timedelta(seconds=1), price=_minutes()[moment].open, klines=klines
    )


def _fill(intent: Intent, now: Snapshot, *, number: int) -> Fill:
    is_buy = intent.side is Side.BUY
    value = intent.quantity if is_buy else intent.quantity * now.price
    return Fill(
        side=intent.side,
        price=now.price,
        quantity=intent.quantity,
        commission=value * D("0.001"),
        commission_asset="BTC" if is_buy else "USDT",
        trade_id=str(number),
        market_time=now.market_time,
    )


def _settled(now: Snapshot, fills: list[Fill]) -> Snapshot:
    rules = now.rules
    position = fold(
        fills,
        base_asset=rules.base_asset,
        quote_asset=rules.quote_asset,
        quantity_increment=rules.quantity_increment,
    )
    held = PositionState(
        quantity=position.quantity,
        entry_price=position.entry_price,
        opened_at=position.opened_at,
        cost=position.cost,
    )
    return replace(
        now,
        position=held,
        total_realized_pnl=position.realized_net,
        last_order_time=position.newest_fill_at,
    )


def _klines_before(moment: datetime, *, count: int) -> tuple[Kline, ...]:
    end = moment - (moment - datetime(2025, 1, 1, tzinfo=UTC)) % FIVE_MINUTES
    return tuple(_five_minutes(end - back * FIVE_MINUTES) for back in range(count, 0, -1))


@cache
def _five_minutes(opened: datetime) -> Kline:
    minutes = [_minutes()[opened + i * MINUTE] for i in range(5)]
    return Kline(
        open_time=opened,
        close_time=opened + FIVE_MINUTES - timedelta(milliseconds=1),
        open=minutes[0].open,
        high=max(each.high for each in minutes),
        low=min(each.low for each in minutes),
        close=minutes[-1].close,
        volume=sum((each.volume for each in minutes), D(0)),
        is_closed=True,
    )


@cache
def _minutes() -> dict[datetime, Kline]:
    return {each.open_time: each for each in _rows()}


def _rows() -> Iterator[Kline]:
    with gzip.open(RECORDING, "rt", encoding="ascii", newline="") as lines:
        for row in csv.DictReader(lines):
            opened = datetime.fromtimestamp(int(row["open_time"]) / 1000, UTC)
            numbers = {
                name: Decimal(row[name]) for name in ("open", "high", "low", "close", "volume")
            }
            yield Kline(
                open_time=opened,
                close_time=opened + MINUTE - timedelta(milliseconds=1),
                is_closed=True,
                **numbers,
            )

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bots.domain.codec import decode, encode
from bots.domain.decide import decide
from bots.domain.decision import Denial, DenialCode, Levels
from bots.domain.direction import Direction
from bots.domain.protections import AccountCaps, Exposure
from bots.domain.record import (
    decision_from_record,
    decision_to_record,
    klines_digest,
    snapshot_from_record,
    snapshot_to_record,
)
from bots.domain.snapshot import CloseRequest, Snapshot
from bots.domain.status import Reason
from bots.domain.tests.builders import (
    DAY,
    ENTRY,
    EXIT,
    QUIET,
    START,
    D,
    futures_snapshot,
    futures_view,
    holding,
    market_klines,
    parameters,
    rules,
    short,
    snapshot,
)
from exchange.domain.filters import PriceBand, SizeLimits


def through_json(record: dict[str, object]) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(json.dumps(record, allow_nan=False))
    return loaded


SNAPSHOTS = [
    snapshot(ENTRY),
    snapshot(QUIET, parameters=parameters(position_size_fixed=D(3))),
    snapshot(EXIT, position=holding(cost=D("420.42")), last_seen_kline=None),
    snapshot(
        EXIT - 1,
        position=holding(),
        price=D(20000),
        entry_blocks=(Denial(code=DenialCode.ENTRY_BLOCKED, detail="switched off"),),
    ),
    snapshot(ENTRY, klines=()),
    futures_snapshot(ENTRY),
    futures_snapshot(EXIT, last_close_direction=Direction.LONG, last_entry_time=START),
    futures_snapshot(
        QUIET,
        position=short(min_price_since_entry=D(20900), trailing_stop_price=D(21300)),
        futures=futures_view(D(21430), liquidation_price=D(23000)),
        exit_block="halted",
        close_request=CloseRequest(source="m", reason="somebody asked for it"),
    ),
    snapshot(
        ENTRY,
        exposure=Exposure(open_positions=3, notional=D(900)),
        caps=AccountCaps(max_exposure=D(1000)),
        reserved_quote=D(20),
    ),
    snapshot(ENTRY, day=replace(DAY, limit_hit=Reason.DAILY_TARGET)),
    snapshot(
        EXIT,
        position=holding(),
        rules=rules(
            is_trading=False,
            status="HALT",
            order_types=("LIMIT", "MARKET"),
            limit_size=SizeLimits(min_quantity=D("0.001"), max_notional=D(9_000_000)),
            sell_band=PriceBand(down=D("0.8"), up=D(5)),
            max_orders=200,
        ),
    ),
]


@pytest.mark.parametrize("before", SNAPSHOTS)
def test_a_recorded_tick_that_is_run_again_decides_the_same(before: Snapshot) -> None:
    record = through_json(snapshot_to_record(before))
    again = snapshot_from_record(record, before.klines)
    assert again == before
    assert decide(again) == decide(before)
    decided = through_json(decision_to_record(decide(before)))
    assert decision_from_record(decided) == decide(again)


def test_rules_that_were_recorded_before_they_told_more_are_still_read() -> None:
    before = snapshot(EXIT, position=holding())
    record = through_json(snapshot_to_record(before))
    told = (
        *("symbol", "base_asset", "quote_asset", "is_trading", "price_increment"),
        *("quantity_increment", "min_quantity", "max_quantity", "min_notional", "max_notional"),
    )
    record["rules"] = {name: record["rules"][name] for name in told}

    assert snapshot_from_record(record, before.klines) == before


def test_the_record_names_its_klines_instead_of_holding_them() -> None:
    record = snapshot_to_record(snapshot(ENTRY))
    assert record["klines"] == {
        "interval": "1h",
        "first": "2023-01-01T00:00:00+00:00",
        "last": "2023-01-16T16:00:00+00:00",
        "count": 377,
        "digest": klines_digest(market_klines(ENTRY)),
    }
    assert len(json.dumps(record)) < 2500


def test_other_klines_than_the_recorded_ones_are_refused() -> None:
    before = snapshot(ENTRY)
    record = through_json(snapshot_to_record(before))
    changed = (*before.klines[:-1], replace(before.klines[-1], high=D("99999")))
    with pytest.raises(ValueError, match="these are not the recorded klines: digest is"):
        snapshot_from_record(record, changed)
    with pytest.raises(ValueError, match=r"klines: first is '2023-01-01T01.*', was '2023-01-01T00"):
        snapshot_from_record(record, before.klines[1:])
    with pytest.raises(ValueError, match="klines: first is None"):
        snapshot_from_record(record, ())


def test_numbers_that_are_equal_give_the_same_digest_however_they_are_written() -> None:
    klines = market_klines(3)
    padded = [replace(each, close=each.close * D("1.000"), volume=D("1.0")) for each in klines]
    assert klines_digest(padded) == klines_digest(klines)


def test_a_record_of_before_a_field_was_added_takes_its_default() -> None:
    record = through_json(snapshot_to_record(snapshot(ENTRY)))
    del record["entry_blocks"], record["day"]["limit_hit"], record["position"]["cost"]
    assert snapshot_from_record(record, market_klines(ENTRY)) == snapshot(ENTRY)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("version",), 1, "record version 1 is not 3"),
        (("price",), 1.5, "snapshot.price: 1.5 is no Decimal"),
        (("price",), "many", "snapshot.price: 'many' is no Decimal"),
        (("bot_id",), True, "snapshot.bot_id: True is no int"),
        (("market_time",), "yesterday", "snapshot.market_time: 'yesterday' is no datetime"),
        (("environment",), "mars", "snapshot.environment: 'mars' is no Environment"),
        (("rules",), None, "snapshot.rules: expected an object, found None"),
        (("rules", "tick"), "1", "snapshot.rules: unknown tick"),
        (("klines",), None, "the record names no klines"),
    ],
)
def test_a_record_that_does_not_fit_is_refused_by_its_place(
    path: tuple[str, ...], value: object, message: str
) -> None:
    record = through_json(snapshot_to_record(snapshot(ENTRY)))
    place = record
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        snapshot_from_record(record, market_klines(ENTRY))


def test_a_missing_field_without_default_is_refused() -> None:
    record = through_json(snapshot_to_record(snapshot(ENTRY)))
    del record["price"]
    with pytest.raises(ValueError, match=r"snapshot: .*'price'"):
        snapshot_from_record(record, market_klines(ENTRY))


@pytest.mark.parametrize("indicators", ["many", [["ema_fast"]], [["ema_fast", "x"]]])
def test_a_decision_whose_lists_do_not_fit_is_refused(indicators: object) -> None:
    record = through_json(decision_to_record(decide(snapshot(ENTRY))))
    record["signal"]["indicators"] = indicators
    with pytest.raises(ValueError, match=r"decision\.signal\.indicators"):
        decision_from_record(record)


def test_what_cannot_be_recorded_is_refused_by_its_type() -> None:
    with pytest.raises(TypeError, match="cannot record a set"):
        encode({1, 2})


money = st.decimals(-(10**9), 10**9, places=8)
positive = st.decimals("0.00000001", 10**9, places=8)
times = st.integers(0, 10**15).map(lambda tick: START + timedelta(microseconds=tick))


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    last = draw(st.sampled_from([ENTRY, EXIT, QUIET]))
    held = draw(st.sampled_from([holding(), holding(quantity=D(0), entry_price=None)]))
    return snapshot(
        last,
        klines=market_klines(last, first=last - draw(st.integers(200, 230))),
        price=draw(positive),
        market_time=draw(times),
        last_seen_kline=draw(st.none() | times),
        last_order_time=draw(st.none() | times),
        rules=rules(min_notional=draw(positive), quantity_increment=draw(positive)),
        parameters=parameters(
            trailing_stop_perc=draw(st.none() | st.decimals("0.01", 99, places=2)),
            max_daily_loss_perc=draw(st.none() | st.decimals("0.01", 99, places=2)),
        ),
        position=replace(held, max_price_since_entry=draw(st.none() | positive)),
        free_quote=draw(positive),
        total_realized_pnl=draw(money),
    )


@settings(max_examples=40)
@given(snapshots())
def test_any_snapshot_survives_its_record_and_decides_the_same(before: Snapshot) -> None:
    again = snapshot_from_record(through_json(snapshot_to_record(before)), before.klines)
    assert again == before
    assert decide(again) == decide(before)


@given(st.none() | money, st.none() | positive)
def test_levels_survive_to_the_last_digit(stop: Decimal | None, highest: Decimal | None) -> None:
    levels = Levels(stop_loss=stop, max_price_since_entry=highest)
    again = decode(Levels, json.loads(json.dumps(encode(levels))))
    assert str(again) == str(levels)


def test_times_keep_their_microseconds_and_zone() -> None:
    moment = datetime(2025, 5, 12, 3, 20, 0, 999000, tzinfo=UTC)
    before = snapshot(ENTRY, last_order_time=moment - timedelta(microseconds=1))
    again = snapshot_from_record(through_json(snapshot_to_record(before)), before.klines)
    assert again.last_order_time == datetime(2025, 5, 12, 3, 20, 0, 998999, tzinfo=UTC)

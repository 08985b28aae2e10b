"""What a tick commits: a decision with its orders, a refusal instead, or one more repeat."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from bots import journal
from bots.domain.decide import decide
from bots.domain.decision import DenialCode
from bots.domain.snapshot import CloseRequest, Snapshot
from bots.domain.tests.builders import ENTRY, EXIT, QUIET, D, holding, parameters, snapshot
from bots.engine.recording import (
    Recorded,
    commit_decision,
    record_failure,
    record_round,
)
from bots.locks import bot_lock
from bots.models import BotConfig, BotState, Order, OrderSource, Tick
from bots.services import create_bot
from exchange.demo.testing import RunningExchange
from exchange.domain.gateway import ExchangeGateway
from exchange.domain.types import Market
from exchange.registry import gateway_for

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])

STARTED = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
QUIET_STOPS: dict[str, Any] = {
    "rounds": [{"view": {}, "plan": {"actions": [], "obstacle": "", "notes": []}}]
}


@pytest.fixture
def gateway(bot: BotConfig, venue: RunningExchange) -> ExchangeGateway:
    assert bot.api_key is not None
    return gateway_for(bot.api_key, Market.SPOT)


@pytest.fixture
def other_bot(bot: BotConfig) -> BotConfig:
    other = BotConfig.objects.get(pk=bot.pk)
    other.pk, other.name = None, "Bitcoin too"
    other._state.adding = True
    return create_bot(other, actor=bot.user)


@pytest.fixture
def state(bot: BotConfig, other_bot: BotConfig) -> Iterator[BotState]:
    with bot_lock(bot.pk) as locked:
        locked.claimed_slot = 7
        yield locked


def commit(state: BotState, now: Snapshot, gateway: ExchangeGateway) -> Recorded:
    return commit_decision(state, now, decide(now), gateway=gateway, started=STARTED)


def tick_of(state: BotState, now: Snapshot, gateway: ExchangeGateway, **ending: Any) -> None:
    recorded = commit(state, now, gateway)
    journal.finish_tick(recorded.tick, **{"status": "running", "duration_ms": 12, **ending})


def test_an_entry_is_committed_with_its_tick(state: BotState, gateway: ExchangeGateway) -> None:
    recorded = commit(state, snapshot(ENTRY), gateway)
    assert [(one.leg, one.source, one.status) for one in recorded.orders] == [
        ("e", OrderSource.TICK, "intended")
    ]
    tick = Tick.objects.get()
    assert (tick.pk, tick.has_orders, tick.fold_key) == (recorded.tick.pk, True, "")
    assert recorded.decision == decide(snapshot(ENTRY))


def test_an_entry_whose_money_is_reserved_is_committed_as_a_refusal(
    state: BotState, gateway: ExchangeGateway, bot: BotConfig, other_bot: BotConfig
) -> None:
    assert other_bot.api_key is not None
    Order.objects.using("journal").create(
        bot=other_bot,
        account=other_bot.api_key.account,
        market="spot",
        symbol="BTCUSDT",
        source="t",
        slot=1,
        leg="e",
        client_order_id="tbx-1t-1-e1",
        side="BUY",
        quantity=1,
        intent_reason="entry_signal",
        signed_at_ms=1,
        recv_window_ms=5000,
        reserve=D(9800),
    )
    recorded = commit(state, snapshot(ENTRY), gateway)
    assert recorded.orders == []
    (denial,) = recorded.decision.denials
    assert denial.code is DenialCode.INSUFFICIENT_BALANCE
    assert recorded.snapshot.entry_blocks == (denial,)
    assert decide(recorded.snapshot) == recorded.decision
    assert Order.objects.filter(bot=bot).count() == 0
    assert Tick.objects.get().has_orders is False


def test_a_close_that_a_person_asked_for_carries_the_source_and_the_person(
    state: BotState, gateway: ExchangeGateway
) -> None:
    state.close_requested_by = state.bot.user
    now = snapshot(
        QUIET, position=holding(), close_request=CloseRequest(source="m", reason="asked for")
    )
    (order,) = commit(state, now, gateway).orders
    assert (order.source, order.actor_id, order.intent_reason) == (
        OrderSource.MANUAL,
        state.bot.user_id,
        "close_request",
    )


def test_an_exit_of_the_bots_own_rules_carries_neither(
    state: BotState, gateway: ExchangeGateway
) -> None:
    (order,) = commit(state, snapshot(EXIT, position=holding()), gateway).orders
    assert (order.source, order.actor_id) == (OrderSource.TICK, None)


# --- repeats


def test_ticks_that_come_to_the_same_are_counted_on_the_first(
    state: BotState, gateway: ExchangeGateway
) -> None:
    now = snapshot(QUIET)
    for seconds in (0, 30, 60):
        later = replace(now, market_time=now.market_time + timedelta(seconds=seconds))
        tick_of(state, later, gateway, stops=QUIET_STOPS)
    tick = Tick.objects.get()
    assert tick.repeats == 3
    assert tick.market_time == now.market_time
    assert tick.last_market_time == now.market_time + timedelta(seconds=60)
    assert tick.last_started_at == STARTED


def test_another_kline_is_another_tick(state: BotState, gateway: ExchangeGateway) -> None:
    for last in (QUIET, QUIET, QUIET + 1, QUIET):
        tick_of(state, snapshot(last), gateway)
    assert list(Tick.objects.order_by("id").values_list("repeats", flat=True)) == [2, 1, 1]


def test_a_tick_that_ends_otherwise_is_written_after_all(
    state: BotState, gateway: ExchangeGateway
) -> None:
    placing = {"rounds": [{"view": {}, "plan": {"actions": [{"step": "place"}]}}]}
    tick_of(state, snapshot(QUIET), gateway, stops=QUIET_STOPS)
    tick_of(state, snapshot(QUIET), gateway, stops=placing)
    tick_of(state, snapshot(QUIET), gateway, stops=QUIET_STOPS)
    tick_of(state, snapshot(QUIET), gateway, stops=QUIET_STOPS)
    ticks = Tick.objects.order_by("id")
    assert [(tick.repeats, tick.has_orders) for tick in ticks] == [
        (1, False),
        (1, True),
        (2, False),
    ]
    assert ticks[1].stops == placing
    assert ticks[1].inputs != {}


def test_a_tick_that_died_before_its_end_stays_and_is_not_counted_on(
    state: BotState, gateway: ExchangeGateway
) -> None:
    commit(state, snapshot(QUIET), gateway)  # and then the worker is gone
    tick_of(state, snapshot(QUIET), gateway)
    assert [(one.status, one.repeats) for one in Tick.objects.order_by("id")] == [
        ("", 1),
        ("running", 1),
    ]


def test_another_bots_ticks_are_not_counted_on(
    state: BotState, gateway: ExchangeGateway, other_bot: BotConfig
) -> None:
    tick_of(state, snapshot(QUIET), gateway)
    other = BotState(bot=other_bot, claimed_slot=1)
    tick_of(other, snapshot(QUIET), gateway)
    assert Tick.objects.count() == 2


def test_a_failure_that_lasts_is_one_row_that_counts(state: BotState) -> None:
    state.last_error_message = state.last_sentence = "no answer"
    for second in range(3):
        record_failure(state, started=STARTED + timedelta(seconds=second))
    state.last_error_message = "the key is revoked"
    record_failure(state, started=STARTED)
    first, second_tick = Tick.objects.order_by("id")
    assert (first.error, first.repeats) == ("no answer", 3)
    assert first.last_started_at == STARTED + timedelta(seconds=2)
    assert (second_tick.error, second_tick.repeats) == ("the key is revoked", 1)


def test_a_turn_that_decides_nothing_is_recorded_too(state: BotState) -> None:
    state.last_sentence = "Waits: the venue has not said yet what became of the last order."
    for _ in range(2):
        tick = record_round(state, started=STARTED)
        journal.finish_tick(tick, status="running", duration_ms=3)
    recorded = Tick.objects.get()
    assert (recorded.sentence, recorded.repeats) == (state.last_sentence, 2)
    assert (recorded.inputs, recorded.decision) == ({}, {})


# --- retention


def test_ticks_that_are_too_old_go_unless_they_led_to_orders(bot: BotConfig) -> None:
    now = timezone.now()
    old, new = now - timedelta(days=91), now - timedelta(days=1)
    Tick.objects.create(bot=bot, slot=1, started_at=old)
    Tick.objects.create(bot=bot, slot=2, started_at=old, has_orders=True)
    Tick.objects.create(bot=bot, slot=3, started_at=old, last_started_at=new)
    Tick.objects.create(bot=bot, slot=4, started_at=new)
    assert journal.prune_ticks(keep=100, before=now - timedelta(days=90)) == 1
    assert list(Tick.objects.order_by("id").values_list("slot", flat=True)) == [2, 3, 4]


def test_the_settings_of_a_smaller_position_are_another_tick(
    state: BotState, gateway: ExchangeGateway
) -> None:
    tick_of(state, snapshot(QUIET), gateway)
    smaller = parameters(position_size_fixed=D(400))
    tick_of(state, snapshot(QUIET, parameters=smaller), gateway)
    assert Tick.objects.count() == 2

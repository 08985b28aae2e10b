"""Commit what a tick read and decided, together with the orders it wants."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import transaction

from bots import journal
from bots.domain.decision import Decision
from bots.domain.record import decision_to_record, snapshot_to_record
from bots.domain.snapshot import Snapshot
from bots.models import BotState, Order, OrderSource, Tick
from exchange.domain.gateway import ExchangeGateway


def record_decision(
    state: BotState,
    snapshot: Snapshot,
    decision: Decision,
    *,
    gateway: ExchangeGateway,
    started: datetime,
) -> tuple[Tick, list[Order]]:
    """Write the tick and its intended orders in one transaction of the journal.

    When this has committed, a crash loses nothing: the orders are found `intended`.
    """
    # Before the transaction: the first call asks the venue for its clock.
    signed_at_ms = gateway.signing_time_ms()
    with transaction.atomic(using=journal.JOURNAL):
        tick = journal.record_tick(
            Tick(
                bot_id=state.pk,
                slot=state.claimed_slot,
                market_time=snapshot.market_time,
                started_at=started,
                sentence=decision.sentence,
                has_orders=bool(decision.intents),
                inputs=snapshot_to_record(snapshot),
                decision=decision_to_record(decision),
            )
        )
        orders = journal.record_intents(
            state.bot,
            decision.intents,
            source=OrderSource.TICK,
            slot=state.claimed_slot,
            signed_at_ms=signed_at_ms,
            recv_window_ms=settings.BINANCE_RECV_WINDOW,
        )
    return tick, orders


def record_failure(state: BotState, *, started: datetime) -> None:
    """Write a tick that could not decide; `state` already says why."""
    journal.record_tick(
        Tick(
            bot_id=state.pk,
            slot=state.claimed_slot,
            market_time=state.last_market_time,
            started_at=started,
            status=state.status,
            sentence=state.last_sentence,
            error=state.last_error_message,
        )
    )

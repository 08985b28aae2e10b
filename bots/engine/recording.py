"""Commit what a tick read and decided, together with the orders it wants."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction

from bots import journal
from bots.domain.decide import decide_again
from bots.domain.decision import Decision, IntentReason
from bots.domain.record import decision_to_record, snapshot_to_record
from bots.domain.repeats import decision_key, words_key
from bots.domain.snapshot import Snapshot
from bots.engine.account import reserve_or_deny
from bots.models import BotState, Order, OrderSource, Tick
from exchange.domain.gateway import AccountGateway


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What was committed: of an entry that the account cannot pay for, the refusal.

    tick   not written yet (`pk` is None) when it repeats the one before; `journal.finish_tick`
           counts or writes it
    """

    tick: Tick
    orders: list[Order]
    snapshot: Snapshot
    decision: Decision


def commit_decision(
    state: BotState,
    snapshot: Snapshot,
    decision: Decision,
    *,
    gateway: AccountGateway,
    started: datetime,
    account_read_at: datetime | None = None,
) -> Recorded:
    """Write the tick and its intended orders in one transaction of the journal.

    account_read_at   wall time just before the balances were asked for; None: `started`

    When this has committed, a crash loses nothing: the orders are found `intended`. An entry takes
    the account's lock, and comes back as a refusal when other bots have reserved its money.
    """
    # Before the transaction: the first call asks the venue for its clock.
    signed_at_ms = gateway.signing_time_ms() if decision.intents else 0
    with transaction.atomic(using=journal.JOURNAL):
        denial = reserve_or_deny(
            state, decision, snapshot=snapshot, account_read_at=account_read_at or started
        )
        if denial is not None:
            snapshot, decision = decide_again(snapshot, denial)
        tick = journal.record_tick(_tick(state, snapshot, decision, started=started))
        is_close = bool(decision.intents) and _is_close(decision)
        orders = journal.record_intents(
            state.bot,
            decision.intents,
            source=_source(snapshot) if is_close else OrderSource.TICK,
            slot=state.claimed_slot,
            signed_at_ms=signed_at_ms,
            recv_window_ms=settings.BINANCE_RECV_WINDOW,
            actor_id=state.close_requested_by_id if is_close else None,
        )
    return Recorded(tick=tick, orders=orders, snapshot=snapshot, decision=decision)


def record_round(state: BotState, *, started: datetime) -> Tick:
    """Note a turn that decided nothing: it watched, or waited for the venue's word for an order.

    `state` already says what it does; end it with `journal.finish_tick`.
    """
    return journal.record_tick(
        Tick(
            bot_id=state.pk,
            slot=state.claimed_slot,
            market_time=state.last_market_time,
            started_at=started,
            status=state.status,
            sentence=state.last_sentence,
            fold_key=words_key("round", state.last_sentence),
        )
    )


def record_failure(state: BotState, *, started: datetime) -> None:
    """Write a tick that could not decide; `state` already says why."""
    tick = journal.record_tick(
        Tick(
            bot_id=state.pk,
            slot=state.claimed_slot,
            market_time=state.last_market_time,
            started_at=started,
            sentence=state.last_sentence,
            error=state.last_error_message,
            fold_key=words_key("failure", state.last_error_message),
        )
    )
    journal.finish_tick(tick, status=state.status, duration_ms=None)


def _tick(state: BotState, snapshot: Snapshot, decision: Decision, *, started: datetime) -> Tick:
    return Tick(
        bot_id=state.pk,
        slot=state.claimed_slot,
        market_time=snapshot.market_time,
        started_at=started,
        sentence=decision.sentence,
        has_orders=bool(decision.intents),
        inputs=snapshot_to_record(snapshot),
        decision=decision_to_record(decision),
        fold_key=decision_key(snapshot, decision),
    )


def _is_close(decision: Decision) -> bool:
    return decision.intents[0].reason is IntentReason.CLOSE_REQUEST


def _source(snapshot: Snapshot) -> OrderSource:
    request = snapshot.close_request
    return OrderSource.TICK if request is None else OrderSource(request.source)

"""The one moment at which an order turns from written down to sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from django.db import transaction
from django.utils import timezone

from bots.domain.decision import IntentReason
from bots.domain.halting import HaltLevel, Purpose, is_stopped
from bots.domain.orders import OrderStatus
from bots.journal.closing import close_halted
from bots.journal.connection import JOURNAL
from bots.locks import bot_is_active_for_share, halts_for_share
from bots.models import Halt, Order


class Leave(Enum):
    """Whether a request may be sent, by whom it was asked."""

    SENT = auto()  # by this caller, now
    HALTED = auto()  # by nobody; its orders are closed
    NOT_MINE = auto()  # somebody else has them, or the bot was switched off meanwhile


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The answer of `mark_sent`; `reason` says who halted it and why."""

    leave: Leave
    reason: str = ""

    @property
    def may_go(self) -> bool:
        """Say whether the caller may send the request, and has to."""
        return self.leave is Leave.SENT


_NOT_MINE: Final = Sent(leave=Leave.NOT_MINE)


class _NotAllError(Exception):
    """Undoes the move of a request of which some order has gone elsewhere."""


def mark_sent(orders: Sequence[Order], *, signed_at_ms: int) -> Sent:
    """Turn the orders of one request from `intended` to `sent`; the one who gets SENT sends it.

    `signed_at_ms` (signing time) is committed with it: the time spent waiting for a permit
    must not count against the venue's window for the request.

    Promise 8: the halts are locked FOR SHARE in the same transaction, so that after one has
    committed nothing that it stops turns. What it stops is closed as denied, all orders of the
    request together. An entry of a bot that a person has switched off meanwhile stays unsent;
    exits always may go.
    """
    try:
        with transaction.atomic(using=JOURNAL):
            if (halt := _halt_of(orders)) is not None:
                reason = _words(halt)
                for order in orders:
                    close_halted(order, reason)
                return Sent(leave=Leave.HALTED, reason=reason)
            return _turn(orders, signed_at_ms=signed_at_ms)
    except _NotAllError:
        return _NOT_MINE


def _turn(orders: Sequence[Order], *, signed_at_ms: int) -> Sent:
    if _is_switched_off(orders):
        return _NOT_MINE
    now = timezone.now()
    rows = Order.objects.using(JOURNAL).filter(
        pk__in=[order.pk for order in orders], status=OrderStatus.INTENDED
    )
    changed = rows.update(
        status=OrderStatus.SENT, sent_at=now, updated_at=now, signed_at_ms=signed_at_ms
    )
    if changed != len(orders):
        raise _NotAllError
    for order in orders:
        order.status, order.sent_at, order.signed_at_ms = OrderStatus.SENT, now, signed_at_ms
    return Sent(leave=Leave.SENT)


def _is_switched_off(orders: Sequence[Order]) -> bool:
    is_entry = Purpose.ENTRY in _purposes(orders)
    return is_entry and not bot_is_active_for_share(orders[0].bot_id, using=JOURNAL)


def _halt_of(orders: Sequence[Order]) -> Halt | None:
    first = orders[0]
    halts = halts_for_share(bot_id=first.bot_id, account_id=first.account_id, using=JOURNAL)
    purposes = _purposes(orders)
    stopping = (
        halt
        for halt in halts
        if any(is_stopped(purpose, HaltLevel(halt.level)) for purpose in purposes)
    )
    return next(stopping, None)


def _purposes(orders: Sequence[Order]) -> set[Purpose]:
    return {IntentReason(order.intent_reason).purpose for order in orders}


def _words(halt: Halt) -> str:
    why = f": {halt.reason}" if halt.reason else ""
    return f"Halted ({halt.scope}, {halt.level}){why}"


def mark_resigned(orders: Sequence[Order], *, signed_at_ms: int) -> bool:
    """Commit a new timestamp for a request that the venue refused with -1021, once.

    Promise 8 once more: the venue has proved that the order was not accepted, so it is as good as
    unsent, and a halt or a stop of the bot that has come since keeps it so.
    """
    rows = Order.objects.using(JOURNAL).filter(
        pk__in=[order.pk for order in orders], status=OrderStatus.SENT, resigned=False
    )
    try:
        with transaction.atomic(using=JOURNAL):
            if _halt_of(orders) is not None or _is_switched_off(orders):
                return False
            changed = rows.update(
                signed_at_ms=signed_at_ms, resigned=True, updated_at=timezone.now()
            )
            if changed != len(orders):
                raise _NotAllError
    except _NotAllError:
        return False
    for order in orders:
        order.signed_at_ms, order.resigned = signed_at_ms, True
    return True

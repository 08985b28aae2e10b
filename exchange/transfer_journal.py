"""The only writer of Transfer.

Everything here goes over the connection `journal`, which commits at once: what is written
survives the caller's own transaction, a killed process included. Nobody locks a row of this
table; each change is an update on a condition, which at most one of several callers passes.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from django.db import IntegrityError, transaction
from django.db.models import F, JSONField, QuerySet, Value
from django.db.models.expressions import CombinedExpression
from django.utils import timezone

from exchange.domain.transfers import TransferDirection
from exchange.models import UNSETTLED, ExchangeAccount, Transfer, TransferStage

if TYPE_CHECKING:
    from accounts.models import User

logger = logging.getLogger(__name__)

JOURNAL: Final = "journal"
MOST_LOOKS: Final = 1000  # that are counted, of a transfer that nobody ever decides

# From where each stage may be reached. The venue's own word that the money has moved counts even
# when a machine that slept hears it after somebody else has given the transfer up.
_SOURCES: Final[Mapping[TransferStage, Collection[TransferStage]]] = {
    TransferStage.SENT: (TransferStage.INTENDED,),
    TransferStage.UNKNOWN: (TransferStage.SENT, TransferStage.UNKNOWN),
    TransferStage.DONE: (TransferStage.SENT, TransferStage.UNKNOWN, TransferStage.NEVER_MADE),
    TransferStage.FAILED: (TransferStage.SENT, TransferStage.UNKNOWN),
    TransferStage.REJECTED: (TransferStage.SENT, TransferStage.UNKNOWN),
    TransferStage.NEVER_MADE: UNSETTLED,
}


class TransferPendingError(Exception):
    """A transfer of this account, asset and direction is not settled; `transfer` is that one."""

    def __init__(self, transfer: Transfer) -> None:
        super().__init__(
            f"{transfer}: nobody knows yet whether the money has moved. Ask the venue what became "
            "of it (in the admin, or transfer_funds --reconcile) before another one is sent."
        )
        self.transfer = transfer


def unsettled(account: ExchangeAccount) -> QuerySet[Transfer]:
    """Return the transfers of an account whose end is not known, oldest first."""
    rows = Transfer.objects.using(JOURNAL).filter(account_id=account.pk, status__in=UNSETTLED)
    return rows.select_related("account").order_by("pk")


def refuse_second(account: ExchangeAccount, *, asset: str, direction: TransferDirection) -> None:
    """Raise TransferPendingError when one of this kind is not settled."""
    pending = unsettled(account).filter(asset=asset, direction=direction.value).first()
    if pending is not None:
        raise TransferPendingError(pending)


def record_intent(
    account: ExchangeAccount,
    *,
    direction: TransferDirection,
    asset: str,
    amount: Decimal,
    signed_at_ms: int,
    recv_window_ms: int,
    requested_by: User | None,
    purpose: str,
    evidence: Mapping[str, Any],
) -> Transfer:
    """Commit what will be sent; TransferPendingError when somebody else was faster."""
    try:
        # Durable: RuntimeError inside of a transaction of the journal, which could undo it.
        with transaction.atomic(using=JOURNAL, durable=True):
            row = Transfer.objects.using(JOURNAL).create(
                account_id=account.pk,
                direction=direction.value,
                asset=asset,
                amount=amount,
                signed_at_ms=signed_at_ms,
                recv_window_ms=recv_window_ms,
                requested_by_id=requested_by.pk if requested_by else None,
                purpose=purpose,
                evidence=dict(evidence),
            )
    except IntegrityError:
        refuse_second(account, asset=asset, direction=direction)
        raise
    logger.info("%s", row)
    return row


def mark_sent(row: Transfer, *, signed_at_ms: int) -> bool:
    """Turn `intended` into `sent`; True for the one caller that may now send it."""
    return _move(row, TransferStage.SENT, signed_at_ms=signed_at_ms)


def mark_resigned(row: Transfer, *, signed_at_ms: int) -> bool:
    """Commit a new timestamp for a transfer that the venue refused with -1021."""
    rows = Transfer.objects.using(JOURNAL).filter(
        pk=row.pk, status=TransferStage.SENT, signed_at_ms=row.signed_at_ms
    )
    changed = rows.update(signed_at_ms=signed_at_ms, updated_at=timezone.now())
    row.refresh_from_db(using=JOURNAL)
    return changed == 1


def note_unknown(row: Transfer, message: str) -> bool:
    """Write down that only the venue's history tells, and what it has told so far."""
    is_news = row.status != TransferStage.UNKNOWN
    moved = _move(row, TransferStage.UNKNOWN, message=message)
    if moved:
        logger.log(logging.WARNING if is_news else logging.INFO, "%s: %s", row, message)
    return moved


def settle(row: Transfer, stage: TransferStage, message: str, *, transaction_id: str = "") -> bool:
    """Close a transfer; False when it has already ended differently."""
    moved = _move(
        row, stage, message=message, transaction_id=transaction_id, settled_at=timezone.now()
    )
    if moved:
        logger.info("%s: %s", row, message)
    return moved


def note_look(row: Transfer, *, at_ms: int, apart_ms: int) -> bool:
    """Count a look at the history that was in vain; False when the last one is too recent.

    Two who look at the same moment have looked once.
    """
    if row.looked_at_ms is not None and at_ms - row.looked_at_ms < apart_ms:
        return False
    rows = Transfer.objects.using(JOURNAL).filter(
        pk=row.pk, status__in=UNSETTLED, looks=row.looks, looked_at_ms=row.looked_at_ms
    )
    looks = min(row.looks + 1, MOST_LOOKS)
    changed = rows.update(looks=looks, looked_at_ms=at_ms, updated_at=timezone.now())
    row.refresh_from_db(using=JOURNAL)
    return changed == 1


def add_evidence(row: Transfer, **facts: Any) -> None:
    """Keep what was seen at the venue beside the transfer, and beside what others have kept."""
    added = CombinedExpression(F("evidence"), "||", Value(facts, JSONField()))
    Transfer.objects.using(JOURNAL).filter(pk=row.pk).update(
        evidence=added, updated_at=timezone.now()
    )
    row.refresh_from_db(using=JOURNAL, fields=["evidence"])


def claiming(row: Transfer, transaction_ids: Collection[str]) -> list[Transfer]:
    """Return the other transfers of the account that one of these ids is known to belong to."""
    rows = Transfer.objects.using(JOURNAL).filter(account_id=row.account_id)
    return list(rows.filter(transaction_id__in=transaction_ids).exclude(pk=row.pk))


def _move(row: Transfer, stage: TransferStage, *, transaction_id: str = "", **columns: Any) -> bool:
    if transaction_id:
        columns["transaction_id"] = transaction_id
    rows = Transfer.objects.using(JOURNAL).filter(pk=row.pk, status__in=_SOURCES[stage])
    try:
        with transaction.atomic(using=JOURNAL, durable=True):
            changed = rows.update(status=stage, updated_at=timezone.now(), **columns)
    except IntegrityError:
        if columns.pop("transaction_id", None) is None:
            raise
        # A demo or testnet that was set up anew counts from the beginning again. What happened to
        # the money matters more than the number.
        columns["message"] += f" (The number {transaction_id} is known as another transfer's.)"
        changed = rows.update(status=stage, updated_at=timezone.now(), **columns)
    row.refresh_from_db(using=JOURNAL)
    return changed == 1

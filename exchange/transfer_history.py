"""What became of a transfer whose answer was lost, by the venue's history. Sends nothing.

stage                     the history shows            do
intended                                               close as never made: it was never sent
sent, unknown             one row, CONFIRMED           done
                          one row, PENDING or odd      ask again later
                          one row, FAILED              as if none: the right one may yet show
                          no row                       wait until none can come any more; after
                                                       two looks from then on, never made
                          several rows                 a person decides
                          less than it has shown       ask again later

A single row is taken for ours even where somebody may have made it by hand: then less money has
moved than the two of them wished, never more. Of several rows at least one is somebody else's
(we keep one unsettled transfer of a kind), and the history cannot say which.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from django.core.exceptions import ValidationError

from exchange import transfer_journal
from exchange.domain.clock import from_milliseconds
from exchange.domain.spot_gateway import SpotGateway
from exchange.domain.transfers import TransferDirection, TransferReport, TransferStatus
from exchange.models import Transfer, TransferStage
from exchange.transfer_evidence import (
    LOOKS_APART_MS,
    LOOKS_BEFORE_GIVING_UP,
    age_text,
    deadline_ms,
    first_moment,
    possible_rows,
)

FREE_BEFORE: Final = "spot_free_before"
FREE_AFTER: Final = "spot_free_after"
KNOWN_BEFORE: Final = "known_before"
SEEN: Final = "seen"  # ids of rows that could be the transfer, at any look


def resolve(row: Transfer, *, gateway: SpotGateway) -> Transfer:
    """Ask the venue once what became of an unsettled transfer. Safe to repeat.

    Raises GatewayError when the venue does not answer; nothing is concluded then.
    """
    reports, now_ms = _history(row, gateway=gateway)
    found = _possible(row, reports)
    vanished = _note_seen(row, found)
    if vanished:
        # A history that lags behind what it has shown before is no proof of anything.
        numbers = ", ".join(sorted(vanished))
        words = f"The venue's history has shown number {numbers} and does not now; ask again later."
        transfer_journal.note_unknown(row, words)
    elif len(found) > 1:
        transfer_journal.note_unknown(row, _several(found))
    elif found and found[0].status is not TransferStatus.FAILED:
        _take_over(row, found[0])
    else:
        _give_up(row, found[0] if found else None, gateway=gateway, now_ms=now_ms)
    return row


def close_unsent(row: Transfer) -> None:
    """Close a transfer that was written down and not sent; whoever still means to send it cannot.

    The update that would let it be sent finds it closed.
    """
    words = "It was written down and never sent: the process stopped in between."
    transfer_journal.settle(row, TransferStage.NEVER_MADE, words)


def decide(
    row: Transfer, *, transaction_id: str | None, decided_by: str, gateway: SpotGateway
) -> Transfer:
    """Settle a transfer by the word of a person, as far as the history does not contradict it.

    transaction_id   the row of the history that is this transfer; None says that there is none
    ValidationError in plain words when the transfer is settled, no such row can be it, the row
    has no end yet, the transfer may still be made, or there is exactly one row that can be it.
    """
    if row.status not in (TransferStage.SENT, TransferStage.UNKNOWN):
        raise ValidationError({"transfer": f"{row}: there is nothing to decide."})
    reports, now_ms = _history(row, gateway=gateway)
    found = _possible(row, reports)
    if transaction_id is None:
        return _decide_never_made(row, decided_by, found, now_ms=now_ms)
    report = _named(row, transaction_id, found)
    stage = {
        TransferStatus.CONFIRMED: TransferStage.DONE,
        TransferStatus.FAILED: TransferStage.FAILED,
    }[report.status]
    words = f"{decided_by} has named it as {_in_words(report)}."
    transfer_journal.settle(row, stage, words, transaction_id=transaction_id)
    return row


def free_amount(gateway: SpotGateway, asset: str) -> Decimal:
    """Return what the spot wallet has free; weight 20 at the venue."""
    balance = gateway.account().balances.get(asset)
    return balance.free if balance else Decimal(0)


def _history(row: Transfer, *, gateway: SpotGateway) -> tuple[list[TransferReport], int]:
    """Return what the venue shows, and the signing time that it cannot be older than."""
    before_ms, end_ms = gateway.signing_time_ms(), deadline_ms(row)
    reports = gateway.transfers(
        TransferDirection(row.direction),
        start=first_moment(row),
        end=from_milliseconds(end_ms) if end_ms < before_ms else None,
    )
    # A clock that was wrong is put right by the first request that the venue refuses for it.
    return reports, min(before_ms, gateway.signing_time_ms())


def _possible(row: Transfer, reports: list[TransferReport]) -> list[TransferReport]:
    claims = transfer_journal.claiming(row, [report.transaction_id for report in reports])
    return possible_rows(
        row, reports, known_before=row.evidence.get(KNOWN_BEFORE, ()), claims=claims
    )


def _note_seen(row: Transfer, found: list[TransferReport]) -> set[str]:
    """Remember the ids that can be the transfer; return those that are not shown any more."""
    before = set(row.evidence.get(SEEN, ()))
    now = {report.transaction_id for report in found}
    if now - before:
        transfer_journal.add_evidence(row, **{SEEN: sorted(now | before)})
    return before - now


def _take_over(row: Transfer, report: TransferReport) -> None:
    words = f"The venue's history shows it: {_in_words(report)}."
    if report.status is TransferStatus.CONFIRMED:
        number = report.transaction_id
        transfer_journal.settle(row, TransferStage.DONE, words, transaction_id=number)
    else:
        transfer_journal.note_unknown(row, words + " Ask again later.")


def _give_up(
    row: Transfer, failed: TransferReport | None, *, gateway: SpotGateway, now_ms: int
) -> None:
    """Close a transfer once nothing can speak for it any more; until then say what is missing."""
    seen = f"shows only {_in_words(failed)}" if failed else "does not show it"
    missing = _missing_proof(row, gateway=gateway, now_ms=now_ms)
    if missing:
        transfer_journal.note_unknown(row, f"The venue's history {seen}. {missing}")
    elif failed:
        words = f"The venue says that it failed: {_in_words(failed)}."
        number = failed.transaction_id
        transfer_journal.settle(row, TransferStage.FAILED, words, transaction_id=number)
    else:
        words = "The venue's history does not show it, and the time to take it has passed."
        transfer_journal.settle(row, TransferStage.NEVER_MADE, words)


def _missing_proof(row: Transfer, *, gateway: SpotGateway, now_ms: int) -> str | None:
    deadline = deadline_ms(row)
    if now_ms <= deadline:
        return f"It may until {age_text(from_milliseconds(deadline))}; ask again then."
    is_new = transfer_journal.note_look(row, at_ms=now_ms, apart_ms=LOOKS_APART_MS)
    if not is_new or row.looks < LOOKS_BEFORE_GIVING_UP:
        seconds = LOOKS_APART_MS // 1000
        return f"One look proves nothing: ask again {seconds} s after the last one."
    return _contradiction(row, gateway=gateway)


def _contradiction(row: Transfer, *, gateway: SpotGateway) -> str | None:
    """Compare the spot wallet with what it was; a move of exactly the amount speaks for itself."""
    before = row.evidence.get(FREE_BEFORE)
    after = free_amount(gateway, row.asset)
    transfer_journal.add_evidence(row, **{FREE_AFTER: str(after)})
    is_out = row.direction == TransferDirection.TO_FUTURES
    expected = -row.amount if is_out else row.amount
    if before is None or after - Decimal(before) != expected:
        return None
    return (
        "But what the spot wallet has free has changed by exactly this amount: look at the "
        "venue's own pages and decide."
    )


def _decide_never_made(
    row: Transfer, decided_by: str, found: list[TransferReport], *, now_ms: int
) -> Transfer:
    deadline = deadline_ms(row)
    if now_ms <= deadline:
        until = age_text(from_milliseconds(deadline))
        raise ValidationError({"transfer": f"{row}: the venue may still make it, until {until}."})
    if len(found) == 1 and found[0].status is not TransferStatus.FAILED:
        # Whoever would send it again, on this word, would move the money a second time.
        words = f"{row}: the venue's history shows it: {_in_words(found[0])}. Ask the venue again."
        raise ValidationError({"transfer": words})
    words = f"{decided_by} has looked at the venue: it was never made."
    transfer_journal.settle(row, TransferStage.NEVER_MADE, words)
    return row


def _named(row: Transfer, transaction_id: str, found: list[TransferReport]) -> TransferReport:
    for report in found:
        if report.transaction_id != transaction_id:
            continue
        if report.status not in (TransferStatus.CONFIRMED, TransferStatus.FAILED):
            words = f"The venue has not ended {_in_words(report)}; ask again later."
            raise ValidationError({"transaction_id": words})
        return report
    words = f"The venue's history has no free row {transaction_id} that can be {row}."
    raise ValidationError({"transaction_id": words})


def _several(found: list[TransferReport]) -> str:
    rows = "; ".join(_in_words(report) for report in found)
    return (
        f"The venue's history shows {len(found)} transfers that can be this one: {rows}. Only a "
        "person can say which it is."
    )


def _in_words(report: TransferReport) -> str:
    return f"number {report.transaction_id} of {age_text(report.made_at)}, {report.status}"

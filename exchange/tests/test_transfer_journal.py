"""What the journal of transfers refuses, whoever asks and however often."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from exchange import transfer_journal
from exchange.domain.transfers import TransferDirection
from exchange.models import UNSETTLED, ExchangeAccount, Transfer, TransferStage
from exchange.transfer_journal import TransferPendingError

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])

SETTLED = [stage for stage in TransferStage if stage not in UNSETTLED]


def intent(account: ExchangeAccount, **changes: Any) -> Transfer:
    """Commit a transfer that is not sent yet."""
    values: dict[str, Any] = {
        "direction": TransferDirection.TO_FUTURES,
        "asset": "USDT",
        "amount": Decimal(100),
        "signed_at_ms": 1_700_000_000_000,
        "recv_window_ms": 5000,
        "requested_by": None,
        "purpose": "",
        "evidence": {},
    }
    return transfer_journal.record_intent(account, **(values | changes))


def again(row: Transfer) -> Transfer:
    """Return the same transfer as another process holds it in memory."""
    return Transfer.objects.get(pk=row.pk)


def test_a_transfer_may_be_sent_by_one_caller_only(account: ExchangeAccount) -> None:
    row = intent(account)
    other = again(row)

    assert transfer_journal.mark_sent(row, signed_at_ms=1)
    assert not transfer_journal.mark_sent(other, signed_at_ms=2)
    assert other.status == TransferStage.SENT
    assert Transfer.objects.get().signed_at_ms == 1


def test_a_transfer_that_a_reconciler_has_closed_is_not_sent(account: ExchangeAccount) -> None:
    row = intent(account)
    transfer_journal.settle(again(row), TransferStage.NEVER_MADE, "never sent")

    assert not transfer_journal.mark_sent(row, signed_at_ms=1)
    assert row.status == TransferStage.NEVER_MADE


def test_it_is_signed_anew_only_while_its_answer_is_awaited(account: ExchangeAccount) -> None:
    row = intent(account)
    assert not transfer_journal.mark_resigned(row, signed_at_ms=5)
    transfer_journal.mark_sent(row, signed_at_ms=6)
    stale = again(row)
    assert transfer_journal.mark_resigned(row, signed_at_ms=7)
    assert not transfer_journal.mark_resigned(stale, signed_at_ms=8)
    transfer_journal.note_unknown(row, "lost")
    assert not transfer_journal.mark_resigned(row, signed_at_ms=9)
    assert Transfer.objects.get().signed_at_ms == row.signed_at_ms == 7


@pytest.mark.parametrize("stage", UNSETTLED)
def test_a_second_of_the_same_kind_is_refused_by_the_database(
    account: ExchangeAccount, stage: TransferStage
) -> None:
    first = intent(account)
    Transfer.objects.update(status=stage)

    with pytest.raises(TransferPendingError, match="100 USDT from spot to futures") as caught:
        intent(account, amount=Decimal(7))

    assert caught.value.transfer == first
    assert Transfer.objects.count() == 1


def test_another_asset_direction_or_account_is_not_held_up(
    account: ExchangeAccount, owner: Any
) -> None:
    other = ExchangeAccount.objects.create(environment="demo", uid="2", owner=owner)

    intent(account)
    intent(account, asset="USDC")
    intent(account, direction=TransferDirection.TO_SPOT)
    intent(other)

    assert Transfer.objects.count() == 4


@pytest.mark.parametrize("stage", SETTLED)
def test_a_settled_one_holds_nothing_up(account: ExchangeAccount, stage: TransferStage) -> None:
    intent(account)
    Transfer.objects.update(status=stage, settled_at=timezone.now())

    assert intent(account).status == TransferStage.INTENDED


@pytest.mark.parametrize("stage", SETTLED)
def test_what_is_settled_is_not_settled_differently(
    account: ExchangeAccount, stage: TransferStage
) -> None:
    row = intent(account)
    Transfer.objects.update(status=stage, settled_at=timezone.now())

    assert not transfer_journal.note_unknown(row, "lost")
    for other in (TransferStage.FAILED, TransferStage.REJECTED, TransferStage.NEVER_MADE):
        assert not transfer_journal.settle(row, other, "no")
    assert row.status == again(row).status == stage


def test_the_venues_word_that_it_was_done_counts_after_it_was_given_up(
    account: ExchangeAccount,
) -> None:
    row = intent(account)
    transfer_journal.settle(row, TransferStage.NEVER_MADE, "not found")

    assert transfer_journal.settle(row, TransferStage.DONE, "done", transaction_id="9")
    assert (row.status, row.transaction_id) == (TransferStage.DONE, "9")


def test_a_number_that_is_known_as_anothers_does_not_hide_that_the_money_has_moved(
    account: ExchangeAccount,
) -> None:
    first, second = intent(account), intent(account, asset="USDC")
    for row in (first, second):
        transfer_journal.mark_sent(row, signed_at_ms=1)
        transfer_journal.settle(row, TransferStage.DONE, "Done.", transaction_id="9")

    assert (first.status, first.transaction_id) == (TransferStage.DONE, "9")
    assert (second.status, second.transaction_id) == (TransferStage.DONE, "")
    assert second.message == "Done. (The number 9 is known as another transfer's.)"


def test_two_who_look_at_the_same_moment_have_looked_once(account: ExchangeAccount) -> None:
    row = intent(account)
    other = again(row)

    assert transfer_journal.note_look(row, at_ms=100_000, apart_ms=30_000)
    assert not transfer_journal.note_look(other, at_ms=100_001, apart_ms=30_000)
    assert not transfer_journal.note_look(row, at_ms=129_999, apart_ms=30_000)
    assert row.looks == other.looks == 1
    assert transfer_journal.note_look(other, at_ms=130_000, apart_ms=30_000)
    assert again(row).looks == 2


def test_what_two_have_seen_at_once_is_kept_of_both(account: ExchangeAccount) -> None:
    row = intent(account, evidence={"known_before": ["7"]})
    other = again(row)

    transfer_journal.add_evidence(row, seen=["9"])
    transfer_journal.add_evidence(other, spot_free_after="1000")

    facts = {"known_before": ["7"], "seen": ["9"], "spot_free_after": "1000"}
    assert again(row).evidence == other.evidence == facts


@pytest.mark.parametrize(
    "broken",
    [
        {"amount": Decimal(0)},
        {"amount": Decimal(-1)},
        {"status": "lost"},
        {"direction": "MAIN_MARGIN"},
        {"status": "done"},
        {"settled_at": timezone.now()},
    ],
)
def test_the_database_refuses_rows_that_make_no_sense(
    account: ExchangeAccount, broken: dict[str, Any]
) -> None:
    intent(account)

    with pytest.raises(IntegrityError), transaction.atomic():
        Transfer.objects.update(**broken)


def test_a_row_survives_the_transaction_of_whoever_asked(account: ExchangeAccount) -> None:
    with transaction.atomic():
        intent(account)
        transaction.set_rollback(True)

    assert Transfer.objects.get().status == TransferStage.INTENDED


def test_an_account_with_transfers_is_not_deleted(account: ExchangeAccount) -> None:
    intent(account)

    with pytest.raises(IntegrityError):
        account.delete()


def test_a_transfer_that_nobody_decides_is_looked_for_for_ever(account: ExchangeAccount) -> None:
    row = intent(account)
    Transfer.objects.update(looks=transfer_journal.MOST_LOOKS)
    row.refresh_from_db()

    assert transfer_journal.note_look(row, at_ms=1, apart_ms=1)
    assert again(row).looks == transfer_journal.MOST_LOOKS

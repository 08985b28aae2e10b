"""What becomes of transfers whose answer was lost, at a venue that plays a script."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from exchange import transfer_journal
from exchange.binance.clock import wall_milliseconds
from exchange.binance.tests.scripted_server import Reply, ScriptedServer
from exchange.demo.testing import TEST_KEY
from exchange.domain.errors import CredentialsError, UnavailableError
from exchange.domain.transfers import TransferDirection
from exchange.models import APIKey, ExchangeAccount, Transfer, TransferStage
from exchange.services import revoke_api_key
from exchange.tests.conftest import SECOND_KEY, SECOND_SECRET, unsaved_key
from exchange.tests.transfer_script import history, looks, lost, sent, shown, spot_wallet
from exchange.tests.transfer_steps import (
    AFTER_THE_WINDOW,
    HUNDRED,
    PATH,
    let_signing_time_pass,
    move,
)
from exchange.transfers import decide_transfer, reconcile_transfers

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])


def test_one_that_was_never_sent_is_closed_without_asking_the_venue(
    script: ScriptedServer, stored_key: APIKey
) -> None:
    transfer_journal.record_intent(
        stored_key.account,
        direction=TransferDirection.TO_SPOT,
        asset="USDT",
        amount=HUNDRED,
        signed_at_ms=1,
        recv_window_ms=5000,
        requested_by=None,
        purpose="",
        evidence={},
    )

    (row,) = reconcile_transfers(stored_key)

    assert row.status == TransferStage.NEVER_MADE
    assert script.seen == []
    assert reconcile_transfers(stored_key.account) == []


def test_one_that_is_found_was_done(script: ScriptedServer, stored_key: APIKey) -> None:
    lost(script, stored_key)
    history(script, shown(9))

    (row,) = reconcile_transfers(stored_key.account)

    assert (row.status, row.transaction_id) == (TransferStage.DONE, "9")
    assert sent(script) == 1


@pytest.mark.parametrize("status", ["PENDING", "SOMETHING_NEW"])
def test_one_that_the_venue_has_not_ended_stays_in_doubt_however_often_it_is_seen(
    script: ScriptedServer, stored_key: APIKey, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    lost(script, stored_key)
    pending = shown(9, status=status)

    row = looks(script, stored_key, monkeypatch, pending, times=4)

    assert row.status == TransferStage.UNKNOWN
    assert "number 9" in row.message
    history(script, pending | {"status": "CONFIRMED"})
    (row,) = reconcile_transfers(stored_key)
    assert (row.status, row.transaction_id) == (TransferStage.DONE, "9")


def test_one_that_has_been_shown_and_vanishes_is_not_given_up(
    script: ScriptedServer, stored_key: APIKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost(script, stored_key)
    looks(script, stored_key, monkeypatch, shown(9, status="PENDING"), times=1)

    row = looks(script, stored_key, monkeypatch, times=4)

    assert row.status == TransferStage.UNKNOWN
    assert "has shown number 9 and does not now" in row.message


def test_a_failed_one_is_believed_once_nothing_else_can_show_up(
    script: ScriptedServer, stored_key: APIKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost(script, stored_key)
    failed = shown(9, status="FAILED")
    history(script, failed)
    (row,) = reconcile_transfers(stored_key)
    assert (row.status, row.looks) == (TransferStage.UNKNOWN, 0)

    spot_wallet(script, "1000")
    row = looks(script, stored_key, monkeypatch, failed)

    assert (row.status, row.transaction_id) == (TransferStage.FAILED, "9")


def test_one_that_is_not_found_needs_time_and_two_looks(
    script: ScriptedServer, stored_key: APIKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost(script, stored_key)
    for _ in range(3):
        history(script)
        (row,) = reconcile_transfers(stored_key)
        assert (row.status, row.looks) == (TransferStage.UNKNOWN, 0)

    let_signing_time_pass(monkeypatch, AFTER_THE_WINDOW)
    for _ in range(3):
        history(script)
        (row,) = reconcile_transfers(stored_key)
        assert (row.status, row.looks) == (TransferStage.UNKNOWN, 1)

    let_signing_time_pass(monkeypatch, 31)
    history(script)
    spot_wallet(script, "1000")
    (row,) = reconcile_transfers(stored_key)

    assert (row.status, row.looks) == (TransferStage.NEVER_MADE, 2)
    assert row.evidence["spot_free_after"] == "1000"
    assert sent(script) == 1


def test_a_wallet_that_has_changed_by_the_amount_outweighs_an_empty_history(
    script: ScriptedServer, stored_key: APIKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost(script, stored_key)
    spot_wallet(script, "900")

    row = looks(script, stored_key, monkeypatch)

    assert row.status == TransferStage.UNKNOWN
    assert "changed by exactly this amount" in row.message


def test_money_that_came_back_to_the_spot_wallet_outweighs_an_empty_history_too(
    script: ScriptedServer, stored_key: APIKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    history(script)
    spot_wallet(script, "1000")
    script.queue(PATH, Reply(drops=True))
    move(stored_key, direction=TransferDirection.TO_SPOT)
    spot_wallet(script, "1100")

    row = looks(script, stored_key, monkeypatch)

    assert row.status == TransferStage.UNKNOWN
    assert "changed by exactly this amount" in row.message


def test_one_that_was_there_before_is_not_taken_for_ours(
    script: ScriptedServer, stored_key: APIKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = shown(8, after_ms=-1000)
    lost(script, stored_key, foreign)
    spot_wallet(script, "1000")

    row = looks(script, stored_key, monkeypatch, foreign)

    assert row.status == TransferStage.NEVER_MADE


def test_of_two_that_can_be_it_none_is_guessed_and_a_person_decides(
    script: ScriptedServer, stored_key: APIKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost(script, stored_key)
    rows = (shown(9), shown(10))
    row = looks(script, stored_key, monkeypatch, *rows, times=3)
    assert (row.status, row.transaction_id) == (TransferStage.UNKNOWN, "")
    assert "number 9" in row.message
    assert "number 10" in row.message

    history(script, *rows)
    with pytest.raises(ValidationError, match="no free row 11"):
        decide_transfer(row, transaction_id="11", decided_by=stored_key.owner)
    history(script, *rows)
    decide_transfer(row, transaction_id="10", decided_by=stored_key.owner)

    assert (row.status, row.transaction_id) == (TransferStage.DONE, "10")
    assert row.message.startswith("olivia has named it")
    with pytest.raises(ValidationError, match="nothing to decide"):
        decide_transfer(row, transaction_id=None, decided_by=stored_key.owner)


def test_a_person_cannot_call_it_never_made_while_the_venue_may_still_make_it(
    script: ScriptedServer, stored_key: APIKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = lost(script, stored_key)
    history(script)
    with pytest.raises(ValidationError, match="the venue may still make it"):
        decide_transfer(row, transaction_id=None, decided_by=stored_key.owner)

    let_signing_time_pass(monkeypatch, AFTER_THE_WINDOW)
    history(script)
    decide_transfer(row, transaction_id=None, decided_by=stored_key.owner)

    assert row.status == TransferStage.NEVER_MADE
    assert "olivia" in row.message


@pytest.mark.parametrize("status", ["CONFIRMED", "PENDING"])
def test_a_person_cannot_call_never_made_what_the_history_shows(
    script: ScriptedServer, stored_key: APIKey, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    row = lost(script, stored_key)
    made = shown(9, status=status)
    let_signing_time_pass(monkeypatch, AFTER_THE_WINDOW)
    history(script, made)

    with pytest.raises(ValidationError, match="the venue's history shows it: number 9"):
        decide_transfer(row, transaction_id=None, decided_by=stored_key.owner)

    assert row.status == TransferStage.UNKNOWN


@pytest.mark.parametrize(
    "rows", [[{"number": 9, "status": "FAILED"}], [{"number": 9}, {"number": 10}]]
)
def test_a_person_may_call_never_made_what_failed_or_was_done_by_hand_twice(
    script: ScriptedServer,
    stored_key: APIKey,
    monkeypatch: pytest.MonkeyPatch,
    rows: list[dict[str, Any]],
) -> None:
    row = lost(script, stored_key)
    found = [shown(**values) for values in rows]
    let_signing_time_pass(monkeypatch, AFTER_THE_WINDOW)
    history(script, *found)

    decide_transfer(row, transaction_id=None, decided_by=stored_key.owner)

    assert (row.status, row.transaction_id) == (TransferStage.NEVER_MADE, "")


def test_a_person_cannot_end_what_the_venue_has_not(
    script: ScriptedServer, stored_key: APIKey
) -> None:
    row = lost(script, stored_key)
    history(script, shown(9, status="PENDING"))

    with pytest.raises(ValidationError, match="has not ended"):
        decide_transfer(row, transaction_id="9", decided_by=stored_key.owner)

    assert row.status == TransferStage.UNKNOWN


def test_the_row_of_an_earlier_transfer_is_not_taken_for_the_next(
    script: ScriptedServer, stored_key: APIKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    history(script)
    spot_wallet(script, "1000")
    script.says(PATH, {"tranId": 9})
    move(stored_key)
    lost(script, stored_key)  # the venue shows the first one only now
    spot_wallet(script, "1000")

    row = looks(script, stored_key, monkeypatch, shown(9))

    assert row.status == TransferStage.NEVER_MADE


def test_a_venue_that_does_not_answer_settles_nothing(
    script: ScriptedServer, stored_key: APIKey
) -> None:
    lost(script, stored_key)
    script.says(PATH, {"total": 1}, status=200)

    with pytest.raises(UnavailableError):
        reconcile_transfers(stored_key)

    assert Transfer.objects.get().status == TransferStage.UNKNOWN


def test_an_account_without_a_usable_key_cannot_be_asked_about(
    script: ScriptedServer, stored_key: APIKey
) -> None:
    lost(script, stored_key)
    revoke_api_key(api_key=stored_key)

    with pytest.raises(ValidationError, match="has no usable key"):
        reconcile_transfers(stored_key.account)


def second_key(first: APIKey, *, label: str = "second") -> APIKey:
    """Return a newer key of the same account."""
    key = unsaved_key(first.account, label=label, key=SECOND_KEY, secret=SECOND_SECRET)
    key.save()
    return APIKey.objects.get(pk=key.pk)


def refuse_key(script: ScriptedServer) -> None:
    """Let the venue refuse a key that was deleted there."""
    script.says(PATH, {"code": -2015, "msg": "Invalid API-key."}, status=401)


def test_where_one_key_is_dead_another_of_the_account_asks(
    script: ScriptedServer, stored_key: APIKey
) -> None:
    lost(script, stored_key)
    newer = second_key(stored_key)
    script.says("/api/v3/time", {"serverTime": wall_milliseconds()})
    refuse_key(script)
    history(script, shown(9))

    (row,) = reconcile_transfers(stored_key.account)

    assert (row.status, row.transaction_id) == (TransferStage.DONE, "9")
    keys = [one.key for one in script.asked(PATH) if one.method == "GET"]
    assert keys == [TEST_KEY, TEST_KEY, SECOND_KEY]
    assert newer.account_id == stored_key.account_id


def test_after_a_key_was_revoked_the_others_ask(script: ScriptedServer, stored_key: APIKey) -> None:
    lost(script, stored_key)
    second_key(stored_key)
    revoke_api_key(api_key=stored_key)
    script.says("/api/v3/time", {"serverTime": wall_milliseconds()})
    history(script, shown(9))

    assert reconcile_transfers(stored_key.account)[0].status == TransferStage.DONE


def test_where_every_key_is_dead_nothing_is_concluded(
    script: ScriptedServer, stored_key: APIKey
) -> None:
    lost(script, stored_key)
    second_key(stored_key)
    script.says("/api/v3/time", {"serverTime": wall_milliseconds()})
    refuse_key(script)
    refuse_key(script)

    with pytest.raises(CredentialsError):
        reconcile_transfers(stored_key.account)

    assert Transfer.objects.get().status == TransferStage.UNKNOWN


def test_a_person_decides_with_the_key_that_was_chosen(
    script: ScriptedServer, stored_key: APIKey
) -> None:
    row = lost(script, stored_key)
    newer = second_key(stored_key)
    script.says("/api/v3/time", {"serverTime": wall_milliseconds()})
    history(script, shown(9), shown(10))

    decide_transfer(row, transaction_id="10", decided_by=stored_key.owner, api_key=newer)

    assert (row.status, row.transaction_id) == (TransferStage.DONE, "10")
    assert script.asked(PATH)[-1].key == SECOND_KEY


def test_the_history_of_another_account_decides_nothing(
    script: ScriptedServer, stored_key: APIKey
) -> None:
    row = lost(script, stored_key)
    elsewhere = ExchangeAccount.objects.create(
        environment="demo", uid="2002", owner=stored_key.owner
    )
    foreign = unsaved_key(elsewhere, label="foreign", key=SECOND_KEY, secret=SECOND_SECRET)
    foreign.save()
    asked = len(script.seen)

    with pytest.raises(ValidationError, match="opens another account"):
        decide_transfer(row, transaction_id=None, decided_by=stored_key.owner, api_key=foreign)

    assert len(script.seen) == asked
    assert row.status == TransferStage.UNKNOWN


def test_a_clock_that_leaps_ahead_gives_nothing_up_and_does_not_block_for_ever(
    script: ScriptedServer, stored_key: APIKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost(script, stored_key)
    now = wall_milliseconds()
    let_signing_time_pass(monkeypatch, 365 * 86_400)
    script.says(PATH, {"code": -1021, "msg": "Timestamp for this request."}, status=400)
    script.says("/api/v3/time", {"serverTime": now})
    history(script)

    (row,) = reconcile_transfers(stored_key)

    assert (row.status, row.looks, row.looked_at_ms) == (TransferStage.UNKNOWN, 0, None)
    assert "It may until" in row.message


def test_one_in_doubt_is_told_in_the_log_once_as_a_warning(
    script: ScriptedServer, stored_key: APIKey, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="exchange.transfer_journal"):
        lost(script, stored_key)
        history(script)
        reconcile_transfers(stored_key)

    told = [one.levelname for one in caplog.records if ", unknown: " in one.getMessage()]
    assert told == ["WARNING", "INFO"]


def test_two_reconcilers_at_once_agree(
    script: ScriptedServer, stored_key: APIKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost(script, stored_key)
    stale = transfer_journal.unsettled(stored_key.account)[0]
    history(script, shown(9))
    reconcile_transfers(stored_key)

    # The other one has read an older history and writes last.
    assert not transfer_journal.note_unknown(stale, "not found")
    assert not transfer_journal.settle(stale, TransferStage.NEVER_MADE, "not found")

    assert Transfer.objects.get().status == TransferStage.DONE

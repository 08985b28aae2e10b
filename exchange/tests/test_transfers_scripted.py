"""Transfers at a venue that says, word for word, what no exchange of ours would say on demand."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connections, transaction
from django.test import override_settings

from accounts.models import User
from exchange import transfer_journal
from exchange.binance.clock import wall_milliseconds
from exchange.binance.tests.conftest import loopback_urls
from exchange.binance.tests.scripted_server import Reply, ScriptedServer, scripted_server
from exchange.domain.errors import CredentialsError, UnavailableError
from exchange.domain.transfers import TransferDirection
from exchange.models import APIKey, ExchangeAccount, Transfer, TransferStage
from exchange.registry import KeyRevokedError, close_gateways
from exchange.services import revoke_api_key
from exchange.tests.transfer_steps import (
    AFTER_THE_WINDOW,
    HUNDRED,
    PATH,
    let_signing_time_pass,
    move,
)
from exchange.transfers import TransferPendingError, decide_transfer, reconcile_transfers

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])

EMPTY = {"total": 0, "rows": []}


@pytest.fixture
def script(fresh_budgets: None) -> Iterator[ScriptedServer]:
    """Point the demo environment at a venue that plays a script."""
    with scripted_server() as server:
        server.says("/api/v3/time", {"serverTime": wall_milliseconds()})
        urls = {**settings.EXCHANGE_URLS, "demo": loopback_urls(server.url)}
        with override_settings(EXCHANGE_URLS=urls, BINANCE_RETRY_MAX_ATTEMPTS=1):
            yield server
        close_gateways()


def spot_wallet(script: ScriptedServer, free: str) -> None:
    """Let the venue tell the spot wallet's USDT once."""
    balances = [{"asset": "USDT", "free": free, "locked": "0"}]
    script.says("/api/v3/account", {"uid": 1001, "canTrade": True, "balances": balances})


def history(script: ScriptedServer, *rows: dict[str, Any]) -> None:
    """Let the venue show this history once."""
    script.says(PATH, {"total": len(rows), "rows": list(rows)})


def shown(
    number: int, *, status: str = "CONFIRMED", after_ms: int = 5, **more: Any
) -> dict[str, Any]:
    """Return the row of a history that a transfer made just now would be."""
    values = {"asset": "USDT", "amount": "100", "type": "MAIN_UMFUTURE", "status": status}
    return values | {"tranId": number, "timestamp": wall_milliseconds() + after_ms} | more


def sent(script: ScriptedServer) -> int:
    """Return how many transfers have arrived at the venue."""
    return len([one for one in script.asked(PATH) if one.method == "POST"])


def lost(script: ScriptedServer, api_key: APIKey, *known_before: dict[str, Any]) -> Transfer:
    """Send a transfer whose answer is lost."""
    history(script, *known_before)
    spot_wallet(script, "1000")
    script.queue(PATH, Reply(drops=True))
    row = move(api_key)
    assert (row.status, row.is_unsettled) == (TransferStage.UNKNOWN, True)
    return row


def looks(
    script: ScriptedServer,
    api_key: APIKey,
    monkeypatch: pytest.MonkeyPatch,
    *rows: dict[str, Any],
    times: int = 2,
) -> Transfer:
    """Look at the same history again and again, long after it can change."""
    for _ in range(times):
        let_signing_time_pass(monkeypatch, AFTER_THE_WINDOW)
        history(script, *rows)
        (row,) = reconcile_transfers(api_key)
    return row


def test_what_is_sent_was_committed_before(script: ScriptedServer, stored_key: APIKey) -> None:
    history(script)
    spot_wallet(script, "1000.5")
    script.says(PATH, {"tranId": 77})

    row = move(stored_key, requested_by=stored_key.owner, purpose="test")

    assert Transfer.objects.get() == row
    assert (row.status, row.transaction_id) == (TransferStage.DONE, "77")
    assert (row.requested_by, row.purpose) == (stored_key.owner, "test")
    assert row.settled_at is not None
    assert row.evidence == {"known_before": [], "spot_free_before": "1000.5"}
    (request,) = [one for one in script.asked(PATH) if one.method == "POST"]
    values = request.values
    assert (values["type"], values["asset"], values["amount"]) == ("MAIN_UMFUTURE", "USDT", "100")
    assert int(values["timestamp"]) == row.signed_at_ms
    assert int(values["recvWindow"]) == row.recv_window_ms == settings.BINANCE_RECV_WINDOW


@pytest.mark.parametrize(
    ("status", "code", "stage"),
    [
        (400, -5013, TransferStage.REJECTED),
        (400, -9000, TransferStage.REJECTED),
        (401, -1002, TransferStage.REJECTED),
        (400, -5012, TransferStage.UNKNOWN),
        (500, -1001, TransferStage.UNKNOWN),
        (429, -1003, TransferStage.NEVER_MADE),
    ],
)
def test_what_the_venue_says_is_written_down_in_its_words(
    script: ScriptedServer, stored_key: APIKey, status: int, code: int, stage: TransferStage
) -> None:
    history(script)
    spot_wallet(script, "1000")
    script.says(PATH, {"code": code, "msg": "So says the venue."}, status=status)

    row = move(stored_key)

    assert row.status == stage
    assert "So says the venue." in row.message
    assert sent(script) == 1


def test_a_refused_timestamp_is_signed_anew_once(
    script: ScriptedServer, stored_key: APIKey
) -> None:
    too_late = {"code": -1021, "msg": "Timestamp for this request."}
    history(script)
    spot_wallet(script, "1000")
    script.says(PATH, too_late, status=400)
    script.says("/api/v3/time", {"serverTime": wall_milliseconds() + 7_000})
    script.says(PATH, {"tranId": 78})

    row = move(stored_key)

    first, second = (one for one in script.asked(PATH) if one.method == "POST")
    assert row.status == TransferStage.DONE
    assert int(second.values["timestamp"]) == row.signed_at_ms
    assert 6_000 < row.signed_at_ms - int(first.values["timestamp"]) < 9_000


def test_a_timestamp_refused_twice_is_a_refusal(script: ScriptedServer, stored_key: APIKey) -> None:
    history(script)
    spot_wallet(script, "1000")
    for _ in range(2):
        script.says(PATH, {"code": -1021, "msg": "Too late."}, status=400)
    script.says("/api/v3/time", {"serverTime": wall_milliseconds()})

    assert move(stored_key).status == TransferStage.REJECTED
    assert sent(script) == 2


def test_where_the_history_cannot_be_read_nothing_is_sent(
    script: ScriptedServer, stored_key: APIKey
) -> None:
    script.says(PATH, "<html>", status=502)

    with pytest.raises(UnavailableError):
        move(stored_key)

    assert sent(script) == 0
    assert not Transfer.objects.exists()


def test_a_balance_that_cannot_be_read_is_only_evidence_less(
    script: ScriptedServer, stored_key: APIKey
) -> None:
    history(script)
    script.says("/api/v3/account", "<html>", status=502)
    script.says(PATH, {"tranId": 1})

    row = move(stored_key)

    assert row.status == TransferStage.DONE
    assert row.evidence == {"known_before": []}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"amount": Decimal(0)}, "amount"),
        ({"amount": Decimal(-5)}, "amount"),
        ({"amount": Decimal("NaN")}, "amount"),
        ({"amount": Decimal("Infinity")}, "amount"),
        ({"amount": Decimal("1.123456789")}, "amount"),
        ({"amount": Decimal("1E+18")}, "amount"),
        ({"asset": "usdt"}, "asset"),
        ({"asset": ""}, "asset"),
        ({"asset": "USDT&x=1"}, "asset"),
        ({"purpose": "x" * 201}, "purpose"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_field(
    script: ScriptedServer, stored_key: APIKey, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        move(stored_key, **changes)

    assert list(caught.value.message_dict) == [field]
    assert script.seen == []
    assert not Transfer.objects.exists()


def test_a_key_that_is_known_not_to_transfer_is_refused_here(
    script: ScriptedServer, stored_key: APIKey
) -> None:
    stored_key.permissions = {"can_transfer": False}

    with pytest.raises(ValidationError, match="may not move money between wallets"):
        move(stored_key)

    assert script.seen == []


def test_a_revoked_key_moves_nothing(script: ScriptedServer, stored_key: APIKey) -> None:
    revoke_api_key(api_key=stored_key)

    with pytest.raises(KeyRevokedError):
        move(stored_key)

    assert script.seen == []
    assert not Transfer.objects.exists()


def test_a_venue_without_sapi_is_refused_before_anything_is_written(
    script: ScriptedServer, stored_key: APIKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exchange.binance.urls.HOSTS_WITHOUT_SAPI", {"127.0.0.1"})

    with pytest.raises(UnavailableError, match="does not offer transfers") as caught:
        move(stored_key)

    assert caught.value.is_lasting
    assert script.asked(PATH) == []
    assert not Transfer.objects.exists()


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit, MemoryError])
def test_whoever_is_interrupted_leaves_unknown_behind(
    script: ScriptedServer,
    stored_key: APIKey,
    monkeypatch: pytest.MonkeyPatch,
    interruption: type[BaseException],
) -> None:
    def die(*_: Any) -> str:
        raise interruption

    history(script)
    spot_wallet(script, "1000")
    script.says(PATH, {"tranId": 9})
    monkeypatch.setattr("exchange.binance.transfer_replies.transaction_id", die)

    with pytest.raises(interruption):
        move(stored_key)

    assert Transfer.objects.get().status == TransferStage.UNKNOWN
    assert sent(script) == 1
    with pytest.raises(TransferPendingError):
        move(stored_key)
    history(script, shown(9))
    assert reconcile_transfers(stored_key)[0].status == TransferStage.DONE


def test_a_caller_that_rolls_back_forgets_nothing(
    script: ScriptedServer, stored_key: APIKey
) -> None:
    history(script)
    spot_wallet(script, "1000")
    script.says(PATH, {"tranId": 9})

    with transaction.atomic():
        move(stored_key)
        transaction.set_rollback(True)

    assert Transfer.objects.get().status == TransferStage.DONE


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
    with pytest.raises(ValidationError, match="the venue may still make it"):
        decide_transfer(row, transaction_id=None, decided_by=stored_key.owner)

    let_signing_time_pass(monkeypatch, AFTER_THE_WINDOW)
    decide_transfer(row, transaction_id=None, decided_by=stored_key.owner)

    assert row.status == TransferStage.NEVER_MADE
    assert "olivia" in row.message


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


def test_of_two_who_ask_at_once_one_is_sent(
    script: ScriptedServer, stored_key: APIKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    both_have_looked = threading.Barrier(2, timeout=10)
    record = transfer_journal.record_intent

    def together(*args: Any, **values: Any) -> Transfer:
        both_have_looked.wait()
        return record(*args, **values)

    monkeypatch.setattr(transfer_journal, "record_intent", together)
    script.says("/api/v3/time", {"serverTime": wall_milliseconds()})
    for _ in range(2):
        history(script)
        spot_wallet(script, "1000")
    script.says(PATH, {"tranId": 9})

    with ThreadPoolExecutor(max_workers=2) as pool:
        ends = list(pool.map(lambda _: _end_of(stored_key), range(2)))

    assert sorted(ends) == ["TransferPendingError", "done"]
    assert sent(script) == 1
    assert Transfer.objects.get().status == TransferStage.DONE


def _end_of(api_key: APIKey) -> str:
    try:
        return move(api_key).status
    except TransferPendingError as error:
        return type(error).__name__
    finally:
        close_gateways()
        connections.close_all()


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


def test_a_key_that_the_venue_refuses_writes_nothing(
    script: ScriptedServer, stored_key: APIKey, other_person: User, account: ExchangeAccount
) -> None:
    script.says(PATH, {"code": -2015, "msg": "Invalid API-key."}, status=401)

    with pytest.raises(CredentialsError):
        move(stored_key, requested_by=other_person)

    assert not account.transfers.exists()

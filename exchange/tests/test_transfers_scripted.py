"""Transfers at a venue that says, word for word, what no exchange of ours would say on demand."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connections, transaction

from accounts.models import User
from exchange import transfer_journal
from exchange.binance.clock import wall_milliseconds
from exchange.binance.tests.scripted_server import ScriptedServer
from exchange.domain.errors import CredentialsError, UnavailableError
from exchange.models import APIKey, ExchangeAccount, Transfer, TransferStage
from exchange.registry import KeyRevokedError, close_gateways
from exchange.services import revoke_api_key
from exchange.tests.conftest import unsaved_key
from exchange.tests.transfer_script import history, sent, shown, spot_wallet
from exchange.tests.transfer_steps import (
    PATH,
    move,
)
from exchange.transfers import TransferPendingError, reconcile_transfers

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])


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
        (400, -5010, TransferStage.UNKNOWN),
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


def test_of_two_who_ask_at_once_one_is_sent(
    script: ScriptedServer, stored_key: APIKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    both_have_looked = threading.Barrier(2, timeout=60)
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


def test_a_key_that_the_venue_refuses_writes_nothing(
    script: ScriptedServer, stored_key: APIKey, other_person: User, account: ExchangeAccount
) -> None:
    script.says(PATH, {"code": -2015, "msg": "Invalid API-key."}, status=401)

    with pytest.raises(CredentialsError):
        move(stored_key, requested_by=other_person)

    assert not account.transfers.exists()


def test_what_is_not_committed_cannot_move_money(script: ScriptedServer, owner: User) -> None:
    history(script)
    spot_wallet(script, "1000")

    with transaction.atomic():
        account = ExchangeAccount.objects.create(environment="demo", uid="3003", owner=owner)
        key = unsaved_key(account, label="new")
        key.save()
        with pytest.raises(IntegrityError):
            move(key)

    assert sent(script) == 0
    assert not Transfer.objects.exists()


def test_inside_of_a_transaction_of_the_journal_nothing_is_sent(
    script: ScriptedServer, stored_key: APIKey
) -> None:
    history(script)
    spot_wallet(script, "1000")

    with pytest.raises(RuntimeError), transaction.atomic(using="journal"):
        move(stored_key)  # its row would be gone if the outer one rolled back

    assert sent(script) == 0
    assert not Transfer.objects.exists()


def test_one_that_a_reconciler_closed_just_before_is_not_sent(
    script: ScriptedServer, stored_key: APIKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = transfer_journal.record_intent

    def closed_at_once(*args: Any, **values: Any) -> Transfer:
        row = record(*args, **values)
        reconcile_transfers(stored_key)
        return row

    monkeypatch.setattr(transfer_journal, "record_intent", closed_at_once)
    history(script)
    spot_wallet(script, "1000")

    row = move(stored_key)

    assert row.status == TransferStage.NEVER_MADE
    assert sent(script) == 0


def test_one_whose_timestamp_was_refused_is_not_sent_again_once_somebody_asks_about_it(
    script: ScriptedServer, stored_key: APIKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    resign = transfer_journal.mark_resigned

    def after_a_reconciler(row: Transfer, *, signed_at_ms: int) -> bool:
        transfer_journal.note_unknown(Transfer.objects.get(pk=row.pk), "not found yet")
        return resign(row, signed_at_ms=signed_at_ms)

    monkeypatch.setattr(transfer_journal, "mark_resigned", after_a_reconciler)
    history(script)
    spot_wallet(script, "1000")
    script.says(PATH, {"code": -1021, "msg": "Too late."}, status=400)
    script.says("/api/v3/time", {"serverTime": wall_milliseconds()})

    row = move(stored_key)

    assert row.status == TransferStage.REJECTED  # -1021 proves that nothing was done
    assert sent(script) == 1

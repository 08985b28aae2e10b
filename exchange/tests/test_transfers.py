"""Transfers at the demo exchange over HTTP, with every way to lose an answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from django.db import connections

from accounts.models import User
from exchange.demo.testing import TEST_KEY, TEST_SECRET, RunningExchange
from exchange.domain.clock import from_milliseconds
from exchange.domain.errors import UnavailableError
from exchange.domain.transfers import TransferDirection, TransferRequest
from exchange.models import APIKey, Transfer, TransferStage
from exchange.registry import close_gateways, spot_gateway_for
from exchange.services import add_api_key
from exchange.tests.transfer_steps import (
    AFTER_THE_WINDOW,
    HISTORY,
    HUNDRED,
    SENDING,
    let_signing_time_pass,
    move,
)
from exchange.transfers import TransferPendingError, reconcile_transfers

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])

Wallets = Callable[[], tuple[Decimal, Decimal]]
NOTHING = (Decimal(0), Decimal(0))


@pytest.fixture
def running_demo() -> Iterator[RunningExchange]:
    """Run an exchange for one test alone: the rows of another's history look like ours."""
    with RunningExchange(is_paused=True) as exchange:
        yield exchange


@pytest.fixture
def api_key(owner: User, demo: RunningExchange) -> APIKey:
    """Return a key of the demo exchange that was added like any other."""
    return add_api_key(
        owner=owner, environment="demo", label="main", key=TEST_KEY, secret=TEST_SECRET
    )


@pytest.fixture
def moved(demo: RunningExchange, api_key: APIKey) -> Wallets:
    """Return how much the spot and the futures wallet have changed since the test began."""
    uid = int(api_key.account.uid)

    def wallets() -> tuple[Decimal, Decimal]:
        return (
            demo.run_inside(lambda venue: venue.engine.ledger.free(uid, "USDT")),
            demo.run_inside(lambda venue: venue.engine.ledger.free(uid, "USDT", wallet="um")),
        )

    spot, futures = wallets()

    def change() -> tuple[Decimal, Decimal]:
        now = wallets()
        return now[0] - spot, now[1] - futures

    return change


def by_hand(api_key: APIKey, *, amount: Decimal = HUNDRED) -> str:
    """Move money as a person would on the venue's pages; return the venue's number of it."""
    gateway = spot_gateway_for(api_key)
    request = TransferRequest(
        direction=TransferDirection.TO_FUTURES,
        asset="USDT",
        amount=amount,
        signed_at_ms=gateway.signing_time_ms(),
        recv_window_ms=5000,
    )
    return gateway.transfer(request)


def give_up(api_key: APIKey, monkeypatch: pytest.MonkeyPatch, *, looks: int = 2) -> Transfer:
    """Ask again and again what became of the one transfer, long after it can have been made."""
    for _ in range(looks):
        let_signing_time_pass(monkeypatch, AFTER_THE_WINDOW)
        (row,) = reconcile_transfers(api_key)
    return row


def test_money_moves_both_ways(api_key: APIKey, moved: Wallets) -> None:
    there = move(api_key, amount=Decimal("123.45678901"))
    assert moved() == (Decimal("-123.45678901"), Decimal("123.45678901"))
    back = move(api_key, amount=Decimal("23.4"), direction=TransferDirection.TO_SPOT)
    assert moved() == (Decimal("-100.05678901"), Decimal("100.05678901"))

    assert (there.status, back.status) == (TransferStage.DONE, TransferStage.DONE)
    gateway = spot_gateway_for(api_key)
    start = from_milliseconds(there.signed_at_ms - 1000)
    for row in (there, back):
        (shown,) = gateway.transfers(TransferDirection(row.direction), start=start)
        assert (shown.transaction_id, shown.amount) == (row.transaction_id, row.amount)
    assert reconcile_transfers(api_key) == []


def test_a_lost_answer_is_found_in_the_history_and_moved_exactly_once(
    demo: RunningExchange, api_key: APIKey, moved: Wallets
) -> None:
    demo.set_fault(endpoint=SENDING, when="after", action="drop")

    row = move(api_key)
    assert row.status == TransferStage.UNKNOWN
    with pytest.raises(TransferPendingError, match="100 USDT from spot to futures"):
        move(api_key)
    (row,) = reconcile_transfers(api_key)

    assert row.status == TransferStage.DONE
    assert row.transaction_id
    assert moved() == (-HUNDRED, HUNDRED)
    assert Transfer.objects.count() == 1


@pytest.mark.parametrize("action", ["html", "garbage", "drop"])
def test_whatever_comes_instead_of_the_answer_it_is_never_sent_again(
    demo: RunningExchange, api_key: APIKey, moved: Wallets, action: str
) -> None:
    fault = demo.set_fault(endpoint=SENDING, when="after", action=action, times=None)

    assert move(api_key).status == TransferStage.UNKNOWN

    assert moved() == (-HUNDRED, HUNDRED)
    assert next(one for one in demo.faults() if one["id"] == fault["id"])["hits"] == 1
    assert reconcile_transfers(api_key)[0].status == TransferStage.DONE
    assert moved() == (-HUNDRED, HUNDRED)


def test_one_that_never_arrived_may_be_tried_again_after_the_window_and_two_looks(
    demo: RunningExchange,
    api_key: APIKey,
    moved: Wallets,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    demo.set_fault(endpoint=SENDING, when="before", action="drop")
    move(api_key)
    (row,) = reconcile_transfers(api_key)
    assert (row.status, row.looks) == (TransferStage.UNKNOWN, 0)
    (row,) = [give_up(api_key, monkeypatch, looks=1)]
    assert (row.status, row.looks) == (TransferStage.UNKNOWN, 1)
    with pytest.raises(TransferPendingError):
        move(api_key)

    row = give_up(api_key, monkeypatch, looks=1)
    assert row.status == TransferStage.NEVER_MADE
    assert moved() == NOTHING
    monkeypatch.undo()

    assert move(api_key).status == TransferStage.DONE
    assert moved() == (-HUNDRED, HUNDRED)


def test_a_history_that_lags_behind_neither_loses_nor_doubles_a_transfer(
    demo: RunningExchange,
    api_key: APIKey,
    moved: Wallets,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    demo.set_fault(endpoint=HISTORY, action="stale", seconds=600, times=3)
    demo.set_fault(endpoint=SENDING, when="after", action="drop")
    move(api_key)  # its first look at the history is stale, too
    for _ in range(2):
        (row,) = reconcile_transfers(api_key)
        assert (row.status, row.looks) == (TransferStage.UNKNOWN, 0)
        with pytest.raises(TransferPendingError):
            move(api_key)

    (row,) = reconcile_transfers(api_key)

    assert row.status == TransferStage.DONE
    assert moved() == (-HUNDRED, HUNDRED)


def test_even_a_history_that_lags_for_minutes_is_outweighed_by_the_wallet(
    demo: RunningExchange,
    api_key: APIKey,
    moved: Wallets,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stale = demo.set_fault(endpoint=HISTORY, action="stale", seconds=600, times=None)
    demo.set_fault(endpoint=SENDING, when="after", action="drop")
    move(api_key)

    row = give_up(api_key, monkeypatch, looks=4)

    assert row.status == TransferStage.UNKNOWN
    assert "changed by exactly this amount" in row.message
    assert next(one for one in demo.faults() if one["id"] == stale["id"])["hits"] == 5
    demo.clear_faults()
    assert reconcile_transfers(api_key)[0].status == TransferStage.DONE
    assert moved() == (-HUNDRED, HUNDRED)


def test_of_many_who_ask_at_once_one_moves_money(
    demo: RunningExchange, api_key: APIKey, moved: Wallets
) -> None:
    demo.set_fault(endpoint=SENDING, when="before", action="delay", seconds=1)
    ready = threading.Barrier(6, timeout=20)

    def one_of_many(_: int) -> str:
        try:
            spot_gateway_for(api_key).signing_time_ms()
            ready.wait()
            return move(api_key).status
        except TransferPendingError:
            return "refused"
        finally:
            close_gateways()
            connections.close_all()

    with ThreadPoolExecutor(max_workers=6) as pool:
        ends = sorted(pool.map(one_of_many, range(6)))

    assert ends == [TransferStage.DONE, *["refused"] * 5]
    assert moved() == (-HUNDRED, HUNDRED)


def test_of_many_who_reconcile_at_once_all_find_the_same(
    demo: RunningExchange, api_key: APIKey, moved: Wallets
) -> None:
    demo.set_fault(endpoint=SENDING, when="after", action="drop")
    move(api_key)

    def find(_: int) -> list[str]:
        try:
            return [row.status for row in reconcile_transfers(api_key)]
        finally:
            close_gateways()
            connections.close_all()

    with ThreadPoolExecutor(max_workers=4) as pool:
        found = list(pool.map(find, range(4)))

    assert all(one in ([], [TransferStage.DONE]) for one in found)
    assert [TransferStage.DONE] in found
    assert Transfer.objects.get().status == TransferStage.DONE
    assert moved() == (-HUNDRED, HUNDRED)


def test_a_process_that_dies_between_sending_and_the_answer_is_found_out(
    api_key: APIKey, moved: Wallets, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> str:
        raise SystemExit("killed")

    with monkeypatch.context() as patched:
        patched.setattr("exchange.binance.transfer_replies.transaction_id", die)
        # A killed process writes nothing more, not even that it does not know.
        patched.setattr("exchange.transfer_journal.note_unknown", lambda *_: None)
        with pytest.raises(SystemExit):
            move(api_key)
    assert Transfer.objects.get().status == TransferStage.SENT

    (row,) = reconcile_transfers(api_key)

    assert row.status == TransferStage.DONE
    assert moved() == (-HUNDRED, HUNDRED)


def test_an_older_transfer_by_hand_of_the_same_amount_is_not_taken_for_ours(
    demo: RunningExchange,
    api_key: APIKey,
    moved: Wallets,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    by_hand(api_key)
    demo.set_fault(endpoint=SENDING, when="before", action="drop")
    move(api_key)

    row = give_up(api_key, monkeypatch)

    assert row.status == TransferStage.NEVER_MADE
    assert moved() == (-HUNDRED, HUNDRED)


def test_with_a_second_one_by_hand_at_the_same_time_nothing_is_guessed(
    demo: RunningExchange,
    api_key: APIKey,
    moved: Wallets,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    demo.set_fault(endpoint=SENDING, when="after", action="drop")
    move(api_key)
    foreign = by_hand(api_key)
    by_hand(api_key, amount=Decimal(7))

    row = give_up(api_key, monkeypatch)

    assert (row.status, row.transaction_id) == (TransferStage.UNKNOWN, "")
    assert "shows 2 transfers that can be this one" in row.message
    assert f"number {foreign} " in row.message
    with pytest.raises(TransferPendingError):
        move(api_key)
    assert moved() == (Decimal(-207), Decimal(207))


@pytest.mark.parametrize("direction", list(TransferDirection))
def test_more_than_there_is_is_refused_in_the_venues_words(
    api_key: APIKey, moved: Wallets, direction: TransferDirection
) -> None:
    row = move(api_key, amount=Decimal(10**9), direction=direction)

    assert row.status == TransferStage.REJECTED
    assert "insufficient balance" in row.message
    assert moved() == NOTHING
    assert move(api_key, direction=direction).status == TransferStage.DONE


def test_a_key_that_may_not_transfer_is_refused_by_the_venue(
    demo: RunningExchange, api_key: APIKey, moved: Wallets
) -> None:
    demo.control("keys", {"key_number": 1, "permitsUniversalTransfer": False})
    try:
        row = move(api_key)  # what is stored of the key says otherwise
    finally:
        demo.control("keys", {"key_number": 1, "permitsUniversalTransfer": True})

    assert row.status == TransferStage.REJECTED
    assert moved() == NOTHING


def test_a_request_that_comes_too_late_is_refused_and_signed_anew(
    demo: RunningExchange, api_key: APIKey, moved: Wallets
) -> None:
    demo.set_fault(endpoint=SENDING, action="error", code=-1021)

    row = move(api_key)

    assert row.status == TransferStage.DONE
    assert moved() == (-HUNDRED, HUNDRED)


def test_a_venue_that_is_down_is_told_before_anything_is_written(
    demo: RunningExchange, api_key: APIKey, moved: Wallets
) -> None:
    demo.set_fault(endpoint=HISTORY, action="error", code=-1016, times=None)

    with pytest.raises(UnavailableError, match="no longer available"):
        move(api_key)

    assert not Transfer.objects.exists()
    assert moved() == NOTHING

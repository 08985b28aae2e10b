"""Promise 8: after a halt has committed nothing that it stops turns sent."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import pytest
from django.db import transaction

from bots import journal
from bots.domain.decision import Intent, IntentReason
from bots.domain.halting import HaltLevel
from bots.journal import Leave, Sent
from bots.locks import HaltScope, halt_for_update, halts_for_share
from bots.models import BotConfig, BotEvent, Halt, Order, OrderSource
from bots.tests.engine.placing import BUY, LIMIT_BUY, PAIR, SELL, STOP

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])

Threads = Callable[[Callable[[], Any]], Future[Any]]


@pytest.fixture
def on(bot: BotConfig) -> BotConfig:
    """Return the bot, switched on."""
    BotConfig.objects.update(is_active=True)
    return bot


def _recorded(bot: BotConfig, *intents: Intent, slot: int = 1) -> list[Order]:
    return journal.record_intents(
        bot,
        intents,
        source=OrderSource.TICK,
        slot=slot,
        signed_at_ms=1_700_000_000_000,
        recv_window_ms=5000,
    )


def _sent(orders: list[Order]) -> Sent:
    return journal.mark_sent(orders, signed_at_ms=1_700_000_000_000)


def _set(scope: HaltScope, level: HaltLevel, reason: str = "") -> None:
    with transaction.atomic():
        halt = halt_for_update(scope)
        halt.level, halt.reason = level, reason
        halt.save()


def _scope(bot: BotConfig, name: str) -> HaltScope:
    assert bot.api_key is not None
    return {
        "everything": HaltScope(),
        "account": HaltScope(account_id=bot.api_key.account_id),
        "bot": HaltScope(bot_id=bot.pk),
    }[name]


@pytest.mark.parametrize("name", ["everything", "account", "bot"])
def test_an_entry_under_a_halt_is_closed_with_its_reason(on: BotConfig, name: str) -> None:
    _set(_scope(on, name), HaltLevel.ENTRIES, "the news")
    orders = _recorded(on, LIMIT_BUY, *PAIR)
    answer = _sent(orders)
    assert answer.leave is Leave.HALTED
    assert not answer.may_go
    assert answer.reason.endswith("entries): the news")
    assert {order.status for order in orders} == {"denied"}
    assert set(Order.objects.values_list("status", "closed_reason", "message", "sent_at")) == {
        ("denied", "halted", answer.reason, None)
    }
    assert BotEvent.objects.filter(kind="order_never_sent").count() == 3


def test_a_halt_of_another_bot_or_account_stops_nobody_else(on: BotConfig) -> None:
    other = BotConfig.objects.get(pk=on.pk)
    other.pk, other.name = None, "other"
    other.save()
    _set(HaltScope(bot_id=other.pk), HaltLevel.EVERYTHING)
    assert _sent(_recorded(on, BUY)).may_go


@pytest.mark.parametrize(
    ("intent", "level", "may_go"),
    [
        (SELL, HaltLevel.ENTRIES, True),
        (SELL, HaltLevel.EVERYTHING, False),
        (replace(SELL, reason=IntentReason.CLOSE_REQUEST), HaltLevel.EVERYTHING, True),
        (replace(SELL, reason=IntentReason.UNPROTECTED), HaltLevel.EVERYTHING, True),
        (STOP, HaltLevel.EVERYTHING, True),
        (replace(STOP, reason=IntentReason.PROTECTION_MOVED), HaltLevel.EVERYTHING, False),
        (replace(STOP, reason=IntentReason.PROTECTION_MOVED), HaltLevel.ENTRIES, True),
        (BUY, HaltLevel.NONE, True),
    ],
)
def test_what_a_halt_lets_through(
    on: BotConfig, *, intent: Intent, level: HaltLevel, may_go: bool
) -> None:
    _set(HaltScope(), level)
    assert _sent(_recorded(on, intent)).may_go is may_go


def test_the_rows_of_the_switches_are_made_when_they_are_missing(on: BotConfig) -> None:
    assert not Halt.objects.exists()
    assert _sent(_recorded(on, BUY)).may_go
    assert {halt.scope for halt in Halt.objects.all()} == {
        "everything",
        f"account {_scope(on, 'account').account_id}",
        f"bot {on.pk}",
    }
    assert _sent(_recorded(on, BUY, slot=2)).may_go
    assert Halt.objects.count() == 3


@pytest.mark.parametrize(
    ("intent", "may_go"),
    [(BUY, False), (SELL, False), (replace(SELL, reason=IntentReason.CLOSE_REQUEST), True)],
)
def test_what_was_refused_for_its_time_is_not_signed_anew_under_a_halt(
    on: BotConfig, *, intent: Intent, may_go: bool
) -> None:
    orders = _recorded(on, intent)
    assert _sent(orders).may_go
    _set(HaltScope(), HaltLevel.EVERYTHING)
    assert journal.mark_resigned(orders, signed_at_ms=1_700_000_009_999) is may_go
    order = Order.objects.get()
    assert (order.status, order.resigned) == ("sent", may_go)


@pytest.mark.parametrize(("intent", "may_go"), [(BUY, False), (SELL, True)])
def test_an_entry_of_a_bot_that_was_stopped_meanwhile_is_not_signed_anew(
    on: BotConfig, *, intent: Intent, may_go: bool
) -> None:
    orders = _recorded(on, intent)
    assert _sent(orders).may_go
    BotConfig.objects.update(is_active=False)
    assert journal.mark_resigned(orders, signed_at_ms=1_700_000_009_999) is may_go


def test_an_account_and_a_bot_are_not_one_scope() -> None:
    with pytest.raises(ValueError, match="account_id and bot_id"):
        HaltScope(account_id=1, bot_id=1)


def _make_switches(bot: BotConfig) -> None:
    """Have the rows there: one that is being made is waited for whether it is locked or not."""
    for name in ("everything", "account", "bot"):
        _set(_scope(bot, name), HaltLevel.NONE)


def test_a_halt_that_is_being_set_is_waited_for(on: BotConfig, worker_thread: Threads) -> None:
    _make_switches(on)
    (order,) = _recorded(on, BUY)
    with transaction.atomic():
        halt = halt_for_update(HaltScope())
        halt.level = HaltLevel.ENTRIES
        halt.save()
        sending = worker_thread(lambda: _sent([order]))
        time.sleep(0.3)
        assert not sending.done()
        assert Order.objects.get().status == "intended"
    assert sending.result(5).leave is Leave.HALTED
    assert Order.objects.get().status == "denied"


def test_a_halt_waits_for_an_order_that_is_turning(on: BotConfig, worker_thread: Threads) -> None:
    _make_switches(on)
    (order,) = _recorded(on, BUY)
    assert on.api_key is not None
    account_id = on.api_key.account_id
    with transaction.atomic(using=journal.JOURNAL):
        assert len(halts_for_share(bot_id=on.pk, account_id=account_id, using="journal")) == 3
        halting = worker_thread(lambda: _set(HaltScope(), HaltLevel.ENTRIES))
        time.sleep(0.3)
        assert not halting.done()
        assert _sent([order]).may_go
    halting.result(5)
    assert not _sent(_recorded(on, BUY, slot=2)).may_go


@pytest.mark.parametrize("name", ["everything", "account", "bot"])
def test_of_many_that_race_with_a_halt_none_turns_after_it_has_committed(
    on: BotConfig, worker_thread: Threads, name: str
) -> None:
    orders = [_recorded(on, BUY, slot=slot) for slot in range(1, 25)]
    begin = threading.Barrier(9)
    halted_at: list[float] = []
    turned: list[tuple[float, bool]] = []  # when it was asked, and whether it may go

    def send(mine: list[list[Order]]) -> None:
        begin.wait()
        for request in mine:
            asked_at = time.monotonic()
            turned.append((asked_at, _sent(request).may_go))

    def halt() -> None:
        begin.wait()
        time.sleep(0.01)
        _set(_scope(on, name), HaltLevel.ENTRIES)
        halted_at.append(time.monotonic())

    jobs = [worker_thread(lambda n=n: send(orders[n::8])) for n in range(8)]  # type: ignore[misc]
    jobs.append(worker_thread(halt))
    for job in jobs:
        job.result(30)

    assert len(turned) == 24
    assert not [1 for asked_at, may_go in turned if may_go and asked_at > halted_at[0]]
    may_go = sum(may_go for _, may_go in turned)
    assert Order.objects.filter(status="sent").count() == may_go
    assert Order.objects.filter(status="denied", closed_reason="halted").count() == 24 - may_go
    assert not _sent(_recorded(on, BUY, slot=99)).may_go


def test_two_who_turn_orders_and_two_who_halt_do_not_wait_for_each_other_for_ever(
    on: BotConfig, worker_thread: Threads
) -> None:
    scopes = [_scope(on, name) for name in ("everything", "account", "bot")]

    def switch() -> None:
        for _ in range(5):
            for scope in scopes:
                _set(scope, HaltLevel.ENTRIES)
                _set(scope, HaltLevel.NONE)

    def send(source: OrderSource) -> None:
        for slot in range(10):
            orders = journal.record_intents(
                on, [BUY], source=source, slot=slot, signed_at_ms=5, recv_window_ms=5000
            )
            assert _sent(orders).leave is not Leave.NOT_MINE

    jobs = [worker_thread(switch) for _ in range(2)]
    jobs += [worker_thread(lambda s=s: send(s)) for s in (OrderSource.TICK, OrderSource.WEBHOOK)]  # type: ignore[misc]
    for job in jobs:
        job.result(30)
    assert not Order.objects.filter(status="intended").exists()


def test_a_bot_cannot_be_switched_off_between_the_look_and_the_move(
    on: BotConfig, worker_thread: Threads
) -> None:
    (order,) = _recorded(on, BUY)
    with transaction.atomic():
        BotConfig.objects.filter(pk=on.pk).update(is_active=False)
        sending = worker_thread(lambda: _sent([order]))
        time.sleep(0.3)
        assert not sending.done()
    assert sending.result(5).leave is Leave.NOT_MINE
    assert Order.objects.get().status == "intended"

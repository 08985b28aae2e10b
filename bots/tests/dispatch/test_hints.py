"""An account event is a reason to look: it wakes whom it concerns, and it books nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import redis
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bots.dispatch.pending import GIVEN_UP_SECONDS, PAUSE_SECONDS, PendingHints
from bots.domain.orders import OrderStatus
from bots.locks import bot_lock, lock_due_states
from bots.models import BotConfig, BotState, Fill, Order, Tick, Trade
from bots.tasks import run_bot_task
from bots.tests.dispatch.test_closes import copy_of, settled
from exchange.demo.testing import RunningExchange
from exchange.domain.streams import AccountEvent, AccountEventKind
from exchange.domain.types import Environment, Market
from exchange.feed.announcing import AccountNews

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])

AT_BUY = datetime(2025, 5, 12, 4, 5, 10, tzinfo=UTC)  # a kline with a cross has just closed
ORDER, ALGO = AccountEventKind.ORDER, AccountEventKind.ALGO_ORDER
ACCOUNT, RESYNC = AccountEventKind.ACCOUNT, AccountEventKind.RESYNC
LATER = datetime(2025, 5, 12, 9, 0, tzinfo=UTC)


class Ear:
    """Pending hints with a clock of their own."""

    def __init__(self, bot: BotConfig) -> None:
        assert bot.api_key is not None
        self.account_id: int = bot.api_key.account_id
        self.now = 100.0
        self.hints = PendingHints(clock=lambda: self.now)

    def hear(self, kind: AccountEventKind = ORDER, *, market: str = "spot", **event: Any) -> None:
        news = AccountNews(
            account_id=self.account_id,
            environment=Environment.DEMO,
            market=Market(market),
            event=AccountEvent(kind=kind, **event),
        )
        self.hints.note([news], heard_at=timezone.now())

    def claim(self) -> list[int]:
        return [claim.bot_id for claim in self.hints.claim()]


@pytest.fixture
def ear(started_bot: BotConfig) -> Ear:
    settled(started_bot, next_due_at=LATER)
    return Ear(started_bot)


@pytest.fixture
def order_of(started_bot: BotConfig) -> Callable[..., Order]:
    """Return a function that writes down an order of the bot as it stands in our books."""

    def write(**columns: Any) -> Order:
        assert started_bot.api_key is not None
        row: dict[str, Any] = {
            "bot": started_bot,
            "account": started_bot.api_key.account,
            "market": "spot",
            "symbol": "BTCUSDT",
            "source": "t",
            "slot": 1,
            "leg": "e",
            "client_order_id": "tbtest-1t-1-e1",
            "side": "BUY",
            "quantity": Decimal("0.01"),
            "intent_reason": "entry_signal",
            "status": OrderStatus.OPEN,
            "signed_at_ms": 1,
            "recv_window_ms": 5000,
            "sent_at": timezone.now(),
            "venue_order_id": "7",
        }
        return Order.objects.create(**row | columns)

    return write


def test_an_event_that_our_row_does_not_know_wakes_the_orders_bot_alone(
    ear: Ear, started_bot: BotConfig, order_of: Callable[..., Order]
) -> None:
    settled(copy_of(started_bot), next_due_at=LATER)
    order = order_of()
    ear.hear(
        symbol="BTCUSDT",
        client_order_id=order.client_order_id,
        status="FILLED",
        filled_quantity=Decimal("0.01"),
    )
    assert ear.claim() == [started_bot.pk]
    assert not ear.hints


@pytest.mark.parametrize(
    ("row", "word", "filled"),
    [
        ({}, "NEW", "0"),
        ({"status": "partially_filled", "filled_quantity": "0.004"}, "PARTIALLY_FILLED", "0.004"),
        ({"status": "filled", "filled_quantity": "0.01"}, "FILLED", "0.01"),
        ({"status": "filled", "filled_quantity": "0.01"}, "NEW", "0"),  # comes late
        ({"status": "filled", "filled_quantity": "0.01"}, "PARTIALLY_FILLED", "0.004"),
        ({"status": "filled", "filled_quantity": "0.01"}, None, None),  # a fill without its sum
        ({"status": "canceled"}, "CANCELED", "0"),
        ({"status": "expired"}, "EXPIRED_IN_MATCH", None),
    ],
)
def test_what_our_own_tick_has_booked_wakes_nobody(
    ear: Ear, order_of: Callable[..., Order], row: dict[str, str], word: str | None, filled: str
) -> None:
    order = order_of(**row)
    ear.hear(
        symbol="BTCUSDT",
        client_order_id=order.client_order_id,
        status=word,
        filled_quantity=Decimal(filled) if filled else None,
    )
    assert ear.claim() == []
    assert not ear.hints


@pytest.mark.parametrize(
    ("row", "word", "filled"),
    [
        ({}, "PARTIALLY_FILLED", "0.004"),
        ({"status": "partially_filled", "filled_quantity": "0.004"}, "PARTIALLY_FILLED", "0.006"),
        ({}, "CANCELED", "0"),
        ({"status": "canceled"}, "FILLED", "0.01"),
        ({"status": "expired", "venue_order_id": ""}, "NEW", "0"),  # we thought it never arrived
        ({"status": "filled", "filled_quantity": "0.01"}, "TRADE_PREVENTION", "0.01"),  # unheard of
    ],
)
def test_what_our_books_do_not_say_wakes_the_bot(
    ear: Ear,
    started_bot: BotConfig,
    order_of: Callable[..., Order],
    row: dict[str, str],
    word: str,
    filled: str,
) -> None:
    order = order_of(**row)
    ear.hear(client_order_id=order.client_order_id, status=word, filled_quantity=Decimal(filled))
    assert ear.claim() == [started_bot.pk]


@pytest.mark.parametrize(
    ("status", "word", "wakes"),
    [
        ("open", "NEW", False),
        ("open", "TRIGGERING", True),
        ("open", "TRIGGERED", True),
        ("open", "FINISHED", True),
        ("filled", "FINISHED", False),
        ("canceled", "CANCELED", False),
    ],
)
def test_an_algo_order_that_triggered_is_looked_at_until_what_it_became_has_ended(
    ear: Ear, order_of: Callable[..., Order], status: str, word: str, *, wakes: bool
) -> None:
    order = order_of(status=status, route="algo")
    ear.hear(ALGO, client_order_id=order.client_order_id, status=word)
    assert bool(ear.claim()) is wakes


def test_a_list_of_orders_is_booked_when_all_its_orders_are(
    ear: Ear, started_bot: BotConfig, order_of: Callable[..., Order]
) -> None:
    for slot, leg, status in ((1, "s", "canceled"), (1, "t", "open")):
        name = f"tbtest-1t-1-p1-{leg}"
        order_of(
            slot=slot,
            leg=leg,
            side="SELL",
            status=status,
            client_order_id=name,
            list_client_order_id="tbtest-1t-1-p1",
        )
    ear.hear(symbol="BTCUSDT", client_order_id="tbtest-1t-1-p1", status="EXECUTING")
    assert ear.claim() == []
    ear.hear(symbol="BTCUSDT", client_order_id="tbtest-1t-1-p1", status="ALL_DONE")
    assert ear.claim() == [started_bot.pk]


def test_an_order_of_somebody_else_wakes_every_bot_on_the_symbol_of_that_account_and_market(
    ear: Ear, started_bot: BotConfig
) -> None:
    same, other = copy_of(started_bot), copy_of(started_bot, symbol="ETHUSDT")
    for each in (same, other):
        settled(each, next_due_at=LATER)
    ear.hear(symbol="BTCUSDT", client_order_id="web_1", status="FILLED")
    assert ear.claim() == [started_bot.pk, same.pk]
    ear.now += PAUSE_SECONDS
    ear.hear(symbol="BTCUSDT", client_order_id="web_2", market="futures")
    ear.account_id += 1
    ear.hear(symbol="BTCUSDT", client_order_id="web_2")
    assert ear.claim() == []


def test_after_a_stream_was_away_every_bot_of_that_account_looks_but_not_those_that_rest(
    ear: Ear, started_bot: BotConfig
) -> None:
    other = copy_of(started_bot, symbol="ETHUSDT")
    stopped = copy_of(started_bot, symbol="BNBUSDT", is_active=False)
    for each in (other, stopped):
        settled(each, next_due_at=LATER)
    BotState.objects.filter(pk=stopped.pk).update(state="stopped")
    ear.hear(RESYNC)
    assert ear.claim() == [started_bot.pk, other.pk]


def test_what_is_heard_together_with_an_event_of_an_own_order_still_concerns_every_bot(
    ear: Ear, started_bot: BotConfig, order_of: Callable[..., Order]
) -> None:
    other = copy_of(started_bot)
    settled(other, next_due_at=LATER)
    order = order_of()
    ear.hear(symbol="BTCUSDT", client_order_id=order.client_order_id, status="NEW")
    ear.hear(RESYNC)
    assert ear.claim() == [started_bot.pk, other.pk]


def test_a_storm_of_foreign_events_is_read_with_a_handful_of_queries(
    ear: Ear, started_bot: BotConfig, order_of: Callable[..., Order]
) -> None:
    order_of()
    for number in range(1000):
        ear.hear(symbol=f"COIN{number % 400}USDT", client_order_id=f"web_{number}", status="NEW")
    ear.hear(symbol="BTCUSDT", client_order_id="web_x", status="FILLED")
    with CaptureQueriesContext(connection) as queries:
        assert ear.claim() == [started_bot.pk]
    assert len(queries) < 30


def test_a_hint_survives_redis_and_is_claimed_when_it_is_back(
    ear: Ear, started_bot: BotConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    ear.hear(symbol="BTCUSDT")

    def away(*_: Any) -> None:
        raise redis.ConnectionError("connection refused")

    with monkeypatch.context() as patch:
        patch.setattr("bots.dispatch.pending.market_time", away)
        with pytest.raises(redis.ConnectionError):
            ear.claim()
    ear.now += PAUSE_SECONDS
    assert ear.claim() == [started_bot.pk]
    assert not ear.hints


def test_a_storm_of_fills_of_an_own_order_is_kept_as_one_reason_to_look(
    ear: Ear, started_bot: BotConfig, order_of: Callable[..., Order], worker_thread: Any
) -> None:
    order = order_of(quantity=Decimal(10))
    with bot_lock(started_bot.pk):
        for number in (*range(1, 1001), 7):  # the last one comes late
            ear.hear(
                symbol="BTCUSDT",
                client_order_id=order.client_order_id,
                status="PARTIALLY_FILLED",
                filled_quantity=Decimal(number) / 1000,
            )
        ear.hear(client_order_id=order.client_order_id, status="PARTIALLY_FILLED")
        assert worker_thread(ear.claim).result(5) == []
        assert ear.hints.size == 1
    columns = {"status": "partially_filled", "filled_quantity": "0.999"}
    Order.objects.filter(pk=order.pk).update(**columns)
    assert ear.claim() == [started_bot.pk]  # the newest fill is in no book


def test_balances_without_a_symbol_wake_nobody(ear: Ear) -> None:
    ear.hear(ACCOUNT)
    assert ear.claim() == []
    assert not ear.hints


def test_a_hint_about_a_locked_bot_waits_and_is_dropped_when_the_tick_has_booked_it(
    ear: Ear, started_bot: BotConfig, order_of: Callable[..., Order], worker_thread: Any
) -> None:
    order = order_of(status="sent", venue_order_id="")
    ear.hear(
        client_order_id=order.client_order_id, status="FILLED", filled_quantity=Decimal("0.01")
    )
    with bot_lock(started_bot.pk):
        assert worker_thread(ear.claim).result(5) == []
        assert ear.hints
        columns = {"status": "filled", "filled_quantity": "0.01", "venue_order_id": "7"}
        Order.objects.filter(pk=order.pk).update(**columns)
    assert ear.claim() == []
    assert not ear.hints


def test_what_a_tick_books_between_the_look_and_the_lock_wakes_nobody(
    ear: Ear, order_of: Callable[..., Order], monkeypatch: pytest.MonkeyPatch
) -> None:
    order = order_of()
    ear.hear(client_order_id=order.client_order_id, status="CANCELED")

    def lock(bot_ids: list[int]) -> list[BotState]:
        Order.objects.filter(pk=order.pk).update(status="canceled")
        return lock_due_states(bot_ids)

    monkeypatch.setattr("bots.engine.hints.lock_due_states", lock)
    assert ear.claim() == []
    assert not ear.hints


def test_a_hint_about_a_locked_bot_wakes_it_when_the_tick_has_not_booked_it(
    ear: Ear, started_bot: BotConfig, order_of: Callable[..., Order], worker_thread: Any
) -> None:
    order = order_of()
    ear.hear(client_order_id=order.client_order_id, status="CANCELED")
    with bot_lock(started_bot.pk):
        assert worker_thread(ear.claim).result(5) == []
    assert ear.claim() == [started_bot.pk]


def test_a_hint_waits_for_a_minute_at_most(
    ear: Ear, started_bot: BotConfig, worker_thread: Any
) -> None:
    ear.hear(symbol="BTCUSDT")
    with bot_lock(started_bot.pk):
        assert worker_thread(ear.claim).result(5) == []
        ear.now += GIVEN_UP_SECONDS + 1
        assert worker_thread(ear.claim).result(5) == []
    assert not ear.hints


def test_a_tick_that_begins_after_a_foreign_event_answers_it(
    ear: Ear, started_bot: BotConfig
) -> None:
    ear.hear(symbol="BTCUSDT", client_order_id="web_1")
    BotState.objects.update(last_run_at=timezone.now())
    assert ear.claim() == []
    assert not ear.hints


def test_a_tick_that_is_on_its_way_is_waited_for_and_not_claimed_beside(
    ear: Ear, started_bot: BotConfig
) -> None:
    BotState.objects.update(claimed_at=timezone.now(), last_run_at=None)
    ear.hear(symbol="BTCUSDT")
    assert ear.claim() == []
    assert ear.hints
    # It was lost: after ten seconds somebody else may go.
    BotState.objects.update(claimed_at=timezone.now() - timedelta(seconds=11))
    assert ear.claim() == [started_bot.pk]


def test_the_row_of_a_bot_whose_tick_is_about_to_begin_is_never_locked(
    ear: Ear, started_bot: BotConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked: list[int] = []

    def lock(bot_ids: list[int]) -> list[BotState]:
        locked.extend(bot_ids)
        return lock_due_states(bot_ids)

    monkeypatch.setattr("bots.engine.hints.lock_due_states", lock)
    other = copy_of(started_bot)
    settled(other, next_due_at=LATER)
    BotState.objects.filter(pk=started_bot.pk).update(claimed_at=timezone.now(), last_run_at=None)
    ear.hear(symbol="BTCUSDT")
    assert ear.claim() == [other.pk]
    assert locked == [other.pk]


def test_a_change_of_the_account_that_a_tick_at_work_has_made_is_its_own_echo(
    ear: Ear, started_bot: BotConfig, worker_thread: Any
) -> None:
    ear.hear(ACCOUNT, symbol="BTCUSDT")
    with bot_lock(started_bot.pk) as state:
        assert worker_thread(ear.claim).result(5) == []
        state.save()
    assert ear.claim() == []
    assert not ear.hints
    ear.hear(ACCOUNT, symbol="BTCUSDT")  # nobody is at work: somebody else has made it
    assert ear.claim() == [started_bot.pk]


def test_many_events_wake_a_bot_once_a_second_at_most(ear: Ear, started_bot: BotConfig) -> None:
    for number in range(50):
        ear.hear(symbol="BTCUSDT", client_order_id=f"web_{number}")
    assert ear.claim() == [started_bot.pk]
    settled(started_bot, next_due_at=LATER)
    ear.hear(symbol="BTCUSDT")
    ear.now += PAUSE_SECONDS / 2
    assert ear.claim() == []
    assert ear.hints
    ear.now += PAUSE_SECONDS / 2
    assert ear.claim() == [started_bot.pk]


def test_an_event_that_lies_costs_a_tick_and_changes_nothing_in_the_books(
    ear: Ear, started_bot: BotConfig, venue: RunningExchange
) -> None:
    venue.set_clock(market_time=AT_BUY.isoformat())
    run_bot_task(started_bot.pk)
    books = _books()
    assert books["fills"]
    assert Tick.objects.count() == 1

    held = BotState.objects.get().current_position_size_coins
    ear.hear(
        symbol="BTCUSDT",
        client_order_id=Order.objects.latest("id").client_order_id,
        status="FILLED",
        filled_quantity=held * 2,
    )
    ear.hear(symbol="BTCUSDT", client_order_id="tbtest-1t-zz-x1", status="FILLED")
    ear.hear(ACCOUNT, symbol="BTCUSDT")
    assert ear.claim() == [started_bot.pk]
    assert run_bot_task(started_bot.pk) == "Done"

    assert _books() == books
    assert Tick.objects.count() == 2
    ear.now += PAUSE_SECONDS
    assert ear.claim() == []
    assert not ear.hints


def _books() -> dict[str, Any]:
    state = BotState.objects.get()
    return {
        "orders": list(Order.objects.order_by("id").values("client_order_id", "status")),
        "fills": list(Fill.objects.order_by("id").values("trade_id", "quantity", "price")),
        "trades": list(Trade.objects.order_by("id").values("side", "quantity_filled", "pnl")),
        "held": (state.in_position, state.current_position_size_coins, state.position_cost),
    }

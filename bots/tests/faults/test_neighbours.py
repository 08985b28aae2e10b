"""Real incidents between neighbours: halts and people, other accounts, other transactions."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from decimal import Decimal
from typing import Any, Final

import pytest
import requests
from django.db import OperationalError, connections, transaction
from psycopg.errors import DeadlockDetected
from requests.adapters import HTTPAdapter

from accounts.models import User
from bots.domain.decision import IntentReason
from bots.domain.halting import HaltLevel
from bots.locks import HaltScope, halt_for_update
from bots.models import BotConfig, Halt, Order
from bots.services import close_position, create_bot
from bots.services.halts import lift_halt, set_halt
from bots.tasks import run_bot_task
from bots.tests.engine.conftest import AT_BUY, AT_SELL
from bots.tests.faults.conftest import EXITS, MakeStage
from bots.tests.faults.demos import ACCOUNT, another_demo
from bots.tests.faults.promises import assert_promises, placed_by_us
from bots.tests.faults.recovery import recover
from bots.tests.faults.scenarios import Market
from bots.tests.faults.stage import Stage, until
from bots.tests.faults.table import Row
from bots.tests.faults.test_stops_and_positions import is_flat, is_guarded
from exchange.demo.testing import RunningExchange
from exchange.domain.types import Environment
from exchange.services import add_api_key

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "journal"]),
    pytest.mark.long,
]

WorkerThread = Callable[[Callable[[], Any]], Future[Any]]
BOTH: Final = pytest.mark.parametrize("market", list(Market))
OTHER_KEY: Final = "OtherKey" * 8
OTHER_SECRET: Final = "Secret11" * 8


@pytest.fixture
def venue(clean_redis: Any) -> Iterator[RunningExchange]:
    """Run a demo exchange with two accounts."""
    other = f"{OTHER_KEY}:{OTHER_SECRET}:USDT=10000"
    with another_demo(accounts=[ACCOUNT, other]) as exchange:
        yield exchange


@BOTH
def test_a_person_closes_a_position_while_everything_is_halted(
    market: Market, make_holder: MakeStage, trader: User, row: Row
) -> None:
    row.did = "closed it"
    stage = make_holder(market)
    set_halt(scope=HaltScope(), level=HaltLevel.EVERYTHING, reason="a test", actor=None)
    stage.go_to(AT_SELL)
    assert stage.tick()
    assert stage.state.in_position  # its own exit is held back
    close_position(bot_id=stage.bot.pk, actor=trader)
    row.ticks = recover(stage, until=is_flat)
    (sold,) = Order.objects.filter(leg="x", status="filled")
    assert sold.intent_reason == IntentReason.CLOSE_REQUEST
    assert Halt.objects.get(account=None, bot=None).level == HaltLevel.EVERYTHING
    lift_halt(scope=HaltScope(), actor=None)
    assert len([one for one in placed_by_us(stage.ledger()) if one.filled]) == 2


class _Line:
    """The line of one account, which breaks when the first order has gone out on it."""

    def __init__(self, key: str, patch: pytest.MonkeyPatch) -> None:
        self.key, self.is_down, self.tries = key, False, 0
        self._send = HTTPAdapter.send

        def carry(adapter: HTTPAdapter, request: Any, **named: Any) -> requests.Response:
            return self._carry(adapter, request, **named)

        patch.setattr(HTTPAdapter, "send", carry)

    def _carry(self, adapter: HTTPAdapter, request: Any, **named: Any) -> requests.Response:
        is_theirs = request.headers.get("X-MBX-APIKEY") in (self.key, self.key.encode())
        if is_theirs and self.is_down:
            self.tries += 1
            raise requests.ConnectionError("no route to the venue")
        reply = self._send(adapter, request, **named)
        if is_theirs and request.method == "POST" and request.path_url.startswith("/api/v3/order"):
            self.is_down = True
            raise requests.ConnectionError("the line broke")
        return reply


def test_one_account_cannot_be_reached_and_the_bot_of_another_trades_on(
    make_stage: MakeStage, stranger: User, monkeypatch: pytest.MonkeyPatch, row: Row
) -> None:
    row.did = "filled for both"
    stage = make_stage(Market.SPOT, entry_slippage_perc=None)
    other = _other_stage(stage, stranger)
    line = _Line(OTHER_KEY, monkeypatch)
    stage.forget_waits()
    assert other.tick()
    entry = Order.objects.get(bot=other.bot)
    assert (line.is_down, entry.status) == (True, "unknown")
    assert recover(stage, until=is_guarded)
    other.pass_time()
    other.tick()
    stage.go_to(AT_SELL)
    assert recover(stage, until=is_flat)  # the one does its business, the other waits
    entry.refresh_from_db()
    assert (entry.status, entry.not_found_looks) == ("unknown", 0)
    assert line.tries > 0
    assert other.state.status == "error (price data)"
    line.is_down = False
    monkeypatch.undo()
    row.ticks = recover(other, until=lambda one: is_guarded(one) or is_flat(one))
    assert_promises(stage)


def _other_stage(stage: Stage, owner: User) -> Stage:
    """Start a bot like the stage's, of another person's account."""
    key = add_api_key(
        owner=owner,
        environment=Environment.DEMO,
        label="other",
        key=OTHER_KEY,
        secret=OTHER_SECRET,
    )
    fields = {"timeframe": "5m", "strategy": "ema", "check_interval_seconds": 30, **EXITS}
    bot = BotConfig(
        user=owner,
        api_key=key,
        name="Other",
        symbol="BTCUSDT",
        initial_capital=Decimal(5000),
        position_size_fixed=Decimal(1000),
        **fields,
    )
    other = Stage(stage.venue, create_bot(bot, actor=owner), stage.patch)
    other.configure(entry_slippage_perc=None)
    other.start()
    assert stage.venue.market_time() == AT_BUY
    return other


# Who is chosen by PostgreSQL is the one that looks for a deadlock first.
_VICTIMS: Final = [
    pytest.param("50ms", "20s", id="the tick"),
    pytest.param("20s", "50ms", id="the other"),
]


@pytest.mark.parametrize(("ticks", "others"), _VICTIMS)
def test_two_transactions_wait_for_each_other_while_the_bot_is_held(
    ticks: str,
    others: str,
    make_stage: MakeStage,
    worker_thread: WorkerThread,
    row: Row,
    request: pytest.FixtureRequest,
) -> None:
    row.name = f"a deadlock over a send, 40P01 in {request.node.callspec.id}"
    is_ticks = request.node.callspec.id == "the tick"
    row.did = "nothing" if is_ticks else "filled"
    stage = make_stage(Market.SPOT)
    assert stage.claims()
    Halt.objects.get_or_create(account=None, bot=None)
    held, waited = threading.Event(), threading.Event()
    other = worker_thread(lambda: _lock_the_other_way(stage, held, waited, looks_after=others))
    assert held.wait(10)
    ticking = worker_thread(lambda: _tick(stage, looks_after=ticks))
    until(_somebody_waits)
    waited.set()
    assert other.result(20) == ("done" if is_ticks else "deadlock")
    assert ticking.result(20) == ("Database not available" if is_ticks else "Done")
    assert len(placed_by_us(stage.ledger())) == (0 if is_ticks else 3)
    row.ticks = recover(stage, until=is_guarded)
    assert len([one for one in placed_by_us(stage.ledger()) if one.filled]) == 1


def _tick(stage: Stage, *, looks_after: str) -> str:
    _look_for_deadlocks(looks_after)
    return str(run_bot_task(stage.bot.pk))


def _lock_the_other_way(
    stage: Stage, held: threading.Event, waited: threading.Event, *, looks_after: str
) -> str:
    """Lock a bot's settings and then the halts, while an order locks the halts first."""
    _look_for_deadlocks(looks_after)
    try:
        with transaction.atomic(using="journal"):
            BotConfig.objects.using("journal").select_for_update(no_key=True).get(pk=stage.bot.pk)
            held.set()
            waited.wait(10)
            halt_for_update(HaltScope(), using="journal")
    except OperationalError as error:
        return "deadlock" if isinstance(error.__cause__, DeadlockDetected) else str(error)
    return "done"


def _look_for_deadlocks(after: str) -> None:
    with connections["journal"].cursor() as cursor:
        cursor.execute("SELECT set_config('deadlock_timeout', %s, false)", [after])


def _somebody_waits() -> bool:
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            " AND datname = current_database()"
        )
        return bool(cursor.fetchone()[0])

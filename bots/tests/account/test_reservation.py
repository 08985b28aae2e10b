"""Money in flight: two bots of one account never spend the same money twice."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from bots import journal
from bots.domain.decision import (
    Decision,
    Denial,
    DenialCode,
    Intent,
    IntentReason,
    Leg,
    Levels,
    Signal,
    SignalKind,
)
from bots.domain.snapshot import DayState, PositionState, Snapshot
from bots.domain.status import State, Status
from bots.engine.account import (
    claim_symbol,
    reserve_or_deny,
    reserved_by_others,
    symbol_taken_by,
)
from bots.engine.incidents import entry_blocks_of_account
from bots.engine.venue import open_gateway
from bots.locks import account_for_update
from bots.models import BotConfig, BotState, Order, OrderSource
from bots.selectors.exposure import exposure_of
from bots.tests.account.conftest import MakeBot, state_of, trade
from exchange.domain.rules import TradingRules
from exchange.domain.types import Environment, Side
from exchange.models import ExchangeAccount

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])

WorkerThread = Callable[[Callable[[], Any]], Future[Any]]
FREE = Decimal(1000)


def entry(*, reserve: str, quantity: str = "0.006") -> Decision:
    intent = Intent(
        leg=Leg.ENTRY,
        side=Side.BUY,
        quantity=Decimal(quantity),
        reason=IntentReason.ENTRY_SIGNAL,
        reserve=Decimal(reserve),
    )
    return Decision(
        signal=Signal(kind=SignalKind.ENTER_LONG, detail="crossed"),
        intents=(intent,),
        denials=(),
        levels=Levels(),
        status=Status(State.RUNNING),
        sentence="Bought.",
    )


@pytest.fixture
def rules(spot_bot: BotConfig) -> TradingRules:
    """Return the venue's rules for BTCUSDT."""
    return open_gateway(spot_bot).rules("BTCUSDT")


def snapshot(bot: BotConfig, rules: TradingRules) -> Snapshot:
    return Snapshot(
        bot_id=bot.pk,
        symbol=bot.symbol,
        environment=Environment.DEMO,
        market_time=timezone.now(),
        price=Decimal(100000),
        klines=(),
        last_seen_kline=None,
        last_order_time=None,
        rules=rules,
        parameters=bot.parameters,
        position=PositionState(quantity=Decimal(0)),
        day=DayState(start_equity=FREE, realized_pnl=Decimal(0), trades_count=0),
        total_realized_pnl=Decimal(0),
        free_quote=FREE,
        free_base=Decimal(0),
    )


def commit(
    bot: BotConfig, decision: Decision, rules: TradingRules, *, read_at: datetime | None = None
) -> Denial | None:
    """Do what recording a decision does: reserve, and write the order down if that went well."""
    with transaction.atomic(using=journal.JOURNAL):
        denial = reserve_or_deny(
            state_of(bot),
            decision,
            snapshot=snapshot(bot, rules),
            account_read_at=read_at or timezone.now(),
        )
        if denial is None:
            journal.record_intents(
                bot,
                decision.intents,
                source=OrderSource.TICK,
                slot=1,
                signed_at_ms=1,
                recv_window_ms=settings.BINANCE_RECV_WINDOW,
            )
    return denial


def test_money_that_another_bots_entry_will_take_is_not_free(
    spot_bot: BotConfig, make_bot: MakeBot, rules: TradingRules
) -> None:
    other = make_bot("Other")
    assert commit(spot_bot, entry(reserve="600"), rules) is None

    denial = commit(other, entry(reserve="500"), rules)

    assert denial == Denial(
        code=DenialCode.INSUFFICIENT_BALANCE,
        detail=(
            "needs 500.00 USDT, but of 1000.00 USDT free 600.00 is reserved for entries of other "
            "bots of this account that are under way; the next tick tries again; if it stays so, "
            "add USDT or lower the position size"
        ),
    )
    assert Order.objects.count() == 1
    assert commit(other, entry(reserve="400"), rules) is None


def test_what_was_subtracted_in_the_snapshot_is_not_subtracted_twice(
    spot_bot: BotConfig, make_bot: MakeBot, rules: TradingRules
) -> None:
    other = make_bot("Other")
    commit(spot_bot, entry(reserve="600"), rules)
    seen = replace(snapshot(other, rules), free_quote=Decimal(400), reserved_quote=Decimal(600))

    with transaction.atomic(using=journal.JOURNAL):
        answer = reserve_or_deny(
            state_of(other), entry(reserve="400"), snapshot=seen, account_read_at=timezone.now()
        )

    assert answer is None


def test_too_little_money_without_anybody_elses_fault_names_the_way_out(
    spot_bot: BotConfig, rules: TradingRules
) -> None:
    denial = commit(spot_bot, entry(reserve="1000.01"), rules)

    assert denial is not None
    assert denial.detail == (
        "needs 1000.01 USDT, but 1000.00 USDT is free; add USDT or lower the position size"
    )


def test_exits_reserve_nothing_and_lock_nothing(
    spot_bot: BotConfig, rules: TradingRules, worker_thread: WorkerThread
) -> None:
    leaving = replace(
        entry(reserve="0"),
        intents=(replace(entry(reserve="0").intents[0], leg=Leg.EXIT, side=Side.SELL),),
    )
    account_id = spot_bot.api_key.account_id  # type: ignore[union-attr]
    with transaction.atomic():
        account_for_update(account_id, using="default")
        answer = worker_thread(lambda: commit(spot_bot, leaving, rules)).result(timeout=5)

    assert answer is None
    assert Order.objects.get().leg == "x"


def test_two_bots_at_the_same_moment_share_the_last_money_out_to_one(
    spot_bot: BotConfig, make_bot: MakeBot, rules: TradingRules, worker_thread: WorkerThread
) -> None:
    bots = [spot_bot, *(make_bot(f"Bot {number}") for number in range(7))]
    barrier = threading.Barrier(len(bots))

    def race(bot: BotConfig) -> Denial | None:
        barrier.wait()
        return commit(bot, entry(reserve="300"), rules)

    answers = [worker_thread(lambda bot=bot: race(bot)) for bot in bots]  # type: ignore[misc]
    denials = [future.result() for future in answers]

    assert denials.count(None) == 3
    assert Order.objects.count() == 3


def test_an_entry_that_settled_after_the_account_was_read_still_counts_and_an_older_not(
    spot_bot: BotConfig, make_bot: MakeBot
) -> None:
    other = make_bot("Other")
    order = trade(spot_bot, Side.BUY, "0.002")
    Order.objects.filter(pk=order.pk).update(reserve=Decimal(200))
    order.refresh_from_db()

    def reserved(read_at: datetime) -> Decimal:
        return reserved_by_others(other, quote_asset="USDT", account_read_at=read_at)

    assert reserved(order.updated_at) == 200
    assert reserved(order.updated_at + timedelta(microseconds=1)) == 0
    assert reserved_by_others(spot_bot, quote_asset="USDT", account_read_at=order.updated_at) == 0
    assert reserved_by_others(other, quote_asset="USDC", account_read_at=order.updated_at) == 0


def test_what_never_took_money_counts_no_more(
    spot_bot: BotConfig, make_bot: MakeBot, rules: TradingRules
) -> None:
    other = make_bot("Other")
    commit(spot_bot, entry(reserve="600"), rules)
    before = timezone.now() - timedelta(minutes=1)
    assert reserved_by_others(other, quote_asset="USDT", account_read_at=before) == 600

    journal.close_never_sent(Order.objects.get())

    assert reserved_by_others(other, quote_asset="USDT", account_read_at=before) == 0


def test_the_accounts_caps_hold_between_bots_that_decide_at_once(
    spot_bot: BotConfig, make_bot: MakeBot, rules: TradingRules
) -> None:
    other = make_bot("Other")
    ExchangeAccount.objects.update(max_open_positions=1)
    assert commit(spot_bot, entry(reserve="100"), rules) is None

    denial = commit(other, entry(reserve="100"), rules)

    assert denial is not None
    assert denial.code is DenialCode.MAX_OPEN_POSITIONS
    ExchangeAccount.objects.update(max_open_positions=None, max_exposure=Decimal(650))
    BotState.objects.filter(pk=spot_bot.pk).update(last_price=Decimal(100000))
    denial = commit(other, entry(reserve="100", quantity="0.001"), rules)
    assert denial is not None
    assert denial.code is DenialCode.MAX_EXPOSURE
    ExchangeAccount.objects.update(max_exposure=Decimal(700))
    assert commit(other, entry(reserve="100", quantity="0.001"), rules) is None


def test_exposure_counts_positions_at_the_last_price_and_entries_under_way(
    spot_bot: BotConfig, futures_bot: BotConfig, make_bot: MakeBot, rules: TradingRules
) -> None:
    account_id = spot_bot.api_key.account_id  # type: ignore[union-attr]
    assert exposure_of(account_id).open_positions == 0
    trade(spot_bot, Side.BUY, "0.002")
    BotState.objects.filter(pk=spot_bot.pk).update(
        last_price=Decimal(110000), current_position_size_coins=Decimal("0.002")
    )
    BotState.objects.filter(pk=futures_bot.pk).update(last_price=Decimal(100000))
    trade(futures_bot, Side.SELL, "0.003", fold=False)  # filled, and not in its state yet
    other = make_bot("Other")
    commit(other, entry(reserve="77"), rules)  # of which no price is known

    exposure = exposure_of(account_id)

    assert (exposure.open_positions, exposure.notional) == (3, Decimal(220 + 300 + 77))
    without = exposure_of(account_id, leaving_out=futures_bot.pk, using="journal")
    assert (without.open_positions, without.notional) == (2, Decimal(297))


def test_an_entry_beside_a_residue_counts_in_full_until_the_state_shows_it(
    spot_bot: BotConfig,
) -> None:
    account_id = spot_bot.api_key.account_id  # type: ignore[union-attr]
    BotState.objects.filter(pk=spot_bot.pk).update(
        in_position=True,
        entry_price=Decimal(100000),
        current_position_size_coins=Decimal("0.00004"),
        last_price=Decimal(100000),
    )
    order = trade(spot_bot, Side.BUY, "0.002", fold=False)
    assert order.updated_at > state_of(spot_bot).last_updated_at

    assert exposure_of(account_id).notional == Decimal(4 + 200)

    BotState.objects.filter(pk=spot_bot.pk).update(
        current_position_size_coins=Decimal("0.00204"), last_updated_at=timezone.now()
    )
    assert exposure_of(account_id).notional == Decimal(204)


def test_a_futures_symbol_belongs_to_one_bot_of_the_account(
    futures_bot: BotConfig, spot_bot: BotConfig, make_bot: MakeBot
) -> None:
    assert symbol_taken_by(futures_bot) is None
    second = make_bot("Second", position_type="futures")

    assert symbol_taken_by(second) == futures_bot
    (block,) = entry_blocks_of_account(state_of(second))
    assert block.code is DenialCode.SYMBOL_TAKEN
    assert block.detail.startswith("Futures trades BTCUSDT futures on this account")
    assert symbol_taken_by(spot_bot) is None

    BotConfig.objects.filter(pk=futures_bot.pk).update(is_active=False)
    assert symbol_taken_by(second) is None
    BotState.objects.filter(pk=futures_bot.pk).update(
        in_position=True, entry_price=Decimal(1), current_position_size_coins=Decimal(1)
    )
    assert symbol_taken_by(second) == futures_bot  # stopped, but it kept its position


def test_of_two_bots_that_claim_a_symbol_at_once_one_gets_it(
    make_bot: MakeBot, worker_thread: WorkerThread
) -> None:
    bots = [make_bot(f"Bot {number}", position_type="futures") for number in range(4)]
    BotConfig.objects.update(is_active=False)
    barrier = threading.Barrier(len(bots))

    def start(bot: BotConfig) -> bool:
        barrier.wait()
        with transaction.atomic():
            holder = claim_symbol(bot)
            if holder is None:
                BotConfig.objects.filter(pk=bot.pk).update(is_active=True)
        return holder is None

    answers = [worker_thread(lambda bot=bot: start(bot)) for bot in bots]  # type: ignore[misc]

    assert [future.result() for future in answers].count(True) == 1
    assert BotConfig.objects.filter(is_active=True).count() == 1

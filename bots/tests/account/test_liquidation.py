"""A liquidation from the mark price to the books, in whole ticks against the demo exchange."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command

from bots.domain.orders import UNSETTLED
from bots.engine import position_look
from bots.engine.tick import run_tick
from bots.models import BotConfig, BotState, FundingPayment, Incident, Order, Trade
from bots.services import start_bot
from bots.tests.engine.conftest import AT_BUY
from exchange.demo.testing import RunningExchange
from exchange.domain.futures import IncomeReport, IncomeType
from exchange.registry import futures_gateway_for

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])

INCOME = "GET /fapi/v1/income"
LONG_AGO = AT_BUY - timedelta(days=1)


@pytest.fixture
def held(bot: BotConfig, venue: RunningExchange) -> BotConfig:
    """Return a bot that holds a long of twenty times its margin, with its stop at the venue."""
    BotConfig.objects.filter(pk=bot.pk).update(
        position_type="futures",
        leverage=20,
        position_size_fixed=Decimal(200),
        stop_loss_perc=Decimal(2),
        take_profit_perc=Decimal(4),
    )
    start_bot(bot_id=bot.pk, actor=None)
    tick(bot, venue, at=0)
    assert BotState.objects.get(pk=bot.pk).in_position
    assert len(algos(venue)) == 2
    return BotConfig.objects.select_related("api_key__account").get(pk=bot.pk)


def tick(bot: BotConfig, venue: RunningExchange, *, at: int) -> str:
    venue.set_clock(market_time=(AT_BUY + timedelta(seconds=at)).isoformat())
    return run_tick(bot.pk)


def algos(venue: RunningExchange) -> list[Any]:
    return [one for one in venue.ledger()["algo_orders"] if one["algoStatus"] == "NEW"]


def crash(venue: RunningExchange) -> None:
    """Let the price fall past the stop and the liquidation at once: the venue is first."""
    price = BotState.objects.get().last_price
    assert price is not None
    venue.set_price("BTCUSDT", f"{price * Decimal('0.93'):.2f}")


def income(bot: BotConfig, kind: IncomeType | None = None) -> list[IncomeReport]:
    assert bot.api_key is not None
    return futures_gateway_for(bot.api_key).income(start=LONG_AGO, symbol="BTCUSDT", type=kind)


def wallet_change(bot: BotConfig) -> Decimal:
    return sum((row.amount for row in income(bot)), Decimal(0))


def test_a_liquidation_is_in_the_books_with_all_that_it_cost(
    held: BotConfig, venue: RunningExchange
) -> None:
    crash(venue)
    tick(held, venue, at=40)
    tick(held, venue, at=80)

    (cleared,) = income(held, IncomeType.INSURANCE_CLEAR)
    assert cleared.amount != 0
    (payment,) = FundingPayment.objects.all()
    assert payment.amount == cleared.amount
    assert payment.transaction_id == f"clear-{cleared.transaction_id}"
    state = BotState.objects.get()
    assert (state.in_position, state.position_cost) == (False, 0)
    assert state.total_realized_pnl == wallet_change(held)
    closing = Trade.objects.get(pnl__isnull=False)
    assert closing.reason == "liquidation"
    assert closing.realized_pnl == wallet_change(held)
    call_command("verify_ledger", "--venue")
    # Its stops are gone from the venue and from the books.
    assert algos(venue) == []
    assert not Order.objects.filter(status__in=UNSETTLED).exists()
    assert (state.resting_stop_price, state.unprotected_since) == (None, None)
    assert not Incident.objects.exists()
    assert len(venue.ledger()["positions"]) == 0


def test_a_liquidation_whose_cost_cannot_be_read_is_booked_by_a_later_tick_with_it(
    held: BotConfig, venue: RunningExchange
) -> None:
    crash(venue)
    venue.set_fault(endpoint=INCOME, action="error", code=-1001, times=None)
    assert tick(held, venue, at=40) == "Price data not available"
    assert not Trade.objects.filter(pnl__isnull=False).exists()
    venue.clear_faults()

    tick(held, venue, at=80)

    assert FundingPayment.objects.count() == 1
    assert BotState.objects.get().total_realized_pnl == wallet_change(held)


def test_a_cost_that_the_venue_books_late_is_added_to_the_trade(
    held: BotConfig, venue: RunningExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    crash(venue)
    with monkeypatch.context() as early:
        early.setattr(position_look, "clearances_since", lambda *_, **__: [])
        tick(held, venue, at=40)
    assert Trade.objects.get(pnl__isnull=False).realized_pnl != wallet_change(held)

    tick(held, venue, at=80)
    tick(held, venue, at=120)

    assert Trade.objects.get(pnl__isnull=False).realized_pnl == wallet_change(held)
    assert FundingPayment.objects.count() == 1
    assert BotState.objects.get().total_realized_pnl == wallet_change(held)

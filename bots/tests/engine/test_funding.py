"""Funding against the demo exchange: read once per stamp, booked to the bot that held."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import requests
from django.core.management import call_command

from bots import journal
from bots.domain.decision import Intent, IntentReason, Leg
from bots.engine.books import fold_books
from bots.engine.execution import submit_orders
from bots.engine.funding import read_funding
from bots.engine.reconciliation import reconcile_orders
from bots.locks import bot_lock
from bots.models import (
    BotConfig,
    BotEvent,
    BotState,
    EventKind,
    Fill,
    FundingPayment,
    OrderSource,
    Trade,
)
from bots.tests.engine.conftest import GoTo
from exchange.demo.testing import RunningExchange
from exchange.domain.futures import IncomeType, MarginType
from exchange.domain.types import Side
from exchange.registry import futures_gateway_for, spot_gateway_for

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])

STAMP = datetime(2025, 5, 12, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def futures_bot(bot: BotConfig, go_to: GoTo) -> BotConfig:
    """Return a futures bot, active, whose market stands a minute before a stamp."""
    BotConfig.objects.filter(pk=bot.pk).update(position_type="futures", is_active=True)
    go_to(STAMP - MINUTE)
    bot = BotConfig.objects.select_related("api_key__account").get(pk=bot.pk)
    assert bot.api_key is not None
    gateway = futures_gateway_for(bot.api_key)
    gateway.set_margin_type(bot.symbol, MarginType.ISOLATED)
    gateway.set_leverage(bot.symbol, 10)
    return bot


def _order(bot: BotConfig, side: Side, slot: int, quantity: str = "0.1") -> None:
    assert bot.api_key is not None
    gateway = futures_gateway_for(bot.api_key)
    leg = Leg.ENTRY if side is Side.BUY else Leg.EXIT
    reason = IntentReason.ENTRY_SIGNAL if leg is Leg.ENTRY else IntentReason.EXIT_SIGNAL
    intent = Intent(
        leg=leg, side=side, quantity=Decimal(quantity), reason=reason, reduces_only=leg is Leg.EXIT
    )
    orders = journal.record_intents(
        bot,
        [intent],
        source=OrderSource.TICK,
        slot=slot,
        signed_at_ms=gateway.signing_time_ms(),
        recv_window_ms=5000,
    )
    with bot_lock(bot.pk):
        submit_orders(orders, gateway=gateway)
    reconcile_orders(bot, gateway=gateway)


def _read(bot: BotConfig, at: datetime) -> int:
    """Do what a tick at `at` does with funding and books."""
    assert bot.api_key is not None
    gateway = futures_gateway_for(bot.api_key)
    with bot_lock(bot.pk) as state:
        state.last_market_time = at
        rules = gateway.rules(bot.symbol)
        fold_books(state, rules=rules, gateway=gateway)
        new = read_funding(state, gateway=gateway)
        fold_books(state, rules=rules, gateway=gateway)
        state.save()
    return new


def _weight(venue: RunningExchange) -> int:
    reply = requests.get(f"{venue.url}/fapi/v1/ping", timeout=10)
    return int(reply.headers["X-MBX-USED-WEIGHT-1M"])


def test_a_stamp_is_booked_once_and_equals_the_exchanges_own_row(
    futures_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    _order(futures_bot, Side.BUY, 1)
    assert _read(futures_bot, STAMP - MINUTE) == 0
    go_to(STAMP + 2 * MINUTE)
    assert _read(futures_bot, STAMP + 2 * MINUTE) == 1
    (payment,) = FundingPayment.objects.all()
    assert payment.amount != 0
    assert [payment.amount] == _funding_of(futures_bot)
    assert (payment.market_time, payment.asset) == (STAMP, "USDT")
    state = BotState.objects.get()
    assert (state.total_funding, state.funding_read_until) == (payment.amount, STAMP)
    assert BotEvent.objects.filter(kind=EventKind.FUNDING).count() == 1
    assert _read(futures_bot, STAMP + 3 * MINUTE) == 0
    BotState.objects.update(funding_read_until=None)  # as if that had not been saved
    assert _read(futures_bot, STAMP + 4 * MINUTE) == 0
    assert FundingPayment.objects.count() == 1
    call_command("verify_ledger", "--venue")  # fails when anything differs
    assert _wallet_change(futures_bot) == _booked(futures_bot)


def test_results_of_parts_equal_the_venues_own_to_the_last_digit(
    futures_bot: BotConfig, go_to: GoTo
) -> None:
    _order(futures_bot, Side.BUY, 1, "0.07")
    go_to(STAMP - MINUTE / 2)
    _order(futures_bot, Side.BUY, 2, "0.03")
    go_to(STAMP + 2 * MINUTE)
    _order(futures_bot, Side.SELL, 3, "0.03")
    _order(futures_bot, Side.SELL, 4, "0.041")
    _read(futures_bot, STAMP + 3 * MINUTE)
    assert _gross(futures_bot) == _realized_at_the_venue(futures_bot) != 0
    call_command("verify_ledger", "--venue")
    go_to(STAMP + 5 * MINUTE)
    _order(futures_bot, Side.SELL, 5, "0.029")
    _read(futures_bot, STAMP + 6 * MINUTE)
    assert _gross(futures_bot) == _realized_at_the_venue(futures_bot)
    state = BotState.objects.get(pk=futures_bot.pk)
    assert (state.in_position, state.position_cost) == (False, 0)
    assert state.total_realized_pnl == _wallet_change(futures_bot)


def _gross(bot: BotConfig) -> Decimal:
    trades = Trade.objects.filter(bot=bot, pnl__isnull=False)
    return sum(trades.values_list("pnl", flat=True), Decimal(0))


def _realized_at_the_venue(bot: BotConfig) -> Decimal:
    assert bot.api_key is not None
    rows = futures_gateway_for(bot.api_key).income(
        start=STAMP - timedelta(hours=1), type=IncomeType.REALIZED_PNL
    )
    return sum((row.amount for row in rows), Decimal(0))


def _wallet_change(bot: BotConfig) -> Decimal:
    assert bot.api_key is not None
    rows = futures_gateway_for(bot.api_key).income(start=STAMP - timedelta(hours=1))
    return sum((row.amount for row in rows), Decimal(0))


def _booked(bot: BotConfig) -> Decimal:
    """Return the net result of the bot's books, the fees of the open position included."""
    state = BotState.objects.get(pk=bot.pk)
    spent = sum((fill.quote_quantity for fill in Fill.objects.all()), Decimal(0))
    result: Decimal = state.total_realized_pnl - (state.position_cost - spent)
    return result


def _funding_of(bot: BotConfig) -> list[Decimal]:
    assert bot.api_key is not None
    rows = futures_gateway_for(bot.api_key).income(start=STAMP - timedelta(hours=1))
    return [row.amount for row in rows if row.type == "FUNDING_FEE"]


def test_the_income_is_asked_for_once_per_stamp(
    futures_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    _order(futures_bot, Side.BUY, 1)
    _read(futures_bot, STAMP - MINUTE)
    go_to(STAMP + timedelta(hours=2))
    costs = []
    for minutes in (2, 3, 59, 62, 63):
        before = _weight(venue)
        _read(futures_bot, STAMP + minutes * MINUTE)
        costs.append(_weight(venue) - before - 1)  # the ping that asks
    # The rates cost no weight; income 30, once, and not again where no other stamp has passed.
    assert costs == [30, 0, 0, 0, 0]


def test_a_position_that_came_after_the_stamp_or_left_before_it_pays_nothing(
    futures_bot: BotConfig, go_to: GoTo
) -> None:
    _order(futures_bot, Side.BUY, 1)
    _order(futures_bot, Side.SELL, 2)
    go_to(STAMP + MINUTE)
    _order(futures_bot, Side.BUY, 3)
    assert _read(futures_bot, STAMP + 5 * MINUTE) == 0
    assert FundingPayment.objects.count() == 0


def test_a_position_that_is_closed_by_the_time_of_the_look_has_paid_all_the_same(
    futures_bot: BotConfig, go_to: GoTo
) -> None:
    _order(futures_bot, Side.BUY, 1)
    go_to(STAMP + MINUTE / 2)
    _order(futures_bot, Side.SELL, 2)
    assert _read(futures_bot, STAMP + 3 * MINUTE) == 1
    (payment,) = FundingPayment.objects.all()
    state = BotState.objects.get()
    assert (state.in_position, state.total_funding) == (False, payment.amount)


def test_a_venue_that_does_not_answer_is_asked_again_and_the_tick_goes_on(
    futures_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    _order(futures_bot, Side.BUY, 1)
    go_to(STAMP + 2 * MINUTE)
    venue.set_fault(endpoint="GET /fapi/v1/income", action="error", code=-1001, times=None)
    assert _read(futures_bot, STAMP + 2 * MINUTE) == 0
    venue.clear_faults()
    assert _read(futures_bot, STAMP + 3 * MINUTE) == 1


def test_a_recording_that_was_started_anew_is_read_again(
    futures_bot: BotConfig, go_to: GoTo
) -> None:
    _order(futures_bot, Side.BUY, 1)
    go_to(STAMP + 2 * MINUTE)
    BotState.objects.filter(pk=futures_bot.pk).update(funding_read_until=STAMP + timedelta(days=30))
    assert _read(futures_bot, STAMP + 2 * MINUTE) == 1
    assert BotState.objects.get().funding_read_until == STAMP


def test_spot_pays_no_funding(bot: BotConfig) -> None:
    assert bot.api_key is not None
    with bot_lock(bot.pk) as state:
        state.last_market_time = STAMP
        assert read_funding(state, gateway=spot_gateway_for(bot.api_key)) == 0
        assert state.funding_read_until is None

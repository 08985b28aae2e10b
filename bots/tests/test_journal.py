"""What the journal's conditional updates refuse, whoever asks and however often."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from bots import journal
from bots.domain.decision import Intent, IntentReason, Leg
from bots.domain.orders import OrderStatus
from bots.journal import TradeIdReusedError
from bots.models import BotConfig, Fill, Order, OrderSource
from exchange.domain.reports import OrderReport, TradeReport, VenueOrderStatus
from exchange.domain.types import Side

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])

TRADE = TradeReport(
    trade_id="17",
    price=Decimal(100),
    quantity=Decimal(1),
    quote_quantity=Decimal(100),
    commission=Decimal("0.001"),
    commission_asset="BTC",
    market_time=datetime(2025, 5, 12, tzinfo=UTC),
)


def _order(bot: BotConfig, *, slot: int = 1) -> Order:
    intent = Intent(
        leg=Leg.EXIT, side=Side.SELL, quantity=Decimal(1), reason=IntentReason.STOP_LOSS
    )
    (order,) = journal.record_intents(
        bot,
        [intent],
        source=OrderSource.TICK,
        slot=slot,
        signed_at_ms=1_700_000_000_000,
        recv_window_ms=5000,
    )
    return order


def _again(order: Order) -> Order:
    """Return the same order as another worker holds it in memory."""
    return Order.objects.get(pk=order.pk)


def _report(order: Order, *, filled: Decimal) -> OrderReport:
    return OrderReport(
        symbol=order.symbol,
        venue_order_id="5",
        client_order_id=order.client_order_id,
        side=Side(order.side),
        status=VenueOrderStatus.FILLED,
        quantity=order.quantity,
        filled_quantity=filled,
        filled_quote_quantity=filled * 100,
        market_time=TRADE.market_time,
    )


def test_an_order_may_be_sent_by_one_caller_only(bot: BotConfig) -> None:
    order = _order(bot)
    other = _again(order)
    assert journal.mark_sent(order, signed_at_ms=1_700_000_000_000)
    assert not journal.mark_sent(other, signed_at_ms=1_700_000_000_000)
    assert other.status == OrderStatus.INTENDED


@pytest.mark.parametrize("status", [s for s in OrderStatus if s is not OrderStatus.INTENDED])
def test_only_an_intended_order_may_be_sent(bot: BotConfig, status: OrderStatus) -> None:
    order = _order(bot)
    Order.objects.update(status=status, sent_at=TRADE.market_time)
    assert not journal.mark_sent(order, signed_at_ms=1_700_000_000_000)
    assert Order.objects.get().status == status


def test_an_order_is_signed_anew_once(bot: BotConfig) -> None:
    order = _order(bot)
    journal.mark_sent(order, signed_at_ms=1_700_000_000_000)
    assert journal.mark_resigned(order, signed_at_ms=1_700_000_001_000)
    assert not journal.mark_resigned(order, signed_at_ms=1_700_000_002_000)
    assert order.signed_at_ms == Order.objects.get().signed_at_ms == 1_700_000_001_000


def test_an_order_that_another_tick_has_asked_about_is_not_signed_anew(bot: BotConfig) -> None:
    order = _order(bot)
    journal.mark_sent(order, signed_at_ms=1_700_000_000_000)
    journal.move_order(_again(order), OrderStatus.UNKNOWN)
    assert not journal.mark_resigned(order, signed_at_ms=1_700_000_001_000)
    assert Order.objects.get().signed_at_ms == 1_700_000_000_000


def test_executions_that_are_reported_again_are_booked_once(bot: BotConfig) -> None:
    order = _order(bot)
    journal.mark_sent(order, signed_at_ms=1_700_000_000_000)
    later = replace(TRADE, trade_id="18", quantity=Decimal("0.5"))
    report = _report(order, filled=Decimal("1.5"))
    journal.apply_report(order, report, [later], complete=False)
    assert Order.objects.get().status == OrderStatus.PARTIALLY_FILLED
    for _ in range(2):
        journal.apply_report(_again(order), report, [later, TRADE], complete=True)
    assert Order.objects.get().status == OrderStatus.FILLED
    assert sorted(Fill.objects.values_list("trade_id", "quantity")) == [
        ("17", Decimal(1)),
        ("18", Decimal("0.5")),
    ]


def test_what_the_venue_does_not_tell_of_an_orders_worth_its_executions_do(bot: BotConfig) -> None:
    order = _order(bot)
    journal.mark_sent(order, signed_at_ms=1_700_000_000_000)
    silent = replace(_report(order, filled=Decimal("1.5")), filled_quote_quantity=None)
    later = replace(TRADE, trade_id="18", quantity=Decimal("0.5"), quote_quantity=Decimal("50.25"))
    journal.apply_report(order, silent, [], complete=False)
    assert Order.objects.get().filled_quote_quantity == 0
    journal.apply_report(_again(order), silent, [TRADE], complete=False)
    assert Order.objects.get().filled_quote_quantity == 100
    for _ in range(2):
        again = _again(order)
        journal.apply_report(again, silent, [TRADE, later], complete=True)
        assert again.filled_quote_quantity == Decimal("150.25")
    assert Order.objects.get().filled_quote_quantity == Decimal("150.25")
    assert Order.objects.get().filled_quantity == Decimal("1.5")


def test_a_trade_number_of_another_order_is_refused_and_nothing_is_written(
    bot: BotConfig,
) -> None:
    first, second = _order(bot, slot=1), _order(bot, slot=2)
    journal.mark_sent(first, signed_at_ms=1_700_000_000_000)
    journal.mark_sent(second, signed_at_ms=1_700_000_000_000)
    report = _report(first, filled=Decimal(1))
    journal.apply_report(first, report, [TRADE], complete=True)
    new = replace(TRADE, trade_id="16")
    with pytest.raises(TradeIdReusedError, match="trade 17 of BTCUSDT"):
        journal.apply_report(second, report, [new, TRADE], complete=True)
    assert Order.objects.get(pk=second.pk).status == OrderStatus.SENT
    assert list(Fill.objects.values_list("trade_id", "order_id")) == [("17", first.pk)]

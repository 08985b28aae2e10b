"""What the journal's conditional updates refuse, whoever asks and however often."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from bots import journal
from bots.domain.decision import Intent, IntentReason, Leg, Route
from bots.domain.orders import OrderStatus
from bots.journal import Leave, TradeIdReusedError
from bots.models import BotConfig, Fill, Order, OrderSource, Trade
from exchange.domain.reports import OrderReport, TradeReport, VenueOrderStatus
from exchange.domain.types import Side

# To every status but the first, by legal moves.
PATHS = {
    OrderStatus.SENT: ["sent"],
    OrderStatus.UNKNOWN: ["sent", "unknown"],
    OrderStatus.OPEN: ["sent", "open"],
    OrderStatus.PARTIALLY_FILLED: ["sent", "partially_filled"],
    OrderStatus.FILLED: ["sent", "filled"],
    OrderStatus.CANCELED: ["sent", "canceled"],
    OrderStatus.REJECTED: ["sent", "rejected"],
    OrderStatus.EXPIRED: ["sent", "expired"],
    OrderStatus.DENIED: ["denied"],
}
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
    assert journal.mark_sent([order], signed_at_ms=1_700_000_000_000).may_go
    assert not journal.mark_sent([other], signed_at_ms=1_700_000_000_000).may_go
    assert other.status == OrderStatus.INTENDED


@pytest.mark.parametrize("status", list(PATHS))
def test_only_an_intended_order_may_be_sent(bot: BotConfig, status: OrderStatus) -> None:
    order = _order(bot)
    for step in PATHS[status]:
        Order.objects.update(status=step, sent_at=TRADE.market_time)
    assert not journal.mark_sent([order], signed_at_ms=1_700_000_000_000).may_go
    assert Order.objects.get().status == status


def test_an_order_is_signed_anew_once(bot: BotConfig) -> None:
    order = _order(bot)
    journal.mark_sent([order], signed_at_ms=1_700_000_000_000)
    assert journal.mark_resigned([order], signed_at_ms=1_700_000_001_000)
    assert not journal.mark_resigned([order], signed_at_ms=1_700_000_002_000)
    assert order.signed_at_ms == Order.objects.get().signed_at_ms == 1_700_000_001_000


def test_an_order_that_another_tick_has_asked_about_is_not_signed_anew(bot: BotConfig) -> None:
    order = _order(bot)
    journal.mark_sent([order], signed_at_ms=1_700_000_000_000)
    journal.move_order(_again(order), OrderStatus.UNKNOWN)
    assert not journal.mark_resigned([order], signed_at_ms=1_700_000_001_000)
    assert Order.objects.get().signed_at_ms == 1_700_000_000_000


def test_executions_that_are_reported_again_are_booked_once(bot: BotConfig) -> None:
    order = _order(bot)
    journal.mark_sent([order], signed_at_ms=1_700_000_000_000)
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
    journal.mark_sent([order], signed_at_ms=1_700_000_000_000)
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
    journal.mark_sent([first], signed_at_ms=1_700_000_000_000)
    journal.mark_sent([second], signed_at_ms=1_700_000_000_000)
    report = _report(first, filled=Decimal(1))
    journal.apply_report(first, report, [TRADE], complete=True)
    new = replace(TRADE, trade_id="16")
    with pytest.raises(TradeIdReusedError, match="trade 17 of BTCUSDT"):
        journal.apply_report(second, report, [new, TRADE], complete=True)
    assert Order.objects.get(pk=second.pk).status == OrderStatus.SENT
    assert list(Fill.objects.values_list("trade_id", "order_id")) == [("17", first.pk)]


STOP = Intent(
    leg=Leg.STOP,
    side=Side.SELL,
    quantity=Decimal(1),
    reason=IntentReason.PROTECTION,
    type="STOP_LOSS",
    route=Route.LIST,
    trigger_price=Decimal(90),
)
TARGET = replace(STOP, leg=Leg.TARGET, type="LIMIT_MAKER", trigger_price=None, price=Decimal(110))
ENTRY = Intent(
    leg=Leg.ENTRY,
    side=Side.BUY,
    quantity=Decimal(1),
    reason=IntentReason.ENTRY_SIGNAL,
    type="LIMIT",
    route=Route.LIST,
    price=Decimal(100),
    time_in_force="FOK",
    reserve=Decimal(101),
)


def _recorded(bot: BotConfig, *intents: Intent, slot: int = 36) -> list[Order]:
    return journal.record_intents(
        bot,
        intents,
        source=OrderSource.TICK,
        slot=slot,
        signed_at_ms=1_700_000_000_000,
        recv_window_ms=5000,
    )


def _names(orders: list[Order]) -> list[str]:
    """Return what follows the bot's part of the names."""
    return [order.client_order_id.split("-", 2)[2] for order in orders]


def test_the_orders_of_a_list_share_its_name_and_their_attempt(bot: BotConfig) -> None:
    pair = _recorded(bot, STOP, TARGET)
    assert _names(pair) == ["10-p1-s", "10-p1-t"]
    assert len({order.list_client_order_id for order in pair}) == 1
    assert pair[0].client_order_id == f"{pair[0].list_client_order_id}-s"
    assert _names(_recorded(bot, STOP, TARGET)) == ["10-p2-s", "10-p2-t"]
    # A stop that was tried alone counts as well: no name is ever used twice.
    alone = replace(STOP, route=Route.ORDER)
    assert _names(_recorded(bot, alone)) == ["10-s3"]
    whole = _recorded(bot, ENTRY, STOP, TARGET)
    assert _names(whole) == ["10-e4-e", "10-e4-s", "10-e4-t"]
    assert [order.attempt for order in whole] == [4, 4, 4]
    assert _names(_recorded(bot, STOP, TARGET, slot=37)) == ["11-p1-s", "11-p1-t"]


def test_an_order_keeps_what_was_wanted(bot: BotConfig) -> None:
    entry, stop, target = _recorded(bot, ENTRY, STOP, TARGET)
    assert (entry.order_type, entry.price, entry.time_in_force) == ("LIMIT", 100, "FOK")
    assert (entry.reserve, stop.reserve) == (101, 0)
    assert (stop.order_type, stop.trigger_price, stop.price) == ("STOP_LOSS", 90, None)
    assert (target.price, target.trigger_price, target.route) == (110, None, "list")
    assert not any(order.reduces_only for order in (entry, stop, target))  # spot


@pytest.mark.parametrize(
    "intents",
    [
        (STOP,),
        (ENTRY, replace(STOP, route=Route.ORDER)),
        (replace(STOP, route=Route.ORDER), replace(TARGET, route=Route.ORDER)),
        (STOP, STOP),
        (replace(STOP, leg=Leg.EXIT), TARGET),
    ],
    ids=["list of one", "mixed routes", "two alone", "same leg", "exit in a list"],
)
def test_intents_that_no_single_request_places_are_refused(
    bot: BotConfig, intents: tuple[Intent, ...]
) -> None:
    with pytest.raises(ValueError, match=r"route|leg|intents"):
        _recorded(bot, *intents)
    assert not Order.objects.exists()


def test_no_intents_are_no_orders(bot: BotConfig) -> None:
    assert _recorded(bot) == []


def test_a_request_turns_sent_as_a_whole_or_not_at_all(bot: BotConfig) -> None:
    pair = _recorded(bot, STOP, TARGET)
    journal.close_never_sent(_again(pair[1]))
    assert journal.mark_sent(pair, signed_at_ms=5).leave is Leave.NOT_MINE
    assert sorted(Order.objects.values_list("status", flat=True)) == ["denied", "intended"]
    others = _recorded(bot, STOP, TARGET)
    assert journal.mark_sent(others, signed_at_ms=5).may_go
    assert not journal.mark_sent([_again(order) for order in others], signed_at_ms=6).may_go
    assert set(Order.objects.filter(attempt=2).values_list("status", "signed_at_ms")) == {
        ("sent", 5)
    }


def test_a_request_is_signed_anew_as_a_whole_or_not_at_all(bot: BotConfig) -> None:
    pair = _recorded(bot, STOP, TARGET)
    journal.mark_sent(pair, signed_at_ms=5)
    journal.move_order(_again(pair[0]), OrderStatus.UNKNOWN)
    assert not journal.mark_resigned(pair, signed_at_ms=6)
    assert set(Order.objects.values_list("signed_at_ms", "resigned")) == {(5, False)}


def test_an_entry_of_a_bot_that_is_switched_off_or_deleted_stays_unsent(bot: BotConfig) -> None:
    entry = _recorded(bot, replace(ENTRY, route=Route.ORDER))
    assert journal.mark_sent(entry, signed_at_ms=5).leave is Leave.NOT_MINE
    BotConfig.objects.update(is_active=True, deleted_at=TRADE.market_time)
    assert journal.mark_sent(entry, signed_at_ms=5).leave is Leave.NOT_MINE
    BotConfig.objects.update(deleted_at=None)
    assert journal.mark_sent(entry, signed_at_ms=5).may_go


def test_an_older_report_takes_nothing_back(bot: BotConfig) -> None:
    order = _order(bot)
    journal.mark_sent([order], signed_at_ms=5)
    part = replace(_report(order, filled=Decimal(1)), status=VenueOrderStatus.PARTIALLY_FILLED)
    journal.apply_report(order, part, [TRADE], complete=True)
    stale = replace(part, filled_quantity=Decimal(0), status=VenueOrderStatus.NEW)
    journal.apply_report(order, stale, [], complete=True)
    assert Order.objects.get().filled_quantity == order.filled_quantity == 1
    assert Order.objects.get().status == "partially_filled"


def test_an_execution_that_comes_after_the_end_is_booked_all_the_same(bot: BotConfig) -> None:
    order = _order(bot)
    journal.mark_sent([order], signed_at_ms=5)
    nothing = replace(_report(order, filled=Decimal(0)), status=VenueOrderStatus.CANCELED)
    journal.apply_report(order, nothing, [], complete=True)
    assert Order.objects.get().status == "canceled"
    late = replace(_report(order, filled=Decimal(1)), status=VenueOrderStatus.CANCELED)
    journal.apply_report(order, late, [TRADE], complete=True)
    assert Fill.objects.get().quantity == 1
    assert (Order.objects.get().status, Order.objects.get().filled_quantity) == ("canceled", 1)


@pytest.mark.parametrize(
    ("leg", "reason", "words"),
    [
        (Leg.STOP, IntentReason.PROTECTION, "stop_loss"),
        (Leg.STOP, IntentReason.PROTECTION_MOVED, "stop_loss"),
        (Leg.TARGET, IntentReason.PROTECTION, "take_profit"),
        (Leg.EXIT, IntentReason.EXIT_SIGNAL, "exit_signal"),
    ],
)
def test_a_trade_says_why_it_happened_and_not_why_its_order_rested(
    bot: BotConfig, leg: Leg, reason: IntentReason, words: str
) -> None:
    intent = Intent(leg=leg, side=Side.SELL, quantity=Decimal(1), reason=reason)
    (order,) = _recorded(bot, intent)
    journal.mark_sent([order], signed_at_ms=5)
    report = _report(order, filled=Decimal(1))
    fills = journal.apply_report(order, report, [TRADE], complete=True)
    known: dict[str, Any] = {"user_id": bot.user_id, "pnl": None, "net": None}
    assert journal.record_trade(order, fills, **known).reason == words
    trailing = journal.record_trade(order, fills, reason=IntentReason.TRAILING_STOP, **known)
    assert Trade.objects.get() == trailing
    assert trailing.reason == "trailing_stop"

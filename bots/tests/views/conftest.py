"""Bots with a past, made without a venue, and browsers that are signed in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

import pytest
from django.test import Client

from accounts.models import User
from bots.domain.decision import DenialCode, IntentReason, Leg
from bots.domain.halting import HaltLevel
from bots.domain.orders import OrderStatus
from bots.domain.status import Reason, State, Status
from bots.models import (
    BotConfig,
    BotEvent,
    BotState,
    EntryLock,
    EventKind,
    Fill,
    FundingPayment,
    Halt,
    HaltChange,
    Incident,
    IncidentKind,
    Order,
    Resolution,
    Tick,
    Trade,
)
from bots.services import create_bot
from exchange.domain.types import Environment, Market, Side
from exchange.models import APIKey, ExchangeAccount

MARKET_TIME = datetime(2025, 5, 12, 4, 5, tzinfo=UTC)
WALL_TIME = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)


class MakeBot(Protocol):
    """Make a bot of `owner`; further words are columns of BotConfig."""

    def __call__(self, owner: User, name: str, **columns: Any) -> BotConfig: ...


def stored_key(owner: User) -> APIKey:
    """Return a demo key of `owner`, stored without asking a venue."""
    account, _ = ExchangeAccount.objects.get_or_create(
        environment=Environment.DEMO, uid=str(1000 + owner.pk), defaults={"owner": owner}
    )
    key = APIKey.objects.filter(owner=owner).first()
    if key is None:
        key = APIKey(owner=owner, account=account, label="demo", environment=Environment.DEMO)
        key.set_credentials(key="k" * 64, secret="s" * 64)
        key.save()
    return key


@pytest.fixture
def make_bot(db: None) -> MakeBot:
    """Return a maker of bots."""

    def make(owner: User, name: str, **columns: Any) -> BotConfig:
        plain = {"symbol": "BTCUSDT", "position_size_fixed": Decimal(1000)}
        bot = BotConfig(user=owner, name=name, api_key=stored_key(owner), **(plain | columns))
        bot.full_clean()
        return create_bot(bot, actor=owner)

    return make


@pytest.fixture
def operator(db: None) -> User:
    """Return a superuser who owns no bots."""
    return User.objects.create_superuser("olga", "olga@example.org", "operator horse")


@pytest.fixture
def as_trader(trader: User, client: Client) -> Client:
    """Return a browser of the trader."""
    client.force_login(trader)
    return client


@pytest.fixture
def as_stranger(stranger: User) -> Client:
    """Return a browser of somebody else."""
    browser = Client()
    browser.force_login(stranger)
    return browser


@pytest.fixture
def as_operator(operator: User) -> Client:
    """Return a browser of the operator."""
    browser = Client()
    browser.force_login(operator)
    return browser


@pytest.fixture
def busy_bot(trader: User, make_bot: MakeBot) -> BotConfig:
    """Return a running bot that holds a position and has one row of everything."""
    bot = make_bot(
        trader,
        "Busy",
        initial_capital=Decimal(5000),
        stop_loss_perc=Decimal(2),
        take_profit_perc=Decimal(4),
        daily_target_perc=Decimal(2),
        max_daily_trades=4,
    )
    add_history(bot)
    hold_position(bot)
    add_trouble(bot)
    return bot


def add_trouble(bot: BotConfig) -> None:
    """Give the bot a switched-off halt, a lapsed lock, a closed incident and a funding payment."""
    assert bot.api_key is not None
    halt = Halt.objects.create(bot=bot, level=HaltLevel.NONE)
    HaltChange.objects.create(
        halt=halt, level_before=HaltLevel.ENTRIES, level=HaltLevel.NONE, reason="over"
    )
    EntryLock.objects.create(
        bot=bot,
        kind=DenialCode.COOLDOWN,
        reason="a pause after an order",
        starts_at=MARKET_TIME - timedelta(hours=2),
        ends_at=MARKET_TIME - timedelta(hours=1),
    )
    Incident.objects.create(
        bot=bot,
        account=bot.api_key.account,
        kind=IncidentKind.FOREIGN_ORDER,
        key="order:1",
        message="An order of somebody else.",
        resolution=Resolution.GONE,
        closed_at=WALL_TIME,
    )
    FundingPayment.objects.create(
        bot=bot,
        account=bot.api_key.account,
        symbol=bot.symbol,
        amount=Decimal("-0.1"),
        asset="USDT",
        transaction_id=f"5{bot.pk}",
        market_time=MARKET_TIME,
    )


def hold_position(bot: BotConfig) -> BotState:
    """Make the bot run with 0.01 bought at 100000, now at 101000."""
    BotConfig.objects.filter(pk=bot.pk).update(is_active=True)
    state = BotState.objects.get(pk=bot.pk)
    state.show(Status(State.RUNNING, Reason.NONE), Environment.DEMO)
    state.in_position = True
    state.entry_price, state.last_price = Decimal(100000), Decimal(101000)
    state.current_position_size_coins = Decimal("0.01")
    state.stop_loss_price, state.take_profit_price = Decimal(98000), Decimal(104000)
    state.unrealized_pnl = state.daily_pnl = Decimal(10)
    state.daily_trades_count = 1
    state.last_market_time, state.last_run_at = MARKET_TIME, WALL_TIME
    state.last_sentence = "Holds: target 3.0 % away."
    state.save()
    return state


def add_history(bot: BotConfig) -> Trade:
    """Give the bot an order with its fill and trade, two ticks and an event."""
    assert bot.api_key is not None
    order = Order.objects.create(
        bot=bot,
        account=bot.api_key.account,
        market=Market.SPOT,
        symbol=bot.symbol,
        source="t",
        slot=1,
        leg=Leg.ENTRY,
        client_order_id=f"tbtest{bot.pk}",
        side=Side.BUY,
        quantity=Decimal("0.01"),
        intent_reason=IntentReason.ENTRY_SIGNAL,
        status=OrderStatus.FILLED,
        signed_at_ms=1,
        recv_window_ms=5000,
        sent_at=WALL_TIME,
        venue_order_id="77",
    )
    Fill.objects.create(
        order=order,
        bot=bot,
        account=bot.api_key.account,
        market=Market.SPOT,
        symbol=bot.symbol,
        trade_id=f"9{bot.pk}",
        side=Side.BUY,
        price=Decimal(100000),
        quantity=Decimal("0.01"),
        quote_quantity=Decimal(1000),
        commission=Decimal("0.00001"),
        commission_asset="BTC",
        market_time=MARKET_TIME,
    )
    for number in range(2):
        Tick.objects.create(
            bot=bot,
            slot=number,
            market_time=MARKET_TIME + timedelta(minutes=number),
            started_at=WALL_TIME + timedelta(seconds=number),
            sentence=f"Did not buy, reason {number}.",
            inputs={"price": "100000"},
            decision={"signal": "none"},
        )
    BotEvent.objects.create(
        bot=bot, kind=EventKind.STARTED, message="Started by hand.", data={"by": "hand"}
    )
    return Trade.objects.create(
        bot=bot,
        user=bot.user,
        order=order,
        symbol=bot.symbol,
        side=Side.BUY,
        order_type="MARKET",
        price=Decimal(100000),
        quantity_filled=Decimal("0.01"),
        quote_quantity_filled=Decimal(1000),
        commission_amount=Decimal("0.00001"),
        commission_asset="BTC",
        reason=IntentReason.ENTRY_SIGNAL,
        binance_order_id="77",
        market_time=MARKET_TIME,
    )

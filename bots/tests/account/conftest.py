"""A spot and a futures bot on one account, and a hand that trades past them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from accounts.models import User
from bots import journal
from bots.domain.decision import Intent, IntentReason, Leg
from bots.domain.direction import Direction
from bots.engine.account_watch import watch_account
from bots.engine.books import fold_books, mark_to_market
from bots.engine.execution import submit_orders
from bots.engine.reconciliation import reconcile_orders
from bots.engine.venue import VenueGateway, open_gateway
from bots.locks import bot_lock
from bots.models import BotConfig, BotState, Incident, Order, OrderSource
from bots.services import create_bot
from exchange.demo.testing import RunningExchange
from exchange.domain.clock import to_milliseconds
from exchange.domain.futures import MarginType
from exchange.domain.orders import LimitOrderRequest, MarketOrderRequest
from exchange.domain.types import Side
from exchange.models import APIKey
from exchange.registry import futures_gateway_for

MakeBot = Callable[..., BotConfig]


@pytest.fixture
def make_bot(trader: User, api_key: APIKey) -> MakeBot:
    """Return a function that makes bots of the trader's account, active and flat."""

    def make(name: str, **fields: Any) -> BotConfig:
        bot = BotConfig(
            user=trader,
            api_key=api_key,
            name=name,
            **{"symbol": "BTCUSDT", "position_size_fixed": Decimal(1000)} | fields,
        )
        create_bot(bot, actor=trader)
        BotConfig.objects.filter(pk=bot.pk).update(is_active=True)
        return BotConfig.objects.select_related("api_key__account").get(pk=bot.pk)

    return make


@pytest.fixture
def spot_bot(make_bot: MakeBot) -> BotConfig:
    """Return an active spot bot on BTCUSDT."""
    return make_bot("Spot")


@pytest.fixture
def futures_bot(make_bot: MakeBot) -> BotConfig:
    """Return an active futures bot on BTCUSDT that goes both ways."""
    bot = make_bot("Futures", position_type="futures", direction="both", leverage=5)
    assert bot.api_key is not None
    futures_gateway_for(bot.api_key).set_margin_type("BTCUSDT", MarginType.ISOLATED)
    return bot


def state_of(bot: BotConfig) -> BotState:
    """Return the bot's state as it was saved."""
    return BotState.objects.select_related("bot__api_key__account").get(pk=bot.pk)


def incidents(bot: BotConfig) -> list[Incident]:
    """Return all incidents of a bot, oldest first."""
    return list(Incident.objects.filter(bot=bot).order_by("pk"))


def look(bot: BotConfig, *, is_forced: bool = True) -> bool:
    """Do what a tick does around its look at the account; return whether something was booked."""
    with bot_lock(bot.pk) as state:
        gateway = open_gateway(state.bot)
        rules = gateway.rules(bot.symbol)
        view = reconcile_orders(state.bot, gateway=gateway, look=is_forced)
        fold_books(state, rules=rules, gateway=gateway)
        ticker = gateway.ticker(bot.symbol)
        state.last_market_time = ticker.market_time
        mark_to_market(state, ticker.price)
        is_booked = watch_account(state, view, gateway=gateway, rules=rules, is_forced=is_forced)
        if is_booked:
            fold_books(state, rules=rules, gateway=gateway)
        state.save()
    return is_booked


def trade(
    bot: BotConfig,
    side: Side,
    quantity: str,
    *,
    leg: Leg = Leg.ENTRY,
    direction: Direction = Direction.LONG,
    fold: bool = True,
) -> Order:
    """Have the bot itself trade at the market, and fold it unless told not to."""
    intent = Intent(
        leg=leg,
        side=side,
        quantity=Decimal(quantity),
        reason=IntentReason.ENTRY_SIGNAL if leg is Leg.ENTRY else IntentReason.EXIT_SIGNAL,
        direction=direction,
        reduces_only=bot.is_futures and leg is not Leg.ENTRY,
        reserve=Decimal(1) if leg is Leg.ENTRY else Decimal(0),
    )
    with bot_lock(bot.pk) as state:
        gateway = open_gateway(state.bot)
        orders = journal.record_intents(
            state.bot,
            [intent],
            source=OrderSource.TICK,
            slot=Order.objects.count(),
            signed_at_ms=gateway.signing_time_ms(),
            recv_window_ms=settings.BINANCE_RECV_WINDOW,
        )
        submit_orders(orders, gateway=gateway)
        if fold:
            fold_books(state, rules=gateway.rules(bot.symbol), gateway=gateway)
            state.save()
    return Order.objects.get(pk=orders[0].pk)


def let_time_pass(venue: RunningExchange, *, seconds: int = 60) -> None:
    """Move the market's clock on, so that what rests can fill."""
    later = venue.market_time() + timedelta(seconds=seconds)
    venue.set_clock(market_time=later.isoformat())


@dataclass
class Hand:
    """A person who trades on the venue's web site with the account of the bots."""

    venue: RunningExchange
    gateway: VenueGateway
    count: int = 0

    def _name(self) -> dict[str, Any]:
        self.count += 1
        return {
            "client_order_id": f"web_{self.count}",
            "signed_at_ms": to_milliseconds(timezone.now()),
            "recv_window_ms": 5000,
        }

    def market(self, side: Side, quantity: str) -> None:
        """Trade at the market."""
        request = MarketOrderRequest(
            symbol="BTCUSDT", side=side, quantity=Decimal(quantity), **self._name()
        )
        self.gateway.place_market_order(request, permit=self.gateway.permit_orders())

    def limit(self, side: Side, quantity: str, price: str, *, name: str | None = None) -> str:
        """Leave an order in the book; return its client order id."""
        named = self._name() | ({"client_order_id": name} if name else {})
        request = LimitOrderRequest(
            symbol="BTCUSDT", side=side, quantity=Decimal(quantity), price=Decimal(price), **named
        )
        self.gateway.place_limit_order(request, permit=self.gateway.permit_orders())
        return request.client_order_id


@pytest.fixture
def spot_hand(venue: RunningExchange, spot_bot: BotConfig) -> Hand:
    """Return a person at the spot market."""
    return Hand(venue, open_gateway(spot_bot))


@pytest.fixture
def futures_hand(venue: RunningExchange, futures_bot: BotConfig) -> Hand:
    """Return a person at the futures market."""
    return Hand(venue, open_gateway(futures_bot))

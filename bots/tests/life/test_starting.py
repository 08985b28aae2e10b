"""What keeps a bot from starting, everything of it named in one message."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from django.utils import timezone

from bots.models import BotConfig, BotState, Incident, IncidentKind
from bots.services import BotError, start_bot, starting
from bots.tests.life.conftest import MakeBot, let_it_buy, state_of
from exchange.demo.testing import RunningExchange
from exchange.domain.clock import to_milliseconds
from exchange.domain.orders import LimitOrderRequest
from exchange.domain.transfers import TransferDirection
from exchange.domain.types import Market, Side
from exchange.models import APIKey
from exchange.registry import futures_gateway_for, gateway_for
from exchange.transfers import request_transfer

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])


def _refusal(bot: BotConfig) -> str:
    with pytest.raises(BotError) as refused:
        start_bot(bot_id=bot.pk, actor=None)
    bot.refresh_from_db()
    assert not bot.is_active
    return str(refused.value)


def test_everything_that_is_wrong_is_named_at_once(make_bot: MakeBot) -> None:
    bot = make_bot("Wrong")
    BotConfig.objects.filter(pk=bot.pk).update(strategy="astrology", symbol="DOGEEUR")
    words = _refusal(bot)
    assert "Unknown strategy: astrology" in words
    assert "The demo venue does not list DOGEEUR on its spot market." in words


def test_an_order_of_somebody_else_on_the_symbol_keeps_it_from_starting(
    make_bot: MakeBot, api_key: APIKey
) -> None:
    bot = make_bot("Beside a hand")
    gateway = gateway_for(api_key, Market.SPOT)
    gateway.place_limit_order(
        LimitOrderRequest(
            symbol="BTCUSDT",
            side=Side.BUY,
            quantity=Decimal("0.001"),
            price=Decimal(90000),
            client_order_id="by-hand",
            signed_at_ms=to_milliseconds(timezone.now()),
            recv_window_ms=5000,
        ),
        permit=gateway.permit_orders(),
    )
    words = _refusal(bot)
    assert "adopt or dismiss it on the bot's page" in words
    assert Incident.objects.get(bot=bot).kind == IncidentKind.FOREIGN_ORDER
    gateway.cancel_order("BTCUSDT", "by-hand")
    start_bot(bot_id=bot.pk, actor=None)
    assert state_of(bot).status == "pending"


def test_an_open_incident_keeps_a_flat_bot_from_starting_and_not_one_with_a_position(
    make_bot: MakeBot,
) -> None:
    bot = make_bot("Troubled")
    Incident.objects.create(
        bot=bot, kind=IncidentKind.ORDER_TROUBLE, key="x", message="Nobody knows of an order."
    )
    assert "Nobody knows of an order; adopt or dismiss it" in _refusal(bot)
    let_it_buy(bot)
    start_bot(bot_id=bot.pk, actor=None)
    assert state_of(bot).status == "pending"


def test_a_futures_symbol_has_one_active_bot_per_account(make_futures_bot: MakeBot) -> None:
    first, second = make_futures_bot("First"), make_futures_bot("Second")
    start_bot(bot_id=first.pk, actor=None)
    assert _refusal(second).startswith("First trades BTCUSDT futures on this account")
    other = make_futures_bot("Other", symbol="ETHUSDT")
    start_bot(bot_id=other.pk, actor=None)
    assert state_of(other).status == "pending"


def test_hedge_mode_is_named(make_futures_bot: MakeBot, api_key: APIKey) -> None:
    bot = make_futures_bot("Hedged")
    futures_gateway_for(api_key).set_hedge_mode(is_on=True)
    assert "The futures account is in hedge mode" in _refusal(bot)


@pytest.mark.parametrize(
    ("flag", "market", "words"),
    [
        ("enableSpotAndMarginTrading", "spot", "may not trade spot"),
        ("enableFutures", "futures", "may not trade futures"),
    ],
)
def test_a_permission_that_is_missing_is_named(
    flag: str,
    market: str,
    words: str,
    make_bot: MakeBot,
    at_100k: RunningExchange,
) -> None:
    bot = make_bot("Barred", position_type=market, leverage=5)
    at_100k.control("keys", {"key_number": 1, flag: False})
    assert words in _refusal(bot)
    at_100k.control("keys", {"key_number": 1, flag: True})
    start_bot(bot_id=bot.pk, actor=None)


def test_an_empty_wallet_is_named(make_bot: MakeBot, api_key: APIKey) -> None:
    everything = gateway_for(api_key, Market.SPOT).account().free("USDT")
    direction = TransferDirection.TO_FUTURES
    request_transfer(api_key, direction=direction, asset="USDT", amount=everything)
    words = _refusal(make_bot("Poor"))
    assert words == "There is no free USDT in the Spot wallet of this account. Pay some in."


def test_a_state_that_is_missing_is_healed(make_bot: MakeBot) -> None:
    bot = make_bot("Bare")
    BotState.objects.filter(pk=bot.pk).delete()
    start_bot(bot_id=bot.pk, actor=None)
    assert state_of(bot).status == "pending"


def test_a_deleted_bot_cannot_be_started(make_bot: MakeBot) -> None:
    bot = make_bot("Gone")
    BotConfig.objects.filter(pk=bot.pk).update(deleted_at=timezone.now())
    with pytest.raises(BotConfig.DoesNotExist):
        start_bot(bot_id=bot.pk, actor=None)


def test_of_two_futures_bots_that_start_at_once_one_is_refused(
    make_futures_bot: MakeBot, worker_thread: Any
) -> None:
    bots = [make_futures_bot(name) for name in ("First", "Second")]
    barrier = Barrier(2)
    asked = starting.reasons_not_to_start

    def together(bot: BotConfig) -> list[str]:
        reasons = asked(bot)
        barrier.wait(20)  # both have looked before either has started
        return reasons

    def start(bot: BotConfig) -> str:
        try:
            start_bot(bot_id=bot.pk, actor=None)
        except BotError as error:
            return str(error)
        return "started"

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bots.services.life.reasons_not_to_start", together)
        running = [worker_thread(partial(start, bot)) for bot in bots]
        results = sorted(each.result(30) for each in running)
    assert [results[0].partition(" trades")[0] in ("First", "Second"), results[1]] == [
        True,
        "started",
    ]
    assert BotConfig.objects.filter(is_active=True).count() == 1

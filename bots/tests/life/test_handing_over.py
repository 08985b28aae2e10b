"""A position changes hands: nothing is sold, nothing is lost, and the old bot can be deleted."""

from __future__ import annotations

from decimal import Decimal

import pytest

from accounts.models import User
from bots.domain.direction import Direction
from bots.domain.orders import UNSETTLED
from bots.models import BotConfig, BotState, Fill, Order
from bots.services import BotError, delete_bot, hand_over, start_bot
from bots.tests.life.conftest import MakeBot, let_it_buy, state_of, watch
from exchange.demo.testing import RunningExchange

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])


@pytest.mark.parametrize("market", ["spot", "futures"])
def test_the_whole_position_moves_with_its_price_and_gets_its_stop_anew(
    market: str,
    make_bot: MakeBot,
    make_futures_bot: MakeBot,
    at_100k: RunningExchange,
    trader: User,
) -> None:
    make = make_bot if market == "spot" else make_futures_bot
    old, new = make("Old"), make("New", stop_loss_perc=Decimal(4))
    before = let_it_buy(old, Direction.LONG if market == "spot" else Direction.SHORT)
    orders = len(at_100k.ledger()["orders"])
    hand_over(bot_id=old.pk, heir_id=new.pk, actor=trader)
    giver, heir = state_of(old), state_of(new)
    assert (giver.in_position, giver.current_position_size_coins) == (False, Decimal(0))
    assert heir.current_position_size_coins == before.current_position_size_coins
    assert (heir.entry_price, heir.direction) == (before.entry_price, before.direction)
    made_up = Fill.objects.filter(trade_id__startswith="-")
    assert {fill.price for fill in made_up} == {before.entry_price}
    assert sum(fill.quantity * (1 if fill.side == "BUY" else -1) for fill in made_up) == 0
    assert (giver.resting_stop_price, giver.resting_target_price) == (None, None)
    assert giver.last_sentence == "Stopped. New has its position now."
    assert heir.last_sentence == "Has the position of Old; its stops are placed next."
    # What the old one had paid in fees stays with it; the new one has neither won nor lost.
    assert giver.total_realized_pnl < 0
    assert heir.total_realized_pnl == 0
    assert not Order.objects.filter(bot=old, status__in=UNSETTLED).exists()
    watch(new)
    (stop,) = Order.objects.filter(bot=new, status__in=UNSETTLED)
    assert stop.trigger_price == Decimal("96004.8" if market == "spot" else "103994.8")
    assert len(at_100k.ledger()["orders"]) <= orders + 1  # nothing was bought or sold
    delete_bot(bot_id=old.pk, actor=trader)
    old.refresh_from_db()
    assert old.deleted_at is not None


def test_a_trailing_stop_does_not_start_anew_with_the_heir(
    make_bot: MakeBot, at_100k: RunningExchange
) -> None:
    trailing = {"trailing_stop_active": True, "trailing_stop_perc": Decimal(1)}
    old, new = make_bot("Old"), make_bot("New", **trailing)
    let_it_buy(old)
    BotState.objects.filter(pk=old.pk).update(max_price_since_entry=Decimal(100500))
    hand_over(bot_id=old.pk, heir_id=new.pk, actor=None)
    watch(new)
    assert state_of(new).resting_stop_price == Decimal(99495)  # 1 % below the best price, not entry


def test_what_does_not_fit_is_refused_and_moves_nothing(
    make_bot: MakeBot, make_futures_bot: MakeBot
) -> None:
    old, busy, ether = make_bot("Old"), make_bot("Busy"), make_bot("Ether", symbol="ETHUSDT")
    flat = make_bot("Flat")
    for heir, words in (
        (old, "itself"),
        (flat, "Only a stopped bot with a position"),
    ):
        with pytest.raises(BotError, match=words):
            hand_over(bot_id=old.pk, heir_id=heir.pk, actor=None)
    before = let_it_buy(old)
    let_it_buy(busy)
    for heir, words in (
        (ether, "same owner, account, market and symbol"),
        (make_futures_bot("Futures"), "same owner, account, market and symbol"),
        (busy, "Busy is not flat"),
    ):
        with pytest.raises(BotError, match=words):
            hand_over(bot_id=old.pk, heir_id=heir.pk, actor=None)
    assert state_of(old).current_position_size_coins == before.current_position_size_coins
    assert state_of(old).resting_stop_price == before.resting_stop_price
    assert not Fill.objects.filter(trade_id__startswith="-").exists()


def test_a_bot_that_trades_hands_nothing_over(make_bot: MakeBot) -> None:
    old, new = make_bot("Old"), make_bot("New")
    let_it_buy(old)
    start_bot(bot_id=old.pk, actor=None)
    with pytest.raises(BotError, match="Stop it first"):
        hand_over(bot_id=old.pk, heir_id=new.pk, actor=None)
    assert BotConfig.objects.get(pk=old.pk).is_active

"""The watch round: what a bot that does not trade still does for what it holds."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import User
from bots.domain.direction import Direction
from bots.domain.orders import UNSETTLED
from bots.engine.schedule import claim_due_bots
from bots.engine.watched import is_watched
from bots.models import BotConfig, BotEvent, BotState, Order, Tick, Trade
from bots.services import close_position, stop_bot
from bots.tests.life.conftest import MakeBot, let_it_buy, state_of, watch
from exchange.demo.testing import RunningExchange

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])


def _resting(bot: BotConfig) -> list[Order]:
    return list(Order.objects.filter(bot=bot, status__in=UNSETTLED))


def _later(venue: RunningExchange, **span: int) -> datetime:
    moment = venue.market_time() + timedelta(**span)
    venue.set_clock(market_time=moment.isoformat())
    return moment


def test_a_stop_that_is_missing_is_placed_and_nothing_else(make_bot: MakeBot) -> None:
    bot = make_bot("Kept", stop_loss_perc=None)
    bought = let_it_buy(bot)
    assert _resting(bot) == []
    BotConfig.objects.filter(pk=bot.pk).update(stop_loss_perc=Decimal(3))
    assert watch(bot) == "Watched"
    (stop,) = _resting(bot)
    state = state_of(bot)
    assert bought.entry_price == Decimal(100005)
    assert (stop.leg, stop.trigger_price) == ("s", Decimal("97004.85"))
    assert (state.status, state.resting_stop_price) == ("stopped", Decimal("97004.85"))
    assert state.bot.is_active is False
    watch(bot)
    assert Order.objects.filter(bot=bot).count() == 2  # the entry and its stop


def test_a_stop_that_fires_while_the_bot_is_stopped_is_booked(
    make_bot: MakeBot, at_100k: RunningExchange
) -> None:
    bot = make_bot("Kept")
    let_it_buy(bot)
    at_100k.set_price("BTCUSDT", "97900")
    _later(at_100k, seconds=60)
    watch(bot)
    state = state_of(bot)
    assert (state.in_position, state.status) == (False, "stopped")
    assert state.last_sentence == "Stopped. Its position is closed."
    newest = Trade.objects.filter(bot=bot).order_by("-id")[0]
    assert newest.realized_pnl is not None
    assert newest.realized_pnl < 0
    assert not is_watched(state)


@pytest.mark.parametrize("market", ["spot", "futures"])
def test_a_close_that_was_asked_for_is_done_and_forgotten(
    market: str, make_bot: MakeBot, make_futures_bot: MakeBot, trader: User
) -> None:
    is_spot = market == "spot"
    bot = make_bot("Kept") if is_spot else make_futures_bot("Kept")
    let_it_buy(bot, Direction.LONG if is_spot else Direction.SHORT)
    close_position(bot_id=bot.pk, actor=trader)
    watch(bot)
    state = state_of(bot)
    if state.in_position or _resting(bot):
        watch(bot)
        state = state_of(bot)
    assert (state.in_position, state.close_requested_at, state.close_source) == (False, None, "")
    assert (state.status, _resting(bot)) == ("stopped", [])
    exit_order = Order.objects.get(bot=bot, leg="x")
    assert (exit_order.source, exit_order.intent_reason) == ("m", "close_request")
    assert exit_order.actor == trader
    assert not is_watched(state)


def test_a_bot_in_an_error_that_waits_for_a_person_is_watched_and_keeps_its_words(
    make_bot: MakeBot,
) -> None:
    bot = make_bot("Failed")
    let_it_buy(bot)
    BotConfig.objects.filter(pk=bot.pk).update(is_active=True)
    BotState.objects.filter(pk=bot.pk).update(
        state="error", status="error", last_error_message="Unknown strategy: x"
    )
    watch(bot)
    state = state_of(bot)
    assert (state.status, state.last_error_message) == ("error", "Unknown strategy: x")
    assert state.bot.is_active


def test_a_bot_that_trades_or_is_flat_or_has_no_key_is_not_watched(make_bot: MakeBot) -> None:
    bot = make_bot("Kept")
    assert not is_watched(state_of(bot))
    let_it_buy(bot)
    assert is_watched(state_of(bot))
    BotState.objects.filter(pk=bot.pk).update(state="error", reason="price data")
    BotConfig.objects.filter(pk=bot.pk).update(is_active=True)
    assert not is_watched(state_of(bot))  # heals by itself: an ordinary tick
    BotConfig.objects.filter(pk=bot.pk).update(is_active=False, api_key=None)
    assert not is_watched(state_of(bot))


def test_a_venue_that_does_not_answer_is_told_in_the_sentence_alone(
    make_bot: MakeBot, at_100k: RunningExchange
) -> None:
    bot = make_bot("Kept")
    before = let_it_buy(bot)
    at_100k.set_fault(endpoint="*", when="before", action="drop", times=None)
    assert watch(bot) == "Could not be watched"
    state = state_of(bot)
    assert (state.status, state.last_error_message) == ("stopped", before.last_error_message)
    assert state.last_sentence.startswith("What it holds could not be looked at: ")
    at_100k.clear_faults()
    assert watch(bot) == "Watched"


def test_a_quiet_watch_leaves_one_line_however_often_it_looks(make_bot: MakeBot) -> None:
    bot = make_bot("Kept")
    let_it_buy(bot)
    for _ in range(3):
        watch(bot)
    (tick,) = Tick.objects.filter(bot=bot)
    assert (tick.repeats, tick.has_orders) == (3, False)


def test_a_kept_position_is_claimed_at_its_check_interval_and_a_deleted_bot_never(
    make_bot: MakeBot, at_100k: RunningExchange
) -> None:
    bot, flat = make_bot("Kept"), make_bot("Flat")
    let_it_buy(bot)

    def claimed() -> list[int]:
        moment = at_100k.market_time()
        reader: Any = lambda *_: moment  # noqa: E731  # the dispatcher's own signature
        BotState.objects.update(claimed_at=None)
        return [claim.bot_id for claim in claim_due_bots(reader)]

    watch(bot)
    assert claimed() == []
    _later(at_100k, seconds=bot.check_interval_seconds)
    assert claimed() == [bot.pk]
    BotState.objects.filter(pk=bot.pk).update(next_due_at=None)
    BotConfig.objects.filter(pk=bot.pk).update(deleted_at=at_100k.market_time())
    assert claimed() == []
    assert flat.pk != bot.pk


def test_stopping_says_what_becomes_of_the_position(make_bot: MakeBot) -> None:
    bot = make_bot("Kept")
    state = let_it_buy(bot)
    assert state.last_sentence.endswith("Its stop stays at the venue and is looked after.")
    bare = make_bot("Bare", stop_loss_perc=None)
    assert "It has no stop" in let_it_buy(bare).last_sentence
    stop_bot(bot_id=bot.pk, actor=None, close=True)
    assert state_of(bot).last_sentence == "Stopped. Its position is being closed at the market."
    assert BotEvent.objects.filter(bot=bot, kind="close_requested").count() == 1

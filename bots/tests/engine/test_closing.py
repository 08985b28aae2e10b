"""When a wish to close is over, and what is told of a position that is gone."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.utils import timezone

from bots.domain.tests.builders import rules
from bots.engine.books import clear_levels, fold_books
from bots.engine.closing import note_closed
from bots.engine.ledger_at_venue import _net_of_all
from bots.models import BotConfig, BotEvent, BotState
from bots.services import create_bot
from bots.tests.engine.booking import rules_of, trade
from exchange.domain.types import Side

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])
D = Decimal


def _holding(bot: BotConfig, quantity: str) -> BotState:
    state = BotState.objects.get(pk=bot.pk)
    state.in_position, state.entry_price = True, D(100)
    state.current_position_size_coins = D(quantity)
    state.close_requested_at, state.close_source = timezone.now(), "m"
    state.entry_settings = {"timeframe": "1h"}
    return state


def test_too_little_to_be_sold_ends_the_wish_and_what_waited_for_the_next_entry(
    bot: BotConfig,
) -> None:
    state = _holding(bot, "0.01")  # worth 1, of at least 5
    assert note_closed(state, rules=rules(), price=D(100))
    assert (state.close_requested_at, state.close_source, state.entry_settings) == (None, "", {})


def test_a_position_that_can_be_sold_keeps_its_wish(bot: BotConfig) -> None:
    state = _holding(bot, "1")
    assert not note_closed(state, rules=rules(), price=D(100))
    assert not note_closed(state)
    assert state.close_requested_at is not None
    assert state.entry_settings == {"timeframe": "1h"}


@pytest.mark.parametrize(("seconds", "told"), [("0.4", 0), ("12.3", 1)])
def test_naked_seconds_are_told_when_the_position_is_gone(
    bot: BotConfig, seconds: str, told: int
) -> None:
    trade(bot, Side.BUY, "100", "2")
    state = BotState.objects.get(pk=bot.pk)
    fold_books(state, rules=rules_of(bot))
    assert state.in_position
    clear_levels(state)
    state.unprotected_seconds = D(seconds)
    trade(bot, Side.SELL, "101", "2", minute=1)
    fold_books(state, rules=rules_of(bot))
    assert (state.in_position, state.unprotected_seconds) == (False, 0)
    events = BotEvent.objects.filter(bot=bot, kind="unprotected")
    assert [event.message for event in events] == [
        "That position was without its stop for 12 s in all."
    ] * told


def test_the_venue_nets_what_all_bots_of_an_account_hold(bot: BotConfig) -> None:
    other = BotConfig.objects.get(pk=bot.pk)
    other.pk, other.name = None, "Short"
    create_bot(other, actor=None)
    BotConfig.objects.update(position_type="futures", direction="both")
    held = {"in_position": True, "entry_price": D(100)}
    BotState.objects.filter(pk=bot.pk).update(
        current_position_size_coins=D("0.5"), direction="long", **held
    )
    BotState.objects.filter(pk=other.pk).update(
        current_position_size_coins=D("0.2"), direction="short", **held
    )
    for each in (bot, other):
        assert _net_of_all(BotState.objects.get(pk=each.pk)) == D("0.3")

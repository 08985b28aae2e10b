"""The spot wallet against the sum of what the account's bots hold."""

from __future__ import annotations

from decimal import Decimal

import pytest

from accounts.models import User
from bots.domain.decision import DenialCode, Leg
from bots.engine.incidents import entry_blocks_of_account
from bots.models import BotConfig, BotState, Trade
from bots.services import BotError, adopt_incident, dismiss_incident
from bots.tests.account.conftest import Hand, MakeBot, incidents, look, state_of, trade
from exchange.demo.testing import RunningExchange
from exchange.domain.types import Side

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])


def test_a_wallet_that_holds_all_or_more_is_no_incident(
    spot_bot: BotConfig, spot_hand: Hand, make_bot: MakeBot
) -> None:
    trade(spot_bot, Side.BUY, "0.002")
    trade(make_bot("Other"), Side.BUY, "0.003")
    look(spot_bot)
    spot_hand.market(Side.BUY, "0.01")
    look(spot_bot)

    assert incidents(spot_bot) == []
    assert entry_blocks_of_account(state_of(spot_bot)) == ()


def test_locked_coins_count_as_held(spot_bot: BotConfig, spot_hand: Hand) -> None:
    trade(spot_bot, Side.BUY, "0.002")
    spot_hand.limit(Side.SELL, "0.0015", "150000")

    look(spot_bot)
    look(spot_bot)

    assert [one.kind for one in incidents(spot_bot)] == ["foreign_order"]


def test_coins_sold_past_the_bots_are_an_incident_after_two_looks(
    spot_bot: BotConfig, spot_hand: Hand, make_bot: MakeBot
) -> None:
    trade(spot_bot, Side.BUY, "0.002")
    other = make_bot("Other")
    trade(other, Side.BUY, "0.003")
    spot_hand.market(Side.SELL, "0.001")

    look(spot_bot)
    assert incidents(spot_bot) == []
    assert [block.code for block in entry_blocks_of_account(state_of(spot_bot))] == [
        DenialCode.FOREIGN
    ]
    look(spot_bot)

    (incident,) = incidents(spot_bot)
    assert (incident.kind, incident.key) == ("wallet_short", "BTC:0.001")
    assert incident.message == (
        "The account holds 0.003995 BTC, but its bots have bought 0.004995: "
        "0.001 BTC were sold, moved or withdrawn past them."
    )
    (block,) = entry_blocks_of_account(state_of(spot_bot))
    assert block.code is DenialCode.INCIDENT
    assert incidents(other) == []


def test_dust_that_is_missing_is_nobodys_concern(
    spot_bot: BotConfig,
) -> None:
    trade(spot_bot, Side.BUY, "0.002")
    size = state_of(spot_bot).current_position_size_coins
    BotState.objects.filter(pk=spot_bot.pk).update(
        current_position_size_coins=size + Decimal("0.000009")
    )

    look(spot_bot)
    look(spot_bot)

    assert incidents(spot_bot) == []


def test_a_sale_of_another_bot_that_its_books_do_not_know_yet_explains_the_shortage(
    spot_bot: BotConfig, make_bot: MakeBot, venue: RunningExchange
) -> None:
    trade(spot_bot, Side.BUY, "0.002")
    other = make_bot("Other")
    trade(other, Side.BUY, "0.003")
    trade(other, Side.SELL, "0.001", leg=Leg.EXIT, fold=False)
    look(spot_bot)
    assert state_of(spot_bot).account_look["suspicions"] == {}

    # Nor while nobody knows what became of it.
    venue.set_fault(endpoint="POST /api/v3/order", when="after", action="drop", times=1)
    sale = trade(other, Side.SELL, "0.001", leg=Leg.EXIT, fold=False)
    assert sale.status == "unknown"
    look(spot_bot)
    assert state_of(spot_bot).account_look["suspicions"] == {}

    # Once its books know, the sum is right again.
    look(other)
    look(spot_bot)
    assert state_of(spot_bot).account_look["suspicions"] == {}
    assert state_of(other).current_position_size_coins == Decimal("0.000997")


def test_adopting_writes_the_missing_coins_off_without_a_result(
    spot_bot: BotConfig, spot_hand: Hand, trader: User
) -> None:
    trade(spot_bot, Side.BUY, "0.002")
    spot_hand.market(Side.SELL, "0.001")
    look(spot_bot)
    look(spot_bot)

    adopt_incident(incidents(spot_bot)[0].pk, actor=trader)

    state = state_of(spot_bot)
    assert state.current_position_size_coins == Decimal("0.000998")
    assert Trade.objects.get(order__leg=Leg.EXIT).pnl == 0
    look(spot_bot)
    assert entry_blocks_of_account(state_of(spot_bot)) == ()
    assert [one.resolution for one in incidents(spot_bot)] == ["adopted"]


def test_a_bot_that_holds_nothing_cannot_write_anything_off(
    spot_bot: BotConfig, spot_hand: Hand, make_bot: MakeBot, trader: User
) -> None:
    other = make_bot("Other")
    trade(other, Side.BUY, "0.002")
    spot_hand.market(Side.SELL, "0.001")
    look(spot_bot)
    look(spot_bot)
    (incident,) = incidents(spot_bot)

    with pytest.raises(BotError, match="This bot holds no BTC"):
        adopt_incident(incident.pk, actor=trader)

    dismiss_incident(incident.pk, actor=trader, note="Moved to a cold wallet.")
    look(spot_bot)
    assert entry_blocks_of_account(state_of(spot_bot)) == ()

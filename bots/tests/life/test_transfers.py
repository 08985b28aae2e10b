"""Money for a futures bot: brought at its start, no more than is missing, and taken back."""

from __future__ import annotations

from decimal import Decimal

import pytest

from accounts.models import User
from bots.engine.transfers import transfer_block
from bots.models import BotConfig, BotEvent, BotState
from bots.selectors.transfers import moved_by
from bots.services import BotError, return_transfer, start_bot, stop_bot
from bots.tests.life.conftest import MakeBot, state_of
from exchange.demo.testing import RunningExchange
from exchange.domain.types import Market
from exchange.models import APIKey, Transfer, TransferStage
from exchange.registry import futures_gateway_for, gateway_for

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])

D = Decimal


def _free(key: APIKey) -> tuple[Decimal, Decimal]:
    """Return free USDT in the spot and in the futures wallet."""
    return (
        gateway_for(key, Market.SPOT).account().free("USDT"),
        futures_gateway_for(key).account().free("USDT"),
    )


@pytest.fixture
def bot(make_futures_bot: MakeBot) -> BotConfig:
    """Return a futures bot that wants 10,100 in a wallet that holds 10,000."""
    return make_futures_bot("Funded", auto_transfer_funds=True, transfer_amount=D(10_100))


def test_what_is_missing_is_moved_once_and_moved_back_when_stopped_and_flat(
    bot: BotConfig, api_key: APIKey, trader: User
) -> None:
    start_bot(bot_id=bot.pk, actor=trader)
    assert _free(api_key) == (D(9900), D(10_100))
    row = Transfer.objects.get()
    assert (row.amount, row.status, row.requested_by) == (D(100), TransferStage.DONE, trader)
    assert BotEvent.objects.filter(bot=bot, kind="transfer").count() == 1
    assert "Transferred 100 USDT from spot to futures." in state_of(bot).last_sentence
    start_bot(bot_id=bot.pk, actor=trader)
    assert Transfer.objects.count() == 1  # a double click
    with pytest.raises(BotError, match="Stop the bot"):
        return_transfer(bot_id=bot.pk, actor=trader)
    stop_bot(bot_id=bot.pk, actor=trader)
    return_transfer(bot_id=bot.pk, actor=trader)
    assert _free(api_key) == (D(10_000), D(10_000))
    assert moved_by(bot) == 0
    with pytest.raises(BotError, match="nothing of this bot's left"):
        return_transfer(bot_id=bot.pk, actor=trader)


def test_a_wallet_that_holds_enough_gets_nothing(bot: BotConfig, api_key: APIKey) -> None:
    BotConfig.objects.filter(pk=bot.pk).update(transfer_amount=D(10_000))
    start_bot(bot_id=bot.pk, actor=None)
    assert not Transfer.objects.exists()
    assert _free(api_key) == (D(10_000), D(10_000))


def test_a_refused_transfer_is_told_and_the_bot_starts_and_waits_for_money(bot: BotConfig) -> None:
    BotConfig.objects.filter(pk=bot.pk).update(transfer_amount=D(90_000))
    start_bot(bot_id=bot.pk, actor=None)
    state = state_of(bot)
    assert state.status == "pending"
    assert "is rejected" in state.last_sentence
    assert transfer_block(state) == ()


def test_a_transfer_of_unknown_end_blocks_entries_until_the_venue_has_told(
    bot: BotConfig, at_100k: RunningExchange, api_key: APIKey
) -> None:
    at_100k.set_fault(endpoint="POST /sapi/v1/asset/transfer", when="after", action="drop", times=1)
    history = {"endpoint": "GET /sapi/v1/asset/transfer", "when": "before", "action": "drop"}
    start_bot(bot_id=bot.pk, actor=None)
    assert Transfer.objects.get().status == TransferStage.UNKNOWN
    at_100k.set_fault(**history, times=None)
    (block,) = transfer_block(state_of(bot))
    assert block.code == "transfer_pending"
    at_100k.clear_faults()
    assert transfer_block(state_of(bot)) == ()
    assert Transfer.objects.get().status == TransferStage.DONE
    assert _free(api_key)[1] == D(10_100)


def test_spot_bots_and_those_that_transfer_nothing_are_never_blocked(
    make_bot: MakeBot, make_futures_bot: MakeBot
) -> None:
    for each in (make_bot("Spot", auto_transfer_funds=True), make_futures_bot("Plain")):
        start_bot(bot_id=each.pk, actor=None)
        assert transfer_block(state_of(each)) == ()
    assert not Transfer.objects.exists()
    assert BotState.objects.filter(state="pending").count() == 2

"""`manage.py reconcile`: what was the same, what was repaired, what is left for a person."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from concurrent.futures import Future
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from bots.domain.decision import Leg
from bots.locks import bot_lock
from bots.models import BotConfig, BotEvent, EventKind, FundingPayment, Order
from bots.tests.account.conftest import Hand, incidents, state_of, trade
from exchange.demo.testing import RunningExchange
from exchange.domain.types import Side
from exchange.services import revoke_api_key

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])

PLACE = "POST /api/v3/order"


def reconcile(**options: Any) -> str:
    out = io.StringIO()
    call_command("reconcile", stdout=out, **options)
    return out.getvalue()


def test_bots_that_agree_are_well(spot_bot: BotConfig, futures_bot: BotConfig) -> None:
    trade(spot_bot, Side.BUY, "0.002")

    text = reconcile()

    assert "2 bots agree with the venue." in text
    assert "  same      Position: long 0.001998." in text
    assert "repaired" not in text
    assert not BotEvent.objects.filter(kind=EventKind.RECONCILED).exists()


def test_an_order_whose_answer_was_lost_is_repaired_and_nothing_is_sent(
    spot_bot: BotConfig, venue: RunningExchange
) -> None:
    venue.set_fault(endpoint=PLACE, when="after", action="drop", times=1)
    order = trade(spot_bot, Side.BUY, "0.002")
    assert order.status == "unknown"

    text = reconcile(bot=spot_bot.pk)

    assert f"Open orders: was {order.client_order_id} BUY BTCUSDT unknown, is none." in text
    assert "Position: was 0, is long 0.001998." in text
    assert Order.objects.get().status == "filled"
    assert len(venue.ledger()["orders"]) == 1
    assert state_of(spot_bot).current_position_size_coins == Decimal("0.001998")
    assert BotEvent.objects.filter(kind=EventKind.RECONCILED).count() == 1


def test_what_is_foreign_is_left_and_fails_the_command(
    futures_bot: BotConfig, futures_hand: Hand
) -> None:
    futures_hand.market(Side.BUY, "0.003")
    out = io.StringIO()

    with pytest.raises(CommandError, match=f"left for a person: bot {futures_bot.pk}"):
        call_command("reconcile", as_json=True, stdout=out)

    (found,) = json.loads(out.getvalue())
    assert found["bot"] == futures_bot.pk
    assert found["repaired"] == []
    assert [text[:44] for text in found["left"]] == ["The venue has a position in BTCUSDT that is "]
    assert [one.kind for one in incidents(futures_bot)] == ["foreign_position"]


def test_a_position_that_somebody_closed_is_repaired_by_one_command(
    futures_bot: BotConfig, futures_hand: Hand
) -> None:
    trade(futures_bot, Side.BUY, "0.003")
    reconcile()
    futures_hand.market(Side.SELL, "0.003")

    text = reconcile()

    assert "Position: was long 0.003, is 0." in text
    assert "1 bots agree with the venue." in text
    assert Order.objects.get(leg=Leg.EXIT).intent_reason == "adopted"


def test_a_bot_whose_tick_is_under_way_is_left_alone(
    spot_bot: BotConfig,
    worker_thread: Callable[[Callable[[], Any]], Future[Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bots.engine.comparison.WAITS_SECONDS", 1)
    with bot_lock(spot_bot.pk), pytest.raises(CommandError, match="left for a person"):
        worker_thread(reconcile).result()

    assert state_of(spot_bot).last_run_at is None


def test_a_venue_that_does_not_answer_is_a_failure_and_no_incident(
    spot_bot: BotConfig, venue: RunningExchange
) -> None:
    venue.set_fault(endpoint="*", action="html", status=503, times=None)

    with pytest.raises(CommandError, match="left for a person"):
        reconcile(bot=spot_bot.pk)

    assert incidents(spot_bot) == []


def test_a_bot_whose_key_is_gone_fails_both_commands_or_is_said_to_have_none(
    spot_bot: BotConfig,
) -> None:
    trade(spot_bot, Side.BUY, "0.002")
    assert spot_bot.api_key is not None
    revoke_api_key(api_key=spot_bot.api_key)
    out = io.StringIO()
    with pytest.raises(CommandError, match=f"left for a person: bot {spot_bot.pk}"):
        call_command("reconcile", as_json=True, stdout=out)
    (found,) = json.loads(out.getvalue())
    assert "revoked" in found["failure"]
    out = io.StringIO()
    with pytest.raises(CommandError, match=f"nobody could tell: bot {spot_bot.pk}"):
        call_command("verify_ledger", venue=True, as_json=True, stdout=out)
    verified = json.loads(out.getvalue())
    assert (verified["balanced"], list(verified["failures"])) == (False, [str(spot_bot.pk)])
    call_command("verify_ledger", stdout=io.StringIO())  # facts alone need no key

    BotConfig.objects.filter(pk=spot_bot.pk).update(api_key=None)
    with pytest.raises(CommandError, match=f"no bot {spot_bot.pk} with an API key"):
        reconcile(bot=spot_bot.pk)
    out = io.StringIO()
    call_command("verify_ledger", venue=True, as_json=True, stdout=out)
    (report,) = json.loads(out.getvalue())["bots"]
    assert report["notes"] == ["it has no API key, so only its orders were compared"]


def test_funding_that_no_tick_has_read_is_repaired(
    futures_bot: BotConfig, venue: RunningExchange
) -> None:
    trade(futures_bot, Side.BUY, "0.003")
    venue.set_clock(market_time="2025-05-12T08:02:00+00:00")

    text = reconcile(bot=futures_bot.pk)

    assert FundingPayment.objects.count() == 1
    assert "Realized result: was 0, is " in text
    assert state_of(futures_bot).total_funding == FundingPayment.objects.get().amount


def test_unknown_bots_and_accounts_are_named(spot_bot: BotConfig) -> None:
    with pytest.raises(CommandError, match="--bot: there is no bot 999999"):
        reconcile(bot=999999)
    with pytest.raises(CommandError, match="--account: there is no account 999999"):
        reconcile(account=999999)
    assert "1 bots agree" in reconcile(account=spot_bot.api_key.account_id)  # type: ignore[union-attr]

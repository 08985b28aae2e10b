"""Books that balance, and every way in which they may not."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from bots.domain.decision import Leg
from bots.engine.books import fold_books
from bots.engine.ledger import LedgerReport, verify_books
from bots.engine.tick import run_tick
from bots.locks import bot_lock
from bots.models import BotConfig, BotState, Fill, Order, Trade
from bots.services import start_bot
from bots.tests.engine.booking import add_order, pay_funding, rules_of, trade
from bots.tests.engine.conftest import AT_BUY, AT_SELL, GoTo
from exchange.demo.testing import RunningExchange
from exchange.domain.types import Side
from exchange.registry import spot_gateway_for

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])
D = Decimal


def _traded(bot: BotConfig) -> BotConfig:
    """Buy two, sell one, and fold; fees in all three kinds of assets."""
    trade(bot, Side.BUY, "100", "2", commission=D("0.002"), commission_asset="BTC")
    trade(
        bot, Side.SELL, "110.5", "1", minute=1, commission=D("0.01"), commission_asset="BNB",
        commission_quote=D("6.1"), venue_realized_pnl=D("10.5"),
    )  # fmt: skip
    trade(bot, Side.BUY, "99.7", "0.3", minute=2, commission=D("0.03"))
    _fold(bot)
    return bot


def _fold(bot: BotConfig) -> None:
    with bot_lock(bot.pk) as state:
        fold_books(state, rules=rules_of(state.bot))
        state.save()


def _verified(bot: BotConfig) -> LedgerReport:
    with bot_lock(bot.pk) as state:
        return verify_books(state, rules=rules_of(state.bot))


def test_books_that_were_folded_balance(bot: BotConfig) -> None:
    report = _verified(_traded(bot))
    assert (report.findings, report.notes) == ([], [])
    assert report.figures["fills"] == "3"
    assert report.figures["held"] == "1.298"
    assert report.figures["fees"] == "6.33"


def test_a_bot_that_never_traded_balances(bot: BotConfig) -> None:
    assert _verified(bot).is_balanced


def test_futures_books_balance_with_funding_and_the_venues_own_results(bot: BotConfig) -> None:
    BotConfig.objects.filter(pk=bot.pk).update(position_type="futures")
    bot = BotConfig.objects.select_related("api_key").get(pk=bot.pk)
    short: dict[str, Any] = {"direction": "short", "venue_realized_pnl": D(0)}
    trade(bot, Side.SELL, "100", "2", leg=Leg.ENTRY, commission=D("0.1"), **short)
    pay_funding(bot, "0.25", minute=1)
    closing = short | {"venue_realized_pnl": D(10)}
    trade(bot, Side.BUY, "90", "1", leg=Leg.EXIT, minute=2, **closing)
    _fold(bot)
    report = _verified(bot)
    assert (report.findings, report.notes) == ([], [])
    assert (report.figures["held"], report.figures["funding"]) == ("-1", "0.25")
    Fill.objects.filter(side="BUY").update(venue_realized_pnl=D("9.99"))
    (finding,) = _verified(bot).findings
    assert str(finding) == "gross result as the venue says: expected 9.99, found 10"


def _order(**columns: Any) -> Callable[[], Any]:
    return lambda: Order.objects.filter(pk=Order.objects.earliest("id").pk).update(**columns)


def _state(**columns: Any) -> Callable[[], Any]:
    return lambda: BotState.objects.update(**columns)


def _sale(**columns: Any) -> Callable[[], Any]:
    return lambda: Trade.objects.filter(side="SELL").update(**columns)


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (_order(filled_quantity=D(1)), ["filled quantity of test-1: expected 2, found 1"]),
        (_order(filled_quote_quantity=D(1)), ["filled value of test-1: expected 200, found 1"]),
        (_order(quantity=D(3)), ["quantity of test-1, filled: expected 3, found 2"]),
        (_order(side="SELL"), ["fills that are not their order's: expected 0, found 1"]),
        (
            _sale(pnl=D(10)),
            ["pnl of test-2: expected 10.5, found 10"],
        ),
        (_sale(realized_pnl=None), ["net result of test-2: expected 4.2998998999, found None"]),
        (_sale(quantity_filled=D(2)), ["quantity of test-2: expected 1, found 2"]),
        (
            lambda: Trade.objects.filter(side="SELL").delete(),
            ["trade of test-2: expected one, found none"],
        ),
        (
            _state(current_position_size_coins=D("1.3")),
            ["state, quantity held: expected 1.298, found 1.3"],
        ),
        (_state(in_position=False), ["state, in position: expected True, found False"]),
        (_state(direction="short"), ["state, direction: expected long, found short"]),
        (
            _state(total_realized_pnl=D(5)),
            ["state, realized profit: expected 4.2998998999, found 5"],
        ),
        (_state(total_funding=D(5)), ["state, funding: expected 0, found 5"]),
    ],
)
def test_whatever_is_changed_behind_the_books_is_found(
    bot: BotConfig, spoil: Callable[[], Any], expected: list[str]
) -> None:
    _traded(bot)
    spoil()
    assert [str(finding) for finding in _verified(bot).findings] == expected


def test_fills_of_an_order_that_was_never_sent_are_found(bot: BotConfig) -> None:
    trade(bot, Side.BUY, "100", "2", status="denied")
    _fold(bot)
    (finding,) = _verified(bot).findings
    assert str(finding) == "fills of test-1, denied: expected 0, found 2"


def test_a_changed_fill_is_found_wherever_it_was_counted(bot: BotConfig) -> None:
    _traded(bot)
    Fill.objects.filter(side="SELL").update(quantity=D("0.5"))
    found = {finding.what for finding in _verified(bot).findings}
    assert {"filled quantity of test-2", "pnl of test-2", "state, quantity held"} <= found


def test_a_sale_of_what_was_not_held_is_found(bot: BotConfig) -> None:
    trade(bot, Side.SELL, "100", "1")
    _fold(bot)
    assert [f.what for f in _verified(bot).findings] == ["sold without being held"]


def test_fills_that_no_tick_has_folded_yet_are_no_error(bot: BotConfig) -> None:
    trade(bot, Side.BUY, "100", "1", status="partially_filled")
    _fold(bot)
    report = _verified(bot)
    assert report.is_balanced
    assert report.notes == [
        "the state was not compared: the next tick folds newer fills or funding, "
        "or waits for an order"
    ]


def test_an_unsettled_order_may_know_more_than_its_fills(bot: BotConfig) -> None:
    add_order(bot, Side.BUY, status="unknown", quantity=D(1), filled_quantity=D(1))
    assert _verified(bot).is_balanced


def _run(*arguments: str) -> str:
    out = StringIO()
    call_command("verify_ledger", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_says_that_books_balance(bot: BotConfig) -> None:
    _traded(bot)
    text = _run()
    assert f"Bot {bot.pk}, Bitcoin: fills 3, held 1.298" in text
    assert "The books of 1 bot(s) balance." in text


def test_the_command_fails_and_names_what_differs(bot: BotConfig) -> None:
    _traded(bot)
    BotState.objects.update(total_realized_pnl=D(5))
    out = StringIO()
    with pytest.raises(CommandError, match=f"do not balance, or nobody could tell: bot {bot.pk}"):
        call_command("verify_ledger", "--json", stdout=out)
    told = json.loads(out.getvalue())
    assert told["balanced"] is False
    (finding,) = told["bots"][0]["findings"]
    assert (finding["what"], finding["found"]) == ("state, realized profit", "5")


def test_the_command_takes_one_bot_and_refuses_one_that_is_not_there(bot: BotConfig) -> None:
    assert "balance" in _run("--bot", str(bot.pk))
    with pytest.raises(CommandError, match="--bot: there is no bot 987654"):
        _run("--bot", "987654")


def test_with_the_venue_a_wallet_that_holds_less_than_the_bots_is_found(
    bot: BotConfig, venue: RunningExchange
) -> None:
    trade(bot, Side.BUY, "100", "1")
    _fold(bot)
    assert "balance" in _run()
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("verify_ledger", "--venue", stdout=out)
    assert "BTC in the wallet, at least: expected 1, found 0" in out.getvalue()
    assert bot.api_key is not None
    assert spot_gateway_for(bot.api_key).account().free("BTC") == D(0)


def test_with_the_venue_a_futures_position_that_differs_is_found(bot: BotConfig) -> None:
    BotConfig.objects.filter(pk=bot.pk).update(position_type="futures")
    bot = BotConfig.objects.select_related("api_key").get(pk=bot.pk)
    assert '"balanced": true' in _run("--venue", "--json")
    trade(bot, Side.SELL, "100", "1", leg=Leg.ENTRY, direction="short")
    _fold(bot)
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("verify_ledger", "--venue", stdout=out)
    assert "position in BTCUSDT at the venue: expected 0, found -1" in out.getvalue()


def test_what_real_ticks_have_traded_balances_with_the_venue(bot: BotConfig, go_to: GoTo) -> None:
    bot.stop_loss_perc = D(2)
    bot.save()
    start_bot(bot_id=bot.pk, actor=None)
    go_to(AT_BUY)
    run_tick(bot.pk)
    run_tick(bot.pk)
    assert BotState.objects.get().in_position
    assert "The books of 1 bot(s) balance." in _run("--venue")
    go_to(AT_SELL)
    run_tick(bot.pk)
    run_tick(bot.pk)
    assert not BotState.objects.get().in_position
    assert "The books of 1 bot(s) balance." in _run("--venue")
    assert Trade.objects.filter(pnl__isnull=False).count() == 1


def test_a_bot_that_is_being_ticked_is_named_and_left_alone(
    bot: BotConfig, worker_thread: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bots.engine.ledger_at_venue.WAITS_SECONDS", 1)
    with bot_lock(bot.pk), pytest.raises(CommandError, match=f"bot {bot.pk}"):
        worker_thread(_run).result(30)


def test_a_bot_without_a_key_has_its_orders_compared(bot: BotConfig) -> None:
    _traded(bot)
    BotConfig.objects.update(api_key=None)
    assert "it has no API key, so only its orders were compared" in _run()
    Order.objects.filter(client_order_id="test-1").update(filled_quantity=D(1))
    with pytest.raises(CommandError):
        _run()

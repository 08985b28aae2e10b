"""What a tick reads for its decision, over HTTP against the demo exchange."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from bots.domain.direction import Direction
from bots.engine import brackets
from bots.engine.brackets import brackets_of
from bots.engine.snapshot import read_futures, read_market, take_snapshot
from bots.engine.venue import open_gateway
from bots.locks import bot_lock
from bots.models import BotConfig, BotState, Order
from exchange.demo.testing import RunningExchange
from exchange.domain.futures_gateway import FuturesGateway
from exchange.models import ExchangeAccount
from exchange.registry import futures_gateway_for

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])

D = Decimal


@pytest.fixture
def futures_bot(bot: BotConfig) -> BotConfig:
    BotConfig.objects.filter(pk=bot.pk).update(position_type="futures", direction="both")
    return BotConfig.objects.get(pk=bot.pk)


@pytest.fixture
def state(bot: BotConfig, venue: RunningExchange) -> Iterator[BotState]:
    with bot_lock(bot.pk) as locked:
        locked.day_start_equity = D(5000)
        yield locked


def gateway_of(bot: BotConfig) -> FuturesGateway:
    assert bot.api_key is not None
    return futures_gateway_for(bot.api_key)


def take(state: BotState, **given: Any) -> Any:
    gateway = open_gateway(state.bot)
    view = read_market(state, gateway=gateway)
    rules = gateway.rules(state.bot.symbol)
    return take_snapshot(state, view, gateway=gateway, rules=rules, **given)


def order(bot: BotConfig, leg: str, name: str, **columns: Any) -> Order:
    assert bot.api_key is not None
    known = {
        "market": bot.position_type,
        "symbol": "BTCUSDT",
        "source": "t",
        "slot": 1,
        "side": "SELL",
        "quantity": D("0.01"),
        "intent_reason": "protection",
        "signed_at_ms": 1,
        "recv_window_ms": 5000,
        "status": "open",
        "sent_at": datetime(2026, 1, 1, tzinfo=UTC),
    }
    return Order.objects.using("journal").create(
        bot=bot, account=bot.api_key.account, leg=leg, client_order_id=name, **{**known, **columns}
    )


def test_a_spot_snapshot_knows_nothing_of_futures(state: BotState) -> None:
    taken = take(state)
    assert taken.futures is None
    assert taken.parameters == state.bot.parameters
    assert (taken.free_quote, taken.free_base) == (D(10000), D(0))


def test_coins_that_the_bots_own_stops_hold_count_as_free_once_per_list(state: BotState) -> None:
    bot = state.bot
    state.in_position = True
    order(bot, "s", "a-s", list_client_order_id="a", quantity=D("0.03"))
    order(bot, "t", "a-t", list_client_order_id="a", quantity=D("0.03"), attempt=2)
    order(bot, "s", "b", slot=2, quantity=D("0.02"), filled_quantity=D("0.005"))
    order(bot, "s", "c", slot=3, status="canceled")
    order(bot, "s", "d", slot=4, status="intended", sent_at=None)
    order(bot, "x", "e", slot=5)
    assert take(state).free_base == D("0.045")
    state.in_position = False
    assert take(state).free_base == D(0)


def test_settings_that_wait_for_the_next_entry_are_not_read_while_a_position_is_open(
    state: BotState,
) -> None:
    state.entry_settings = {"timeframe": "15m", "ema_slow": 34}
    state.in_position = True
    taken = take(state)
    assert (taken.parameters.timeframe, taken.parameters.ema_slow) == ("15m", 34)
    first, second = taken.klines[0].open_time, taken.klines[1].open_time
    assert (second - first).total_seconds() == 900


def test_a_futures_snapshot_holds_mark_price_and_tiers(
    futures_bot: BotConfig, state: BotState
) -> None:
    state.bot = futures_bot
    state.liquidation_price = D(90000)
    taken = take(state)
    mark = gateway_of(futures_bot).mark_price("BTCUSDT").mark_price
    assert taken.futures.mark_price == mark == state.mark_price
    assert taken.futures.brackets == gateway_of(futures_bot).leverage_brackets("BTCUSDT")
    assert taken.futures.liquidation_price is None  # nothing is held
    state.in_position = True
    view = read_futures(state, gateway=open_gateway(futures_bot))
    assert view is not None
    assert view.liquidation_price == D(90000)


def test_the_tiers_are_asked_for_once_an_hour(
    futures_bot: BotConfig, venue: RunningExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = gateway_of(futures_bot)
    known = brackets_of("BTCUSDT", gateway=gateway)
    venue.set_fault(endpoint="GET /fapi/v1/leverageBracket", action="error", code=-1001)
    assert brackets_of("BTCUSDT", gateway=gateway) is known
    now = time.monotonic()
    monkeypatch.setattr(brackets, "time", _Clock(now + brackets.KEPT_SECONDS))
    assert brackets_of("BTCUSDT", gateway=gateway) is not known
    (fault,) = venue.faults()
    assert fault["hits"] == 1


class _Clock:
    def __init__(self, now: float) -> None:
        self.now = now

    def monotonic(self) -> float:
        return self.now


def test_which_way_the_last_position_went_is_asked_of_bots_that_turn_around(
    futures_bot: BotConfig, state: BotState
) -> None:
    state.bot = futures_bot
    assert take(state).last_close_direction is None
    order(futures_bot, "x", "a", direction="short", filled_quantity=D("0.01"), status="filled")
    order(futures_bot, "e", "b", slot=2, filled_quantity=D("0.01"), status="filled")
    order(futures_bot, "x", "c", slot=3, direction="long", status="canceled")
    assert take(state).last_close_direction is Direction.SHORT
    state.bot.direction = "long"
    assert take(state).last_close_direction is None


def test_the_exposure_of_the_account_is_counted_where_a_cap_asks_for_it(
    state: BotState, bot: BotConfig
) -> None:
    assert take(state).caps.max_exposure is None
    ExchangeAccount.objects.update(max_exposure=D(700), max_open_positions=3)
    state.bot = BotConfig.objects.select_related("api_key__account").get(pk=bot.pk)
    taken = take(state)
    assert (taken.caps.max_exposure, taken.caps.max_open_positions) == (D(700), 3)
    assert taken.exposure.open_positions == 0

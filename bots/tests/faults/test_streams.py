"""Streams that are silent, cut, late, doubled or lying: speed is lost, and never a fill."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest
import redis

from bots.models import BotState, Fill, Order, Tick
from bots.tests.engine.conftest import AT_SELL
from bots.tests.faults.conftest import MakeStage
from bots.tests.faults.listening import Listener, listening, series_of
from bots.tests.faults.promises import placed_by_us
from bots.tests.faults.recovery import recover
from bots.tests.faults.scenarios import Market
from bots.tests.faults.stage import Stage, until
from bots.tests.faults.table import Row
from bots.tests.faults.test_stops_and_positions import is_flat, is_guarded, level
from exchange.demo.streams.targets import Category
from exchange.domain.streams import AccountEvent, AccountEventKind
from exchange.domain.types import Environment
from exchange.domain.types import Market as VenueMarket
from exchange.feed.announcing import AccountNews, encode
from exchange.feed.tests.running import stored
from exchange.market_data import names

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "journal"]),
    pytest.mark.long,
]

BOTH: Final = pytest.mark.parametrize("market", list(Market))
USER: Final = {Market.SPOT: "STREAM user", Market.FUTURES: "STREAM um:user"}
KLINES: Final = {Market.SPOT: "STREAM *@kline_*", Market.FUTURES: "STREAM um:*@kline_*"}
HANDSHAKE: Final = {Market.SPOT: "GET /ws-api/v3", Market.FUTURES: "GET /private/*"}


def stop_fires(stage: Stage) -> None:
    """Have the venue fill the stop of a bot that holds something."""
    stage.move_price(level(stage, "-3"))
    assert _traded(stage) == ["BUY", "SELL"]
    assert stage.state.in_position  # it does not know yet


def is_closed_once(stage: Stage) -> bool:
    """Say whether the position was closed by one sale, and booked once."""
    return is_flat(stage) and _traded(stage) == ["BUY", "SELL"]


def _traded(stage: Stage) -> list[str]:
    return [one.side for one in placed_by_us(stage.venue.ledger()) if one.filled]


@BOTH
def test_the_account_stream_lives_and_says_nothing(
    market: Market, make_holder: MakeStage, row: Row
) -> None:
    row.did = "sold by the stop"
    stage = make_holder(market)
    with listening(stage) as listener:
        stage.venue.set_fault(endpoint=USER[market], action="silence", times=None)
        stop_fires(stage)
        assert listener.stays_quiet()
        assert listener.news == []
        assert stage.venue.faults()[0]["hits"]
        row.ticks = recover(stage, until=is_closed_once)


_ENDS: Final[dict[str, Callable[[Stage], Any]]] = {
    "serverShutdown": lambda stage: stage.venue.control("streams", {"action": "shutdown"}),
    "the cut after 24 hours": lambda stage: stage.venue.cut_streams(),
    "listenKey expired": lambda stage: stage.venue.control(
        "streams", {"action": "expire_listen_keys"}
    ),
}


@pytest.mark.parametrize(
    ("market", "end"),
    [
        (Market.SPOT, "serverShutdown"),
        (Market.SPOT, "the cut after 24 hours"),
        (Market.FUTURES, "the cut after 24 hours"),
        (Market.FUTURES, "listenKey expired"),
    ],
)
def test_the_stop_fires_while_the_account_stream_is_away(
    market: Market, end: str, make_holder: MakeStage, row: Row
) -> None:
    row.name, row.did = f"the stop fires while the stream is away: {end}", "sold by the stop"
    stage = make_holder(market)
    with listening(stage) as listener:
        assert _listens_to_the_account(stage)
        handshake = {"when": "before", "action": "drop", "times": None}
        stage.venue.set_fault(endpoint=HANDSHAKE[market], **handshake)
        _ENDS[end](stage)
        until(lambda: not _listens_to_the_account(stage))
        stop_fires(stage)
        assert listener.stays_quiet()
        stage.venue.clear_faults()
        listener.wait_for(AccountEventKind.RESYNC)
        assert {one.event.kind for one in listener.news} == {AccountEventKind.RESYNC}
        assert listener.tick() == 1
        assert is_closed_once(stage)
        row.ticks = 1 + recover(stage, until=is_closed_once)


def _listens_to_the_account(stage: Stage) -> bool:
    return bool(_account_sockets(stage))


def _account_sockets(stage: Stage) -> list[dict[str, Any]]:
    doors = (Category.SPOT_API, Category.FUTURES_PRIVATE)
    return [one for one in stage.venue.streams() if one["category"] in doors]


@BOTH
def test_the_first_event_about_the_stop_is_lost(
    market: Market, make_holder: MakeStage, row: Row
) -> None:
    row.did = "sold by the stop"
    stage = make_holder(market)
    with listening(stage) as listener:
        stage.venue.set_fault(endpoint=USER[market], action="lose")
        stop_fires(stage)
        until(listener.tick)
        assert [one["hits"] for one in stage.venue.faults()] == [1]
        _hear_it_all(listener)
        assert is_closed_once(stage)
        row.ticks = 1 + recover(stage, until=is_closed_once)


@BOTH
def test_every_event_comes_twice(market: Market, make_holder: MakeStage, row: Row) -> None:
    row.did = "sold by the stop"
    stage = make_holder(market)
    with listening(stage) as listener:
        stage.venue.set_fault(endpoint=USER[market], action="duplicate", times=None)
        stop_fires(stage)
        until(listener.tick)
        _hear_it_all(listener)
        words = [str(one.event) for one in listener.news]
        assert len(words) == 2 * len(set(words))
        assert is_closed_once(stage)
        # The entry's, one for all that was told, and one for what was told while that was at work.
        assert Tick.objects.count() <= 3
        row.ticks = 1 + recover(stage, until=is_closed_once)


@BOTH
def test_the_events_come_when_the_next_check_has_long_booked_it(
    market: Market, make_holder: MakeStage, row: Row
) -> None:
    row.did = "sold by the stop"
    stage = make_holder(market)
    with listening(stage) as listener:
        stage.venue.set_fault(endpoint=USER[market], action="late", seconds=0.8, times=None)
        stop_fires(stage)
        assert stage.tick()
        assert is_closed_once(stage)
        before, ticks = _books(), Tick.objects.count()
        assert listener.news == []
        until(lambda: "FILLED" in _words(listener) or "FINISHED" in _words(listener))
        _hear_it_all(listener)
        assert _books() == before
        # What names no order may be somebody else's doing: it is looked at, once.
        assert Tick.objects.count() - ticks <= 1
        row.ticks = 1 + recover(stage, until=is_closed_once)


def test_an_event_tells_of_a_stop_that_never_fired(
    make_holder: MakeStage, row: Row, clean_redis: Any
) -> None:
    stage = make_holder(Market.SPOT)
    stop = Order.objects.get(leg="s", status="open")
    with listening(stage) as listener:
        before = _books()
        clean_redis.publish(names.account_channel(), _lie(stage, stop))
        until(listener.tick)
        assert _books() == before
        assert is_guarded(stage)
        row.ticks = 1 + recover(stage, until=is_guarded)
    assert _traded(stage) == ["BUY"]


def _lie(stage: Stage, stop: Order) -> str:
    event = AccountEvent(
        kind=AccountEventKind.ORDER,
        symbol=stop.symbol,
        client_order_id=stop.client_order_id,
        status="FILLED",
        filled_quantity=stop.quantity,
    )
    news = AccountNews(
        account_id=stop.account_id,
        environment=Environment.DEMO,
        market=VenueMarket(stage.bot.position_type),
        event=event,
    )
    return encode(news)


def test_the_market_feed_is_killed_and_the_stop_fires(make_holder: MakeStage, row: Row) -> None:
    row.did = "sold by the stop"
    stage = make_holder(Market.FUTURES)
    with Listener(stage) as listener:
        with listening(stage):
            pass
        listener.hear()
        listener.forget()
        stop_fires(stage)
        assert listener.stays_quiet()
        row.ticks = recover(stage, until=is_closed_once)


def test_the_dispatcher_is_killed_with_its_claims_in_hand(make_holder: MakeStage, row: Row) -> None:
    row.did = "sold by the stop"
    stage = make_holder(Market.SPOT)
    with listening(stage) as listener:
        stop_fires(stage)
        until(lambda: listener.hear() and listener.claims())
        listener.forget()  # nothing reached the queue, and what was heard died with it
        assert not stage.tick()  # the beat takes the tick for one on its way ...
        row.ticks = recover(stage, until=is_closed_once)  # ... for ten seconds of wall time


def test_redis_cuts_the_dispatcher_off_and_what_was_told_meanwhile_reaches_nobody(
    make_holder: MakeStage, row: Row, cut_subscriptions: Callable[[], None]
) -> None:
    row.did = "sold by the stop"
    stage = make_holder(Market.SPOT)
    with listening(stage) as listener:
        cut_subscriptions()
        with pytest.raises(redis.ConnectionError):
            listener.hear()
        (socket,) = _account_sockets(stage)
        stop_fires(stage)
        until(lambda: _account_sockets(stage)[0]["sent"] > socket["sent"])
        listener.open_anew()
        assert listener.stays_quiet()
        row.ticks = recover(stage, until=is_closed_once)


@BOTH
def test_events_are_lost_doubled_and_late_and_the_stream_is_cut_all_at_once(
    market: Market, make_holder: MakeStage, row: Row
) -> None:
    row.did = "sold by the stop"
    stage = make_holder(market)
    with listening(stage) as listener:
        for fault in (
            {"action": "lose", "probability": 0.3},
            {"action": "duplicate", "probability": 0.5},
            {"action": "late", "seconds": 0.2, "probability": 0.5},
            {"action": "cut", "probability": 0.3},
        ):
            stage.venue.set_fault(endpoint=USER[market], times=None, **fault)
        stop_fires(stage)
        _hear_it_all(listener)
        stage.venue.cut_streams()
        listener.wait_for(AccountEventKind.RESYNC)
        _hear_it_all(listener)
        row.ticks = recover(stage, until=is_closed_once)


@pytest.mark.parametrize("action", ["silence", "late"])
def test_the_stream_of_klines_says_nothing_in_time_when_the_bot_has_to_sell(
    action: str, make_holder: MakeStage, row: Row
) -> None:
    row.name, row.did = f"the kline stream is struck when the bot has to sell: {action}", "sold"
    market = Market.SPOT
    stage = make_holder(market)
    fault: dict[str, Any] = {"seconds": 0.8} if action == "late" else {}
    with listening(stage):
        until(lambda: stored(series_of(stage), 1))
        stage.venue.set_fault(endpoint=KLINES[market], action=action, times=None, **fault)
        stage.go_to(AT_SELL)
        assert stage.tick()
        assert is_closed_once(stage)
        assert stage.venue.faults()[0]["hits"]
        row.ticks = 1 + recover(stage, until=is_closed_once)


def _hear_it_all(listener: Listener) -> None:
    """Tick for whatever is still told, until nothing more comes."""
    until(listener.stays_quiet)


def _words(listener: Listener) -> set[str | None]:
    listener.hear()
    return {one.event.status for one in listener.news}


def _books() -> dict[str, Any]:
    state = BotState.objects.get()
    return {
        "orders": list(Order.objects.order_by("pk").values("client_order_id", "status")),
        "fills": list(Fill.objects.order_by("pk").values("trade_id", "quantity", "price")),
        "held": (state.in_position, state.current_position_size_coins, state.position_cost),
    }

"""The streams against the demo exchange: what they tell is what REST says, whatever breaks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from exchange.binance.futures import BinanceFuturesGateway
from exchange.binance.listing_cache import drop_listing_caches
from exchange.binance.rules_cache import drop_rules_caches
from exchange.binance.spot import BinanceSpotGateway
from exchange.binance.streams.futures_account import FuturesAccountStream
from exchange.binance.streams.market import MarketStream
from exchange.binance.streams.spot_account import SpotAccountStream
from exchange.binance.streams.tests.venue import QUICK, running, until
from exchange.binance.tests.conftest import loopback_urls
from exchange.demo.testing import TEST_KEY, TEST_SECRET, RunningExchange
from exchange.demo.venue import Venue
from exchange.domain.algo_orders import AlgoOrderRequest, AlgoOrderType
from exchange.domain.futures import MarginType
from exchange.domain.orders import MarketOrderRequest
from exchange.domain.streams import AccountEvent, AccountEventKind, KlineStream, KlineUpdate
from exchange.domain.types import Environment, Kline, Market, Side

BTC = KlineStream("BTCUSDT", "1m")
MINUTE = timedelta(minutes=1)
CALM = replace(QUICK, open_seconds=5.0, reply_seconds=5.0, message_seconds=0.25)
KINDS = AccountEventKind
GATEWAYS: dict[Market, Any] = {
    Market.SPOT: BinanceSpotGateway,
    Market.FUTURES: BinanceFuturesGateway,
}
BOTH = pytest.mark.parametrize("market", list(Market))


@pytest.fixture
def demo() -> Iterator[RunningExchange]:
    """Run an exchange whose minutes are half a second long."""
    drop_listing_caches()
    drop_rules_caches()
    with RunningExchange(speed=120.0) as exchange:
        yield exchange


@contextmanager
def opened(demo: RunningExchange, market: Market) -> Iterator[Any]:
    gateway = GATEWAYS[market](
        environment=Environment.DEMO,
        urls=loopback_urls(demo.url),
        key=TEST_KEY,
        secret=TEST_SECRET,
    )
    try:
        yield gateway
    finally:
        gateway.close()


class Heard:
    """The closed klines and losses of one stream."""

    def __init__(self, demo: RunningExchange, market: Market, **settings: Any) -> None:
        self.updates: list[KlineUpdate] = []
        self.subscriptions = 0
        self.downs: list[str] = []
        self.stream = MarketStream(
            urls=loopback_urls(demo.url),
            market=market,
            on_kline=self.updates.append,
            on_subscribed=self._subscribed,
            on_down=self.downs.append,
            settings=replace(CALM, **settings),
        )
        self.stream.want([BTC])

    @property
    def closed(self) -> list[Kline]:
        """Return the closed klines in the order of their arrival."""
        return [update.kline for update in self.updates if update.kline.is_closed]

    def _subscribed(self, _: frozenset[KlineStream]) -> None:
        self.subscriptions += 1


def play(story: Callable[[], Awaitable[None]]) -> None:
    async def within_time() -> None:
        async with asyncio.timeout(20):
            await story()

    asyncio.run(within_time())


@BOTH
def test_every_close_is_told_once_in_order_and_as_rest_tells_it(
    demo: RunningExchange, market: Market
) -> None:
    heard = Heard(demo, market)

    async def story() -> None:
        async with running(heard.stream):
            await until(lambda: len(heard.closed) >= 4)

    play(story)
    with opened(demo, market) as gateway:
        rows = gateway.klines("BTCUSDT", "1m", limit=30)

    closed = heard.closed
    times = [kline.open_time for kline in closed]
    assert times == [times[0] + number * MINUTE for number in range(len(times))]
    by_time = {row.open_time: row for row in rows}
    assert closed == [by_time[kline.open_time] for kline in closed]
    assert all(update.event_time >= update.kline.open_time for update in heard.updates)
    assert heard.downs == []


@BOTH
def test_after_a_cut_the_stream_is_subscribed_to_again(
    demo: RunningExchange, market: Market
) -> None:
    heard = Heard(demo, market)

    async def story() -> None:
        async with running(heard.stream):
            await until(lambda: heard.closed)
            demo.cut_streams()
            await until(lambda: heard.subscriptions == 2)
            told = len(heard.closed)
            await until(lambda: len(heard.closed) > told)

    play(story)

    assert len(heard.downs) == 1


def test_a_venue_that_shuts_a_connection_down_is_left_before(demo: RunningExchange) -> None:
    heard = Heard(demo, Market.SPOT)
    demo.set_fault(endpoint="STREAM btcusdt@kline_1m", action="shutdown", seconds=2, times=1)

    async def story() -> None:
        async with running(heard.stream):
            await until(lambda: heard.subscriptions == 2)
            told = len(heard.closed)
            await until(lambda: len(heard.closed) >= told + 2)

    play(story)

    assert heard.downs == []


def test_a_venue_that_freezes_is_found_out_by_its_silence_to_pings(demo: RunningExchange) -> None:
    heard = Heard(demo, Market.SPOT, ping_seconds=0.3, pong_seconds=0.3, message_seconds=0.5)

    async def story() -> None:
        async with running(heard.stream):
            await until(lambda: heard.updates)
            demo.set_fault(endpoint="STREAM *", action="freeze", seconds=30, times=1)
            await until(lambda: heard.subscriptions == 2)
            told = len(heard.updates)
            await until(lambda: len(heard.updates) > told)

    play(story)

    assert heard.downs == ["the venue did not answer a ping in time"]


def test_a_handshake_that_is_refused_is_tried_again(demo: RunningExchange) -> None:
    heard = Heard(demo, Market.SPOT)
    demo.set_fault(endpoint="GET /ws*", action="status", status=503, times=2)

    async def story() -> None:
        async with running(heard.stream):
            await until(lambda: heard.closed)

    play(story)

    assert heard.downs == ["the handshake was refused (HTTP 503)"]


class Account:
    """What one account stream told."""

    def __init__(self) -> None:
        self.events: list[AccountEvent] = []
        self.links: list[tuple[bool, str]] = []

    def link(self, is_up: bool, reason: str) -> None:  # noqa: FBT001
        """Remember what became of the connection."""
        self.links.append((is_up, reason))

    def of(self, kind: AccountEventKind) -> list[AccountEvent]:
        """Return the events of one kind."""
        return [event for event in self.events if event.kind is kind]


def spot_stream(demo: RunningExchange, gateway: Any, account: Account) -> SpotAccountStream:
    async def now_ms() -> int:
        return int(await asyncio.to_thread(gateway.signing_time_ms))

    return SpotAccountStream(
        urls=loopback_urls(demo.url),
        key=TEST_KEY,
        secret=TEST_SECRET,
        now_ms=now_ms,
        on_event=account.events.append,
        on_link=account.link,
        settings=CALM,
    )


def buy(gateway: Any, name: str, quantity: str) -> None:
    request = MarketOrderRequest(
        symbol="BTCUSDT",
        side=Side.BUY,
        quantity=Decimal(quantity),
        client_order_id=name,
        signed_at_ms=gateway.signing_time_ms(),
        recv_window_ms=5000,
    )
    gateway.place_market_order(request, permit=gateway.permit_orders())


def test_a_spot_order_is_told_again_after_every_connection(demo: RunningExchange) -> None:
    account = Account()

    async def story(gateway: Any) -> None:
        async with running(spot_stream(demo, gateway, account)):
            await until(lambda: account.of(KINDS.RESYNC))
            await asyncio.to_thread(buy, gateway, "first", "0.001")
            await until(lambda: account.of(KINDS.ACCOUNT))
            await asyncio.to_thread(demo.cut_streams)
            await until(lambda: len(account.of(KINDS.RESYNC)) == 2)
            await asyncio.to_thread(buy, gateway, "second", "0.002")
            await until(lambda: len(account.of(KINDS.ACCOUNT)) == 2)

    with opened(demo, Market.SPOT) as gateway:
        play(lambda: story(gateway))

    filled = [event for event in account.of(KINDS.ORDER) if event.status == "FILLED"]
    assert [(event.client_order_id, event.filled_quantity) for event in filled] == [
        ("first", Decimal("0.001")),
        ("second", Decimal("0.002")),
    ]
    assert {event.symbol for event in filled} == {"BTCUSDT"}
    assert [is_up for is_up, _ in account.links] == [True, False, True]


def test_a_clock_that_was_measured_wrong_does_not_keep_an_account_unheard(
    demo: RunningExchange,
) -> None:
    account = Account()

    async def years_ago() -> int:
        return 1_500_000_000_000

    async def story(gateway: Any) -> None:
        stream = spot_stream(demo, gateway, account)
        stream._now_ms = years_ago
        async with running(stream):
            await until(lambda: account.of(KINDS.RESYNC))

    with opened(demo, Market.SPOT) as gateway:
        play(lambda: story(gateway))

    assert account.links == [(True, "")]


def test_a_wrong_secret_is_told_and_not_tried_again(demo: RunningExchange) -> None:
    account = Account()

    async def story(gateway: Any) -> None:
        stream = spot_stream(demo, gateway, account)
        stream._secret = "wrong" * 8
        async with running(stream):
            await until(lambda: account.links)
            await asyncio.sleep(0.3)

    with opened(demo, Market.SPOT) as gateway:
        play(lambda: story(gateway))

    (link,) = account.links
    assert link[0] is False
    assert "(code -1022)" in link[1]
    assert account.events == []


class GatewayKeys:
    """Listen keys of a gateway, asked for in a thread."""

    def __init__(self, gateway: Any) -> None:
        self._gateway = gateway

    async def open(self) -> str:
        """Return the account's listen key."""
        return str(await asyncio.to_thread(self._gateway.open_listen_key))


def expire_listen_keys(venue: Venue) -> None:
    (account,) = venue.accounts.values()
    word = venue.listen_keys.word_of(account.uid)
    assert word is not None
    venue.listen_keys.close(word)


def protect(gateway: Any) -> None:
    request = AlgoOrderRequest(
        symbol="BTCUSDT",
        side=Side.SELL,
        type=AlgoOrderType.STOP_MARKET,
        client_order_id="protects",
        quantity=Decimal("0.010"),
        trigger_price=Decimal(99_000),
        signed_at_ms=gateway.signing_time_ms(),
        recv_window_ms=5000,
    )
    gateway.place_algo_order(request, permit=gateway.permit_orders())


def test_futures_tell_orders_algo_orders_and_the_account_also_after_a_key_expired(
    demo: RunningExchange,
) -> None:
    account = Account()
    demo.set_price("BTCUSDT", "100000")

    async def story(gateway: Any) -> None:
        stream = FuturesAccountStream(
            urls=loopback_urls(demo.url),
            listen_keys=GatewayKeys(gateway),
            on_event=account.events.append,
            on_link=account.link,
            settings=CALM,
        )
        async with running(stream):
            await until(lambda: account.of(KINDS.RESYNC))
            await asyncio.to_thread(buy, gateway, "entry", "0.010")
            await until(lambda: account.of(KINDS.ORDER) and account.of(KINDS.ACCOUNT))
            await asyncio.to_thread(demo.run_inside, expire_listen_keys)
            await until(lambda: len(account.of(KINDS.RESYNC)) == 2)
            await asyncio.to_thread(protect, gateway)
            await until(lambda: account.of(KINDS.ALGO_ORDER))
            await asyncio.to_thread(demo.set_price, "BTCUSDT", "98500")
            await until(
                lambda: [one for one in account.of(KINDS.ALGO_ORDER) if one.status == "FINISHED"]
            )

    with opened(demo, Market.FUTURES) as gateway:
        gateway.set_margin_type("BTCUSDT", MarginType.ISOLATED)
        play(lambda: story(gateway))

    entries = [event for event in account.of(KINDS.ORDER) if event.client_order_id == "entry"]
    assert ("FILLED", Decimal("0.010")) in [(one.status, one.filled_quantity) for one in entries]
    algo = account.of(KINDS.ALGO_ORDER)
    assert {one.client_order_id for one in algo} == {"protects"}
    assert algo[0].status == "NEW"
    assert algo[-1].filled_quantity == Decimal("0.010")
    assert account.links == [(True, ""), (False, "the listen key expired"), (True, "")]

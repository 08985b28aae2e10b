"""What the futures gateway reserves for each of its calls against what the exchange counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

import pytest

from exchange.binance.futures import BinanceFuturesGateway
from exchange.binance.governor import Governor
from exchange.binance.ledgers import WEIGHT
from exchange.binance.listing_cache import drop_listing_caches
from exchange.binance.local_ledger import LocalLedger
from exchange.binance.tests.conftest import loopback_urls
from exchange.demo.limits import FUTURES_WEIGHT_LIMIT, RateLimits, futures_rules
from exchange.demo.testing import TEST_KEY, TEST_SECRET, RunningExchange
from exchange.domain.algo_orders import AlgoOrderRequest, AlgoOrderType
from exchange.domain.budget import Priority, asking_for
from exchange.domain.errors import OrderRejectedError, RateLimitedError
from exchange.domain.futures import MarginType
from exchange.domain.orders import LimitOrderRequest, MarketOrderRequest
from exchange.domain.types import Environment, Market, Side

SYMBOL: Final = "BTCUSDT"
PEER: Final = "127.0.0.1"
Ask = Callable[[BinanceFuturesGateway], object]


class WatchedLedger(LocalLedger):
    """Adds up what was reserved."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = 0

    def reserve(self, base: str, request_id: str, draws: Any, **more: Any) -> Any:
        """Reserve, and remember how much weight."""
        self.weight += sum(draw.amount for draw in draws if draw.window.kind == WEIGHT)
        return super().reserve(base, request_id, draws, **more)


@pytest.fixture
def demo() -> Iterator[RunningExchange]:
    """Run an exchange whose counters never begin anew."""
    drop_listing_caches()
    with RunningExchange(is_paused=True) as exchange:
        exchange.set_price(SYMBOL, "100000")
        exchange.run_inside(_stop_windows)
        yield exchange


def _stop_windows(venue: Any) -> None:
    venue.futures_limits = RateLimits(lambda: 30.0, futures_rules())


@pytest.fixture
def ledger() -> WatchedLedger:
    """Return a budget that nobody else draws on."""
    return WatchedLedger()


@pytest.fixture
def gateway(demo: RunningExchange, ledger: WatchedLedger) -> Iterator[BinanceFuturesGateway]:
    """Open the account with its clock measured and its symbol isolated."""
    gateway = BinanceFuturesGateway(
        environment=Environment.DEMO,
        urls=loopback_urls(demo.url),
        key=TEST_KEY,
        secret=TEST_SECRET,
        governor=Governor(ledger, market=Market.FUTURES),
    )
    gateway.set_margin_type(SYMBOL, MarginType.ISOLATED)
    yield gateway
    gateway.close()


def signed(gateway: BinanceFuturesGateway) -> dict[str, Any]:
    return {"symbol": SYMBOL, "signed_at_ms": gateway.signing_time_ms(), "recv_window_ms": 5000}


def buy(gateway: BinanceFuturesGateway) -> MarketOrderRequest:
    return MarketOrderRequest(
        side=Side.BUY, quantity=Decimal("0.010"), client_order_id="bought", **signed(gateway)
    )


def rest(gateway: BinanceFuturesGateway, name: str = "rests") -> object:
    request = LimitOrderRequest(
        side=Side.BUY,
        quantity=Decimal("0.010"),
        price=Decimal(96_000),
        client_order_id=name,
        **signed(gateway),
    )
    return gateway.place_limit_order(request, permit=gateway.permit_orders())


def protect(gateway: BinanceFuturesGateway) -> object:
    request = AlgoOrderRequest(
        side=Side.SELL,
        type=AlgoOrderType.STOP_MARKET,
        client_order_id="protects",
        quantity=Decimal("0.010"),
        trigger_price=Decimal(90_000),
        **signed(gateway),
    )
    return gateway.place_algo_order(request, permit=gateway.permit_orders())


def refused(ask: Ask) -> Ask:
    def asking(gateway: BinanceFuturesGateway) -> object:
        with pytest.raises(OrderRejectedError):
            ask(gateway)
        return None

    return asking


def _yesterday(gateway: BinanceFuturesGateway) -> Any:
    return gateway.ticker(SYMBOL).market_time - timedelta(days=1)


# what is asked, what it weighs at the venue (USD-M documentation)
CALLS: Final[dict[str, tuple[Ask, int]]] = {
    "time": (lambda one: one.server_time_ms(), 1),
    "resync": (lambda one: one.resync_clock(), 1),
    "ticker": (lambda one: one.ticker(SYMBOL), 1),
    "klines 99": (lambda one: one.klines(SYMBOL, "1m", limit=99), 1),
    "klines 100": (lambda one: one.klines(SYMBOL, "1m", limit=100), 2),
    "klines 499": (lambda one: one.klines(SYMBOL, "1m", limit=499), 2),
    "klines 500": (lambda one: one.klines(SYMBOL, "1m", limit=500), 5),
    "klines 1000": (lambda one: one.klines(SYMBOL, "1m", limit=1000), 5),
    "rules": (lambda one: one.rules(SYMBOL, max_age=0), 1),
    "mark price": (lambda one: one.mark_price(SYMBOL), 1),
    "brackets": (lambda one: one.leverage_brackets(SYMBOL), 1),
    "account": (lambda one: one.account(), 10),
    "futures account": (lambda one: one.futures_account(), 5),
    "permissions": (lambda one: one.key_permissions(), 5),
    "hedge mode": (lambda one: one.is_hedge_mode(), 5),
    "commission": (lambda one: one.commission_rates(SYMBOL), 20),
    "positions": (lambda one: one.positions(), 5),
    "position": (lambda one: one.positions(SYMBOL), 5),
    "symbol config": (lambda one: one.symbol_config(SYMBOL), 5),
    "open listen key": (lambda one: one.open_listen_key(), 1),
    "set hedge mode": (lambda one: one.set_hedge_mode(is_on=False), 1),
    "set margin type": (lambda one: one.set_margin_type(SYMBOL, MarginType.ISOLATED), 1),
    "set leverage": (lambda one: one.set_leverage(SYMBOL, 10), 1),
    "income": (lambda one: one.income(start=_yesterday(one)), 30 + 1),
    "trades": (lambda one: one.trades(SYMBOL, start=_yesterday(one)), 5 + 1 + 1),
    "trades of an order that has none": (lambda one: one.trades_of_order(SYMBOL, "1"), 2 * 5),
    "order": (lambda one: one.order_by_client_id(SYMBOL, "nobody"), 1),
    "order by number": (lambda one: one.order_by_venue_id(SYMBOL, "999"), 1),
    "open orders": (lambda one: one.open_orders(SYMBOL), 1),
    "all open orders": (lambda one: one.open_orders(None), 40),
    "cancel nothing": (refused(lambda one: one.cancel_order(SYMBOL, "nobody")), 1),
    "algo order": (lambda one: one.algo_order_by_client_id("nobody"), 1),
    "open algo orders": (lambda one: one.open_algo_orders(SYMBOL), 1),
    "all open algo orders": (lambda one: one.open_algo_orders(None), 40),
    "cancel no algo order": (refused(lambda one: one.cancel_algo_order("nobody")), 1),
    "cancel all": (lambda one: one.cancel_all_orders(SYMBOL), 2),
}
# What the venue counts apart, at no weight; one is reserved, for good manners and failures.
FREE: Final[dict[str, Ask]] = {
    "funding": lambda one: one.funding_rates(SYMBOL, start=one.mark_price(SYMBOL).market_time),
    "check order": lambda one: one.check_order(buy(one)),
    "market order": lambda one: one.place_market_order(buy(one), permit=one.permit_orders()),
    "limit order": rest,
    "algo order": protect,
}


def used(demo: RunningExchange) -> int:
    return int(demo.run_inside(lambda venue: venue.futures_limits.used_weight(PEER)))


@pytest.mark.parametrize("name", CALLS)
def test_a_call_reserves_what_the_venue_counts(
    demo: RunningExchange, gateway: BinanceFuturesGateway, ledger: WatchedLedger, name: str
) -> None:
    ask, weight = CALLS[name]
    counted, reserved = used(demo), ledger.weight

    ask(gateway)

    assert (used(demo) - counted, ledger.weight - reserved) == (weight, weight)


@pytest.mark.parametrize("name", FREE)
def test_what_weighs_nothing_reserves_one_and_gives_it_back(
    demo: RunningExchange, gateway: BinanceFuturesGateway, ledger: WatchedLedger, name: str
) -> None:
    counted, reserved = used(demo), ledger.weight

    FREE[name](gateway)

    extra = 1 if name == "funding" else 0  # for the mark price
    assert (used(demo) - counted, ledger.weight - reserved) == (extra, extra + 1)


def test_every_call_of_the_gateway_is_weighed() -> None:
    asked = {
        name
        for name in dir(BinanceFuturesGateway)
        if not name.startswith("_") and callable(getattr(BinanceFuturesGateway, name))
    }
    no_requests = {"close", "signing_time_ms", "permit_orders"}
    asking = [*(ask for ask, _ in CALLS.values()), *FREE.values(), rest, protect]
    weighed = {name for ask in asking for name in _names_in(ask)}

    assert asked - no_requests - weighed == set()


def _names_in(ask: Any) -> list[str]:
    inner = [cell.cell_contents for cell in ask.__closure__ or ()]
    return [*ask.__code__.co_names, *(name for one in inner for name in _names_in(one))]


def test_the_orders_of_a_minute_are_limited_beside_those_of_ten_seconds(
    gateway: BinanceFuturesGateway, ledger: WatchedLedger
) -> None:
    limits = [
        {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 300},
        {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": 3},
    ]
    Governor(ledger, market=Market.FUTURES).learn({"rateLimits": limits})
    rest(gateway, "first")
    rest(gateway, "second")

    with asking_for(Priority.EXIT, patience=0):
        gateway.permit_orders().release()
        with pytest.raises(RateLimitedError, match="not asked"):
            gateway.permit_orders(2)


def test_at_the_limit_nothing_is_sent(
    demo: RunningExchange, gateway: BinanceFuturesGateway, ledger: WatchedLedger
) -> None:
    gateway.rules(SYMBOL, max_age=0)  # tells the limits
    governor = Governor(ledger, market=Market.FUTURES)
    counted = used(demo)

    with asking_for(Priority.EXIT, patience=0):
        for _ in range(4):
            governor.take(weight=(FUTURES_WEIGHT_LIMIT - counted) // 4)
        with pytest.raises(RateLimitedError, match="not asked"):
            gateway.commission_rates(SYMBOL)

    assert used(demo) == counted

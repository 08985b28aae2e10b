"""The gateway against the built-in exchange: what a caller may rely on, faults included.

The ledger of the exchange is the truth; every test of an order looks there.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from exchange.binance.retry import RetryPolicy
from exchange.binance.spot import BinanceSpotGateway
from exchange.demo.testing import RunningExchange
from exchange.domain.errors import (
    CredentialsError,
    OrderRejectedError,
    OutcomeUnknownError,
    RateLimitedError,
    TimestampError,
    UnavailableError,
    UnknownSymbolError,
)
from exchange.domain.orders import MarketOrderRequest
from exchange.domain.reports import OrderReport, VenueOrderStatus
from exchange.domain.types import Side
from exchange.tests.contract import opened

ORDER = "POST /api/v3/order"


@pytest.fixture(scope="module")
def running() -> Iterator[RunningExchange]:
    """Run one exchange for the module; its market stands still."""
    with RunningExchange(is_paused=True) as exchange:
        yield exchange


@pytest.fixture
def demo(running: RunningExchange) -> Iterator[RunningExchange]:
    """Lend the exchange without faults."""
    running.clear_faults()
    yield running
    running.clear_faults()


@pytest.fixture
def gateway(demo: RunningExchange) -> Iterator[BinanceSpotGateway]:
    """Open the account of the exchange."""
    gateway = opened(demo)
    yield gateway
    gateway.close()


def buy(gateway: BinanceSpotGateway, client_order_id: str, **changes: Any) -> MarketOrderRequest:
    values: dict[str, Any] = {
        "symbol": "BTCUSDT",
        "side": Side.BUY,
        "quantity": Decimal("0.001"),
        "client_order_id": client_order_id,
        "signed_at_ms": gateway.signing_time_ms(),
        "recv_window_ms": 5000,
    }
    return MarketOrderRequest(**(values | changes))


def place(gateway: BinanceSpotGateway, request: MarketOrderRequest) -> OrderReport:
    return gateway.place_market_order(request, permit=gateway.permit_orders())


def orders_in_ledger(demo: RunningExchange, client_order_id: str) -> list[dict[str, Any]]:
    orders = demo.ledger()["orders"]
    return [order for order in orders if order["clientOrderId"] == client_order_id]


def test_price_and_market_time_come_together(
    demo: RunningExchange, gateway: BinanceSpotGateway
) -> None:
    ticker = gateway.ticker("BTCUSDT")

    assert ticker.market_time == demo.market_time()
    assert ticker.price > 0


def test_klines_end_with_the_open_one_and_have_no_gaps(gateway: BinanceSpotGateway) -> None:
    klines = gateway.klines("BTCUSDT", "5m", limit=50)

    assert [kline.is_closed for kline in klines] == [True] * 49 + [False]
    steps = {later.open_time - kline.open_time for kline, later in pairwise(klines)}
    assert steps == {timedelta(minutes=5)}


def test_klines_of_the_past_are_closed(gateway: BinanceSpotGateway) -> None:
    newest = gateway.klines("BTCUSDT", "5m", limit=1)[0]
    end = newest.open_time - timedelta(hours=1)

    closed = gateway.klines("BTCUSDT", "5m", limit=10, end_time=end - timedelta(milliseconds=1))
    open_again = gateway.klines("BTCUSDT", "5m", limit=10, end_time=end)

    assert [kline.is_closed for kline in closed] == [True] * 10
    assert closed[-1].close_time == end - timedelta(milliseconds=1)
    assert [kline.is_closed for kline in open_again] == [True] * 9 + [False]
    assert open_again[-1].open_time == end


def test_a_market_order_is_filled_and_found_again(
    demo: RunningExchange, gateway: BinanceSpotGateway
) -> None:
    before = gateway.account()

    placed = place(gateway, buy(gateway, "found-again"))

    found = gateway.order_by_client_id("BTCUSDT", "found-again")
    trades = gateway.trades_of_order("BTCUSDT", placed.venue_order_id)
    after = gateway.account()
    assert placed.status is VenueOrderStatus.FILLED
    assert found is not None
    assert found.filled_quote_quantity == placed.filled_quote_quantity
    assert [trade.trade_id for trade in trades] == [trade.trade_id for trade in placed.trades]
    assert sum(trade.quote_quantity for trade in trades) == placed.filled_quote_quantity
    commission = sum(trade.commission for trade in trades)
    assert {trade.commission_asset for trade in trades} == {"BTC"}
    assert after.free("BTC") - before.free("BTC") == Decimal("0.001") - commission
    assert before.free("USDT") - after.free("USDT") == placed.filled_quote_quantity
    assert len(orders_in_ledger(demo, "found-again")) == 1


def test_an_order_nobody_placed_is_not_there(gateway: BinanceSpotGateway) -> None:
    assert gateway.order_by_client_id("BTCUSDT", "never-placed") is None


# fault of the exchange, how many orders it then has
LOST_ORDERS = [
    ({"when": "before", "action": "drop"}, 0),
    ({"when": "after", "action": "drop"}, 1),
    ({"when": "after", "action": "delay", "seconds": 1.0}, 1),
    ({"when": "before", "action": "html"}, 0),
    ({"when": "after", "action": "html"}, 1),
    ({"when": "before", "action": "status", "status": 503}, 0),
    ({"when": "after", "action": "status", "status": 500}, 1),
    ({"when": "after", "action": "garbage"}, 1),
    ({"when": "after", "action": "error", "code": -1006, "message": "Unexpected response."}, 1),
    ({"when": "after", "action": "error", "code": -1007, "message": "Timeout."}, 1),
]


@pytest.mark.parametrize(("fault", "placed"), LOST_ORDERS)
def test_an_order_without_a_clear_answer_is_unknown_and_sent_no_second_time(
    demo: RunningExchange, gateway: BinanceSpotGateway, fault: dict[str, Any], placed: int
) -> None:
    client_order_id = f"lost-{LOST_ORDERS.index((fault, placed))}"
    request = buy(gateway, client_order_id)
    demo.set_fault(endpoint=ORDER, **fault)

    with pytest.raises(OutcomeUnknownError):
        place(gateway, request)

    assert [hit["hits"] for hit in demo.faults()] == [1]
    assert len(orders_in_ledger(demo, client_order_id)) == placed
    found = gateway.order_by_client_id("BTCUSDT", client_order_id)
    assert (found is not None) == bool(placed)


def test_an_order_that_wakes_up_after_its_window_is_refused_by_the_venue(
    demo: RunningExchange, gateway: BinanceSpotGateway
) -> None:
    late = buy(gateway, "late", signed_at_ms=gateway.signing_time_ms() - 2000, recv_window_ms=1000)

    with pytest.raises(TimestampError):
        place(gateway, late)

    assert orders_in_ledger(demo, "late") == []


def test_an_order_that_the_venue_hears_too_late_is_not_placed(
    demo: RunningExchange, gateway: BinanceSpotGateway
) -> None:
    demo.set_fault(endpoint=ORDER, when="before", action="delay", seconds=1.0)

    with pytest.raises(OutcomeUnknownError, match="no answer in time"):
        place(gateway, buy(gateway, "slow-road", recv_window_ms=500))

    time.sleep(0.6)
    assert orders_in_ledger(demo, "slow-road") == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"quantity": Decimal("0.00001")}, -1013),  # value below the minimum
        ({"quantity": Decimal("0.000015")}, -1013),  # off the grid
        ({"quantity": Decimal("1000")}, -1013),  # above the maximum
        ({"quantity": Decimal("100")}, -2010),  # more than the account has
    ],
)
def test_a_refused_order_has_the_venues_code_and_is_not_placed(
    demo: RunningExchange, gateway: BinanceSpotGateway, changes: dict[str, Any], code: int
) -> None:
    with pytest.raises(OrderRejectedError) as caught:
        place(gateway, buy(gateway, "refused", **changes))

    assert caught.value.code == code
    assert orders_in_ledger(demo, "refused") == []


def test_an_unknown_symbol_is_named_as_such(gateway: BinanceSpotGateway) -> None:
    with pytest.raises(UnknownSymbolError):
        gateway.rules("MOONUSDT")
    with pytest.raises(UnknownSymbolError):
        gateway.ticker("MOONUSDT")


PASSING_FAULTS: list[dict[str, Any]] = [
    {"action": "drop"},
    {"action": "html"},
    {"action": "garbage"},
    {"action": "delay", "seconds": 1.0},
    {"action": "error", "code": -1007, "message": "Timeout."},
]


@pytest.mark.parametrize("fault", PASSING_FAULTS)
def test_a_read_is_repeated_by_itself_until_it_is_answered(
    demo: RunningExchange, gateway: BinanceSpotGateway, fault: dict[str, Any]
) -> None:
    demo.set_fault(endpoint="GET /api/v3/account", when="after", times=2, **fault)

    assert gateway.account().can_trade

    assert demo.faults()[0]["hits"] == 2


def test_a_read_that_keeps_failing_may_be_repeated_later(
    demo: RunningExchange, gateway: BinanceSpotGateway
) -> None:
    demo.set_fault(endpoint="GET /api/v3/account", when="after", action="drop", times=None)

    with pytest.raises(UnavailableError):
        gateway.account()

    assert demo.faults()[0]["hits"] == RetryPolicy().max_attempts
    demo.clear_faults()
    assert gateway.account().can_trade


def test_a_read_that_the_key_may_not_ask_is_not_repeated(
    demo: RunningExchange, gateway: BinanceSpotGateway
) -> None:
    fault = {"action": "error", "status": 401, "code": -2015, "message": "Bad key."}
    demo.set_fault(endpoint="GET /api/v3/account", when="after", times=None, **fault)

    with pytest.raises(CredentialsError):
        gateway.account()

    assert demo.faults()[0]["hits"] == 1


def test_a_venue_that_asks_to_slow_down_is_left_alone(
    demo: RunningExchange, gateway: BinanceSpotGateway
) -> None:
    fault = {"action": "error", "status": 429, "code": -1003, "message": "Slow down."}
    demo.set_fault(endpoint="GET /api/v3/account", when="after", times=None, **fault)

    for _ in range(2):
        with pytest.raises(RateLimitedError):
            gateway.account()

    assert demo.faults()[0]["hits"] == 1


def test_a_read_heals_one_timestamp_error_by_itself(
    demo: RunningExchange, gateway: BinanceSpotGateway
) -> None:
    fault = {"action": "error", "code": -1021, "message": "Outside of the recvWindow."}
    demo.set_fault(endpoint="GET /api/v3/account", when="before", times=1, **fault)
    assert gateway.account().can_trade

    demo.clear_faults()
    demo.set_fault(endpoint="GET /api/v3/account", when="before", times=2, **fault)
    with pytest.raises(TimestampError):
        gateway.account()


def test_a_wrong_secret_and_a_wrong_key_are_refused(demo: RunningExchange) -> None:
    for changes, code in (({"secret": "x" * 64}, -1022), ({"key": "x" * 64}, -2015)):
        gateway = opened(demo, **changes)
        with pytest.raises(CredentialsError) as caught:
            gateway.account()
        assert caught.value.code == code
        gateway.close()

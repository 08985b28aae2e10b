"""Steps of a futures account at the built-in exchange, as the fault tests take them.

The market stands at 100000 and moves only where a test moves it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from exchange.binance.futures import BinanceFuturesGateway
from exchange.binance.governor import Governor
from exchange.binance.retry import RetryPolicy
from exchange.binance.tests.conftest import loopback_urls
from exchange.demo.limits import RateLimits, futures_rules
from exchange.demo.testing import TEST_KEY, TEST_SECRET, RunningExchange
from exchange.domain.algo_orders import AlgoOrderReport, AlgoOrderRequest, AlgoOrderType
from exchange.domain.orders import MarketOrderRequest
from exchange.domain.reports import OrderReport
from exchange.domain.types import ZERO, Environment, Market, Side

SYMBOL: Final = "BTCUSDT"
SIZE: Final = Decimal("0.010")
ACCOUNT: Final = f"{TEST_KEY}:{TEST_SECRET}:USDT=1000000"
READ_TIMEOUT: Final = 0.5


@contextmanager
def opened(demo: RunningExchange, **changes: Any) -> Iterator[BinanceFuturesGateway]:
    """Open the test account; it waits briefly and has budgets that nobody else draws on."""
    values: dict[str, Any] = {
        "environment": Environment.DEMO,
        "urls": loopback_urls(demo.url),
        "key": TEST_KEY,
        "secret": TEST_SECRET,
        "timeout": (1.0, READ_TIMEOUT),
        "governor": Governor(market=Market.FUTURES, retry=RetryPolicy(backoff_base=0.01)),
    }
    gateway = BinanceFuturesGateway(**(values | changes))
    try:
        yield gateway
    finally:
        gateway.close()


def signed(gateway: BinanceFuturesGateway) -> dict[str, Any]:
    """Return what every order request carries."""
    return {"symbol": SYMBOL, "signed_at_ms": gateway.signing_time_ms(), "recv_window_ms": 5000}


def market(gateway: BinanceFuturesGateway, name: str, **changes: Any) -> OrderReport:
    """Buy at the market."""
    values: dict[str, Any] = {"side": Side.BUY, "quantity": SIZE, "client_order_id": name}
    request = MarketOrderRequest(**(values | changes), **signed(gateway))
    return gateway.place_market_order(request, permit=gateway.permit_orders())


def leave(gateway: BinanceFuturesGateway, name: str, **changes: Any) -> OrderReport:
    """Sell at the market what is held, and no more."""
    return market(gateway, name, side=Side.SELL, reduces_only=True, **changes)


def stop(gateway: BinanceFuturesGateway, name: str, **changes: Any) -> AlgoOrderReport:
    """Protect a long position at 99000."""
    values: dict[str, Any] = {
        "side": Side.SELL,
        "type": AlgoOrderType.STOP_MARKET,
        "quantity": SIZE,
        "trigger_price": Decimal(99_000),
        "client_order_id": name,
    }
    request = AlgoOrderRequest(**(values | changes), **signed(gateway))
    return gateway.place_algo_order(request, permit=gateway.permit_orders())


def waiting(gateway: BinanceFuturesGateway, name: str) -> AlgoOrderReport:
    """Return an algo order that must be known."""
    order = gateway.algo_order_by_client_id(name)
    assert order is not None
    return order


def held(gateway: BinanceFuturesGateway) -> Decimal:
    """Return the position, signed."""
    return sum((position.quantity for position in gateway.positions(SYMBOL)), ZERO)


def move_price(demo: RunningExchange, price: int) -> None:
    """Let the price jump and a minute of market time pass."""
    demo.set_price(SYMBOL, str(price))
    pass_time(demo, minutes=1)


def pass_time(demo: RunningExchange, **by: float) -> None:
    """Let market time pass."""
    demo.set_clock(market_time=(demo.market_time() + timedelta(**by)).isoformat())


def trade_elsewhere(demo: RunningExchange, amount: Decimal) -> None:
    """Change the position as its holder does on the venue's web site."""
    (uid,) = demo.ledger()["balances"]
    if amount:
        demo.control("positions", {"uid": int(uid), "symbol": SYMBOL, "amount": f"{amount:f}"})


def orders_named(demo: RunningExchange, name: str) -> list[dict[str, Any]]:
    """Return the orders and algo orders of that name in the venue's ledger."""
    ledger = demo.ledger()
    return [
        *(one for one in ledger["futures_orders"] if one["clientOrderId"] == name),
        *(one for one in ledger["algo_orders"] if one["clientAlgoId"] == name),
    ]


def set_symbol(demo: RunningExchange, **changes: Any) -> None:
    """Change the perpetual."""
    demo.control("symbols", {"symbol": SYMBOL, "market": "futures", **changes})


def clean_up(demo: RunningExchange) -> None:
    """Leave no faults, counts, orders or positions behind, and the price where it was."""
    demo.clear_faults()
    demo.run_inside(_count_anew)
    demo.control("algo", method="DELETE")
    set_symbol(demo, status="TRADING")
    demo.set_price(SYMBOL, "100000")
    with opened(demo) as gateway:
        gateway.cancel_all_orders(SYMBOL)
        trade_elsewhere(demo, -held(gateway))
        gateway.set_hedge_mode(is_on=False)


def _count_anew(venue: Any) -> None:
    venue.futures_limits = RateLimits(time.time, futures_rules())

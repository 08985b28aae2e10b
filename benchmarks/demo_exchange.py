"""Requests per second of the demo exchange, endpoint by endpoint, futures beside spot.

    python benchmarks/demo_exchange.py

Starts one of its own, with its market standing still, and asks it over loopback: once through
one connection, one request after another, and once through several at the same time. The clients
share the machine's processors with it, so the figures are what one machine does with both. Each
connection comes from a loopback address of its own (127.0.x.y, Linux), because the exchange
limits what one address may ask in a minute; futures orders come from an account of their own for
every connection, because it limits what one account may order. Prints the rows of
docs/measurements.md.
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

from benchmarks.venue_process import KEY, SECRET, Running, calibrate, running_exchange

CONNECTIONS = 4
REPEATS = 3  # the median is printed
REQUESTS_EACH = 240  # of weight 20 that is 4,800 of the 6,000 an address has in a minute
ORDERS_EACH = 180  # below the 200 conditional orders that may be open, and the 300 of ten seconds
TRADERS = [f"Trader{number:02d}" * 8 for number in range(2 * REPEATS * (1 + CONNECTIONS))]
ORDER, FUTURES_ORDER = "/api/v3/order", "/fapi/v1/order"
SYMBOL = {"symbol": "BTCUSDT"}
MARKET_ORDER = SYMBOL | {"side": "BUY", "type": "MARKET", "quantity": "0.001"}
STOP_ORDER = SYMBOL | {
    "side": "SELL",
    "algoType": "CONDITIONAL",
    "type": "STOP_MARKET",
    "triggerPrice": "50000",
    "quantity": "0.001",
}
Request = tuple[str, str, dict[str, str]]


class Case(NamedTuple):
    """One endpoint: what to send, as (method, target, headers); made before the clock runs."""

    requests: Callable[[], Iterator[Request]]
    number: int = REQUESTS_EACH


class Rate(NamedTuple):
    """Requests a second, and how many seconds of a processor the exchange takes for each."""

    per_second: float
    busy: float


class Pair(NamedTuple):
    """An endpoint of the spot market and its counterpart of the futures market."""

    name: str
    spot: Case | None
    futures: Case


def main() -> int:
    """Measure and print."""
    calibration = calibrate()
    addresses = itertools.count(1)
    rows = [f"| calibration loop | {calibration:.2f} s | | | |"]
    with running_exchange(*TRADERS) as venue:
        _prepare(venue.port)
        rows += [_row(venue, pair, addresses) for pair in _pairs()]
    what = f"processor, requests a second ({CONNECTIONS} connections)"
    head = f"| endpoint | spot: {what} | futures: the same | futures : spot, processor |"
    sys.stdout.write("\n".join([head, "|---|---|---|---|", *rows]) + "\n")
    return 0


def _row(venue: Running, pair: Pair, addresses: Iterator[int]) -> str:
    cases = [pair.spot, pair.futures]
    found: list[dict[int, list[Rate]]] = [{1: [], CONNECTIONS: []} for _ in cases]
    # In turns, so that a noisy moment hits both markets.
    for _, connections in itertools.product(range(REPEATS), (1, CONNECTIONS)):
        for case, rates in zip(cases, found, strict=True):
            if case:
                rates[connections].append(_rate(venue, case, addresses, connections))
    spot, futures = ([*map(_middle, rates.values())] if rates[1] else [] for rates in found)
    ratio = f"{futures[0].busy / spot[0].busy:.2f} ×" if spot else ""
    return f"| {pair.name} | {_cell(spot)} | {_cell(futures)} | {ratio} |"


def _middle(rates: list[Rate]) -> Rate:
    return Rate(median(one.per_second for one in rates), median(one.busy for one in rates))


def _cell(rates: list[Rate]) -> str:
    if not rates:
        return ""
    alone, together = rates
    return f"{alone.busy * 1e6:,.0f} µs, {alone.per_second:,.0f} ({together.per_second:,.0f})"


def _pairs() -> list[Pair]:
    klines = urlencode(SYMBOL | {"interval": "5m", "limit": "500"})
    known = SYMBOL | {"origClientOrderId": "known"}
    traders = iter(TRADERS)
    return [
        Pair("GET ping", _public("/api/v3/ping"), _public("/fapi/v1/ping")),
        Pair(
            "GET ticker/price",
            _public(f"/api/v3/ticker/price?{urlencode(SYMBOL)}"),
            _public(f"/fapi/v2/ticker/price?{urlencode(SYMBOL)}"),
        ),
        Pair("GET premiumIndex", None, _public(f"/fapi/v1/premiumIndex?{urlencode(SYMBOL)}")),
        Pair(
            "GET klines, 500 rows",
            _public(f"/api/v3/klines?{klines}"),
            _public(f"/fapi/v1/klines?{klines}"),
        ),
        Pair(
            "GET account",
            _signed("GET", "/api/v3/account", {}),
            _signed("GET", "/fapi/v3/account", {}),
        ),
        Pair("GET positionRisk", None, _signed("GET", "/fapi/v3/positionRisk", {})),
        Pair("GET order", _signed("GET", ORDER, known), _signed("GET", FUTURES_ORDER, known)),
        Pair(
            "POST order (market, filled)",
            _signed("POST", ORDER, MARKET_ORDER, ORDERS_EACH),
            _signed("POST", FUTURES_ORDER, MARKET_ORDER, ORDERS_EACH, traders),
        ),
        Pair(
            "POST algoOrder (stop)",
            None,
            _signed("POST", "/fapi/v1/algoOrder", STOP_ORDER, ORDERS_EACH, traders),
        ),
    ]


def _public(target: str) -> Case:
    return Case(lambda: itertools.repeat(("GET", target, {}), REQUESTS_EACH))


def _signed(
    method: str,
    path: str,
    values: dict[str, str],
    number: int = REQUESTS_EACH,
    keys: Iterator[str] | None = None,
) -> Case:
    """Return requests of one account, or of the next one of `keys` for every connection."""

    def requests() -> Iterator[Request]:
        key = next(keys) if keys else KEY
        return itertools.repeat(_one_signed(method, path, values, key), number)

    return Case(requests, number)


def _one_signed(method: str, path: str, values: dict[str, str], key: str = KEY) -> Request:
    # Signed before the clock runs: the longest recvWindow is a minute.
    now = int(time.time() * 1000)
    query = urlencode(values | {"timestamp": str(now), "recvWindow": "60000"})
    signature = hmac.new(SECRET.encode(), query.encode(), hashlib.sha256).hexdigest()
    return method, f"{path}?{query}&signature={signature}", {"X-MBX-APIKEY": key}


def _prepare(port: int) -> None:
    """Let every account trade in isolated margin, and the first one hold something."""
    client = http.client.HTTPConnection("127.0.0.1", port)
    isolated = SYMBOL | {"marginType": "ISOLATED"}
    for key in (KEY, *TRADERS):
        _ask(client, *_one_signed("POST", "/fapi/v1/marginType", isolated, key))
    for path in (ORDER, FUTURES_ORDER):
        _ask(client, *_one_signed("POST", path, MARKET_ORDER | {"newClientOrderId": "known"}))
    _ask(client, *_one_signed("POST", "/fapi/v1/algoOrder", STOP_ORDER))
    client.close()


def _rate(venue: Running, case: Case, addresses: Iterator[int], connections: int) -> Rate:
    numbers = itertools.islice(addresses, connections)
    sources = [(f"127.0.{number // 250}.{number % 250 + 2}", 0) for number in numbers]
    clients = [
        http.client.HTTPConnection("127.0.0.1", venue.port, source_address=source)
        for source in sources
    ]
    for client in clients:
        client.connect()
    queues = [case.requests() for _ in clients]
    started, busy = time.monotonic(), venue.processor_seconds()
    with ThreadPoolExecutor(max_workers=connections) as pool:
        list(pool.map(_drain, clients, queues))
    seconds, busy = time.monotonic() - started, venue.processor_seconds() - busy
    for client in clients:
        client.close()
    asked = connections * case.number
    return Rate(asked / seconds, busy / asked)


def _drain(client: http.client.HTTPConnection, requests: Iterator[Request]) -> None:
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

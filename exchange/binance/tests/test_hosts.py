"""No client of a test environment can reach a production host, whatever is called on it.

The machine's own name look-up is replaced, below every library, by one that writes down which
host was asked for and finds none. So nothing leaves, and nothing can be forgotten: neither the
methods that a later python-binance adds nor a transport that we do not know.
"""

from __future__ import annotations

import asyncio
import inspect
import socket
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from binance.client import Client
from binance.exceptions import (
    BinanceRegionException,
    BinanceWebsocketUnableToConnect,
    UnknownDateFormat,
)

from exchange.binance.client import build_client
from exchange.binance.tests.conftest import KEY, SECRET, loopback_urls
from exchange.binance.tests.scripted_server import ScriptedServer
from exchange.binance.urls import LIVE_URLS, TESTNET_URLS, UrlSet

DEMO_URLS = UrlSet(
    spot="http://demo.test:9080",
    spot_ws="ws://demo.test:9080",
    spot_ws_api="ws://demo.test:9080",
    futures="http://demo-futures.test:9080",
    futures_ws="ws://demo-futures.test:9080",
)
ORDER = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "quantity": "1", "price": "1"}
TRANSFER = {"type": "MAIN_UMFUTURE", "asset": "USDT", "amount": "1"}
# What a method may want to be given before it asks anybody.
ARGUMENTS: list[dict[str, Any]] = [
    {},
    ORDER | TRANSFER,
    {"interval": "1m", "start_str": 1, "end_str": 2},
    {"batchOrders": [], "orders": []},
]
# What python-binance may raise before or instead of asking; anything else is a surprise.
EXPECTED = (
    requests.ConnectionError,
    BinanceRegionException,  # methods of another company's venue
    UnknownDateFormat,
    TypeError,
    KeyError,
    ValueError,
)
METHODS = [
    name
    for name, _ in inspect.getmembers(Client, inspect.isfunction)
    if not name.startswith(("_", "ws_"))
]
FUNDS = ("make_universal_transfer", "withdraw", "futures_account_transfer", "create_margin_order")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """Return the hosts that were asked for; none of them is found."""
    hosts: Counter[str] = Counter()

    def look_up(host: str, *_: Any, **__: Any) -> Any:
        hosts[host] += 1
        raise socket.gaierror(socket.EAI_NONAME, "no look-ups in this test")

    def connect(_: socket.socket, address: Any) -> Any:
        raise AssertionError(f"a connection to {address} without a look-up")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(socket.socket, "connect", connect)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # methods that the venue has retired
        yield hosts


def naked_client(**environment: bool) -> Any:
    """Return python-binance's own client, without a request and without an event loop left."""

    async def make() -> Any:
        return Client(KEY, SECRET, ping=False, **environment)

    return asyncio.run(make())


def hosts_of(urls: UrlSet) -> set[str | None]:
    return {urlsplit(origin).hostname for origin in asdict(urls).values()}


def call_everything(client: Any, asked: Counter[str]) -> set[str]:
    """Call each public method until it asks somebody; return the names of those that did."""
    return {name for name in METHODS if _asks(getattr(client, name), asked)}


def _asks(method: Any, asked: Counter[str]) -> bool:
    needed = [
        name
        for name, parameter in inspect.signature(method).parameters.items()
        if parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD
    ]
    before = asked.total()
    for arguments in ARGUMENTS:
        try:
            result = method(**(dict.fromkeys(needed, "BTCUSDT") | arguments))
            list(result) if inspect.isgenerator(result) else None
        except EXPECTED:
            pass
        if asked.total() > before:
            return True
    return False


@pytest.mark.parametrize("urls", [TESTNET_URLS, DEMO_URLS], ids=["testnet", "demo"])
def test_whatever_is_called_on_a_test_client_asks_for_its_own_hosts_alone(
    asked: Counter[str], urls: UrlSet
) -> None:
    client = build_client(urls, key=KEY, secret=SECRET)

    callers = call_everything(client, asked)

    assert set(asked) <= hosts_of(urls)
    assert not set(asked) & hosts_of(LIVE_URLS)
    assert len(callers) > 700  # it was no idle round
    assert callers.issuperset(FUNDS)


@pytest.mark.parametrize("environment", ["testnet", "demo"])
def test_the_naked_library_would_ask_for_production_hosts(
    asked: Counter[str], environment: str
) -> None:
    # Not our code: this is what the test above has to be able to see.
    client = naked_client(**{environment: True})

    call_everything(client, asked)

    assert asked["api.binance.com"] > 100  # sapi: wallet, margin, transfers
    assert set(asked) & hosts_of(LIVE_URLS)


@pytest.mark.parametrize("name", FUNDS)
def test_what_moves_money_on_a_test_client_stays_there(asked: Counter[str], name: str) -> None:
    client = build_client(TESTNET_URLS, key=KEY, secret=SECRET)

    assert _asks(getattr(client, name), asked)

    assert set(asked) <= {"testnet.binance.vision", "demo-fapi.binance.com"}


@pytest.mark.parametrize(
    ("method", "host"),
    [
        ("ws_get_time", "ws-api.testnet.binance.vision"),
        ("ws_futures_get_order_book", "fstream.binancefuture.com"),
    ],
)
def test_the_websockets_of_a_test_client_ask_for_its_own_hosts(
    asked: Counter[str], method: str, host: str
) -> None:
    client = build_client(TESTNET_URLS, key=KEY, secret=SECRET)
    with asyncio.Runner() as runner:
        asyncio.set_event_loop(runner.get_loop())  # the library takes the thread's
        with pytest.raises(BinanceWebsocketUnableToConnect):
            getattr(client, method)(symbol="BTCUSDT")
        asyncio.set_event_loop(None)

    assert set(asked) == {host}


def test_a_redirect_to_production_is_not_followed(script: ScriptedServer) -> None:
    client = build_client(loopback_urls(script.url), key=KEY, secret=SECRET)
    foreign: list[str] = []
    client.session.hooks["response"].append(lambda reply, **_: foreign.append(reply.url))
    for status in (301, 302, 303, 307, 308):
        script.says("/api/v3/ping", "", status=status, Location="https://api.binance.com/ping")
        with pytest.raises(Exception, match=f"HTTP {status}"):
            client.ping()

    assert {urlsplit(url).hostname for url in foreign} == {"127.0.0.1"}
    client.session.close()

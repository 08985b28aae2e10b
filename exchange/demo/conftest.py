"""A short recording, a running exchange that stands still, and two ways to talk to it."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
from binance.client import Client

from exchange.demo.http.auth import signature_of
from exchange.demo.market.recording import BUNDLED_DIRECTORY
from exchange.demo.testing import TEST_KEY, TEST_SECRET, RunningExchange

SHORT_MINUTES = 3_000


class Caller:
    """Sends requests byte for byte as told; signs them like a careful client."""

    def __init__(self, url: str, *, key: str = TEST_KEY, secret: str = TEST_SECRET) -> None:
        self.url = url
        self.key = key
        self.secret = secret

    def raw(
        self, method: str, path: str, *, query: str = "", body: str = "", key: str | None = None
    ) -> requests.Response:
        """Send exactly this query and body."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if key is not None:
            headers["X-MBX-APIKEY"] = key
        request = requests.Request(method, self.url, data=body, headers=headers).prepare()
        # Set afterwards: the library would rewrite what it finds oddly encoded.
        request.url = f"{self.url}{path}" + (f"?{query}" if query else "")
        with requests.Session() as session:
            return session.send(request, timeout=10)

    def public(self, path: str, **params: Any) -> requests.Response:
        """GET without a signature."""
        return self.raw("GET", path, query=urlencode(params))

    def signed(self, method: str, path: str, **params: Any) -> requests.Response:
        """Send a signed request; `timestamp` defaults to now."""
        params.setdefault("timestamp", int(time.time() * 1000))
        payload = urlencode(params)
        payload += f"&signature={signature_of(payload, self.secret)}"
        place = {"query": payload} if method == "GET" else {"body": payload}
        return self.raw(method, path, key=self.key, **place)

    def order(self, **params: Any) -> requests.Response:
        """POST a market order on BTCUSDT; params override or, with None, leave out."""
        wanted = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET"} | params
        sent = {name: value for name, value in wanted.items() if value is not None}
        return self.signed("POST", "/api/v3/order", **sent)


def refusal(response: requests.Response) -> tuple[int, int, str]:
    """Return HTTP status, code and message of a refused request."""
    body = response.json()
    return response.status_code, body["code"], body["msg"]


@pytest.fixture(scope="session")
def short_recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first minutes of the bundled recordings, quick to load."""
    directory = tmp_path_factory.mktemp("recordings")
    for path in BUNDLED_DIRECTORY.glob("*.csv.gz"):
        lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
        (directory / path.name).write_bytes(gzip.compress(b"".join(lines[: SHORT_MINUTES + 1])))
    return directory


@pytest.fixture
def demo(short_recordings: Path) -> Iterator[RunningExchange]:
    """An exchange whose market time stands still."""
    with RunningExchange(is_paused=True, market_data=short_recordings) as running:
        yield running


@pytest.fixture
def caller(demo: RunningExchange) -> Caller:
    """A client that sends what it is told."""
    return Caller(demo.url)


@pytest.fixture
def make_client() -> Iterator[Callable[[str], Client]]:
    """Make python-binance clients of an exchange at a URL; closed at the end of the test."""
    made: list[Client] = []

    def make(url: str) -> Client:
        class DemoClient(Client):  # type: ignore[misc]  # the library has no types
            API_URL = f"{url}/api"
            MARGIN_API_URL = f"{url}/sapi"
            FUTURES_URL = f"{url}/fapi"

        made.append(DemoClient(TEST_KEY, TEST_SECRET, ping=False))
        return made[-1]

    yield make
    for client in made:
        client.close_connection()
        client.loop.close()


@pytest.fixture
def client(demo: RunningExchange, make_client: Callable[[str], Client]) -> Client:
    """The real python-binance client, pointed at the exchange."""
    return make_client(demo.url)

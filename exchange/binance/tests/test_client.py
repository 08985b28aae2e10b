from __future__ import annotations

import asyncio
import hashlib
import hmac
import subprocess
import sys
import warnings
from typing import Any

import pytest
import requests
from binance.client import Client

from exchange.binance.client import ForbiddenHostError, build_client, url_attributes
from exchange.binance.errors import RefusedReplyError
from exchange.binance.tests.conftest import KEY, SECRET, loopback_urls
from exchange.binance.tests.scripted_server import ScriptedServer
from exchange.binance.urls import TESTNET_URLS, UrlSet

# Every family of addresses that python-binance can build, with a call of each.
REQUESTS_OF_EVERY_FAMILY = [
    ("_request_api", "ping", {}),
    ("_request_margin_api", "asset/transfer", {"signed": True}),
    ("_request_website", "exchange-api/v1", {}),
    ("_request_futures_api", "ping", {}),
    ("_request_futures_data_api", "openInterestHist", {}),
    ("_request_futures_coin_api", "ping", {}),
    ("_request_futures_coin_data_api", "openInterestHist", {}),
    ("_request_options_api", "ping", {}),
    ("_request_papi_api", "ping", {}),
]


def hosts_of(urls: UrlSet) -> tuple[str, ...]:
    return (urls.spot, urls.spot_ws, urls.spot_ws_api, urls.futures, urls.futures_ws)


def test_every_url_of_a_testnet_client_leads_to_the_testnet() -> None:
    client = build_client(TESTNET_URLS)
    names = [name for name in dir(client) if name.endswith("_URL")]

    assert len(names) == 24
    for name in names:
        assert getattr(client, name).startswith(hosts_of(TESTNET_URLS)), name
        assert "{" not in getattr(client, name), name


def test_the_websocket_addresses_made_at_construction_are_pinned_too() -> None:
    client = build_client(TESTNET_URLS)

    assert client.ws_api._url == "wss://ws-api.testnet.binance.vision/ws-api/v3"
    assert client.ws_future._url == "wss://fstream.binancefuture.com/ws-fapi/v1"


def test_an_address_that_a_later_library_adds_is_pinned_without_being_known() -> None:
    class Later(Client):  # type: ignore[misc]  # untyped
        MOON_URL = "https://moon.binance.com/moon"

    assert url_attributes(Later, TESTNET_URLS)["MOON_URL"].startswith(TESTNET_URLS.spot)


@pytest.mark.parametrize(("method", "path", "options"), REQUESTS_OF_EVERY_FAMILY)
def test_a_loopback_client_asks_no_other_host_whatever_is_called(
    script: ScriptedServer, method: str, path: str, options: dict[str, Any]
) -> None:
    client = build_client(loopback_urls(script.url), key=KEY, secret=SECRET)
    verb = "get" if method != "_request_margin_api" else "post"
    arguments = {"signed": False, "data": {}, **options}

    with pytest.raises(RefusedReplyError, match="HTTP 404"):
        getattr(client, method)(verb, path, **arguments)

    assert len(script.seen) == 1
    client.session.close()


@pytest.mark.parametrize(
    "url",
    [
        "https://api.binance.com/sapi/v1/asset/transfer",
        "https://api1.binance.com/api/v3/ping",
        "http://testnet.binance.vision/api/v3/ping",
        "https://testnet.binance.vision:8443/api/v3/ping",
        "https://testnet.binance.vision.example/api/v3/ping",
    ],
)
def test_the_transport_refuses_other_hosts_before_anything_leaves(url: str) -> None:
    client = build_client(TESTNET_URLS)

    with pytest.raises(ForbiddenHostError):
        client.session.get(url, timeout=0.001)


def test_a_redirect_is_not_followed(script: ScriptedServer) -> None:
    client = build_client(loopback_urls(script.url), key=KEY, secret=SECRET)
    script.says("/api/v3/order", "", status=307, Location=f"{script.url}/api/v3/order")

    with pytest.raises(RefusedReplyError, match="HTTP 307"):
        client.create_order(symbol="BTCUSDT")

    assert len(script.seen) == 1
    client.session.close()


def test_committed_timestamps_are_on_the_wire_and_in_the_signature(script: ScriptedServer) -> None:
    client = build_client(loopback_urls(script.url), key=KEY, secret=SECRET)
    client.timestamp_offset = 86_400_000
    script.says("/api/v3/order", {})

    with client.committed_timestamp(signed_at_ms=1_700_000_000_123, recv_window_ms=4321):
        client.create_order(
            symbol="BTCUSDT", side="BUY", quantity="0.00001", newClientOrderId="tb1"
        )

    payload, _, signature = script.seen[0].wire.partition("&signature=")
    assert payload == (
        "newClientOrderId=tb1&quantity=0.00001&recvWindow=4321&side=BUY&symbol=BTCUSDT"
        "&timestamp=1700000000123"
    )
    assert signature == hmac.new(SECRET.encode(), payload.encode(), hashlib.sha256).hexdigest()
    client.session.close()


def test_after_the_committed_order_the_wall_clock_signs_again(script: ScriptedServer) -> None:
    client = build_client(loopback_urls(script.url), key=KEY, secret=SECRET, recv_window_ms=2500)
    script.says("/api/v3/account", {})

    with client.committed_timestamp(signed_at_ms=1, recv_window_ms=1):
        pass
    client.get_account()

    assert script.seen[0].values["recvWindow"] == "2500"
    assert int(script.seen[0].values["timestamp"]) > 1_700_000_000_000
    client.session.close()


def test_the_venues_documented_signature_vector_is_met(script: ScriptedServer) -> None:
    # rest-api.md, "SIGNED Endpoint Examples for POST /api/v3/order", HMAC keys.
    secret = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
    client = build_client(loopback_urls(script.url), key=KEY, secret=secret)
    ordered = (
        "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1"
        "&recvWindow=5000&timestamp=1499827319559"
    )

    assert client._hmac_signature(ordered) == (
        "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
    )


def test_a_public_client_sends_no_key(script: ScriptedServer) -> None:
    client = build_client(loopback_urls(script.url))
    script.says("/api/v3/time", {"serverTime": 1})

    client.get_server_time()

    assert script.seen[0].key is None
    client.session.close()


def test_a_client_leaves_no_event_loop_behind() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        client = build_client(TESTNET_URLS)

    assert client.loop.is_closed()


def test_a_client_can_be_made_inside_of_a_running_event_loop() -> None:
    async def make() -> Any:
        return build_client(TESTNET_URLS)

    assert asyncio.run(make()).API_URL == "https://testnet.binance.vision/api"


def test_the_machines_proxy_does_not_stand_before_loopback(
    script: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    client = build_client(loopback_urls(script.url))
    script.says("/api/v3/ping", {})

    client.ping()

    assert [seen.path for seen in script.seen] == ["/api/v3/ping"]
    assert build_client(TESTNET_URLS).session.trust_env is True
    assert isinstance(client.session, requests.Session)
    client.session.close()


def test_pages_that_never_ask_a_venue_do_not_wait_for_python_binance() -> None:
    script = "import sys, exchange.binance.spot; sys.exit('binance' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=30).returncode == 0

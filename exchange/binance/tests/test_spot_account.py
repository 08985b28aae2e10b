from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from exchange.binance.clock import wall_milliseconds
from exchange.binance.spot import BinanceSpotGateway
from exchange.binance.tests.conftest import KEY, SECRET, asking_once
from exchange.binance.tests.samples import COMMISSION, RESTRICTIONS
from exchange.binance.tests.scripted_server import ScriptedServer
from exchange.binance.tests.test_spot_orders import unstamped
from exchange.binance.urls import LIVE_URLS, TESTNET_URLS, UrlSet
from exchange.domain.errors import CredentialsError, UnavailableError
from exchange.domain.types import Environment, KeyPermissions, Side

TIME = "/api/v3/time"
PERMISSIONS = "/sapi/v1/account/apiRestrictions"
ACCOUNT_REPLY = {"uid": 7, "canTrade": False, "balances": []}


def test_the_permissions_of_a_key_are_asked_for(
    script: ScriptedServer, gateway: BinanceSpotGateway
) -> None:
    script.says(TIME, {"serverTime": wall_milliseconds()})
    script.says(PERMISSIONS, RESTRICTIONS)

    permissions = gateway.key_permissions()

    assert permissions.can_trade
    assert permissions.can_withdraw is False
    assert permissions.is_ip_restricted
    (seen,) = script.asked(PERMISSIONS)
    assert (seen.method, unstamped(seen)) == ("GET", {})


def test_permissions_that_could_not_be_asked_for_are_no_permissions(
    script: ScriptedServer, gateway: BinanceSpotGateway
) -> None:
    script.says(TIME, {"serverTime": wall_milliseconds()})
    script.says(PERMISSIONS, "<html>", status=502)
    script.says(PERMISSIONS, {"code": -2015, "msg": "Invalid API-key."}, status=401)

    with pytest.raises(UnavailableError):
        gateway.key_permissions()
    with pytest.raises(CredentialsError):
        gateway.key_permissions()

    assert script.asked("/api/v3/account") == []


def test_a_venue_without_sapi_tells_only_whether_the_account_may_trade(
    script: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = script.url.removeprefix("http://").partition(":")[0]
    monkeypatch.setattr("exchange.binance.urls.HOSTS_WITHOUT_SAPI", {host})
    urls = UrlSet(
        spot=script.url,
        futures=script.url,
        spot_ws="ws://127.0.0.1",
        spot_ws_api="ws://127.0.0.1",
        futures_ws="ws://127.0.0.1",
    )
    gateway = BinanceSpotGateway(
        environment=Environment.TESTNET, urls=urls, key=KEY, secret=SECRET, governor=asking_once()
    )
    script.says(TIME, {"serverTime": wall_milliseconds()})
    script.says("/api/v3/account", ACCOUNT_REPLY)

    assert gateway.key_permissions() == KeyPermissions(can_trade=False)

    assert script.asked(PERMISSIONS) == []
    gateway.close()


def test_whether_there_is_a_sapi_depends_on_the_address_alone() -> None:
    assert LIVE_URLS.has_sapi
    assert not TESTNET_URLS.has_sapi
    assert not replace(LIVE_URLS, spot="https://demo-api.binance.com").has_sapi
    assert replace(TESTNET_URLS, spot="http://127.0.0.1:9080").has_sapi


def test_commission_rates_are_asked_for_by_symbol(
    script: ScriptedServer, gateway: BinanceSpotGateway
) -> None:
    script.says(TIME, {"serverTime": wall_milliseconds()})
    script.says("/api/v3/account/commission", COMMISSION)

    rates = gateway.commission_rates("BTCUSDT")

    assert rates.of(Side.BUY, is_maker=False) == Decimal("0.0523")
    (seen,) = script.asked("/api/v3/account/commission")
    assert unstamped(seen) == {"symbol": "BTCUSDT"}


def test_the_venues_wall_clock_is_asked_for_each_time(
    script: ScriptedServer, gateway: BinanceSpotGateway
) -> None:
    script.says(TIME, {"serverTime": 1_000_000})
    script.says(TIME, {"serverTime": 2_000_000})

    assert [gateway.server_time_ms(), gateway.server_time_ms()] == [1_000_000, 2_000_000]

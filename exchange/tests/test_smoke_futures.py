"""The walk through the futures market, over HTTP against the demo exchange."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import override_settings

from accounts.models import User
from exchange.binance.tests.conftest import loopback_urls
from exchange.demo.testing import TEST_KEY, TEST_SECRET, RunningExchange
from exchange.domain.transfers import TransferDirection, TransferRequest
from exchange.domain.types import Environment, Market
from exchange.models import APIKey
from exchange.registry import futures_gateway_for, spot_gateway_for
from exchange.services import add_api_key
from exchange.smoke.futures_steps import FUTURES_STEPS
from exchange.smoke.report import SmokeReport, Step
from exchange.smoke.walk import walk_through

pytestmark = pytest.mark.django_db


@pytest.fixture
def api_key(demo: RunningExchange, owner: User) -> APIKey:
    """Return a stored key of the exchange's account."""
    return add_api_key(
        owner=owner, environment=Environment.DEMO, label="main", key=TEST_KEY, secret=TEST_SECRET
    )


def walked(api_key: APIKey | None) -> SmokeReport:
    return walk_through(Environment.DEMO, "BTCUSDT", api_key=api_key, market=Market.FUTURES)


def step(report: SmokeReport, name: str) -> Step:
    return next(one for one in report.steps if one.name == name)


def test_every_step_goes_well_and_nothing_is_placed_or_changed(
    demo: RunningExchange, api_key: APIKey
) -> None:
    before = demo.ledger()

    report = walked(api_key)

    outcomes = {one.name: one.status.value for one in report.steps}
    assert outcomes == dict.fromkeys(FUTURES_STEPS, "ok")
    assert step(report, "mode").detail == "one-way mode"
    assert "leverage up to 125 for notionals up to 50000" in step(report, "tiers").detail
    assert demo.ledger() | {"market_time": None} == before | {"market_time": None}


def test_hedge_mode_is_a_warning_with_a_way_out(demo: RunningExchange, api_key: APIKey) -> None:
    gateway = futures_gateway_for(api_key)
    gateway.set_hedge_mode(is_on=True)
    try:
        report = walked(api_key)
    finally:
        gateway.set_hedge_mode(is_on=False)

    assert not report.is_fine
    mode = step(report, "mode")
    assert (mode.status, mode.detail) == ("warning", "hedge mode, in which no bot trades")
    assert "one-way mode" in mode.hint


def test_without_a_key_the_public_steps_are_taken(demo: RunningExchange) -> None:
    report = walked(None)

    assert report.is_fine
    taken = [one.name for one in report.steps if one.status.value == "ok"]
    assert taken == ["connect", "time", "rules", "price", "klines"]


def test_the_command_walks_through_futures(demo: RunningExchange, api_key: APIKey) -> None:
    out = StringIO()

    call_command("smoke_exchange", "--environment", "demo", "--market", "futures", stdout=out)

    first, *lines = out.getvalue().splitlines()
    assert first == "demo futures, BTCUSDT, key main"
    assert len(lines) == len(FUTURES_STEPS)


def test_json_names_the_market_and_an_unknown_symbol_is_a_finding(
    demo: RunningExchange, api_key: APIKey
) -> None:
    out = StringIO()

    with pytest.raises(CommandError) as caught:
        call_command(
            "smoke_exchange",
            *("--environment", "demo", "--market", "futures", "--symbol", "NOPE", "--json"),
            stdout=out,
        )

    assert caught.value.returncode == 1
    told = json.loads(out.getvalue())
    assert (told["market"], told["is_fine"]) == ("futures", False)
    rules = next(one for one in told["steps"] if one["name"] == "rules")
    assert rules["status"] == "failed"
    assert "does not list NOPE" in rules["detail"]


@pytest.fixture
def without_futures(demo: RunningExchange) -> Iterator[None]:
    """Let the first key not trade futures."""
    demo.control("keys", {"key_number": 1, "enableFutures": False})
    yield
    demo.control("keys", {"key_number": 1, "enableFutures": True})


@pytest.mark.usefixtures("without_futures")
def test_a_key_that_may_not_trade_futures_is_told_which_permission_is_missing(
    api_key: APIKey,
) -> None:
    report = walked(api_key)

    permissions = step(report, "permissions")
    assert permissions.status == "failed"
    assert "cannot trade futures" in permissions.detail
    assert "“Enable Futures”" in permissions.hint
    assert step(report, "account").status == "failed"
    assert step(report, "rules").status == "ok"


def test_the_permissions_are_those_of_the_key_and_not_of_spot_trading(
    demo: RunningExchange, api_key: APIKey
) -> None:
    assert step(walked(api_key), "permissions").detail == (
        "reads balances and orders; trades futures; moves funds between wallets; cannot withdraw; "
        "usable from any address"
    )
    demo.control("keys", {"key_number": 1, "enableSpotAndMarginTrading": False})
    try:
        assert step(walked(api_key), "permissions").status == "ok"
    finally:
        demo.control("keys", {"key_number": 1, "enableSpotAndMarginTrading": True})


def test_on_a_live_venue_a_key_that_may_withdraw_is_a_warning_and_a_safe_one_is_not(
    demo: RunningExchange, api_key: APIKey
) -> None:
    urls = {**settings.EXCHANGE_URLS, "live": loopback_urls(demo.url)}
    with override_settings(EXCHANGE_URLS=urls):
        APIKey.objects.filter(pk=api_key.pk).update(environment="live")
        key = APIKey.objects.get(pk=api_key.pk)
        demo.control("keys", {"key_number": 1, "ipRestrict": True})
        safe = walk_through(Environment.LIVE, "BTCUSDT", api_key=key, market=Market.FUTURES)
        demo.control("keys", {"key_number": 1, "enableWithdrawals": True})
        try:
            risky = walk_through(Environment.LIVE, "BTCUSDT", api_key=key, market=Market.FUTURES)
        finally:
            demo.control("keys", {"key_number": 1, "enableWithdrawals": False, "ipRestrict": False})

    assert step(safe, "permissions").status == "ok"
    assert step(risky, "permissions").status == "warning"
    assert "may withdraw" in step(risky, "permissions").hint


def test_where_there_is_no_sapi_the_futures_side_tells_what_it_knows(
    demo: RunningExchange, api_key: APIKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exchange.binance.urls.HOSTS_WITHOUT_SAPI", {"127.0.0.1"})

    assert step(walked(api_key), "permissions").detail == "trades futures"


def test_an_empty_futures_wallet_is_a_warning_with_a_way_to_fill_it(
    demo: RunningExchange, api_key: APIKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = spot_gateway_for(api_key)
    free = futures_gateway_for(api_key).futures_account().balances["USDT"].wallet

    def move(direction: TransferDirection) -> None:
        request = TransferRequest(
            direction=direction,
            asset="USDT",
            amount=free,
            signed_at_ms=gateway.signing_time_ms(),
            recv_window_ms=5000,
        )
        gateway.transfer(request)

    move(TransferDirection.TO_SPOT)
    by_command = step(walked(api_key), "account")
    with monkeypatch.context() as patched:
        patched.setattr("exchange.binance.urls.HOSTS_WITHOUT_SAPI", {"127.0.0.1"})
        by_hand = step(walked(api_key), "account")
    move(TransferDirection.TO_FUTURES)

    assert by_command.status == by_hand.status == "warning"
    assert by_command.detail == "no USDT in the futures wallet"
    assert "transfer_funds --key LABEL --to futures --amount AMOUNT" in by_command.hint
    assert "on the venue's own pages" in by_hand.hint
    assert step(walked(api_key), "account").status == "ok"


@pytest.mark.parametrize(
    ("endpoint", "name"),
    [
        ("GET /fapi/v1/klines", "klines"),
        ("GET /fapi/v3/account", "account"),
        ("GET /fapi/v3/positionRisk", "account"),
        ("GET /fapi/v1/commissionRate", "commission"),
        ("GET /fapi/v1/accountConfig", "mode"),
        ("GET /fapi/v1/symbolConfig", "symbol"),
        ("GET /fapi/v1/leverageBracket", "tiers"),
        ("GET /fapi/v1/premiumIndex", "mark"),
        ("GET /sapi/v1/account/apiRestrictions", "permissions"),
        ("POST /fapi/v1/order/test", "test_order"),
    ],
)
def test_a_step_that_gets_nonsense_is_the_only_finding_and_has_a_hint(
    demo: RunningExchange, api_key: APIKey, endpoint: str, name: str
) -> None:
    demo.set_fault(endpoint=endpoint, action="garbage", times=None)

    with override_settings(BINANCE_RETRY_MAX_ATTEMPTS=1):
        report = walked(api_key)

    assert [one.name for one in report.steps if one.status != "ok"] == [name]
    assert step(report, name).hint
    assert demo.ledger()["futures_orders"] == []

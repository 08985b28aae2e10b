"""The walk through the futures market, over HTTP against the demo exchange."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from exchange.demo.testing import TEST_KEY, TEST_SECRET, RunningExchange
from exchange.domain.types import Environment, Market
from exchange.models import APIKey
from exchange.registry import futures_gateway_for
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

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import override_settings

from accounts.models import User
from exchange.binance.rules_cache import rules_cache_of
from exchange.binance.tests.conftest import loopback_urls
from exchange.demo.testing import TEST_KEY, TEST_SECRET, RunningExchange
from exchange.domain.rules import TradingRules
from exchange.domain.types import Environment
from exchange.models import APIKey
from exchange.services import add_api_key, revoke_api_key
from exchange.smoke.report import SmokeReport, Step
from exchange.smoke.steps import least_quantity
from exchange.smoke.used_weight import WeightMeter
from exchange.smoke.walk import walk_through
from exchange.tests.conftest import SECOND_KEY, SECOND_SECRET

pytestmark = pytest.mark.django_db

NAMES = [
    "connect",
    "time",
    "rules",
    "price",
    "klines",
    "account",
    "permissions",
    "commission",
    "test_order",
]


@pytest.fixture(autouse=True)
def _unknown_rules(demo: RunningExchange) -> None:
    rules_cache_of(demo.url).forget("BTCUSDT")


@pytest.fixture
def api_key(demo: RunningExchange, owner: User) -> APIKey:
    """Return a usable key of the running exchange."""
    return add_api_key(
        owner=owner, environment="demo", label="main", key=TEST_KEY, secret=TEST_SECRET
    )


@pytest.fixture
def as_live(demo: RunningExchange) -> Iterator[RunningExchange]:
    """Let the running exchange play the live venue."""
    with override_settings(
        EXCHANGE_URLS={**settings.EXCHANGE_URLS, "live": loopback_urls(demo.url)}
    ):
        yield demo


def run(*arguments: str, environment: str = "demo") -> tuple[int, str]:
    out = StringIO()
    code = 0
    try:
        call_command("smoke_exchange", "--environment", environment, *arguments, stdout=out)
    except CommandError as error:
        code = error.returncode
        out.write(str(error))
    return code, out.getvalue()


def step(report: SmokeReport, name: str) -> Step:
    return next(one for one in report.steps if one.name == name)


def outcomes(report: SmokeReport) -> dict[str, str]:
    return {one.name: one.status.value for one in report.steps}


def test_every_step_goes_well_at_a_healthy_venue_and_nothing_is_placed(
    demo: RunningExchange, api_key: APIKey
) -> None:
    before = demo.ledger()

    report = walk_through(Environment.DEMO, "BTCUSDT", api_key=api_key)

    assert outcomes(report) == dict.fromkeys(NAMES, "ok")
    assert report.is_fine
    after = demo.ledger()
    assert (after["orders"], after["balances"]) == (before["orders"], before["balances"])


def test_each_step_tells_what_the_venue_counted(demo: RunningExchange, api_key: APIKey) -> None:
    report = walk_through(Environment.DEMO, "BTCUSDT", api_key=api_key)

    weights = {one.name: one.weight for one in report.steps}
    # The first reply only tells where the counter stood; a new minute may begin at any step. The
    # account may cost one more for the clock; permissions are sapi, which has counters of its own.
    expected = [(1,), (20,), (2,), (2,), (20, 21), (0,), (20,), (1,)]
    assert weights.pop("connect") is None
    for (name, weight), right in zip(weights.items(), expected, strict=True):
        assert weight in (*right, None), name
    assert sum(weight is None for weight in weights.values()) <= 1


def test_without_a_key_what_needs_one_is_skipped(demo: RunningExchange) -> None:
    report = walk_through(Environment.DEMO, "BTCUSDT", api_key=None)

    assert report.is_fine
    assert outcomes(report) == dict.fromkeys(NAMES[:5], "ok") | dict.fromkeys(NAMES[5:], "skipped")
    assert {one.detail for one in report.steps[5:]} == {"no key"}
    assert {one.seconds for one in report.steps[5:]} == {None}


def test_a_step_that_fails_says_why_and_the_others_go_on(
    demo: RunningExchange, api_key: APIKey
) -> None:
    for endpoint, code in (("GET /api/v3/klines", -1000), ("GET /api/v3/account", -2015)):
        demo.set_fault(
            endpoint=endpoint, when="before", action="error", code=code, message="Nope.", times=None
        )

    report = walk_through(Environment.DEMO, "BTCUSDT", api_key=api_key)

    assert not report.is_fine
    failed = [one.name for one in report.steps if one.status.value == "failed"]
    assert failed == ["klines", "account"]
    assert "Nope." in step(report, "account").detail
    assert "restrictions at the venue" in step(report, "account").hint
    assert outcomes(report)["test_order"] == "ok"


def test_an_unknown_symbol_fails_where_it_matters_and_no_order_is_checked(
    demo: RunningExchange, api_key: APIKey
) -> None:
    report = walk_through(Environment.DEMO, "NOSUCH", api_key=api_key)

    found = outcomes(report)
    assert found["connect"] == found["time"] == found["account"] == "ok"
    assert found["rules"] == found["price"] == found["klines"] == "failed"
    for name in ("rules", "price", "klines"):
        assert "symbol" in step(report, name).hint
    assert found["test_order"] == "skipped"
    assert step(report, "test_order").detail == "needs the rules and the price"


def test_a_dangerous_live_key_is_a_warning_and_a_finding(
    as_live: RunningExchange, owner: User
) -> None:
    api_key = add_api_key(
        owner=owner, environment="live", label="live", key=TEST_KEY, secret=TEST_SECRET
    )

    report = walk_through(Environment.LIVE, "BTCUSDT", api_key=api_key)

    permissions = step(report, "permissions")
    assert permissions.status.value == "warning"
    assert "usable from any address" in permissions.detail
    assert "Restrict it at the venue" in permissions.hint
    assert not report.is_fine


def test_a_clock_that_is_far_off_is_a_warning(
    demo: RunningExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exchange.smoke.steps._now_seconds", lambda: time.time() - 5)

    report = walk_through(Environment.DEMO, "BTCUSDT", api_key=None)

    clock = step(report, "time")
    assert clock.status.value == "warning"
    assert "ms ahead" in clock.detail
    assert "NTP" in clock.hint


def test_a_key_that_does_not_decrypt_fails_its_steps_alone(
    demo: RunningExchange, api_key: APIKey
) -> None:
    other = APIKey(owner=api_key.owner, account=api_key.account, label="x", environment="demo")
    other.set_credentials(key=SECOND_KEY, secret=SECOND_SECRET)
    api_key.encrypted_key = other.encrypted_key  # bound to another row

    report = walk_through(Environment.DEMO, "BTCUSDT", api_key=api_key)

    assert outcomes(report) == dict.fromkeys(NAMES[:5], "ok") | dict.fromkeys(NAMES[5:], "failed")


def test_the_command_prints_each_step_and_ends_with_zero(
    demo: RunningExchange, api_key: APIKey
) -> None:
    code, printed = run()

    assert code == 0
    lines = printed.splitlines()
    assert lines[0] == "demo spot, BTCUSDT, key main"
    assert [line.split()[:2] for line in lines[1:]] == [["ok", name] for name in NAMES]
    assert not any(secret in printed for secret in (TEST_KEY, TEST_SECRET))


def test_the_command_prints_a_stable_json_object(demo: RunningExchange, api_key: APIKey) -> None:
    code, printed = run("--json", "--symbol", "ethusdt")

    report: dict[str, Any] = json.loads(printed)
    assert code == 0
    assert list(report) == ["environment", "market", "symbol", "key", "is_fine", "steps"]
    assert (report["environment"], report["market"]) == ("demo", "spot")
    assert (report["symbol"], report["key"], report["is_fine"]) == ("ETHUSDT", "main", True)
    assert [one["name"] for one in report["steps"]] == NAMES
    for one in report["steps"]:
        assert list(one) == ["name", "status", "detail", "hint", "seconds", "weight"]
    assert not any(secret in printed for secret in (TEST_KEY, TEST_SECRET))


def test_findings_end_with_one_and_a_hint(demo: RunningExchange) -> None:
    code, printed = run("--symbol", "NOSUCH")

    assert code == 1
    assert "no key" in printed.splitlines()[0]
    assert "→ the venue does not list this symbol; check its spelling" in printed


@pytest.mark.parametrize("symbol", ["", "  "])
def test_without_a_symbol_nothing_is_asked_and_the_usage_is_wrong(
    demo: RunningExchange, symbol: str
) -> None:
    demo.set_fault(endpoint="*", when="before", action="drop", times=None)

    assert run("--symbol", symbol) == (2, "--symbol: give a symbol, like BTCUSDT")
    assert demo.faults()[0]["hits"] == 0


def test_a_venue_that_is_down_fails_the_first_step_and_nobody_waits_for_the_others(
    demo: RunningExchange,
) -> None:
    nowhere = {**settings.EXCHANGE_URLS, "demo": loopback_urls("http://127.0.0.1:1")}
    with override_settings(EXCHANGE_URLS=nowhere):
        code, printed = run()

    assert code == 1
    assert printed.count("failed ") == 1
    assert printed.count("the venue did not answer") == len(NAMES) - 1
    assert "check the network" in printed


def test_the_oldest_usable_key_is_taken_unless_one_is_named(
    demo: RunningExchange, owner: User, api_key: APIKey
) -> None:
    add_api_key(
        owner=owner, environment="demo", label="newer", key=SECOND_KEY, secret=SECOND_SECRET
    )

    assert run()[1].startswith("demo spot, BTCUSDT, key main\n")
    assert run("--key", "newer")[1].startswith("demo spot, BTCUSDT, key newer\n")
    assert run("--key", str(api_key.pk))[1].startswith("demo spot, BTCUSDT, key main\n")
    revoke_api_key(api_key=api_key)
    assert run()[1].startswith("demo spot, BTCUSDT, key newer\n")


def test_a_name_that_fits_no_usable_key_is_wrong_usage(
    demo: RunningExchange, api_key: APIKey
) -> None:
    revoke_api_key(api_key=api_key)

    for name in ("main", "nobody", "live"):
        code, printed = run("--key", name)
        assert code == 2
        assert f"no usable key of demo is called '{name}'" in printed


def test_a_name_that_fits_several_keys_asks_for_the_id(
    demo: RunningExchange, api_key: APIKey, other_person: User
) -> None:
    second = add_api_key(
        owner=other_person, environment="demo", label="main", key=SECOND_KEY, secret=SECOND_SECRET
    )

    code, printed = run("--key", "main")

    assert code == 2
    assert str(api_key.pk) in printed
    assert str(second.pk) in printed


def test_an_unknown_environment_is_wrong_usage() -> None:
    with pytest.raises(CommandError, match="invalid choice: 'moon'"):
        call_command("smoke_exchange", "--environment", "moon")


@pytest.mark.parametrize(
    ("min_quantity", "increment", "min_notional", "price", "expected"),
    [
        ("0.00001", "0.00001", "5", "100000", "0.00006"),
        ("0.01", "0.01", "5", "100000", "0.01"),
        ("0", "0.001", "0", "2", "0.001"),
        ("1", "1", "10", "0.00002", "550000"),
    ],
)
def test_the_test_order_is_about_the_smallest_that_the_rules_allow(
    min_quantity: str, increment: str, min_notional: str, price: str, expected: str
) -> None:
    rules = TradingRules(
        symbol="X",
        base_asset="A",
        quote_asset="B",
        is_trading=True,
        price_increment=Decimal("0.00001"),
        quantity_increment=Decimal(increment),
        min_quantity=Decimal(min_quantity),
        max_quantity=Decimal(10**9),
        min_notional=Decimal(min_notional),
        max_notional=Decimal(0),
    )

    quantity = least_quantity(rules, Decimal(price))

    assert quantity == Decimal(expected)
    assert rules.market_order_violation(quantity=quantity, price=Decimal(price)) is None


def test_no_weight_is_told_across_the_beginning_of_a_minute() -> None:
    meter = WeightMeter()
    assert meter.since(None) is None
    meter.used = 25

    assert meter.since(5) == 20
    assert meter.since(25) == 0
    assert meter.since(26) is None

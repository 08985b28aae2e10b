"""Reading settings from the environment."""

from __future__ import annotations

import runpy
from dataclasses import asdict
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from exchange.binance.urls import TESTNET_URLS
from tradebot_site import environment

SETTINGS = Path(environment.__file__).with_name("settings.py")


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("YES", True), ("1", True), ("off", False), ("0", False)]
)
def test_a_boolean_is_read_in_its_usual_spellings(
    monkeypatch: pytest.MonkeyPatch, text: str, *, value: bool
) -> None:
    monkeypatch.setenv("LIVE_TRADING_ENABLED", text)
    assert environment.boolean("LIVE_TRADING_ENABLED", default=not value) is value


def test_a_word_that_is_no_boolean_is_refused_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVE_TRADING_ENABLED", "maybe")
    with pytest.raises(ImproperlyConfigured, match="LIVE_TRADING_ENABLED must be true or false"):
        environment.boolean("LIVE_TRADING_ENABLED", default=False)


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "many"])
def test_a_number_that_makes_no_sense_is_refused_and_named(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("BINANCE_RECV_WINDOW", text)
    with pytest.raises(ImproperlyConfigured, match="BINANCE_RECV_WINDOW"):
        environment.positive_int("BINANCE_RECV_WINDOW", 5000)


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("BINANCE_RETRY_MAX_ATTEMPTS", "0", "must be 1 or more"),
        ("BINANCE_RETRY_MAX_ATTEMPTS", "21", "must be 20 or less"),
        ("BINANCE_RETRY_MAX_ATTEMPTS", "2.5", "must be a whole number"),
        ("BINANCE_RETRY_BACKOFF_BASE", "0", "must be above 0"),
        ("BINANCE_RETRY_BACKOFF_BASE", "61", "must be 60.0 or less"),
        ("BINANCE_RETRY_BACKOFF_BASE", "nan", "must be a number"),
        ("BINANCE_WEIGHT_THRESHOLD", "-0.1", "must be above 0"),
        ("BINANCE_WEIGHT_THRESHOLD", "1.01", "must be 1.0 or less"),
        ("BINANCE_WEIGHT_THRESHOLD", "80%", "must be 1.0 or less"),
    ],
)
def test_a_retry_or_limit_setting_out_of_range_stops_the_process_and_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, problem: str
) -> None:
    monkeypatch.setenv(name, text)
    with pytest.raises(ImproperlyConfigured, match=f"{name} {problem}"):
        runpy.run_path(str(SETTINGS))


def test_a_secret_may_lie_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("from a file\n")
    monkeypatch.delenv("SECRET_KEY", raising=False)
    monkeypatch.setenv("SECRET_KEY_FILE", str(secret))
    assert environment.text("SECRET_KEY") == "from a file"


def test_a_list_forgets_blanks_and_empty_items(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FERNET_KEYS", " newest , older,, ")
    assert environment.text_list("FERNET_KEYS") == ["newest", "older"]


def test_another_database_than_postgresql_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "sqlite:////tmp/db.sqlite3")
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL must be a postgres:// URL"):
        environment.database("DATABASE_URL", "")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BINANCE_TESTNET_SPOT_URL", "testnet.binance.vision"),
        ("BINANCE_LIVE_SPOT_WS_URL", "https://stream.binance.com"),
        ("BINANCE_DEMO_SPOT_URL", "http://127.0.0.1:9080/api"),
    ],
)
def test_an_address_that_is_no_origin_is_refused_and_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ImproperlyConfigured, match=name):
        environment.exchange_urls(name.split("_")[1].lower(), asdict(TESTNET_URLS))

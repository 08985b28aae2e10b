"""System checks refuse what would be dangerous."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.core.checks import run_checks
from django.test import override_settings

from exchange.binance.urls import LIVE_URLS


def _ids() -> set[str]:
    ids = {message.id or "" for message in run_checks()}
    return {found for found in ids if found.startswith("tradebot.")}


def test_the_defaults_are_fine() -> None:
    assert _ids() == set()


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"LIVE_TRADING_ENABLED": True, "DEBUG": True}, {"tradebot.E002"}),
        ({"BINANCE_RECV_WINDOW": 60_001}, {"tradebot.E003"}),
        ({"ALLOWED_HOSTS": ["*"]}, {"tradebot.W001"}),
    ],
)
def test_a_dangerous_combination_is_refused(changes: dict[str, object], found: set[str]) -> None:
    with override_settings(**changes):
        assert _ids() == found


def test_live_trading_on_the_published_secret_key_is_refused() -> None:
    with override_settings(SECRET_KEY=settings.INSECURE_SECRET_KEY, LIVE_TRADING_ENABLED=True):
        assert _ids() == {"tradebot.E001"}


@pytest.mark.parametrize("environment", ["demo", "testnet"])
def test_a_paper_environment_that_points_at_the_live_venue_is_refused(environment: str) -> None:
    with override_settings(EXCHANGE_URLS={**settings.EXCHANGE_URLS, environment: LIVE_URLS}):
        assert _ids() == {"tradebot.E004"}

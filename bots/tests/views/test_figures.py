"""Numbers as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from bots.templatetags import figures

MINUS = "\N{MINUS SIGN}"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("104005.1", "104,005.10"),
        ("99.5", "99.5000"),
        ("0.5", "0.500000"),
        ("0.00001234", "0.00001234"),
        ("0", "0.00"),
    ],
)
def test_a_price_has_as_many_decimals_as_its_size_deserves(value: str, text: str) -> None:
    assert figures.price(Decimal(value)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0.00961", "0.00961"),
        ("0.0096", "0.00960"),
        ("0.00960039", "0.00960039"),
        ("12345.678", "12,345.68"),
        ("0", "0.00000"),
    ],
)
def test_a_quantity_keeps_its_column_and_loses_no_coin(value: str, text: str) -> None:
    assert figures.quantity(Decimal(value)) == text


@pytest.mark.parametrize(
    ("value", "currency", "text", "tone"),
    [
        ("12.345", "USDT", "+12.35", "is-gain"),
        ("-1234.5", "USDT", f"{MINUS}1,234.50", "is-loss"),
        ("0", "USDT", "0.00", ""),
        ("-0.0002", "USDT", "0.00", ""),
        ("0.0002", "USDT", "0.00", ""),
        ("-0.0002", "BTC", f"{MINUS}0.00020000", "is-loss"),
    ],
)
def test_a_result_is_signed_and_never_a_coloured_zero(
    value: str, currency: str, text: str, tone: str
) -> None:
    assert figures.signed(Decimal(value), currency) == text
    assert figures.tone(Decimal(value), currency) == tone


def test_what_is_not_known_is_a_dash() -> None:
    assert figures.price(None) == figures.signed(None) == figures.utc(None) == "—"
    assert figures.tone(None) == ""


def test_market_times_are_written_in_utc_wherever_they_come_from() -> None:
    moment = datetime(2025, 5, 12, 6, 5, tzinfo=timezone(timedelta(hours=2)))
    assert figures.utc(moment) == "12 May 2025 04:05:00"
    assert figures.utc_short(moment.astimezone(UTC)) == "12 May 04:05:00"


def test_a_limit_is_written_as_short_as_it_is() -> None:
    assert figures.limit(Decimal("2.0000")) == "2"
    assert figures.limit(20) == "20"

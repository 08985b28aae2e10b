"""Numbers and times as the pages write them. `static/js/format.js` writes them alike.

True minus sign, thousands separated by commas, an em dash for what is not known.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from django import template

register = template.Library()

NOTHING: Final = "—"
MINUS: Final = "\N{MINUS SIGN}"
CENTS: Final = 2
MINUTE: Final = 60
HOUR: Final = 3600
COIN_DECIMALS: Final = 8
COINS: Final = ("BTC", "ETH", "BNB")  # quote currencies of which 0.01 is real money


@register.filter
def price(value: Decimal | None) -> str:
    """Write a price with as many decimals as its size deserves."""
    return NOTHING if value is None else _grouped(value, _price_decimals(abs(value)))


@register.filter
def quantity(value: Decimal | None) -> str:
    """Write a quantity of coins: five decimals, up to eight when they are not zero."""
    return NOTHING if value is None else _grouped(value, _quantity_decimals(abs(value)))


@register.filter
def money(value: Decimal | None, currency: str = "") -> str:
    """Write an amount: two decimals, eight in a coin."""
    return NOTHING if value is None else _grouped(value, _money_decimals(currency))


@register.filter
def fee(value: Decimal | None) -> str:
    """Write a commission, which may be a small part of a coin, with up to eight decimals."""
    if value is None:
        return NOTHING
    used = -int(value.normalize().as_tuple().exponent) if value else 0
    return _grouped(value, min(max(used, CENTS), 8))


@register.filter
def signed(value: Decimal | None, currency: str = "") -> str:
    """Write a profit or loss, always with its sign, in as many decimals as `money`."""
    if value is None:
        return NOTHING
    text = money(value, currency)
    return f"+{text}" if value > 0 and not _is_zero(text) else text


@register.filter
def percent(value: Decimal | None) -> str:
    """Write a signed percentage."""
    return NOTHING if value is None else f"{signed(value)} %"


@register.filter
def limit(value: Decimal | int | None) -> str:
    """Write a setting as short as it is: 2.0000 becomes 2."""
    return NOTHING if value is None else f"{Decimal(value).normalize():f}"


@register.filter
def tone(value: Decimal | None, currency: str = "") -> str:
    """Return the class of a profit or a loss, none for what is written as zero."""
    if value is None or _is_zero(money(value, currency)):
        return ""
    return "is-gain" if value > 0 else "is-loss"


@register.filter
def seconds(value: Decimal | None) -> str:
    """Write a span of time: 12 s, 3 min 20 s, 2 h 5 min."""
    if value is None:
        return NOTHING
    whole = int(value)
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min {whole % MINUTE} s"
    return f"{whole // HOUR} h {whole % HOUR // MINUTE} min"


@register.filter
def utc(value: datetime | None) -> str:
    """Write a market time in UTC: 12 May 2025 04:05:00."""
    if value is None:
        return NOTHING
    moment = value.astimezone(UTC)
    return f"{moment.day} {moment:%b %Y %H:%M:%S}"


@register.filter
def utc_short(value: datetime | None) -> str:
    """Write a market time in UTC without the year: 12 May 04:05:00."""
    if value is None:
        return NOTHING
    moment = value.astimezone(UTC)
    return f"{moment.day} {moment:%b %H:%M:%S}"


@register.filter
def words(value: str) -> str:
    """Turn a code into words: exit_signal becomes exit signal."""
    return value.replace("_", " ")


def _money_decimals(currency: str) -> int:
    return COIN_DECIMALS if currency in COINS else CENTS


def _is_zero(text: str) -> bool:
    return not any(digit in text for digit in "123456789")


def _price_decimals(size: Decimal) -> int:
    for least, decimals in ((Decimal(100), 2), (Decimal(1), 4), (Decimal("0.01"), 6)):
        if size >= least:
            return decimals
    return 8 if size else 2


def _quantity_decimals(size: Decimal) -> int:
    if size >= Decimal(1000):
        return 2
    used = -int(size.normalize().as_tuple().exponent) if size else 0
    return min(max(used, 5), 8)


def _grouped(value: Decimal, decimals: int) -> str:
    rounded = value.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
    return f"{rounded if rounded else abs(rounded):,f}".replace("-", MINUS)

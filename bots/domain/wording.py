"""Numbers as people read them, always the same text for the same value."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from bots.domain.direction import Direction
from exchange.domain.types import ZERO

_SIGNIFICANT_DIGITS: Final = 8


def plain(value: Decimal) -> str:
    """Write `value` in full, without exponent and without trailing zeros.

    Equal values give equal text, so a recorded tick that is run again says the same words.
    """
    return f"{value.normalize():f}" if value else "0"


def indicator_text(value: float) -> str:
    """Write an indicator value with eight significant digits, without exponent."""
    return plain(Decimal(f"{value:.{_SIGNIFICANT_DIGITS}g}"))


def money(value: Decimal) -> str:
    """Write an amount of quote currency with two decimals, more when it is tiny."""
    cents = round(value, 2)
    return f"{cents:.2f}" if cents or not value else plain(round(value, _SIGNIFICANT_DIGITS))


def distance_percent(*, price: Decimal, level: Decimal) -> str:
    """Write how far `level` is from `price`, in percent of the price, with one decimal."""
    return f"{abs(level - price) / price * 100 if price else ZERO:.1f} %"


def sentence(text: str) -> str:
    """Start `text` with a capital letter and end it with a full stop."""
    return f"{text[:1].upper()}{text[1:]}."


def enters(direction: Direction) -> str:
    """Name what opens a position, as in "the bot buys"."""
    return "buys" if direction is Direction.LONG else "sells short"


def leaves(direction: Direction) -> str:
    """Name what closes a position, as in "the bot sells"."""
    return "sells" if direction is Direction.LONG else "buys back"


def did_not_enter(direction: Direction) -> str:
    """Begin to say why no position was opened."""
    return "did not buy" if direction is Direction.LONG else "did not sell short"


def did_not_leave(direction: Direction) -> str:
    """Begin to say why a position was not closed."""
    return "did not sell" if direction is Direction.LONG else "did not buy back"


def listed(names: tuple[str, ...]) -> str:
    """Join names as people do: a, b and c."""
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else "".join(names)

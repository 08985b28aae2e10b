"""Long or short: which side opens a position, which closes it, and which way is a gain."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from exchange.domain.types import Side


class Direction(StrEnum):
    """Whether a position gains when the price rises or when it falls. Spot knows LONG only."""

    LONG = "long"
    SHORT = "short"

    @property
    def entry_side(self) -> Side:
        """Return the side of the orders that open such a position."""
        return Side.BUY if self is Direction.LONG else Side.SELL

    @property
    def exit_side(self) -> Side:
        """Return the side of the orders that close such a position, its stops included."""
        return Side.SELL if self is Direction.LONG else Side.BUY

    @property
    def sign(self) -> int:
        """Return 1 for long and -1 for short; what a signed quantity is multiplied with."""
        return 1 if self is Direction.LONG else -1

    @classmethod
    def of(cls, signed_quantity: Decimal) -> Direction:
        """Return the direction of a signed quantity; LONG for zero."""
        return cls.SHORT if signed_quantity < 0 else cls.LONG


class Directions(StrEnum):
    """Which positions a bot may open."""

    LONG = "long"
    SHORT = "short"
    BOTH = "both"

    def allows(self, direction: Direction) -> bool:
        """Say whether a position in `direction` may be opened."""
        return self is Directions.BOTH or self.value == direction.value

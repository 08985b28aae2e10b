"""What a halt stops. The switch itself is a row; see promise 8 in docs/architecture.md."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import Final


class HaltLevel(StrEnum):
    """How much a halt stops."""

    NONE = "none"
    ENTRIES = "entries"  # no position is opened or enlarged
    EVERYTHING = "everything"  # nor are orders moved, nor positions closed by the bot's own rules


class Purpose(StrEnum):
    """Why an order is sent, as far as a halt asks."""

    ENTRY = "entry"
    EXIT = "exit"  # by the bot's own rules
    MOVE = "move"  # a stop or target in the stead of one that rests
    PROTECT = "protect"  # a stop or target where none rests
    CLOSE = "close"  # a person, or the policy for a position that cannot be protected


_STOPPED_BY: Final = MappingProxyType(
    {
        HaltLevel.NONE: frozenset[Purpose](),
        HaltLevel.ENTRIES: frozenset({Purpose.ENTRY}),
        HaltLevel.EVERYTHING: frozenset({Purpose.ENTRY, Purpose.EXIT, Purpose.MOVE}),
    }
)
_STRICTNESS: Final = (HaltLevel.NONE, HaltLevel.ENTRIES, HaltLevel.EVERYTHING)


def is_stopped(purpose: Purpose, level: HaltLevel) -> bool:
    """Say whether a halt of `level` keeps an order of this purpose from being sent."""
    return purpose in _STOPPED_BY[level]


def strictest(*levels: HaltLevel) -> HaltLevel:
    """Return the level that stops most; NONE when there is none."""
    return max(levels, key=_STRICTNESS.index, default=HaltLevel.NONE)

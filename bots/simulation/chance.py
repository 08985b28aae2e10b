"""Chance of one seed: each part of a run has dice of its own, so that none disturbs another."""

from __future__ import annotations

import random


class Dice(random.Random):
    """Dice that also tell whether something happens."""

    def happens(self, odds: float) -> bool:
        """Say whether something of this probability, 0 to 1, happens now."""
        return self.random() < odds


def dice_of(seed: int, part: str) -> Dice:
    """Return the dice of one part of a run; the same for the same seed on every machine."""
    return Dice(f"{seed}/{part}")

"""How long a venue is left alone after a connection to it was lost."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

from exchange.binance.streams.losses import LinkLostError
from exchange.binance.streams.settings import StreamSettings

_DICE: Final = random.Random()  # noqa: S311 - spreads callers, guards no secret
MAX_DOUBLINGS: Final = 30


class Backoff:
    """Exponential backoff with full jitter, as in `exchange.binance.retry`, for one connection.

    uniform   chance: a number between its two arguments
    """

    def __init__(
        self,
        settings: StreamSettings,
        *,
        uniform: Callable[[float, float], float] = _DICE.uniform,
    ) -> None:
        self._settings, self._uniform = settings, uniform
        self._failures = 0

    def reset(self) -> None:
        """Forget the failures: a connection has served for long enough."""
        self._failures = 0

    def next_delay(self, loss: LinkLostError) -> float:
        """Return the seconds to wait after `loss`; each call counts as one more failure."""
        doubled = 2.0 ** min(self._failures, MAX_DOUBLINGS)
        is_first, self._failures = not self._failures, self._failures + 1
        settings = self._settings
        if loss.is_refusal:
            ceiling = min(settings.longest_refused_delay, settings.first_refused_delay * doubled)
            return max(loss.wait, self._uniform(ceiling / 2, ceiling))
        if loss.is_planned and is_first:
            return loss.wait
        # On top of the venue's own word, so that not all come at the same moment.
        ceiling = min(settings.longest_delay, settings.first_delay * doubled)
        return loss.wait + self._uniform(0, ceiling)

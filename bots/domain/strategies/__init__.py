"""The strategies that a bot can name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from bots.domain.strategies.base import Strategy
from bots.domain.strategies.ema import EmaStrategy


class UnknownStrategyError(LookupError):
    """No strategy has this name. The text is shown to the trader as it is."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Unknown strategy: {name}")
        self.name = name


_ALL: Final[tuple[Strategy, ...]] = (EmaStrategy(),)

STRATEGIES: Final[Mapping[str, Strategy]] = MappingProxyType({each.name: each for each in _ALL})


def get_strategy(name: str) -> Strategy:
    """Return the strategy called `name`, or raise `UnknownStrategyError`."""
    try:
        return STRATEGIES[name]
    except KeyError:
        raise UnknownStrategyError(name) from None

"""What a recording plays after its first time: the same minutes, scaled so that nothing jumps."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from decimal import Context, Decimal
from typing import Final

from exchange.demo.market.minutes import Minutes

_ONE: Final = 10**30
_EXACT: Final = Context(prec=60)
_LARGEST: Final = 2**63 - 1


def own_time(at_ms: int, *, start_ms: int, length_ms: int) -> int:
    """Return when a recording saw what its play at `at_ms` shows: a time of its first play."""
    return start_ms + (at_ms - start_ms) % length_ms


def later_play(first: Minutes) -> Minutes:
    """Return the minutes of every play after the first, starting at the same time as `first`.

    Minute i of n is multiplied by (last close / first open) ** (1 - i / (n - 1)), so the first open
    is the last close and the last minute is as recorded. Volumes and numbers of trades stay.
    """
    if len(first.opens) == 1:
        return _standing_still(first)
    factors = list(_factors(first))
    return Minutes(
        first.symbol,
        first.market,
        first.start_ms,
        opens=_scaled(first.opens, factors),
        highs=_scaled(first.highs, factors),
        lows=_scaled(first.lows, factors),
        closes=_scaled(first.closes, factors),
        volumes=first.volumes,
        quotes=_scaled(first.quotes, factors),
        trades=first.trades,
    )


def _factors(first: Minutes) -> Iterator[int]:
    growth = Decimal(first.closes[-1]) / Decimal(first.opens[0])
    steps = len(first.opens) - 1
    step = _EXACT.power(growth, _EXACT.divide(Decimal(-1), Decimal(steps)))
    exact_step, factor = int(step * _ONE), _ONE * first.closes[-1] // first.opens[0]
    for _ in range(steps):
        yield factor
        factor = factor * exact_step // _ONE
    yield _ONE


def _scaled(column: array[int], factors: list[int]) -> array[int]:
    pairs = zip(column, factors, strict=True)
    return array("q", (min((raw * by + _ONE // 2) // _ONE, _LARGEST) for raw, by in pairs))


# One minute cannot both begin and end at its last close.
def _standing_still(first: Minutes) -> Minutes:
    still = Minutes(first.symbol, first.market, first.start_ms)
    still.append((first.closes[0],) * 4, first.volumes[0])
    return still

"""From klines to the arrays that kernels read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bots.domain.indicators import FloatArray
from exchange.domain.intervals import interval_length
from exchange.domain.types import Kline


def consecutive_closes(klines: Sequence[Kline], interval: str) -> tuple[list[int], FloatArray]:
    """Return the closing prices of `klines` without gaps, and where each kline stands in them.

    A kline that the venue does not have (it was down) repeats the close before it, so that the
    indicators see time pass. ValueError names a kline that is unfinished or out of order.
    """
    length = interval_length(interval)
    rows: list[int] = []
    closes: list[float] = []
    for index, kline in enumerate(klines):
        if not kline.is_closed:
            raise ValueError(f"kline {kline.open_time:%Y-%m-%d %H:%M} is not closed yet")
        if index:
            step = kline.open_time - klines[index - 1].open_time
            if step < length or step % length:
                raise ValueError(f"kline {kline.open_time:%Y-%m-%d %H:%M} is out of order")
            closes.extend([closes[-1]] * (step // length - 1))
        rows.append(len(closes))
        closes.append(float(kline.close))
    return rows, np.array(closes, dtype=np.float64)

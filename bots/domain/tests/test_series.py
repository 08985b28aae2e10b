from __future__ import annotations

from dataclasses import replace

import pytest

from bots.domain.series import consecutive_closes
from bots.domain.tests.builders import D, kline


def test_a_missing_kline_repeats_the_close_before_it() -> None:
    klines = [kline(0, D(10)), kline(3, D(13)), kline(4, D(14))]
    rows, closes = consecutive_closes(klines, "1h")
    assert closes.tolist() == [10.0, 10.0, 10.0, 13.0, 14.0]
    assert rows == [0, 3, 4]


def test_no_klines_give_no_closes() -> None:
    rows, closes = consecutive_closes([], "1h")
    assert rows == []
    assert closes.tolist() == []


def test_an_unfinished_kline_is_refused() -> None:
    with pytest.raises(ValueError, match="kline 2023-01-01 01:00 is not closed yet"):
        consecutive_closes([kline(0, D(1)), replace(kline(1, D(1)), is_closed=False)], "1h")


@pytest.mark.parametrize("second", [0, -1])
def test_klines_out_of_order_are_refused(second: int) -> None:
    with pytest.raises(ValueError, match="is out of order"):
        consecutive_closes([kline(0, D(1)), kline(second, D(1))], "1h")


def test_klines_of_another_interval_are_refused() -> None:
    with pytest.raises(ValueError, match="is out of order"):
        consecutive_closes([kline(0, D(1)), kline(1, D(1))], "4h")

from __future__ import annotations

import pytest

from exchange.demo.streams.names import Kind, parse_stream
from exchange.demo.streams.targets import Category


@pytest.mark.parametrize(
    ("text", "category", "expected"),
    [
        ("btcusdt@kline_1m", Category.SPOT, (Kind.KLINE, "BTCUSDT", "1m", 2000)),
        ("btcusdt@kline_4h", Category.FUTURES_MARKET, (Kind.KLINE, "BTCUSDT", "4h", 250)),
        ("btcusdt@ticker", Category.SPOT, (Kind.TICKER, "BTCUSDT", "", 1000)),
        ("btcusdt@miniTicker", Category.FUTURES_MARKET, (Kind.MINI_TICKER, "BTCUSDT", "", 2000)),
        ("btcusdt@bookTicker", Category.SPOT, (Kind.BOOK_TICKER, "BTCUSDT", "", 0)),
        ("btcusdt@bookTicker", Category.FUTURES_PUBLIC, (Kind.BOOK_TICKER, "BTCUSDT", "", 0)),
        ("btcusdt@markPrice", Category.FUTURES_MARKET, (Kind.MARK_PRICE, "BTCUSDT", "", 3000)),
        ("btcusdt@markPrice@1s", Category.FUTURES_MARKET, (Kind.MARK_PRICE, "BTCUSDT", "", 1000)),
        ("!markPrice@arr@1s", Category.FUTURES_MARKET, (Kind.MARK_PRICE, None, "", 1000)),
        ("!miniTicker@arr", Category.SPOT, (Kind.MINI_TICKER, None, "", 1000)),
    ],
)
def test_a_name_says_what_is_told_and_how_often(
    text: str, category: Category, expected: tuple[Kind, str | None, str, int]
) -> None:
    name = parse_stream(text, category)
    assert name is not None
    assert (name.kind, name.symbol, name.interval, name.every_ms) == expected


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("BTCUSDT@kline_1m", Category.SPOT),
        ("btcusdt@kline_7m", Category.SPOT),
        ("btcusdt@kline_", Category.SPOT),
        ("@kline_1m", Category.SPOT),
        ("btcusdt", Category.SPOT),
        ("btcusdt@markPrice", Category.SPOT),
        ("btcusdt@kline_1m", Category.FUTURES_PUBLIC),
        ("btcusdt@markPrice", Category.FUTURES_PUBLIC),
        ("btcusdt@bookTicker", Category.FUTURES_MARKET),
        ("!markPrice@arr", Category.SPOT),
        ("!nothing@arr", Category.SPOT),
    ],
)
def test_unknown_names_and_those_of_another_category_have_no_stream(
    text: str, category: Category
) -> None:
    assert parse_stream(text, category) is None

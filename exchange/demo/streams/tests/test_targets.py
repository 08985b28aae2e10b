from __future__ import annotations

import pytest

from exchange.demo.streams.targets import Category, target_of


@pytest.mark.parametrize(
    ("path", "query", "category", "streams", "form"),
    [
        ("/ws", "", Category.SPOT, (), "raw"),
        ("/ws/btcusdt@kline_1m", "", Category.SPOT, ("btcusdt@kline_1m",), "raw"),
        ("/ws/a@ticker/b@ticker", "", Category.SPOT, ("a@ticker", "b@ticker"), "raw"),
        ("/ws/a%40ticker", "timeUnit=MILLISECOND", Category.SPOT, ("a@ticker",), "raw"),
        ("/stream", "", Category.SPOT, (), "combined"),
        ("/stream", "streams=a@x/b@x", Category.SPOT, ("a@x", "b@x"), "combined"),
        ("/stream", "streams=a%40x%2Fb%40x", Category.SPOT, ("a@x", "b@x"), "combined"),
        ("/market/ws/a@ticker", "", Category.FUTURES_MARKET, ("a@ticker",), "raw"),
        ("/market/stream", "streams=a@x", Category.FUTURES_MARKET, ("a@x",), "combined"),
        ("/public/ws", "", Category.FUTURES_PUBLIC, (), "raw"),
        ("/private/ws", "listenKey=K", Category.FUTURES_PRIVATE, (), "raw"),
        ("/private/ws/K", "", Category.FUTURES_PRIVATE, ("K",), "raw"),
        ("/private/stream", "streams=K", Category.FUTURES_PRIVATE, ("K",), "combined"),
        ("/ws-api/v3", "", Category.SPOT_API, (), "raw"),
    ],
)
def test_a_path_says_what_is_wanted(
    path: str, query: str, category: Category, streams: tuple[str, ...], form: str
) -> None:
    target = target_of(path, query)
    assert target is not None
    assert target == (category, path, query, streams, form == "combined")


@pytest.mark.parametrize(
    "path",
    ["/", "/api/v3/ping", "/wsx", "/ws-api", "/ws-api/v2", "/market", "/market/klines", "/streams"],
)
def test_other_paths_are_left_to_the_rest(path: str) -> None:
    assert target_of(path, "") is None


def test_a_name_that_is_asked_for_twice_counts_once() -> None:
    target = target_of("/ws/a@ticker/a@ticker", "")
    assert target is not None
    assert target.streams == ("a@ticker",)

from __future__ import annotations

from dataclasses import asdict

import pytest

from exchange.binance.urls import LIVE_URLS, TESTNET_URLS, UrlSet, url_set

GOOD = {
    "spot": "http://127.0.0.1:9080",
    "spot_ws": "ws://127.0.0.1:9080",
    "spot_ws_api": "ws://127.0.0.1:9080",
    "futures": "https://proxy.example",
    "futures_ws": "wss://proxy.example",
}


def test_origins_with_and_without_a_port_are_accepted() -> None:
    assert asdict(url_set("demo", GOOD)) == GOOD


@pytest.mark.parametrize(
    ("field", "origin", "problem"),
    [
        ("spot", "http://127.0.0.1:9080/", "must not have a path"),
        ("spot", "https://api.binance.com/api", "must not have a path"),
        ("spot", "https://api.binance.com?x=1", "must not have a path"),
        ("spot", "https://api.binance.com#x", "must not have a path"),
        ("futures", "ws://127.0.0.1:9080", "must start with http:// or https://"),
        ("futures", "127.0.0.1:9080", "must start with"),
        ("futures", "", "must start with"),
        ("spot_ws", "https://stream.binance.com", "must start with ws:// or wss://"),
        ("spot_ws_api", "wss://", "is not a URL with a host"),
        ("futures_ws", "wss://host:port", "is not a URL"),
        ("futures_ws", "wss://host:0", "is not a URL with a host"),
        ("spot", "https://api{}.binance.com", "is not a URL with a host"),
        ("spot", "https://api.binance .com", "is not a URL with a host"),
        ("spot", "https://user:hunter2@host", "must not hold a user name"),
    ],
)
def test_what_is_no_origin_is_refused_by_the_name_of_its_variable(
    field: str, origin: str, problem: str
) -> None:
    with pytest.raises(ValueError, match=problem) as caught:
        url_set("testnet", GOOD | {field: origin})

    assert str(caught.value).startswith(f"BINANCE_TESTNET_{field.upper()}_URL ")
    assert "hunter2" not in str(caught.value)


def test_a_set_made_by_hand_is_checked_too() -> None:
    with pytest.raises(ValueError, match=r"^BINANCE_\*_SPOT_URL must not have a path"):
        UrlSet(**(GOOD | {"spot": "https://api.binance.com/api"}))


def test_testnet_and_live_share_no_host() -> None:
    assert not set(asdict(TESTNET_URLS).values()) & set(asdict(LIVE_URLS).values())

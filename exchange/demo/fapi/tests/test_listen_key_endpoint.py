"""`/fapi/v1/listenKey`: by the API key alone, one key per account."""

from __future__ import annotations

from typing import Final

import requests
from binance.client import Client

from exchange.demo.conftest import Caller, refusal
from exchange.demo.testing import TEST_KEY, RunningExchange

PATH: Final = "/fapi/v1/listenKey"
UNKNOWN: Final = (400, -1125, "This listenKey does not exist.")


def ask(
    caller: Caller, method: str, *, query: str = "", key: str | None = TEST_KEY
) -> requests.Response:
    return caller.raw(method, PATH, query=query, key=key)


def test_the_key_is_opened_kept_and_closed_without_a_signature(caller: Caller) -> None:
    opened = ask(caller, "POST")
    word = opened.json()["listenKey"]
    assert (opened.status_code, len(word)) == (200, 64)
    assert ask(caller, "POST").json() == {"listenKey": word}
    assert ask(caller, "PUT").json() == {"listenKey": word}
    assert ask(caller, "DELETE").json() == {}
    assert refusal(ask(caller, "PUT")) == UNKNOWN
    assert refusal(ask(caller, "DELETE")) == UNKNOWN
    assert ask(caller, "POST").json() != {"listenKey": word}


def test_each_request_has_a_weight_of_one_in_the_futures_pool(caller: Caller) -> None:
    used = [
        int(ask(caller, method).headers["X-MBX-USED-WEIGHT-1M"])
        for method in ("POST", "PUT", "DELETE", "DELETE")
    ]
    assert used == [1, 2, 3, 4]


def test_python_binance_names_the_key_it_keeps(client: Client) -> None:
    word = client.futures_stream_get_listen_key()
    assert client.futures_stream_keepalive(word) == {"listenKey": word}
    assert client.futures_stream_close(word) == {}


def test_the_key_of_nobody_is_not_kept(caller: Caller) -> None:
    word = ask(caller, "POST").json()["listenKey"]
    assert refusal(ask(caller, "PUT", query="listenKey=stranger")) == UNKNOWN
    assert refusal(ask(caller, "DELETE", query="listenKey=stranger")) == UNKNOWN
    assert ask(caller, "POST").json() == {"listenKey": word}


def test_who_asks_must_be_known_and_may_trade_futures(
    demo: RunningExchange, caller: Caller
) -> None:
    malformed = (401, -2014, "API-key format invalid.")
    not_permitted = (401, -2015, "Invalid API-key, IP, or permissions for action.")
    assert refusal(ask(caller, "POST", key=None)) == malformed
    assert refusal(ask(caller, "POST", key="short")) == malformed
    assert refusal(ask(caller, "POST", key="unknown0" * 8)) == not_permitted
    demo.control("keys", {"key_number": 1, "enableFutures": False})
    assert refusal(ask(caller, "POST")) == not_permitted
    demo.control("keys", {"key_number": 1, "enableFutures": True})
    assert ask(caller, "POST").status_code == 200


def test_what_it_does_not_know_is_refused(caller: Caller) -> None:
    assert refusal(ask(caller, "POST", query="symbol=BTCUSDT"))[:2] == (400, -1104)
    assert refusal(ask(caller, "GET"))[0] == 404

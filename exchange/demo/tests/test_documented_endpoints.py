"""The tables of endpoints in the documentation are those that the exchange answers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from exchange.demo.dispatch import ENDPOINTS
from exchange.demo.http.endpoint import Counted
from exchange.demo.http.wire import Params, WireRequest

DOCS: Final = Path(__file__).parents[3] / "docs"
SPOT_PAGE: Final = "demo-exchange.md"
FUTURES_PAGE: Final = "demo-exchange-futures.md"
ROW: Final = re.compile(r"^\| ((?:GET|POST|PUT|DELETE)\b[^|`]*) \| ([^|]*) \|", re.MULTILINE)
Key = tuple[str, str]


def named(cell: str) -> list[Key]:
    """`GET, DELETE /a/b, c, POST d` names two methods of /a/b and of /a/c, and one of /a/d."""
    found: list[Key] = []
    methods: list[str] = []
    waiting: list[str] = []
    parent = ""
    for word in cell.replace(",", " , ").split():
        if word in ("GET", "POST", "PUT", "DELETE"):
            waiting.append(word)
        elif word != ",":
            methods, waiting = waiting or methods, []
            path = word if word.startswith("/") else f"{parent}/{word}"
            parent = path.rpartition("/")[0]
            found += [(method, path) for method in methods]
    return found


def table(page: str) -> dict[Key, str]:
    """Return the weights that a page tells, by endpoint; each endpoint stands there once."""
    rows = ROW.findall((DOCS / page).read_text())
    pairs = [(key, weight) for cell, weight in rows for key in named(cell)]
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def weights_of(key: Key) -> set[str]:
    """Return what an endpoint costs about one symbol and about all of them."""
    queries = ("symbol=BTCUSDT", "")
    requests = [
        WireRequest(method=key[0], path=key[1], query=query, body="", api_key=None, peer="")
        for query in queries
    ]
    return {str(ENDPOINTS[key].weight_of(Params(request))) for request in requests}


def test_a_cell_of_the_table_is_read_as_people_read_it() -> None:
    assert named("GET, DELETE /f/v1/order, GET openOrder, DELETE allOpenOrders") == [
        ("GET", "/f/v1/order"),
        ("DELETE", "/f/v1/order"),
        ("GET", "/f/v1/openOrder"),
        ("DELETE", "/f/v1/allOpenOrders"),
    ]
    assert named("GET /f/v2/a, b, /f/v3/a, b") == [
        ("GET", path) for path in ("/f/v2/a", "/f/v2/b", "/f/v3/a", "/f/v3/b")
    ]


def test_every_endpoint_is_documented_and_every_documented_one_is_there() -> None:
    spot, futures = table(SPOT_PAGE), table(FUTURES_PAGE)
    transfers = {key for key in ENDPOINTS if key[1] == "/sapi/v1/asset/transfer"}
    perpetuals = {key for key in ENDPOINTS if key[1].startswith("/fapi/")}
    assert perpetuals
    assert futures.keys() == perpetuals | transfers
    assert spot.keys() == ENDPOINTS.keys() - futures.keys()


@pytest.mark.parametrize("page", [SPOT_PAGE, FUTURES_PAGE])
def test_the_documented_weights_are_those_that_are_charged(page: str) -> None:
    wrong = {
        key: (told, weights_of(key))
        for key, told in table(page).items()
        if ENDPOINTS[key].counted is not Counted.FUNDING
        and not weights_of(key) <= set(re.findall(r"\d+", told))
    }
    assert wrong == {}

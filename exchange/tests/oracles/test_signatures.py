"""The signatures that the venue's documentation prints, against our verifier and our client.

Spot: "SIGNED Endpoint Examples for POST /api/v3/order" of `rest-api.md`, whose form with
query and body stood there until 2025; futures: "SIGNED Endpoint Examples" of its general info.
The printed examples for RSA and Ed25519 keys do not apply: only HMAC keys are supported.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.binance.client import build_client
from exchange.binance.tests.conftest import loopback_urls
from exchange.binance.tests.scripted_server import scripted_server
from exchange.demo.accounts import Account
from exchange.demo.errors import VenueError
from exchange.demo.http.auth import authenticate, signature_of, signed_payload
from exchange.demo.http.wire import Params, WireRequest

SPOT_KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
SPOT_SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
FUTURES_KEY = "dbefbc809e3e83c283a984c3a1459732ea7db1360ca80c5c2c8867408d28cc83"
FUTURES_SECRET = "2b5eb11e18796d12d88f13dc27dbbd02c2cc51ff7059765ed9821957d82bb4d9"
FIRST_HALF = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC"
SECOND_HALF = "quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
WIDE_DIGITS = "%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96"  # a symbol, 123456
SYMBOLS = {"ASCII": "LTCBTC", "wide digits": unquote(WIDE_DIGITS)}
each_symbol = pytest.mark.parametrize("symbol", SYMBOLS.values(), ids=SYMBOLS.keys())


class Vector(NamedTuple):
    """One printed example: what goes into query and body, and the signature over both."""

    key: str
    secret: str
    timestamp: int
    query: str
    body: str
    signature: str


PLAIN = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
VECTORS = {
    "in the query": Vector(
        SPOT_KEY, SPOT_SECRET, 1499827319559, f"{FIRST_HALF}&{SECOND_HALF}", "", PLAIN
    ),
    "in the body": Vector(
        SPOT_KEY, SPOT_SECRET, 1499827319559, "", f"{FIRST_HALF}&{SECOND_HALF}", PLAIN
    ),
    "in query and body": Vector(
        SPOT_KEY,
        SPOT_SECRET,
        1499827319559,
        FIRST_HALF,
        SECOND_HALF,
        "0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77",
    ),
    "symbol outside ASCII": Vector(
        SPOT_KEY,
        SPOT_SECRET,
        1499827319559,
        f"symbol={WIDE_DIGITS}&side=BUY&type=LIMIT&timeInForce=GTC&{SECOND_HALF}",
        "",
        "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3",
    ),
    "futures": Vector(
        FUTURES_KEY,
        FUTURES_SECRET,
        1591702613943,
        "",
        "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=9000&timeInForce=GTC"
        "&recvWindow=5000&timestamp=1591702613943",
        "3c661234138461fcc7a7d8746c6558c9842d4e10870d2ecbedf7777cad694af9",
    ),
}
each_vector = pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS.keys())


def verify(vector: Vector, *, query: str, body: str) -> Account:
    """Return who the demo exchange takes for the sender, at the time of the example."""
    request = WireRequest(
        method="POST", path="/", query=query, body=body, api_key=vector.key, peer="127.0.0.1"
    )
    accounts = {vector.key: Account(uid=7, secret=vector.secret)}
    return authenticate(
        request, Params(request), accounts=accounts, wall_ms=lambda: vector.timestamp
    )


def signed(vector: Vector, signature: str) -> dict[str, str]:
    """Return query and body with the signature at the end, where the examples have it."""
    if not vector.body:
        return {"query": f"{vector.query}&signature={signature}", "body": ""}
    return {"query": vector.query, "body": f"{vector.body}&signature={signature}"}


@each_vector
def test_a_printed_example_is_accepted(vector: Vector) -> None:
    assert verify(vector, **signed(vector, vector.signature)).uid == 7
    # The spot documentation says so of HMAC signatures.
    assert verify(vector, **signed(vector, vector.signature.upper())).uid == 7


@given(data=st.data())
@each_vector
def test_one_changed_character_of_the_signature_is_refused(
    vector: Vector, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(vector.signature) - 1))
    other = data.draw(
        st.sampled_from("0123456789abcdef").filter(lambda c: c != vector.signature[place])
    )
    changed = vector.signature[:place] + other + vector.signature[place + 1 :]

    with pytest.raises(VenueError) as refusal:
        verify(vector, **signed(vector, changed))

    assert refusal.value.code == -1022


@given(data=st.data())
@each_vector
def test_one_changed_byte_of_what_was_signed_is_refused(
    vector: Vector, data: st.DataObject
) -> None:
    part = data.draw(st.sampled_from([name for name in ("query", "body") if getattr(vector, name)]))
    text: str = getattr(vector, part)
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda c: c != text[place]))
    altered: Any = {part: text[:place] + other + text[place + 1 :]}
    changed = vector._replace(**altered)

    with pytest.raises(VenueError) as refusal:
        verify(vector, **signed(changed, vector.signature))

    # -1101: the change made two parameters of one name; there is no meaning left to sign.
    assert refusal.value.code in (-1022, -1101)


@pytest.mark.parametrize("length", [0, 1, 63, 65, 128])
def test_a_signature_of_another_length_is_refused(length: int) -> None:
    vector = VECTORS["in the query"]
    changed = (vector.signature * 2)[:length]

    with pytest.raises(VenueError) as refusal:
        verify(vector, **signed(vector, changed))

    assert refusal.value.code == (-1022 if length else -1105)


def test_no_part_of_what_was_signed_can_move_between_query_and_body() -> None:
    vector = VECTORS["in query and body"]
    together = {"query": "", "body": f"{FIRST_HALF}&{SECOND_HALF}&signature={vector.signature}"}

    with pytest.raises(VenueError) as refusal:
        verify(vector, **together)

    assert refusal.value.code == -1022


@each_vector
def test_the_library_and_our_client_compute_the_printed_signature(vector: Vector) -> None:
    client = build_client(loopback_urls("http://127.0.0.1:1"), key=vector.key, secret=vector.secret)

    assert client._hmac_signature(vector.query + vector.body) == vector.signature
    assert signature_of(vector.query + vector.body, vector.secret) == vector.signature


@each_symbol
def test_what_our_client_sends_for_the_example_passes_the_verifier(symbol: str) -> None:
    vector = VECTORS["in the body"]
    sent = _sent_by_our_client(vector, method="create_order", symbol=symbol)

    assert "timestamp=1499827319559" in sent
    assert verify(vector, query="", body=sent).uid == 7
    with pytest.raises(VenueError) as refusal:
        verify(vector, query="", body=sent.replace("price=0.1", "price=0.2"))
    assert refusal.value.code == -1022


@each_symbol
def test_what_our_client_asks_for_the_example_passes_the_verifier(symbol: str) -> None:
    vector = VECTORS["in the query"]
    sent = _sent_by_our_client(vector, method="get_order", symbol=symbol)

    assert verify(vector, query=sent, body="").uid == 7


def test_what_our_client_sends_of_the_futures_example_passes_the_verifier() -> None:
    vector = VECTORS["futures"]
    sent = _sent_by_our_client(
        vector,
        method="futures_create_order",
        path="/fapi/v1/order",
        symbol="BTCUSDT",
        price="9000",
    )

    assert "timestamp=1591702613943" in sent
    assert verify(vector, query="", body=sent).uid == 7
    with pytest.raises(VenueError) as refusal:
        verify(vector, query="", body=sent.replace("price=9000", "price=9001"))
    assert refusal.value.code == -1022


def test_a_value_that_the_library_signs_unencoded_is_refused() -> None:
    # Why client order ids stay inside [A-Za-z0-9_-]: the venue verifies what is on the wire.
    vector = VECTORS["in the body"]
    sent = _sent_by_our_client(vector, method="create_order", newClientOrderId="a b")

    with pytest.raises(VenueError) as refusal:
        verify(vector, query="", body=sent)

    assert refusal.value.code == -1022


def test_the_signature_may_stand_anywhere_and_is_no_part_of_the_payload() -> None:
    vector = VECTORS["in query and body"]
    query = f"signature={vector.signature}&{vector.query}"
    request = WireRequest(
        method="POST", path="/", query=query, body=vector.body, api_key=vector.key, peer="::1"
    )

    assert signed_payload(request) == vector.query + vector.body
    assert verify(vector, query=query, body=vector.body).uid == 7


def _sent_by_our_client(
    vector: Vector, *, method: str, path: str = "/api/v3/order", **changes: Any
) -> str:
    order = {
        "symbol": "LTCBTC",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "1",
        "price": "0.1",
        "newClientOrderId": "example",
    }
    with scripted_server() as venue:
        venue.says(path, {})
        client = build_client(loopback_urls(venue.url), key=vector.key, secret=vector.secret)
        with client.committed_timestamp(signed_at_ms=vector.timestamp, recv_window_ms=5000):
            getattr(client, method)(**(order | changes))
        client.session.close()
    return venue.seen[0].wire

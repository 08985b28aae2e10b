from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.demo.accounts import Account
from exchange.demo.conftest import Caller, refusal
from exchange.demo.errors import VenueError
from exchange.demo.http.auth import authenticate, signature_of, signed_payload
from exchange.demo.http.wire import Params, WireRequest
from exchange.demo.testing import TEST_KEY, TEST_SECRET

# Examples published with the spot and the futures API.
SPOT_SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
SPOT_PAYLOAD = (
    "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1"
    "&recvWindow=5000&timestamp=1499827319559"
)
SPOT_SIGNATURE = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
FUTURES_SECRET = "2b5eb11e18796d12d88f13dc27dbbd02c2cc51ff7059765ed9821957d82bb4d9"
FUTURES_PAYLOAD = (
    "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=9000&timeInForce=GTC"
    "&recvWindow=5000&timestamp=1591702613943"
)
FUTURES_SIGNATURE = "3c661234138461fcc7a7d8746c6558c9842d4e10870d2ecbedf7777cad694af9"
WIDE_DIGITS = "%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96"
WIDE_PAYLOAD = SPOT_PAYLOAD.replace("LTCBTC", WIDE_DIGITS)
WIDE_SIGNATURE = "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3"
VECTORS = [
    (SPOT_PAYLOAD, SPOT_SECRET, SPOT_SIGNATURE),
    (WIDE_PAYLOAD, SPOT_SECRET, WIDE_SIGNATURE),
    (FUTURES_PAYLOAD, FUTURES_SECRET, FUTURES_SIGNATURE),
]
ACCOUNT = "/api/v3/account"


def wire(query: str = "", body: str = "") -> WireRequest:
    return WireRequest(
        method="POST", path="/", query=query, body=body, api_key=TEST_KEY, peer="127.0.0.1"
    )


@pytest.mark.parametrize(("payload", "secret", "signature"), VECTORS)
def test_published_signatures_are_reproduced(payload: str, secret: str, signature: str) -> None:
    assert signature_of(payload, secret) == signature


@pytest.mark.parametrize("split", [0, 1, 4, 8])
def test_the_signature_covers_query_and_body_joined_by_nothing(split: int) -> None:
    pairs = SPOT_PAYLOAD.split("&")
    query, body = "&".join(pairs[:split]), "&".join(pairs[split:])
    for signed in (
        wire(query, f"{body}&signature=00" if body else "signature=00"),
        wire(f"{query}&signature=00" if query else "signature=00", body),
    ):
        assert signed_payload(signed) == query + body


def test_a_published_request_is_accepted_at_its_time_and_not_for_another_secret() -> None:
    request = wire(body=f"{SPOT_PAYLOAD}&signature={SPOT_SIGNATURE.upper()}")
    right, wrong = Account(uid=7, secret=SPOT_SECRET), Account(uid=8, secret=FUTURES_SECRET)
    params = Params(request)
    found = authenticate(request, params, accounts={TEST_KEY: right}, wall_ms=lambda: 1499827319600)
    assert found.uid == 7
    with pytest.raises(VenueError, match="Signature") as error:
        authenticate(request, params, accounts={TEST_KEY: wrong}, wall_ms=lambda: 1499827319600)
    assert error.value.code == -1022


@pytest.mark.parametrize(("payload", "secret", "signature"), VECTORS)
@given(place=st.integers(min_value=0), letter=st.sampled_from("0123456789abcdefX%&=+ "))
def test_a_published_request_with_any_byte_changed_is_refused(
    payload: str, secret: str, signature: str, place: int, letter: str
) -> None:
    whole = f"{payload}&signature={signature}"
    position = place % len(whole)
    changed = whole[:position] + letter + whole[position + 1 :]
    account = Account(uid=7, secret=secret)
    now = int(re.findall("timestamp=([0-9]+)", payload)[0])
    assert _accepted(whole, account, now)
    assert _accepted(changed, account, now) is (changed == whole)


def _accepted(query: str, account: Account, now_ms: int) -> bool:
    request = wire(query)
    try:
        authenticate(request, Params(request), accounts={TEST_KEY: account}, wall_ms=lambda: now_ms)
    except VenueError:
        return False
    return True


def test_the_raw_bytes_are_signed_not_their_meaning(caller: Caller) -> None:
    payload = f"omitZeroBalances=%74rue&timestamp={int(time.time() * 1000)}"
    decoded = payload.replace("%74", "t")
    right, wrong = (signature_of(one, TEST_SECRET) for one in (payload, decoded))
    accepted = caller.raw("GET", ACCOUNT, query=f"{payload}&signature={right}", key=TEST_KEY)
    refused = caller.raw("GET", ACCOUNT, query=f"{payload}&signature={wrong}", key=TEST_KEY)
    assert accepted.status_code == 200
    assert refusal(refused) == (400, -1022, "Signature for this request is not valid.")


def test_a_secret_that_is_not_the_keys_is_refused(caller: Caller) -> None:
    caller.secret = "x" * 64
    assert refusal(caller.signed("GET", ACCOUNT))[:2] == (400, -1022)


@pytest.mark.parametrize(
    ("key", "code"), [(None, -2014), ("short", -2014), ("!" * 64, -2014), ("z" * 64, -2015)]
)
def test_a_key_that_is_missing_malformed_or_unknown_is_refused(
    caller: Caller, key: str | None, code: int
) -> None:
    response = caller.raw("GET", ACCOUNT, query="timestamp=1&signature=0", key=key)
    assert refusal(response)[:2] == (401, code)


@pytest.mark.parametrize("name", ["signature", "timestamp"])
def test_signature_and_timestamp_are_mandatory(caller: Caller, name: str) -> None:
    query = f"timestamp={int(time.time() * 1000)}" if name == "signature" else "recvWindow=5000"
    if name == "timestamp":
        query += f"&signature={signature_of(query, TEST_SECRET)}"
    status, code, message = refusal(caller.raw("GET", ACCOUNT, query=query, key=TEST_KEY))
    assert (status, code) == (400, -1102)
    assert f"'{name}'" in message


@pytest.mark.parametrize(
    ("offset_ms", "window", "code"),
    [
        (0, None, None),
        (-4_000, None, None),
        (-6_000, None, -1021),
        (-6_000, "10000", None),
        (-900, "500.125", -1021),
        (500, None, None),
        (1_500, None, -1021),
        (0, "60000", None),
        (0, "60000.001", -1131),
        (0, "abc", -1100),
        (0, "1.2345", -1100),
    ],
)
def test_a_timestamp_counts_only_within_its_window(
    caller: Caller, offset_ms: int, window: str | None, code: int | None
) -> None:
    params: dict[str, object] = {"timestamp": int(time.time() * 1000) + offset_ms}
    if window is not None:
        params["recvWindow"] = window
    response = caller.signed("GET", ACCOUNT, **params)
    assert (response.status_code == 200) == (code is None)
    if code is not None:
        assert refusal(response)[:2] == (400, code)


def test_a_timestamp_in_microseconds_is_understood(caller: Caller) -> None:
    assert caller.signed("GET", ACCOUNT, timestamp=int(time.time() * 10**6)).status_code == 200


def test_an_account_does_not_print_its_secret() -> None:
    assert SPOT_SECRET not in repr(Account(uid=7, secret=SPOT_SECRET))

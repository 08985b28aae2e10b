"""The WebSocket API without a network: what is answered to which request."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exchange.demo.accounts import parse_accounts
from exchange.demo.control.accounts import set_key
from exchange.demo.limits import WEIGHT_LIMIT
from exchange.demo.market.sources import Prices
from exchange.demo.streams import spot_api, spot_events
from exchange.demo.streams.spot_api import SpotApi
from exchange.demo.streams.users import UserHub
from exchange.demo.trading.asked import OrderRequest
from exchange.demo.venue import ExchangeConfig, Venue
from exchange.domain.types import Market

KEY, SECRET = "k" * 32, "s" * 32
OTHER = "o" * 32
NOW = 1_700_000_000.0
NOW_MS = 1_700_000_000_000


class Client:
    """A socket that writes down what it is handed, and speaks as a client would."""

    peer = "10.0.0.1"

    def __init__(self, venue: Venue, users: UserHub, query: str = "") -> None:
        self.replies: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.closed_with: int | None = None
        self.api = SpotApi(self, venue, users, query=query)
        self.api.opened()

    def send(self, payload: Any, *, stream: str) -> None:
        assert stream == "user"
        self.events.append(orjson.loads(orjson.dumps(payload)))

    def reply(self, payload: Any) -> None:
        self.replies.append(orjson.loads(orjson.dumps(payload)))

    def close(self, code: int = 1000, reason: str = "") -> None:
        self.closed_with = code

    def say(self, message: str) -> dict[str, Any]:
        """Send a text and return the reply to it."""
        count = len(self.replies)
        self.api.heard(message)
        assert len(self.replies) == count + 1
        return self.replies[-1]

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a request and return the reply to it."""
        return self.say(json.dumps({"id": 1, "method": method, "params": params}))

    def error(self, method: str, **params: Any) -> tuple[int, int]:
        """Send a request that is refused; return status and code."""
        reply = self.ask(method, **params)
        assert "result" not in reply
        return reply["status"], reply["error"]["code"]

    def subscribe(self, key: str = KEY, secret: str = SECRET) -> int:
        """Subscribe and return the number of the subscription."""
        reply = self.ask("userDataStream.subscribe.signature", **signed(key, secret))
        assert reply["status"] == 200, reply
        return int(reply["result"]["subscriptionId"])


def signed(key: str = KEY, secret: str = SECRET, **more: Any) -> dict[str, Any]:
    """Return signed parameters, by a computation of our own."""
    params = {"apiKey": key, "timestamp": NOW_MS} | more
    payload = "&".join(f"{name}={params[name]}" for name in sorted(params))
    signature = hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()
    return params | {"signature": signature}


@pytest.fixture
def venue() -> Iterator[Venue]:
    lines = [f"{KEY}:{SECRET}:USDT=100000", f"{OTHER}:{SECRET}:USDT=100"]
    config = ExchangeConfig(accounts=parse_accounts(lines, []), prices=Prices.WALK, is_paused=True)
    made = Venue(config, wall_seconds=lambda: NOW)
    yield made
    made.close()


@pytest.fixture
def users(venue: Venue) -> UserHub:
    hub = UserHub({Market.SPOT: spot_events.payloads})
    venue.account_listeners.append(hub.heard)
    return hub


@pytest.fixture
def client(venue: Venue, users: UserHub) -> Client:
    return Client(venue, users)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
METHODS = st.sampled_from(
    [
        "ping",
        "v3/time",
        "session.subscriptions",
        "session.logon",
        "userDataStream.subscribe",
        "userDataStream.subscribe.signature",
        "userDataStream.unsubscribe",
        "order.place",
    ]
)
NAMES = ("apiKey", "timestamp", "signature", "recvWindow", "subscriptionId", "returnRateLimits")
PARAMS = st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=4), ANYTHING, max_size=5)
REQUESTS = st.fixed_dictionaries(
    {}, optional={"id": ANYTHING, "method": METHODS | ANYTHING, "params": PARAMS | ANYTHING}
)


def buy(venue: Venue, key: str = KEY, worth: str = "20") -> None:
    """Let an account buy something at the market."""
    symbol = next(iter(venue.symbols.values()))
    asked = OrderRequest(symbol=symbol, side="BUY", type="MARKET", quote_quantity=Decimal(worth))
    venue.engine.place(venue.accounts[key].uid, asked, at_ms=venue.advance())


def test_a_connection_costs_two_and_a_ping_one(client: Client, venue: Venue) -> None:
    assert venue.limits.used_weight(client.peer) == 2
    assert client.ask("ping") == {
        "id": 1,
        "status": 200,
        "result": {},
        "rateLimits": [
            {
                "rateLimitType": "REQUEST_WEIGHT",
                "interval": "MINUTE",
                "intervalNum": 1,
                "limit": WEIGHT_LIMIT,
                "count": 3,
            }
        ],
    }


def test_the_time_is_the_walls(client: Client) -> None:
    assert client.ask("time")["result"] == {"serverTime": NOW_MS}


@pytest.mark.parametrize("id", [7, -1, "a", "", None])
def test_the_id_comes_back_as_it_was_sent(client: Client, id: object) -> None:
    reply = client.say(json.dumps({"id": id, "method": "v3/time"}))
    assert (reply["id"], reply["status"]) == (id, 200)


@pytest.mark.parametrize("id", [1.5, True, [1], {"a": 1}, 2**70])
def test_an_id_of_another_kind_is_refused(client: Client, id: object) -> None:
    reply = client.say(json.dumps({"id": id, "method": "ping"}))
    assert (reply["id"], reply["status"], reply["error"]["code"]) == (None, 400, -1130)


@pytest.mark.parametrize(
    "message",
    [
        "",
        "hello",
        "[]",
        "1",
        "null",
        '{"id":1,',
        '{"id":NaN,"method":"ping"}',
        '{"id":"\\ud800","method":"ping"}',
        "[" * 100_000,
        '{"id":' + "9" * 5_000 + "}",
    ],
)
def test_what_is_no_json_object_is_refused_and_the_connection_stays(
    client: Client, message: str
) -> None:
    reply = client.say(message)
    assert (reply["id"], reply["status"]) == (None, 400)
    assert reply["error"] == {"code": -1135, "msg": "Invalid JSON Request"}
    assert client.ask("ping")["status"] == 200
    assert client.closed_with is None


@pytest.mark.parametrize(
    ("message", "status", "code"),
    [
        ('{"id":1}', 400, -1102),
        ('{"id":1,"method":5}', 400, -1102),
        ('{"id":1,"method":"time","params":[1]}', 400, -1135),
        ('{"id":1,"method":"time","params":{"symbol":"BTCUSDT"}}', 400, -1104),
        ('{"id":1,"method":"SUBSCRIBE"}', 404, -5000),
        ('{"id":1,"method":"order.place"}', 400, -1020),
        ('{"id":1,"method":"userDataStream.start"}', 400, -1020),
        ('{"id":1,"method":"time","params":{"returnRateLimits":"maybe"}}', 400, -1130),
    ],
)
def test_requests_that_make_no_sense_are_refused_by_code(
    client: Client, venue: Venue, message: str, status: int, code: int
) -> None:
    reply = client.say(message)
    assert (reply["id"], reply["status"], reply["error"]["code"]) == (1, status, code)
    assert venue.limits.used_weight(client.peer) == 3


def test_limits_are_left_out_where_that_is_wanted(venue: Venue, users: UserHub) -> None:
    quiet = Client(venue, users, query="returnRateLimits=false")
    assert "rateLimits" not in quiet.ask("ping")
    assert "rateLimits" in quiet.ask("ping", returnRateLimits=True)
    loud = Client(venue, users)
    assert "rateLimits" not in loud.ask("ping", returnRateLimits=False)
    assert "rateLimits" in loud.ask("ping")


def test_a_subscriber_hears_the_account_from_the_reply_on(client: Client, venue: Venue) -> None:
    buy(venue)
    assert client.events == []
    assert client.subscribe() == 0
    buy(venue)
    assert [one["event"]["e"] for one in client.events] == [
        "executionReport",
        "executionReport",
        "outboundAccountPosition",
    ]
    assert {one["subscriptionId"] for one in client.events} == {0}
    assert [one["event"]["x"] for one in client.events[:2]] == ["NEW", "TRADE"]


def test_what_happened_before_the_subscription_is_not_heard(client: Client, venue: Venue) -> None:
    symbol = next(iter(venue.symbols.values()))
    asked = OrderRequest(
        symbol=symbol,
        side="SELL",
        type="STOP_LOSS",
        quantity=symbol.step * 100_000,
        stop_price=Decimal(1),
    )
    assert asked.quantity is not None
    venue.engine.deposit(venue.accounts[KEY].uid, symbol.base, asked.quantity, at_ms=0)
    placed = venue.engine.place(venue.accounts[KEY].uid, asked, at_ms=venue.advance())
    venue.hold_price(symbol.name, 1, for_ms=None)
    venue.clock.jump_to(venue.clock.now_ms() + 60_000)
    client.subscribe()
    found = venue.engine.orders.by_id(placed.order.uid, symbol.name, placed.order.order_id)
    assert found is not None
    assert found.status == "FILLED"
    assert client.events == []


def test_nobody_hears_the_account_of_another(client: Client, venue: Venue) -> None:
    client.subscribe()
    buy(venue, OTHER)
    assert client.events == []
    assert client.subscribe(OTHER) == 1
    buy(venue, OTHER)
    assert {one["subscriptionId"] for one in client.events} == {1}


def test_two_connections_hear_the_same_account(
    client: Client, venue: Venue, users: UserHub
) -> None:
    second = Client(venue, users)
    client.subscribe()
    second.subscribe()
    buy(venue)
    assert client.events == second.events != []


def test_an_account_is_subscribed_to_once_per_connection(client: Client) -> None:
    client.subscribe()
    assert client.error("userDataStream.subscribe.signature", **signed()) == (400, -2035)


def test_a_subscription_costs_two(client: Client, venue: Venue) -> None:
    client.subscribe()
    assert venue.limits.used_weight(client.peer) == 4


@pytest.mark.parametrize(
    ("params", "refused"),
    [
        ({}, (400, -1102)),
        ({"timestamp": NOW_MS, "signature": "0" * 64}, (400, -1102)),
        ({"apiKey": KEY, "timestamp": NOW_MS}, (400, -1102)),
        ({"apiKey": KEY, "signature": "0" * 64, "timestamp": NOW_MS}, (400, -1022)),
        (signed(key="short!"), (401, -2014)),
        (signed(key="x" * 32), (401, -2015)),
        (signed(secret=OTHER), (400, -1022)),
        (signed() | {"recvWindow": 6000}, (400, -1022)),
        (signed(timestamp=NOW_MS + 1_000), (400, -1021)),
        (signed(timestamp=NOW_MS - 5_001), (400, -1021)),
        (signed(timestamp=NOW_MS - 101, recvWindow=100), (400, -1021)),
        (signed(recvWindow=60_001), (400, -1131)),
        (signed(timestamp="soon"), (400, -1100)),
        (signed(symbol="BTCUSDT"), (400, -1104)),
        (signed(apiKey=""), (400, -1105)),
        ({"apiKey": None}, (400, -1105)),
    ],
)
def test_subscriptions_are_checked_as_signed_requests_by_http(
    client: Client, venue: Venue, params: dict[str, Any], refused: tuple[int, int]
) -> None:
    assert client.error("userDataStream.subscribe.signature", **params) == refused
    buy(venue)
    assert client.events == []
    assert client.ask("session.subscriptions")["result"] == []


@pytest.mark.parametrize(
    "more",
    [
        {"timestamp": NOW_MS + 999},
        {"timestamp": NOW_MS - 5_000},
        {"timestamp": NOW_MS * 1_000},
        {"timestamp": NOW_MS - 9_000, "recvWindow": 9_000},
        {"recvWindow": "6000.346"},
        {"timestamp": str(NOW_MS)},
    ],
)
def test_these_are_within_the_window(client: Client, more: dict[str, Any]) -> None:
    reply = client.ask("userDataStream.subscribe.signature", **signed(**more))
    assert reply["result"] == {"subscriptionId": 0}


def test_numbers_are_signed_as_they_were_written(client: Client) -> None:
    params = signed(recvWindow="6000.340")
    written = json.dumps(
        {"id": 1, "method": "userDataStream.subscribe.signature", "params": params}
    )
    reply = client.say(written.replace('"6000.340"', "6000.340"))
    assert reply["result"] == {"subscriptionId": 0}


def test_the_case_of_a_signature_does_not_matter(client: Client) -> None:
    params = signed()
    params["signature"] = params["signature"].upper()
    reply = client.ask("userDataStream.subscribe.signature", **params)
    assert reply["result"] == {"subscriptionId": 0}


def test_a_key_that_may_not_read_cannot_subscribe(client: Client, venue: Venue) -> None:
    venue.accounts[KEY].flags["enableReading"] = False
    assert client.error("userDataStream.subscribe.signature", **signed()) == (401, -2015)


def test_a_session_cannot_be_logged_on_with_such_a_key(client: Client) -> None:
    assert client.error("session.logon", **signed()) == (400, -4056)
    assert client.error("session.logon", **signed(secret=OTHER)) == (400, -1022)
    assert client.error("userDataStream.subscribe") == (401, -2015)


def test_subscriptions_are_listed(client: Client) -> None:
    client.subscribe()
    client.subscribe(OTHER)
    rows = client.ask("session.subscriptions")["result"]
    assert rows == [{"subscriptionId": 0}, {"subscriptionId": 1}]


def test_a_subscription_that_is_stopped_says_so_and_is_silent(
    client: Client, venue: Venue, users: UserHub
) -> None:
    client.subscribe()
    client.subscribe(OTHER)
    assert client.ask("userDataStream.unsubscribe", subscriptionId=0)["result"] == {}
    assert client.events == [
        {
            "subscriptionId": 0,
            "event": {"e": "eventStreamTerminated", "E": venue.clock.now_ms()},
        }
    ]
    buy(venue)
    assert len(client.events) == 1
    buy(venue, OTHER)
    assert client.events[-1]["subscriptionId"] == 1
    assert client.ask("userDataStream.unsubscribe")["result"] == {}
    assert client.events[-1]["event"]["e"] == "eventStreamTerminated"
    assert users.is_empty


def test_stopping_what_is_not_there_is_no_error(client: Client) -> None:
    client.subscribe()
    assert client.ask("userDataStream.unsubscribe", subscriptionId=9)["result"] == {}
    assert client.events == []
    assert client.ask("session.subscriptions")["result"] == [{"subscriptionId": 0}]


def test_a_number_is_never_given_twice(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spot_api, "MOST_SUBSCRIPTIONS_EVER", 2)
    for number in (0, 1):
        assert client.subscribe() == number
        client.ask("userDataStream.unsubscribe")
    assert client.error("userDataStream.subscribe.signature", **signed()) == (400, -2042)


def test_too_many_subscriptions_at_a_time_are_refused(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spot_api, "MOST_SUBSCRIPTIONS", 1)
    client.subscribe()
    refused = client.error("userDataStream.subscribe.signature", **signed(OTHER))
    assert refused == (400, -1191)


def test_a_connection_that_ends_leaves_nobody_behind(
    client: Client, venue: Venue, users: UserHub
) -> None:
    client.subscribe()
    client.api.closed()
    assert users.is_empty
    buy(venue)
    assert client.events == []
    again = Client(venue, users)
    buy(venue)
    assert again.events == []


def test_a_revoked_key_ends_the_subscription(client: Client, venue: Venue, users: UserHub) -> None:
    client.subscribe()
    set_key(venue, {"key_number": 1, "enableFutures": False})
    assert client.events == []
    set_key(venue, {"key_number": 1, "enableReading": False})
    assert [one["event"]["e"] for one in client.events] == ["eventStreamTerminated"]
    assert users.is_empty
    buy(venue)
    assert len(client.events) == 1
    set_key(venue, {"key_number": 1, "enableReading": True})
    assert client.subscribe() == 1


def test_whoever_insists_beyond_the_limit_is_cut(
    client: Client, venue: Venue, users: UserHub
) -> None:
    venue.limits.charge(client.peer, WEIGHT_LIMIT - 2)
    reply = client.ask("ping")
    assert (reply["status"], reply["error"]["code"]) == (429, -1003)
    data = reply["error"]["data"]
    assert data["serverTime"] == NOW_MS
    assert NOW_MS < data["retryAfter"] <= NOW_MS + 60_000
    endings = {client.closed_with}
    while client.ask("ping")["status"] == 429:
        endings.add(client.closed_with)
    assert endings == {None}
    assert client.replies[-1]["status"] == 418
    assert client.closed_with == 1008
    assert Client(venue, users).closed_with == 1008


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(message=REQUESTS.map(json.dumps) | st.text(max_size=40) | ANYTHING.map(json.dumps))
def test_whatever_is_said_gets_one_answer(venue: Venue, users: UserHub, message: str) -> None:
    venue.limits.refund(Client.peer, WEIGHT_LIMIT)
    client = Client(venue, users)
    reply = client.say(message)
    assert ("result" in reply) is (reply["status"] == 200)
    assert ("error" in reply) is (reply["status"] in (400, 401, 404))
    assert client.closed_with is None
    assert client.events == []
    client.api.closed()
    assert users.is_empty

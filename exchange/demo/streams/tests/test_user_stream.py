"""The spot account's events over a real connection: heard while REST and the market act."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest
from binance import AsyncClient, BinanceSocketManager
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from exchange.demo.conftest import Caller
from exchange.demo.http.auth import signature_of
from exchange.demo.streams.tests.listening import all_for, heard, listen
from exchange.demo.testing import TEST_KEY, TEST_SECRET, RunningExchange

T = TypeVar("T")
PATH = "/ws-api/v3"


def request(method: str, id: str = "1", **params: Any) -> str:
    return json.dumps({"id": id, "method": method, "params": params})


def subscription(secret: str = TEST_SECRET) -> str:
    """Return a signed request for the events of the test account."""
    params: dict[str, Any] = {"apiKey": TEST_KEY, "timestamp": int(time.time() * 1000)}
    payload = f"apiKey={TEST_KEY}&timestamp={params['timestamp']}"
    signature = signature_of(payload, secret)
    return request("userDataStream.subscribe.signature", **params, signature=signature)


async def subscribe(client: ClientConnection) -> int:
    await client.send(subscription())
    reply = await heard(client)
    assert reply["status"] == 200, reply
    return int(reply["result"]["subscriptionId"])


async def until(client: ClientConnection, is_last: Callable[[dict[str, Any]], bool]) -> list[Any]:
    """Return the events up to one."""
    found: list[Any] = []
    while not found or not is_last(found[-1]):
        found.append((await heard(client))["event"])
    return found


def is_position(event: dict[str, Any]) -> bool:
    return bool(event["e"] == "outboundAccountPosition")


async def aside(job: Callable[[], T]) -> T:
    """Run something that blocks beside the loop."""
    return await asyncio.to_thread(job)


def converse(demo: RunningExchange, script: Callable[[ClientConnection], Awaitable[T]]) -> T:
    return listen(demo, PATH, script)


def test_what_rest_does_to_an_order_is_heard_with_the_same_figures(
    demo: RunningExchange, caller: Caller
) -> None:
    async def script(client: ClientConnection) -> list[Any]:
        assert await subscribe(client) == 0
        job = partial(caller.order, quantity="0.01", newClientOrderId="mine")
        reply.update((await aside(job)).json())
        return await until(client, is_position)

    reply: dict[str, Any] = {}
    new, traded, position = converse(demo, script)
    assert (new["x"], traded["x"], traded["X"]) == ("NEW", "TRADE", "FILLED")
    assert (traded["c"], traded["i"]) == ("mine", reply["orderId"])
    assert (traded["z"], traded["Z"]) == (reply["executedQty"], reply["cummulativeQuoteQty"])
    (fill,) = reply["fills"]
    assert (traded["L"], traded["n"], traded["N"]) == (
        fill["price"],
        fill["commission"],
        fill["commissionAsset"],
    )
    assert (traded["t"], traded["T"]) == (fill["tradeId"], reply["transactTime"])
    balances = demo.ledger()["balances"].popitem()[1]["spot"]
    assert {one["a"]: (one["f"], one["l"]) for one in position["B"]} == {
        asset: (held["free"], held["locked"]) for asset, held in balances.items()
    }


def test_a_resting_order_is_heard_to_fill_without_anybody_asking(
    demo: RunningExchange, caller: Caller
) -> None:
    async def script(client: ClientConnection) -> list[Any]:
        await subscribe(client)
        price = caller.public("/api/v3/ticker/price", symbol="BTCUSDT").json()["price"]
        bid = f"{float(price) * 0.99:.2f}"
        place = partial(caller.order, type="LIMIT", timeInForce="GTC", price=bid, quantity="0.001")
        assert (await aside(place)).json()["status"] == "NEW"
        await until(client, is_position)
        await aside(partial(demo.set_price, "BTCUSDT", f"{float(price) * 0.98:.2f}"))
        await aside(partial(demo.set_clock, running=True, speed=60))
        return await until(client, lambda event: event.get("X") == "FILLED")

    filled = converse(demo, script)
    assert [one["x"] for one in filled] == ["TRADE"]
    assert filled[0]["m"] is True


def test_a_cancel_by_rest_is_heard_with_both_names(demo: RunningExchange, caller: Caller) -> None:
    async def script(client: ClientConnection) -> list[Any]:
        await subscribe(client)
        place = partial(
            caller.order,
            type="LIMIT",
            timeInForce="GTC",
            price="60000",
            quantity="0.001",
            newClientOrderId="mine",
        )
        await aside(place)
        await until(client, is_position)
        cancel = partial(
            caller.signed,
            "DELETE",
            "/api/v3/order",
            symbol="BTCUSDT",
            origClientOrderId="mine",
            newClientOrderId="stop-it",
        )
        await aside(cancel)
        return await until(client, is_position)

    canceled = converse(demo, script)[0]
    assert (canceled["x"], canceled["c"], canceled["C"]) == ("CANCELED", "stop-it", "mine")


def test_a_replaced_order_is_heard_as_a_cancel_and_a_new_order(
    demo: RunningExchange, caller: Caller
) -> None:
    rest = {"type": "LIMIT", "timeInForce": "GTC", "quantity": "0.001"}

    async def script(client: ClientConnection) -> list[Any]:
        await aside(partial(caller.order, price="60000", newClientOrderId="old", **rest))
        await subscribe(client)
        replace = partial(
            caller.signed,
            "POST",
            "/api/v3/order/cancelReplace",
            symbol="BTCUSDT",
            side="BUY",
            cancelReplaceMode="STOP_ON_FAILURE",
            cancelOrigClientOrderId="old",
            newClientOrderId="new",
            price="61000",
            **rest,
        )
        assert (await aside(replace)).status_code == 200
        return await until(client, is_position) + await until(client, is_position)

    told = [(one["x"], one["C"] or one["c"]) for one in converse(demo, script) if "x" in one]
    assert told == [("CANCELED", "old"), ("NEW", "new")]


def test_a_refused_order_is_not_heard(demo: RunningExchange, caller: Caller) -> None:
    async def script(client: ClientConnection) -> list[Any]:
        await subscribe(client)
        assert (await aside(partial(caller.order, quantity="100"))).status_code == 400
        return await all_for(client, 0.3)

    assert converse(demo, script) == []


def test_deposits_and_transfers_are_heard_with_what_they_leave(
    demo: RunningExchange, caller: Caller
) -> None:
    async def script(client: ClientConnection) -> list[Any]:
        await subscribe(client)
        item = {"key_number": 1, "asset": "USDT", "amount": "5"}
        await aside(partial(demo.control, "deposits", item))
        transfer = partial(caller.signed, "POST", "/sapi/v1/asset/transfer", asset="USDT")
        for kind, amount in (("MAIN_UMFUTURE", "7"), ("UMFUTURE_MAIN", "2")):
            assert (await aside(partial(transfer, type=kind, amount=amount))).status_code == 200
        in_futures = item | {"wallet": "um"}
        await aside(partial(demo.control, "deposits", in_futures))
        return await all_for(client, 0.3)

    events = [one["event"] for one in converse(demo, script)]
    assert [(one["a"], one["d"]) for one in events if one["e"] == "balanceUpdate"] == [
        ("USDT", "5.00000000"),
        ("USDT", "-7.00000000"),
        ("USDT", "2.00000000"),
    ]
    assert [one["B"][0]["f"] for one in events if is_position(one)] == [
        "10005.00000000",
        "9998.00000000",
        "10000.00000000",
    ]


def test_a_new_connection_hears_nothing_before_it_subscribes_anew(
    demo: RunningExchange, caller: Caller
) -> None:
    async def first(client: ClientConnection) -> None:
        assert await subscribe(client) == 0
        await aside(demo.cut_streams)
        with pytest.raises(ConnectionClosed):
            await heard(client)

    async def second(client: ClientConnection) -> list[Any]:
        await aside(partial(caller.order, quantity="0.001"))
        await client.send(request("session.subscriptions"))
        assert (await heard(client))["result"] == []
        assert await subscribe(client) == 0
        await aside(partial(caller.order, quantity="0.001"))
        return await until(client, is_position)

    converse(demo, first)
    assert [one.get("x") for one in converse(demo, second)] == ["NEW", "TRADE", None]


def test_wrong_signatures_are_refused_and_the_connection_stays(demo: RunningExchange) -> None:
    async def script(client: ClientConnection) -> list[Any]:
        await client.send(subscription("x" * 64))
        await client.send(request("ping", id="2"))
        return [await heard(client), await heard(client)]

    refused, pong = converse(demo, script)
    assert (refused["status"], refused["error"]["code"]) == (400, -1022)
    assert (pong["id"], pong["status"]) == ("2", 200)
    used = [one["rateLimits"][0]["count"] for one in (refused, pong)]
    assert used == [4, 5]


def test_a_revoked_key_is_heard_to_end_the_stream(demo: RunningExchange, caller: Caller) -> None:
    async def script(client: ClientConnection) -> list[Any]:
        await subscribe(client)
        item = {"key_number": 1, "enableReading": False}
        await aside(partial(demo.control, "keys", item, method="POST"))
        ended = (await heard(client))["event"]["e"]
        await client.send(subscription())
        return [ended, (await heard(client))["error"]["code"]]

    assert converse(demo, script) == ["eventStreamTerminated", -2015]


def test_events_are_struck_by_the_faults_of_the_user_stream_but_replies_are_not(
    demo: RunningExchange, caller: Caller
) -> None:
    async def script(client: ClientConnection) -> list[Any]:
        await aside(partial(demo.set_fault, endpoint="STREAM user", action="lose", times=2))
        await subscribe(client)
        await aside(partial(caller.order, quantity="0.001"))
        return await all_for(client, 0.3)

    assert [one["event"]["e"] for one in converse(demo, script)] == ["outboundAccountPosition"]


def test_whoever_does_not_shake_hands_is_told_so(demo: RunningExchange, caller: Caller) -> None:
    assert caller.public(PATH).status_code == 400


def test_the_numbers_of_events_go_on_after_a_restart(
    short_recordings: Path, tmp_path: Path
) -> None:
    def run() -> list[int]:
        with RunningExchange(
            is_paused=True, market_data=short_recordings, state_dir=tmp_path
        ) as demo:

            async def script(client: ClientConnection) -> list[Any]:
                await subscribe(client)
                await aside(partial(Caller(demo.url).order, quantity="0.001"))
                return await until(client, is_position)

            return [one["I"] for one in converse(demo, script) if "I" in one]

    assert run() + run() == [1, 2, 3, 4]


def test_python_binance_hears_the_account(demo: RunningExchange, caller: Caller) -> None:
    class DemoClient(AsyncClient):  # type: ignore[misc]  # the library has no types
        API_URL = f"{demo.url}/api"
        WS_API_URL = demo.ws_url + PATH

    async def main() -> list[Any]:
        client = DemoClient(TEST_KEY, TEST_SECRET)
        try:
            async with asyncio.timeout(20), BinanceSocketManager(client).user_socket() as socket:
                await aside(partial(caller.order, quantity="0.002", newClientOrderId="mine"))
                return [await socket.recv() for _ in range(3)]
        finally:
            await client.close_connection()

    events = asyncio.run(main())
    assert [one["e"] for one in events] == [
        "executionReport",
        "executionReport",
        "outboundAccountPosition",
    ]
    assert (events[1]["c"], events[1]["z"]) == ("mine", "0.00200000")
    assert demo.ledger()["orders"][0]["clientOrderId"] == "mine"

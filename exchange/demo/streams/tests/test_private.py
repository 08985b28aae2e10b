"""`/private`: who knows a listen key hears its account, and nobody else does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import pytest
from binance.async_client import AsyncClient
from binance.ws.streams import BinanceSocketManager
from websockets.asyncio.client import ClientConnection, connect

from exchange.demo.conftest import Caller
from exchange.demo.fapi.tests.trading import SYMBOL, Trader, placed, trader
from exchange.demo.streams.tests.follower import check_model, short
from exchange.demo.streams.tests.listening import all_for, ask, heard, listen
from exchange.demo.testing import TEST_ACCOUNT, TEST_KEY, TEST_SECRET, RunningExchange
from exchange.demo.times import iso

__all__ = ("trader",)
OTHER_KEY: Final = "otherkey" * 8
OTHER_ACCOUNT: Final = f"{OTHER_KEY}:{OTHER_KEY}:USDT=10000"
BOUGHT: Final = [
    "ORDER_TRADE_UPDATE NEW NEW",
    "TRADE_LITE",
    "ACCOUNT_UPDATE ORDER",
    "ORDER_TRADE_UPDATE TRADE FILLED",
]
QUIET: Final = 0.15
STAMP_MS: Final = 28_800_000


def key_of(demo: RunningExchange, api_key: str = TEST_KEY) -> str:
    """Return the listen key of an account."""
    response = Caller(demo.url).raw("POST", "/fapi/v1/listenKey", key=api_key)
    return str(response.json()["listenKey"])


def close_key(demo: RunningExchange) -> None:
    assert Caller(demo.url).raw("DELETE", "/fapi/v1/listenKey", key=TEST_KEY).status_code == 200


def before_the_stamp(demo: RunningExchange) -> str:
    """Return the moment ten seconds before the next stamp of funding."""
    now_ms = int(demo.market_time().timestamp() * 1000)
    return iso((now_ms // STAMP_MS + 1) * STAMP_MS - 10_000)


def hears(demo: RunningExchange, path: str, act: Callable[[], Any], count: int) -> list[Any]:
    """Connect to a path, act, and return that many messages."""

    async def script(client: ClientConnection) -> list[Any]:
        act()
        return [await heard(client) for _ in range(count)]

    return listen(demo, path, script)


def hears_nothing(demo: RunningExchange, path: str, act: Callable[[], Any]) -> bool:
    """Connect to a path, act, and say whether nothing was heard for a while."""

    async def script(client: ClientConnection) -> bool:
        act()
        return await all_for(client, QUIET) == []

    return listen(demo, path, script)


@pytest.mark.parametrize("path", ["/private/ws?listenKey={}", "/private/ws/{}"])
def test_an_order_is_heard_as_the_books_have_it(trader: Trader, path: str) -> None:
    demo = trader.demo
    told: list[Any] = []
    events = hears(demo, path.format(key_of(demo)), lambda: told.append(trader.order()), 4)
    assert [short(event) for event in events] == BOUGHT
    for event in events:
        check_model(event)
    (trade,), order = trader.trades(), trader.find(placed(told[0])["orderId"])
    filled = events[3]["o"]
    assert (filled["i"], filled["t"]) == (order["orderId"], trade["id"])
    assert float(filled["n"]) == float(trade["commission"])
    assert (filled["z"], float(filled["ap"])) == ("0.01", float(order["avgPrice"]))
    assert events[3]["T"] == trade["time"] == order["updateTime"]


@pytest.mark.parametrize("name", ["listenKey", "streams"])
def test_a_combined_path_names_the_key_with_every_event(trader: Trader, name: str) -> None:
    word = key_of(trader.demo)
    path = f"/private/stream?{name}={word}"
    events = hears(trader.demo, path, trader.order, 4)
    assert [event["stream"] for event in events] == [word] * 4
    assert [short(event["data"]) for event in events] == BOUGHT


def test_events_is_a_list_of_what_may_come(trader: Trader) -> None:
    demo = trader.demo
    path = f"/private/ws?listenKey={key_of(demo)}&events=ACCOUNT_UPDATE/ACCOUNT_CONFIG_UPDATE"

    def act() -> None:
        placed(trader.order())
        placed(trader.ask("POST", "v1/leverage", symbol=SYMBOL, leverage="12"))

    names = [short(event) for event in hears(demo, path, act, 2)]
    assert names == ["ACCOUNT_UPDATE ORDER", "ACCOUNT_CONFIG_UPDATE"]
    # The end of the key is no exception.
    assert hears_nothing(demo, path, lambda: close_key(demo))


def test_the_market_moves_a_stop_whose_owner_asks_nothing(trader: Trader) -> None:
    demo = trader.demo
    placed(trader.order())
    stop = {"side": "SELL", "triggerPrice": "95000", "quantity": "0.010", "reduceOnly": "true"}
    algo_id = placed(trader.algo(**stop))["algoId"]
    path = f"/private/ws?listenKey={key_of(demo)}&events=ALGO_UPDATE"
    events = hears(demo, path, lambda: trader.move("94000"), 3)
    assert [event["o"]["X"] for event in events] == ["TRIGGERING", "TRIGGERED", "FINISHED"]
    found = trader.find_algo(algo_id)
    assert [event["o"]["ai"] for event in events] == ["", *[found["actualOrderId"]] * 2]


def test_a_running_market_is_heard_without_any_request(short_recordings: Path) -> None:
    with RunningExchange(is_paused=True, market_data=short_recordings) as demo:
        trader = Trader(demo, Caller(demo.url))
        placed(trader.ask("POST", "v1/marginType", symbol=SYMBOL, marginType="ISOLATED"))
        placed(trader.order())

        async def script(client: ClientConnection) -> Any:
            # Funding is due in ten seconds of market time, which are 50 ms here.
            demo.set_clock(market_time=before_the_stamp(demo))
            demo.set_clock(running=True, speed=200)
            return await heard(client)

        event = listen(demo, f"/private/ws/{key_of(demo)}", script)
    assert (short(event), event["T"] % STAMP_MS) == ("ACCOUNT_UPDATE FUNDING_FEE", 0)


def test_each_account_hears_its_own_events(short_recordings: Path) -> None:
    accounts = (TEST_ACCOUNT, OTHER_ACCOUNT)
    with RunningExchange(is_paused=True, market_data=short_recordings, accounts=accounts) as demo:
        mine = Trader(demo, Caller(demo.url))
        mine_word, other_word = key_of(demo), key_of(demo, OTHER_KEY)
        assert mine_word != other_word

        def act() -> None:
            placed(mine.ask("POST", "v1/leverage", symbol=SYMBOL, leverage="9"))

        assert hears_nothing(demo, f"/private/ws/{other_word}", act)
        both = f"/private/stream?listenKey={mine_word}&listenKey={other_word}&events=TRADE_LITE"

        def act_again() -> None:
            placed(mine.ask("POST", "v1/leverage", symbol=SYMBOL, leverage="8"))

        (event,) = hears(demo, both, act_again, 1)
        assert (event["stream"], event["data"]["ac"]["l"]) == (mine_word, 8)


@pytest.mark.parametrize(
    "path",
    [
        *("/private/ws?listenKey=unknown", "/private/ws/unknown", "/private/ws"),
        *("/private/stream?streams=unknown", "/private/ws?listenKey="),
        "/private/ws/btcusdt@kline_1m",
    ],
)
def test_a_key_that_is_not_valid_is_taken_and_nothing_is_heard(trader: Trader, path: str) -> None:
    assert hears_nothing(trader.demo, path, trader.order)


def test_the_end_of_a_key_is_told_to_all_its_sockets_and_ends_the_events(trader: Trader) -> None:
    demo, word = trader.demo, key_of(trader.demo)

    async def main() -> list[list[Any]]:
        paths = (f"/private/ws/{word}", f"/private/stream?listenKey={word}")
        async with asyncio.timeout(20), AsyncExitStack() as stack:
            clients = [
                await stack.enter_async_context(connect(demo.ws_url + path, proxy=None))
                for path in paths
            ]
            close_key(demo)
            assert key_of(demo) != word
            placed(trader.order())
            return [await all_for(client, QUIET) for client in clients]

    now_ms = int(demo.market_time().timestamp() * 1000)
    event = {"e": "listenKeyExpired", "E": now_ms, "listenKey": word}
    assert asyncio.run(main()) == [[event], [{"stream": word, "data": event}]]


def test_a_key_ends_by_itself_and_one_that_is_kept_does_not(trader: Trader) -> None:
    demo = trader.demo
    demo.run_inside(lambda venue: setattr(venue.listen_keys, "valid_seconds", 1.0))
    word = key_of(demo)

    async def script(client: ClientConnection) -> tuple[list[Any], Any]:
        caller = Caller(demo.url)
        for _ in range(3):
            await asyncio.sleep(0.4)
            caller.raw("PUT", "/fapi/v1/listenKey", key=TEST_KEY)
        before = await all_for(client, QUIET)
        return before, await heard(client)

    before, event = listen(demo, f"/private/ws/{word}", script)
    assert before == []
    assert (event["e"], event["listenKey"]) == ("listenKeyExpired", word)


def test_keys_may_be_subscribed_to_and_given_up(trader: Trader) -> None:
    word = key_of(trader.demo)

    async def script(client: ClientConnection) -> tuple[Any, ...]:
        answers = [
            await ask(client, "SUBSCRIBE", word, number=1),
            await ask(client, "SUBSCRIBE", word, number=2),
            await ask(client, "LIST_SUBSCRIPTIONS", number=3),
        ]
        placed(trader.order())
        events = [short(await heard(client)) for _ in BOUGHT]
        answers.append(await ask(client, "UNSUBSCRIBE", word, number=4))
        placed(trader.order())
        return answers, events, await all_for(client, QUIET)

    answers, events, later = listen(trader.demo, "/private/ws", script)
    assert answers == [
        {"result": None, "id": 1},
        {"result": None, "id": 2},
        {"result": [word], "id": 3},
        {"result": None, "id": 4},
    ]
    assert (events, later) == (BOUGHT, [])


@pytest.mark.parametrize(
    ("sent", "code"),
    [("no JSON", 3), ('{"method":"SET_PROPERTY","params":["combined"],"id":1}', 0)],
)
def test_what_it_does_not_understand_is_refused(
    demo: RunningExchange, sent: str, code: int
) -> None:
    async def script(client: ClientConnection) -> Any:
        await client.send(sent)
        return await heard(client)

    assert listen(demo, "/private/ws", script)["error"]["code"] == code


def test_no_key_is_shown_by_the_control_door(trader: Trader) -> None:
    word = key_of(trader.demo)

    async def script(_client: ClientConnection) -> str:
        return str(trader.demo.control("streams"))

    shown = listen(trader.demo, f"/private/ws/{word}", script)
    assert "/private" in shown
    assert word not in shown


def test_streams_of_an_account_are_struck_by_their_own_faults(trader: Trader) -> None:
    demo, path = trader.demo, f"/private/ws/{key_of(trader.demo)}"
    demo.set_fault(endpoint="STREAM um:user", action="lose", times=1)
    events = hears(demo, path, trader.order, 3)
    assert [short(event) for event in events] == BOUGHT[1:]
    demo.set_fault(endpoint="STREAM user", action="lose", times=None)
    assert len(hears(demo, path, trader.order, 4)) == 4


def test_whoever_leaves_is_forgotten(trader: Trader) -> None:
    demo, path = trader.demo, f"/private/ws/{key_of(trader.demo)}"
    for _ in range(3):
        assert len(hears(demo, path, trader.order, 4)) == 4
    (key,) = demo.run_inside(lambda venue: list(venue.listen_keys._by_uid.values()))
    assert key.watchers == {}


def test_python_binance_hears_a_futures_account(trader: Trader) -> None:
    demo = trader.demo

    class DemoClient(AsyncClient):  # type: ignore[misc]  # the library has no types
        FUTURES_URL = f"{demo.url}/fapi"

    class DemoManager(BinanceSocketManager):  # type: ignore[misc]
        FSTREAM_URL = f"{demo.ws_url}/"

    async def main() -> list[Any]:
        client = DemoClient(TEST_KEY, TEST_SECRET)
        try:
            async with asyncio.timeout(20), DemoManager(client).futures_user_socket() as socket:
                placed(trader.order())
                events = [await socket.recv() for _ in BOUGHT]
                close_key(demo)
                events.append(await socket.recv())
                # Its reader ends when something more comes, or after ten seconds.
                asyncio.get_running_loop().call_later(0.05, demo.cut_streams)
                return events
        finally:
            await client.close_connection()

    assert [short(event) for event in asyncio.run(main())] == [*BOUGHT, "listenKeyExpired"]

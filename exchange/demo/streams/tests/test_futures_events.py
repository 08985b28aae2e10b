"""Futures events word for word, and in which order they come."""

from __future__ import annotations

from typing import Any

import pytest

from exchange.demo.errors import VenueError
from exchange.demo.futures.hitches import Hitch, HitchKind
from exchange.demo.futures.tests.algo_world import AlgoWorld
from exchange.demo.futures.tests.futures_world import BTC
from exchange.demo.market.funding import FUNDING_INTERVAL_MS, FundingRates
from exchange.demo.streams.futures_events import listen_key_expired, payloads
from exchange.demo.streams.tests.follower import Ear, check_model
from exchange.demo.times import MINUTE_MS
from exchange.demo.trading.changes import KeyChange
from exchange.demo.trading.tests.engine_world import START, D

# Of an order, while nothing was filled.
NO_FILL = {"l": "0", "L": "0", "n": "0", "N": "USDT", "t": 0, "m": False, "rp": "0"}
PLAIN_ORDER = {
    "s": "BTCUSDT",
    "f": "GTC",
    "sp": "0",
    "a": "0",
    "R": False,
    "wt": "CONTRACT_PRICE",
    "ps": "BOTH",
    "cp": False,
    "pP": False,
    "si": 0,
    "ss": 0,
    "V": "NONE",
    "pm": "NONE",
    "gtd": 0,
    "er": "0",
}
STOP = {
    "caid": "sl-1",
    "aid": 1,
    "at": "CONDITIONAL",
    "o": "STOP_MARKET",
    "s": "BTCUSDT",
    "S": "SELL",
    "ps": "BOTH",
    "f": "GTC",
    "q": "1",
    "tp": "95",
    "p": "0",
    "V": "EXPIRE_MAKER",
    "wt": "MARK_PRICE",
    "pm": "NONE",
    "cp": False,
    "pP": False,
    "R": True,
    "gtd": 0,
    "ia": False,
}


def heard_world(*, price: int = 100, **more: Any) -> tuple[AlgoWorld, Ear]:
    """Return a flat market, isolated at 10x, and the ear of its account."""
    ear = Ear()
    world = AlgoWorld({BTC: [(price,) * 4]}, on_change=ear, **more)
    ear.take()
    return world, ear


def parts(events: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    """Return the inner part of the events of one kind."""
    return [
        event["a" if name == "ACCOUNT_UPDATE" else "o"] for event in events if event["e"] == name
    ]


def test_an_order_that_rests_and_its_cancel_are_told_word_for_word() -> None:
    world, ear = heard_world()
    placed = world.place("BUY", "LIMIT", "2.500", price=95, client_order_id="rest")
    order = PLAIN_ORDER | NO_FILL | {"c": "rest", "S": "BUY", "o": "LIMIT", "ot": "LIMIT"}
    order |= {"q": "2.5", "p": "95", "ap": "0", "z": "0", "i": 1, "T": START}
    update = {"e": "ORDER_TRADE_UPDATE", "T": START, "E": START}
    assert ear.take() == [update | {"o": order | {"x": "NEW", "X": "NEW", "b": "237.5"}}]
    world.go(5)
    world.engine.cancel(world.uid, BTC, order_id=placed.order.order_id, at_ms=world.now)
    order |= {"x": "CANCELED", "X": "CANCELED", "b": "0", "T": START + 5}
    assert ear.take() == [update | {"T": START + 5, "E": START + 5, "o": order}]


def test_a_market_order_is_told_new_and_then_three_times_filled() -> None:
    world, ear = heard_world()
    world.place("BUY", "LIMIT", 1, price=95)
    ear.take()
    world.buy(1, client_order_id="now")
    order = PLAIN_ORDER | {"c": "now", "S": "BUY", "o": "MARKET", "ot": "MARKET", "q": "1"}
    order |= {"p": "0", "i": 2, "T": START, "b": "95"}
    times = {"T": START, "E": START}
    new, lite, account, trade = ear.take()
    untouched = order | NO_FILL | {"x": "NEW", "X": "NEW", "ap": "0", "z": "0"}
    assert new == {"e": "ORDER_TRADE_UPDATE", **times, "o": untouched}
    assert lite == {
        "e": "TRADE_LITE",
        **times,
        "s": "BTCUSDT",
        "q": "1.000",
        "p": "0.00",
        "m": False,
        "c": "now",
        "S": "BUY",
        "L": "100.00",
        "l": "1.000",
        "t": 1,
        "i": 2,
    }
    position = {"s": "BTCUSDT", "pa": "1", "ep": "100", "cr": "0", "up": "0", "mt": "isolated"}
    position |= {"iw": "10", "ps": "BOTH", "ma": "USDT", "bep": "100.05"}
    balance = {"a": "USDT", "wb": "9999.95", "cw": "9989.95", "bc": "0"}
    told = {"m": "ORDER", "B": [balance], "P": [position]}
    assert account == {"e": "ACCOUNT_UPDATE", **times, "a": told}
    fill = {"l": "1", "L": "100", "n": "0.05", "N": "USDT", "t": 1, "m": False, "rp": "0"}
    done = order | fill | {"x": "TRADE", "X": "FILLED", "ap": "100", "z": "1"}
    assert trade == {"e": "ORDER_TRADE_UPDATE", **times, "o": done}


def test_the_fills_of_one_order_add_up() -> None:
    # One level of the book holds one contract here.
    world, ear = heard_world()
    world.buy(2)
    world.sell("1.5")
    trades = [one for one in parts(ear.take(), "ORDER_TRADE_UPDATE") if one["x"] == "TRADE"]
    assert [(one["l"], one["z"], one["X"]) for one in trades] == [
        ("1", "1", "PARTIALLY_FILLED"),
        ("1", "2", "FILLED"),
        ("1", "1", "PARTIALLY_FILLED"),
        ("0.5", "1.5", "FILLED"),
    ]
    assert [one["ap"] for one in trades] == ["100", "100.005", "100", "99.99666667"]
    assert [one["t"] for one in trades] == [1, 2, 3, 4]


def test_a_maker_is_told_that_he_was_one() -> None:
    world, ear = heard_world()
    world.place("SELL", "LIMIT", 1, price=105)
    ear.take()
    world.steer(106)
    events = ear.take()
    assert [event["e"] for event in events] == [
        *("TRADE_LITE", "ACCOUNT_UPDATE", "ORDER_TRADE_UPDATE"),
    ]
    assert (events[0]["m"], events[2]["o"]["m"]) == (True, True)
    # Short at 105, marked at 106.
    assert events[1]["a"]["P"][0]["up"] == "-1"
    assert events[0]["T"] == world.now


@pytest.mark.parametrize(
    ("kind", "quantity", "more", "reason"),
    [
        ("LIMIT", 5, {"price": 10, "time_in_force": "IOC"}, "2"),
        # All levels of the book together hold 10000.
        ("MARKET", 15_000, {}, "9"),
    ],
)
def test_what_is_left_of_an_order_that_may_not_rest_expires_for_a_reason(
    kind: str, quantity: int, more: dict[str, Any], reason: str
) -> None:
    world, ear = heard_world(price=10, balances="UM.USDT=100000", volume=3)
    world.place("BUY", kind, quantity, **more)
    events = ear.take()
    assert [event["e"] for event in events[:2]] == ["ORDER_TRADE_UPDATE", "TRADE_LITE"]
    *_, filled, last = parts(events, "ORDER_TRADE_UPDATE")
    assert (last["x"], last["X"], last["er"]) == ("EXPIRED", "EXPIRED", reason)
    assert (filled["x"], filled["X"], filled["er"]) == ("TRADE", "PARTIALLY_FILLED", "0")
    assert last["z"] == filled["z"]
    assert (last["l"], last["t"]) == ("0", 0)


def test_an_order_that_has_nothing_left_to_reduce_expires_after_the_fill() -> None:
    world, ear = heard_world()
    world.buy(1)
    world.place("SELL", "LIMIT", 1, price=110, reduce_only=True)
    ear.take()
    world.sell(1)
    events = ear.take()
    assert [event["e"] for event in events] == [
        *("ORDER_TRADE_UPDATE", "TRADE_LITE", "ACCOUNT_UPDATE"),
        *("ORDER_TRADE_UPDATE", "ORDER_TRADE_UPDATE"),
    ]
    ended = events[-1]["o"]
    assert (ended["i"], ended["X"], ended["er"], ended["R"]) == (2, "EXPIRED", "4", True)
    assert events[2]["a"]["P"][0]["pa"] == "0"


def test_a_stop_is_told_from_its_placing_to_its_end() -> None:
    world, ear = heard_world()
    world.buy(1)
    ear.take()
    world.stop(95, client_algo_id="sl-1", reduce_only=True, working_type="MARK_PRICE")
    algo = {"e": "ALGO_UPDATE", "T": START, "E": START}
    assert ear.take() == [algo | {"o": STOP | {"X": "NEW", "ai": "", "tt": 0}}]
    world.steer(94)
    now = {"T": world.now, "E": world.now}
    events = ear.take()
    fired = STOP | {"tt": world.now}
    assert events[0] == algo | now | {"o": fired | {"X": "TRIGGERING", "ai": ""}}
    child = {"ai": "2", "act": "MARKET"}
    waiting = child | {"X": "TRIGGERED", "ap": "0", "aq": "0"}
    assert events[1] == algo | now | {"o": fired | waiting}
    done = child | {"X": "FINISHED", "ap": "94", "aq": "1"}
    assert events[-1] == algo | now | {"o": fired | done}
    assert [event["e"] for event in events[2:-1]] == [
        *("ORDER_TRADE_UPDATE", "TRADE_LITE", "ACCOUNT_UPDATE", "ORDER_TRADE_UPDATE"),
    ]
    order = events[-2]["o"]
    assert (order["c"], order["i"], order["o"], order["ot"]) == (
        *("sl-1", 2, "MARKET", "STOP_MARKET"),
    )
    assert (order["sp"], order["rp"], order["R"]) == ("95", "-6", True)


def test_a_stop_limit_is_finished_when_its_child_is_canceled() -> None:
    world, ear = heard_world()
    world.buy(1)
    algo_id = world.stop(95, kind="STOP", price=96)
    world.steer(94)
    assert ear.names()[-1] == "ORDER_TRADE_UPDATE NEW NEW"
    order_id = world.child(algo_id).order_id
    world.engine.cancel(world.uid, BTC, order_id=order_id, at_ms=world.now)
    canceled, finished = ear.take()
    assert (canceled["o"]["X"], finished["o"]["X"]) == ("CANCELED", "FINISHED")
    assert (finished["o"]["aq"], finished["o"]["act"]) == ("0", "LIMIT")


def test_a_stop_whose_child_is_refused_says_why() -> None:
    world, ear = heard_world(balances="UM.USDT=5")
    world.stop(105, side="BUY")
    ear.take()
    world.steer(106)
    first, second = ear.take()
    assert (first["o"]["X"], second["o"]["X"]) == ("TRIGGERING", "REJECTED")
    assert "rm" not in first["o"]
    assert (second["o"]["rm"], second["o"]["ai"]) == ("Margin is insufficient.", "")


def test_a_child_that_comes_late_is_told_when_it_comes() -> None:
    world, ear = heard_world()
    world.engine.hitches.add(Hitch(symbol=None, kind=HitchKind.LATE, seconds=10, times=1))
    world.buy(1)
    world.stop(95)
    ear.take()
    world.steer(94)
    assert ear.names() == ["ALGO_UPDATE TRIGGERING"]
    world.go(10_000)
    names = ear.names()
    assert (names[0], names[-1]) == ("ALGO_UPDATE TRIGGERED", "ALGO_UPDATE FINISHED")


def test_a_stop_that_closes_the_position_expires_with_it() -> None:
    world, ear = heard_world()
    world.buy(1)
    world.stop(95, close_position=True)
    new = ear.take()[-1]["o"]
    # As clients have recorded it of the venue.
    assert (new["f"], new["q"], new["cp"], new["R"]) == ("GTE_GTC", "0", True, True)
    world.sell(1)
    assert ear.names()[-2:] == ["ORDER_TRADE_UPDATE TRADE FILLED", "ALGO_UPDATE EXPIRED"]


def test_canceled_stops_are_told_one_by_one() -> None:
    world, ear = heard_world()
    world.stop(95)
    world.stop(96)
    ear.take()
    assert world.engine.cancel_all_algo(world.uid, BTC, at_ms=world.now) == 2
    events = ear.take()
    assert [(event["o"]["aid"], event["o"]["X"]) for event in events] == [
        (1, "CANCELED"),
        (2, "CANCELED"),
    ]


def test_the_activation_of_a_trailing_stop_is_a_second_new() -> None:
    world, ear = heard_world()
    world.buy(1)
    ear.take()
    asked = {"quantity": 1, "callback_rate": 5}
    world.algo("SELL", "TRAILING_STOP_MARKET", activate_price=102, **asked)
    assert [(one["X"], one["ia"]) for one in parts(ear.take(), "ALGO_UPDATE")] == [("NEW", False)]
    world.steer(103)
    assert [(one["X"], one["ia"]) for one in parts(ear.take(), "ALGO_UPDATE")] == [("NEW", True)]
    # A new peak is no event.
    world.steer(104)
    world.go(2 * 60 * MINUTE_MS)
    assert ear.take() == []
    world.steer(98)
    child = parts(ear.take(), "ORDER_TRADE_UPDATE")[-1]
    assert (child["AP"], child["cr"], child["ot"]) == ("102", "5", "TRAILING_STOP_MARKET")


def test_a_stop_that_trails_at_once_is_told_new_twice() -> None:
    world, ear = heard_world()
    world.algo("SELL", "TRAILING_STOP_MARKET", quantity=1, callback_rate=5)
    assert [(one["X"], one["ia"]) for one in parts(ear.take(), "ALGO_UPDATE")] == [
        ("NEW", False),
        ("NEW", True),
    ]


def test_a_new_leverage_is_told_and_the_same_is_not() -> None:
    world, ear = heard_world()
    world.engine.set_leverage(world.uid, BTC, 7, at_ms=world.now)
    config = {"s": "BTCUSDT", "l": 7}
    expected = {"e": "ACCOUNT_CONFIG_UPDATE", "T": START, "E": START, "ac": config}
    assert ear.take() == [expected]
    world.engine.set_leverage(world.uid, BTC, 7, at_ms=world.now)
    assert ear.take() == []


def test_a_margin_type_is_told_with_its_position_and_without_a_leverage() -> None:
    world, ear = heard_world()
    world.engine.set_margin_type(world.uid, BTC, "CROSSED", at_ms=world.now)
    (event,) = ear.take()
    assert event["a"]["m"] == "MARGIN_TYPE_CHANGE"
    assert [(one["s"], one["pa"], one["mt"]) for one in event["a"]["P"]] == [
        ("BTCUSDT", "0", "cross")
    ]


def test_margin_that_is_moved_to_a_position_leaves_the_wallet_as_it_is() -> None:
    world, ear = heard_world()
    world.buy(1)
    ear.take()
    world.engine.change_margin(world.uid, BTC, "BOTH", D(40), at_ms=world.now)
    (event,) = ear.take()
    assert event["a"]["m"] == "MARGIN_TRANSFER"
    assert event["a"]["B"] == [{"a": "USDT", "wb": "9999.95", "cw": "9949.95", "bc": "0"}]
    assert [(one["pa"], one["iw"]) for one in event["a"]["P"]] == [("1", "50")]


@pytest.mark.parametrize(
    ("kind", "reason", "change", "wallet"),
    [
        ("MAIN_UMFUTURE", "DEPOSIT", "300.5", "10300.5"),
        ("UMFUTURE_MAIN", "WITHDRAW", "-300.5", "9699.5"),
    ],
)
def test_transfers_are_deposits_and_withdrawals_without_positions(
    kind: str, reason: str, change: str, wallet: str
) -> None:
    world, ear = heard_world()
    moved = (kind, "USDT", D("300.5"))
    world.engine.transfer(world.uid, *moved, at_ms=world.now, wall_ms=1)
    (event,) = ear.take()
    balance = {"a": "USDT", "wb": wallet, "cw": wallet, "bc": change}
    assert event["a"] == {"m": reason, "B": [balance], "P": []}
    assert event["T"] == world.now


def test_a_deposit_counts_what_positions_have_set_aside() -> None:
    world, ear = heard_world()
    world.buy(1)
    ear.take()
    world.ledger.deposit(world.uid, "USDT", D(5), market_ms=world.now, wallet="um")
    world.engine.deposited(world.uid, "USDT", D(5), at_ms=world.now)
    world.ledger.deposit(world.uid, "BNB", D(2), market_ms=world.now, wallet="um")
    world.engine.deposited(world.uid, "BNB", D(2), at_ms=world.now)
    usdt, bnb = ear.take()
    told = {"a": "USDT", "wb": "10004.95", "cw": "9994.95", "bc": "5"}
    assert usdt["a"] == {"m": "DEPOSIT", "B": [told], "P": []}
    assert bnb["a"]["B"] == [{"a": "BNB", "wb": "2", "cw": "2", "bc": "2"}]


def test_funding_of_an_isolated_position_names_symbol_and_position() -> None:
    world, ear = heard_world(funding=FundingRates())
    world.buy(1)
    ear.take()
    world.go(FUNDING_INTERVAL_MS)
    (event,) = ear.take()
    assert (event["a"]["m"], event["a"]["S"]) == ("FUNDING_FEE", "BTCUSDT")
    assert event["a"]["B"] == [{"a": "USDT", "wb": "9999.94", "cw": "9989.94", "bc": "-0.01"}]
    assert [one["pa"] for one in event["a"]["P"]] == ["1"]
    assert event["T"] == START + FUNDING_INTERVAL_MS


def test_a_liquidation_is_calculated_and_settled_with_the_insurance_fund() -> None:
    world, ear = heard_world()
    world.buy(1)
    world.place("SELL", "LIMIT", 1, price=120)
    ear.take()
    world.steer(90)
    events = ear.take()
    assert [(event["e"], event.get("o", {}).get("x")) for event in events] == [
        ("ORDER_TRADE_UPDATE", "CANCELED"),
        ("ORDER_TRADE_UPDATE", "NEW"),
        ("ACCOUNT_UPDATE", None),
        ("ORDER_TRADE_UPDATE", "CALCULATED"),
        ("ACCOUNT_UPDATE", None),
    ]
    forced = events[3]["o"]
    assert forced["c"] == f"autoclose-{world.now}"
    assert (forced["o"], forced["ot"], forced["X"]) == ("LIQUIDATION", "LIQUIDATION", "FILLED")
    cleared = events[4]["a"]
    # What the loss of 10 and both fees took beyond its margin of 10 comes back.
    assert (cleared["m"], cleared["P"]) == ("INSURANCE_CLEAR", [])
    assert cleared["B"] == [{"a": "USDT", "wb": "9989.95", "cw": "9989.95", "bc": "0.045"}]


def test_a_refused_order_is_not_told() -> None:
    world, ear = heard_world(balances="UM.USDT=5")
    with pytest.raises(VenueError):
        world.buy(100)
    with pytest.raises(VenueError):
        world.sell(1, reduce_only=True)
    assert ear.take() == []


def test_every_event_fits_the_model_of_the_venue() -> None:
    world, ear = heard_world()
    world.buy(1)
    world.stop(95, close_position=True)
    world.algo("SELL", "TRAILING_STOP_MARKET", quantity=1, callback_rate=5)
    world.engine.set_leverage(world.uid, BTC, 20, at_ms=world.now)
    world.engine.transfer(world.uid, "MAIN_UMFUTURE", "USDT", D(1), at_ms=world.now, wall_ms=1)
    world.steer(94)
    events = [*ear.take(), listen_key_expired("a" * 64, START)]
    for event in events:
        check_model(event)
    assert {event["e"] for event in events} == {
        *("ORDER_TRADE_UPDATE", "TRADE_LITE", "ACCOUNT_UPDATE", "ALGO_UPDATE"),
        *("ACCOUNT_CONFIG_UPDATE", "listenKeyExpired"),
    }


def test_changes_of_others_are_none_of_its_business() -> None:
    assert payloads(KeyChange(flags={}, at_ms=START)) == []

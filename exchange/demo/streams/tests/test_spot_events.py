"""The events of a spot account, field by field as the venue documents them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from exchange.demo.accounts import DEFAULT_FLAGS
from exchange.demo.streams.spot_events import payloads
from exchange.demo.trading.changes import KeyChange
from exchange.demo.trading.tests.engine_world import START, World


class Stream(list[dict[str, Any]]):
    """What a listener to one account hears."""

    def __call__(self, uid: int, change: object) -> None:
        self.extend(payloads(change))

    def take(self) -> list[dict[str, Any]]:
        """Return the events so far, and forget them."""
        found = list(self)
        self.clear()
        return found


@pytest.fixture
def stream() -> Stream:
    return Stream()


@pytest.fixture
def world(stream: Stream) -> World:
    return World(on_change=stream)


def pick(events: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    """Return some fields of the execution reports."""
    return [
        tuple(one.get(name) for name in names) for one in events if one["e"] == "executionReport"
    ]


def test_a_new_limit_order_is_written_as_documented(world: World, stream: Stream) -> None:
    world.place("BUY", "LIMIT", "1.5", price=80, client_order_id="mine")
    assert stream.take() == [
        {
            "e": "executionReport",
            "E": START,
            "s": "BTCUSDT",
            "c": "mine",
            "S": "BUY",
            "o": "LIMIT",
            "f": "GTC",
            "q": "1.50000000",
            "p": "80.00000000",
            "P": "0.00000000",
            "F": "0.00000000",
            "g": -1,
            "C": "",
            "x": "NEW",
            "X": "NEW",
            "r": "NONE",
            "i": 1,
            "l": "0.00000000",
            "z": "0.00000000",
            "L": "0.00000000",
            "n": "0",
            "N": None,
            "T": START,
            "t": -1,
            "I": 1,
            "w": True,
            "m": False,
            "M": False,
            "O": START,
            "Z": "0.00000000",
            "Y": "0.00000000",
            "Q": "0.00000000",
            "W": START,
            "V": "EXPIRE_MAKER",
        },
        {
            "e": "outboundAccountPosition",
            "E": START,
            "u": START,
            "B": [{"a": "USDT", "f": "99880.00000000", "l": "120.00000000"}],
        },
    ]


def test_an_execution_tells_its_own_figures_and_those_of_the_order(
    world: World, stream: Stream
) -> None:
    world.place("BUY", "MARKET", 1, client_order_id="mine")
    _, traded, position = stream.take()
    assert {name: traded[name] for name in "xXlLYnNtmzZwcCiI"} == {
        "x": "TRADE",
        "X": "FILLED",
        "l": "1.00000000",
        "L": "100.00000000",
        "Y": "100.00000000",
        "n": "0.00100000",
        "N": "BTC",
        "t": 1,
        "m": False,
        "z": "1.00000000",
        "Z": "100.00000000",
        "w": False,
        "c": "mine",
        "C": "",
        "i": 1,
        "I": 2,
    }
    assert position["B"] == [
        {"a": "USDT", "f": "99900.00000000", "l": "0.00000000"},
        {"a": "BTC", "f": "10.99900000", "l": "0.00000000"},
    ]


def test_cumulative_figures_grow_from_fill_to_fill(stream: Stream) -> None:
    world = World(on_change=stream, volume=10)
    world.steer(100)
    world.place("BUY", "LIMIT", 2, price=99)
    stream.clear()
    world.steer(98)
    world.go(180_000)
    reports = [one for one in stream if one["e"] == "executionReport"]
    assert len(reports) > 1
    assert [one["x"] for one in reports] == ["TRADE"] * len(reports)
    assert [one["m"] for one in reports] == [True] * len(reports)
    total = 0.0
    for one in reports:
        total += float(one["l"])
        assert float(one["z"]) == pytest.approx(total)
        assert float(one["Z"]) == pytest.approx(99 * total)
    assert [one["X"] for one in reports][-1] == "FILLED"
    assert {one["w"] for one in reports[:-1]} == {True}


def test_a_cancel_is_called_as_the_request_was_and_tells_the_name_of_the_order(
    world: World, stream: Stream
) -> None:
    placed = world.place("BUY", "LIMIT", 1, price=80, client_order_id="mine")
    stream.clear()
    world.go(5)
    world.cancel(placed.order.order_id, cancel_client_id="stop-it")
    report, position = stream.take()
    assert pick([report], "x", "X", "c", "C", "w", "T", "O", "eR") == [
        ("CANCELED", "CANCELED", "stop-it", "mine", False, START + 5, START, None)
    ]
    assert position["B"] == [{"a": "USDT", "f": "100000.00000000", "l": "0.00000000"}]


def test_an_order_that_expires_says_why(world: World, stream: Stream) -> None:
    world.place("BUY", "LIMIT", 1, price=90, time_in_force="IOC")
    assert pick(stream.take(), "x", "X", "eR") == [
        ("NEW", "NEW", None),
        ("EXPIRED", "EXPIRED", "UNFILLED_IOC_QUANTITY_EXPIRED"),
    ]


def test_an_order_by_its_worth_tells_both_sizes(world: World, stream: Stream) -> None:
    world.place("BUY", "MARKET", quote_quantity=100)
    assert pick(stream.take(), "x", "q", "Q") == [
        ("NEW", "1.00000000", "100.00000000"),
        ("TRADE", "1.00000000", "100.00000000"),
    ]


def test_a_waiting_stop_is_not_on_the_book_and_has_no_working_time(
    world: World, stream: Stream
) -> None:
    world.place("SELL", "STOP_LOSS_LIMIT", 1, price=80, stop_price=95)
    (report,) = [one for one in stream.take() if one["e"] == "executionReport"]
    assert (report["w"], report["P"], report["p"]) == (False, "95.00000000", "80.00000000")
    assert "W" not in report
    world.go(60_000)
    triggered = stream.take()
    assert pick(triggered, "x", "X", "w") == [("NEW", "NEW", True), ("TRADE", "FILLED", False)]
    assert all(one["W"] > START for one in triggered if one["e"] == "executionReport")


def test_what_the_client_labels_is_told_and_nothing_else_of_that_kind(
    world: World, stream: Stream
) -> None:
    world.place("BUY", "LIMIT", 1, price=80, strategy_id=7, strategy_type=1_000_001)
    report = stream.take()[0]
    assert (report["j"], report["J"]) == (7, 1_000_001)
    world.place("BUY", "LIMIT", 1, price=80)
    assert not {"j", "J", "eR", "v", "d", "D"} & set(stream.take()[0])


def test_a_list_is_told_beside_its_orders(world: World, stream: Stream) -> None:
    world.place_list(
        "OCO",
        world.ask("SELL", "LIMIT_MAKER", 1, price=120, client_order_id="up"),
        world.ask("SELL", "STOP_LOSS", 1, stop_price=80, client_order_id="down"),
        name="both",
    )
    events = stream.take()
    assert pick(events, "c", "g", "x", "w") == [
        ("down", 1, "NEW", False),
        ("up", 1, "NEW", True),
    ]
    assert events[2] == {
        "e": "listStatus",
        "E": START,
        "s": "BTCUSDT",
        "g": 1,
        "c": "OCO",
        "l": "EXEC_STARTED",
        "L": "EXECUTING",
        "r": "NONE",
        "C": "both",
        "T": START,
        "O": [
            {"s": "BTCUSDT", "i": 1, "c": "down"},
            {"s": "BTCUSDT", "i": 2, "c": "up"},
        ],
    }
    world.go(3)
    world.cancel_list(1)
    events = stream.take()
    assert pick(events, "C", "x") == [("down", "CANCELED"), ("up", "CANCELED")]
    done = events[2]
    assert (done["l"], done["L"], done["T"]) == ("ALL_DONE", "ALL_DONE", START + 3)
    assert [one["e"] for one in events[3:]] == ["outboundAccountPosition"]


def test_pending_legs_say_so(world: World, stream: Stream) -> None:
    world.place_list(
        "OTO", world.ask("BUY", "LIMIT", 1, price=95), world.ask("SELL", "LIMIT", 1, price=120)
    )
    assert pick(stream.take(), "i", "x", "X", "w") == [
        (1, "NEW", "NEW", True),
        (2, "NEW", "PENDING_NEW", False),
    ]
    world.go(60_000)
    assert pick(stream.take(), "i", "x", "X", "w") == [
        (1, "TRADE", "FILLED", False),
        (2, "NEW", "NEW", True),
    ]


def test_a_deposit_and_a_withdrawal_are_balance_updates(world: World, stream: Stream) -> None:
    world.engine.deposit(world.uid, "ETH", world.balance("BTC")[0], at_ms=START + 4)
    assert stream.take() == [
        {
            "e": "outboundAccountPosition",
            "E": START + 4,
            "u": START + 4,
            "B": [{"a": "ETH", "f": "10.00000000", "l": "0.00000000"}],
        },
        {"e": "balanceUpdate", "E": START + 4, "a": "ETH", "d": "10.00000000", "T": START + 4},
    ]
    world.engine.tell_moved(world.uid, "ETH", -world.balance("ETH")[0], at_ms=START + 5)
    assert stream.take()[1]["d"] == "-10.00000000"


@pytest.mark.parametrize("may_read", [True, False])
def test_a_key_that_may_not_read_any_more_ends_the_stream(*, may_read: bool) -> None:
    change = KeyChange(flags=DEFAULT_FLAGS | {"enableReading": may_read}, at_ms=START)
    ending = [{"e": "eventStreamTerminated", "E": START}]
    assert payloads(change) == ([] if may_read else ending)


@pytest.mark.parametrize("foreign", [None, object(), "executionReport", {"e": "executionReport"}])
def test_what_is_no_change_of_a_spot_account_gives_no_event(foreign: object) -> None:
    assert payloads(foreign) == []


def test_every_event_can_be_written_as_json_with_amounts_as_text(
    world: World, stream: Stream
) -> None:
    world.place("BUY", "MARKET", 1)
    world.place("SELL", "LIMIT", 1, price=109)
    world.go(60_000)
    leaves: list[Any] = []
    collect(stream.take(), leaves.append)
    assert {type(one) for one in leaves} <= {str, int, bool, type(None)}


def collect(value: Any, take: Callable[[Any], None]) -> None:
    """Hand every value inside to `take`."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            collect(one, take)
    else:
        take(value)

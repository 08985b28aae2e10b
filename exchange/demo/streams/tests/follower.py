"""Somebody who knows an account by its futures events alone, and a world that tells him."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, Final

from binance_sdk_derivatives_trading_usds_futures.websocket_streams.models import (
    UserDataStreamEventsResponse,
)

from exchange.demo.amounts import ZERO
from exchange.demo.futures.tests.algo_world import AlgoWorld
from exchange.demo.streams.futures_events import payloads

Event = dict[str, Any]
# What the events carry beyond the models of the venue's own library: clients have recorded it.
BEYOND_THE_MODELS: Final = {"ma"}
_NEXT: Final[dict[str | None, set[str]]] = {
    None: {"NEW"},
    "NEW": {"NEW", "TRIGGERING", "CANCELED", "EXPIRED"},
    "TRIGGERING": {"TRIGGERED", "REJECTED", "EXPIRED"},
    "TRIGGERED": {"FINISHED"},
}


class Ear:
    """Hears the changes of a world's account as events."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def __call__(self, _uid: int, change: object) -> None:
        told = payloads(change)
        assert told
        self.events += told

    def take(self) -> list[Event]:
        """Return what was heard since the last time."""
        heard, self.events = self.events, []
        return heard

    def names(self) -> list[str]:
        """Take what was heard, each as its name with its status or reason."""
        return [short(event) for event in self.take()]


def short(event: Event) -> str:
    """Return the name of an event with what it is about."""
    order, account = event.get("o", {}), event.get("a", {})
    words = [event["e"], order.get("x", ""), order.get("X", ""), account.get("m", "")]
    return " ".join(word for word in words if word)


def check_model(event: Event) -> None:
    """Check an event against the model of the venue's own library: its fields and their types."""
    model = UserDataStreamEventsResponse.from_json(json.dumps(event))
    assert model is not None
    read: Any = model.actual_instance
    assert type(read).__name__.lower() == event["e"].replace("_", "").lower()
    # The library keeps what it has read by another name beside it, too.
    unknown = set(read.additional_properties) - {"e", "listenKey"}
    for part in (getattr(read, "o", None), getattr(read, "a", None), getattr(read, "ac", None)):
        unknown |= set(getattr(part, "additional_properties", {}))
    for name in ("P", "B"):
        for row in getattr(getattr(read, "a", None), name, None) or []:
            unknown |= set(row.additional_properties)
    assert unknown <= BEYOND_THE_MODELS


class Follower:
    """Orders, algo orders, positions and the wallet as the events tell them."""

    def __init__(self, wallet: Decimal) -> None:
        self.wallet = self.cross = wallet
        self.positions: dict[tuple[str, str], tuple[Decimal, Decimal, Decimal]] = {}
        self.orders: dict[int, tuple[str, Decimal]] = {}
        self.algos: dict[int, tuple[str, str]] = {}
        self.trades: list[int] = []
        self.lites: list[int] = []
        self.last_ms = 0

    def hear(self, event: Event) -> None:
        """Take one event; what cannot follow what was before is an error."""
        check_model(event)
        assert event["E"] == event["T"] >= self.last_ms
        self.last_ms = event["T"]
        if event["e"] == "ORDER_TRADE_UPDATE":
            self._hear_order(event["o"])
        elif event["e"] == "ALGO_UPDATE":
            self._hear_algo(event["o"])
        elif event["e"] == "ACCOUNT_UPDATE":
            self._hear_account(event["a"])
        elif event["e"] == "TRADE_LITE":
            self.lites.append(event["t"])

    def check(self, world: AlgoWorld) -> None:
        """Check that he knows what the books know."""
        books, uid = world.books, world.uid
        assert (self.wallet, self.cross) == (world.wallet, _cross(world))
        assert {key: row for key, row in self.positions.items() if row[0]} == {
            (one.symbol, one.side): (
                one.amount,
                one.isolated_wallet,
                books.realized(uid, one.symbol, one.side),
            )
            for one in books.all_positions()
        }
        assert self.orders == {
            one.order_id: (one.status, one.executed) for one in books.all_orders()
        }
        assert self.algos == {
            one.algo_id: (one.status, str(one.child_id or "")) for one in books.all_algos()
        }
        assert self.trades == [fill.trade_id for fill in books.all_fills()]

    def _hear_order(self, order: Event) -> None:
        known = self.orders.get(order["i"])
        assert (known is None) == (order["x"] == "NEW")
        before = known[1] if known else ZERO
        assert Decimal(order["z"]) == before + Decimal(order["l"])
        assert known is None or known[0] in ("NEW", "PARTIALLY_FILLED")
        self.orders[order["i"]] = order["X"], Decimal(order["z"])
        if order["x"] in ("TRADE", "CALCULATED"):
            self.trades.append(order["t"])
            assert (self.lites[-1:] == [order["t"]]) == (order["x"] == "TRADE")
        else:
            assert order["t"] == 0

    def _hear_algo(self, algo: Event) -> None:
        before = self.algos.get(algo["aid"], (None, ""))[0]
        assert algo["X"] in _NEXT[before]
        assert ("rm" in algo) == (algo["X"] == "REJECTED")
        assert (algo["ai"] != "") == (algo["X"] in ("TRIGGERED", "FINISHED")) == ("aq" in algo)
        self.algos[algo["aid"]] = algo["X"], algo["ai"]

    def _hear_account(self, account: Event) -> None:
        for balance in account["B"]:
            assert balance["a"] == "USDT"
            self.wallet, self.cross = Decimal(balance["wb"]), Decimal(balance["cw"])
        for one in account["P"]:
            figures = Decimal(one["pa"]), Decimal(one["iw"]), Decimal(one["cr"])
            self.positions[one["s"], one["ps"]] = figures


def _cross(world: AlgoWorld) -> Decimal:
    set_aside = sum((one.isolated_wallet for one in world.books.all_positions()), ZERO)
    return world.wallet - set_aside

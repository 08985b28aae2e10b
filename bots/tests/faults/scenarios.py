"""The product: every step of a tick x market x what the tick is about to do x what strikes it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bots.tests.faults.striking import Blow, Call, Point, Request


class Action(StrEnum):
    """What the tick that is struck was about to do."""

    ENTRY = "entry"
    PLACE = "first stop"
    EXIT = "exit"
    MOVE = "move of a stop"


class Market(StrEnum):
    """Where."""

    SPOT = "spot"
    FUTURES = "futures"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One cell of the product; `did` says what the venue had done when the blow fell."""

    action: Action
    market: Market
    step: str
    point: Point
    blow: Blow
    did: str = "nothing"

    @property
    def name(self) -> str:
        return f"{self.action}, {self.step}: {self.blow}"


# The request that the step is about: spot places entries and pairs as lists.
_PLACES: Final = {
    (Action.ENTRY, Market.SPOT): "POST /api/v3/orderList/opoco",
    (Action.PLACE, Market.SPOT): "POST /api/v3/orderList/oco",
    (Action.EXIT, Market.SPOT): "POST /api/v3/order",
    (Action.MOVE, Market.SPOT): "POST /api/v3/orderList/oco",
    (Action.ENTRY, Market.FUTURES): "POST /fapi/v1/order",
    (Action.PLACE, Market.FUTURES): "POST /fapi/v1/algoOrder",
    (Action.EXIT, Market.FUTURES): "POST /fapi/v1/order",
    (Action.MOVE, Market.FUTURES): "POST /fapi/v1/algoOrder",
}
_CANCELS: Final = {
    (Action.EXIT, Market.SPOT): "DELETE /api/v3/orderList",
    (Action.MOVE, Market.SPOT): "DELETE /api/v3/orderList",
    (Action.EXIT, Market.FUTURES): "DELETE /fapi/v1/algoOrder",
    (Action.MOVE, Market.FUTURES): "DELETE /fapi/v1/algoOrder",
}


def place_of(action: Action, market: Market) -> str:
    """Return the request that places what the action is about."""
    return _PLACES[action, market]


# Which report of the tick is the one that is about the new order: on spot two legs of the old pair
# are canceled first; a first stop follows its entry.
_REPORT: Final = {
    (Action.PLACE, Market.SPOT): 2,
    (Action.PLACE, Market.FUTURES): 2,
    (Action.EXIT, Market.SPOT): 3,
    (Action.MOVE, Market.SPOT): 3,
}
_MARKETS: Final = (Market.SPOT, Market.FUTURES)
_RECORD: Final = "bots.journal.record_intents"
_LOCK: Final = "bots.engine.execution.require_bot_lock"
_SENT: Final = "bots.journal.mark_sent"
_WRITE: Final = "bots.journal.apply_report"
_SAVE: Final = "bots.engine.tick.save_and_publish"


def _committing(action: Action, market: Market) -> Iterator[tuple[str, Point, str]]:
    nth = 2 if action is Action.PLACE else 1
    # A decision's orders are written in one transaction with its tick: struck inside it. Those of
    # the stops commit by themselves: struck before.
    decides = action in (Action.ENTRY, Action.EXIT)
    yield "before intents commit", Call(target=_RECORD, nth=nth, is_after=decides), "nothing"
    yield "intents committed", Call(target=_LOCK, nth=nth), _before(action, market)
    yield "sent committed", Call(target=_SENT, nth=nth, is_after=True), _before(action, market)


def _before(action: Action, market: Market) -> str:
    if action is Action.PLACE:
        return "entered"
    if action in (Action.EXIT, Action.MOVE) and market is Market.SPOT:
        return "canceled the old"
    return "nothing"


def _replying(action: Action, market: Market) -> Iterator[tuple[str, Point, str]]:
    place, report = _PLACES[action, market], _REPORT.get((action, market), 1)
    yield "reply lost", Request(endpoint=place, is_after=True), "acted"
    yield "reply not written", Call(target=_WRITE, nth=report), "acted"
    if market is Market.SPOT and action is not Action.EXIT:
        yield "reply half written", Call(target=_WRITE, nth=report + 1), "acted"


def _ending(action: Action) -> Iterator[tuple[str, Point, str]]:
    if action is not Action.MOVE:
        yield "written, not folded", Call(target="bots.engine.tick.show_outcome"), "acted"
    yield "before final save", Call(target=_SAVE), "acted"


def _between(action: Action, market: Market) -> Iterator[tuple[str, Point, str]]:
    if action is Action.ENTRY:
        yield "before stops are kept", Call(target="bots.engine.tick.keep_stops"), "entered"
        return
    cancel = _CANCELS[action, market]
    if market is Market.FUTURES:
        did = "closed" if action is Action.EXIT else "placed the new"
        yield "cancel under way", Request(endpoint=cancel), did
    yield "canceled, reply lost", Request(endpoint=cancel, is_after=True), "canceled"
    if market is Market.SPOT:
        users = "bots.engine.sending.release_stops", "bots.engine.stops.acting.release"
        target = users[action is Action.MOVE]
        yield "canceled, not placed", Call(target=target, is_after=True), "canceled"
    elif action is Action.MOVE:
        target = "bots.engine.stops.acting.cancel_orders"
        yield "placed, old not canceled", Call(target=target), "placed the new"
    else:
        yield "before stops are kept", Call(target="bots.engine.tick.keep_stops"), "closed"


def _steps(action: Action, market: Market) -> Iterator[tuple[str, Point, str]]:
    yield from _committing(action, market)
    yield from _replying(action, market)
    if action is not Action.PLACE:
        yield from _between(action, market)
    yield from _ending(action)


_CUT_AT: Final = ("reply not written",)
# Of a first stop only what differs from the entry and the move.
_OF_FIRST_STOPS: Final = ("sent committed", "reply not written", "reply half written")


def _product() -> Iterator[Scenario]:
    for action in Action:
        for market in _MARKETS:
            yield from _of(action, market)


def _of(action: Action, market: Market) -> Iterator[Scenario]:
    for step, point, did in _steps(action, market):
        if action is Action.PLACE and step not in _OF_FIRST_STOPS:
            continue
        yield Scenario(
            action=action, market=market, step=step, point=point, blow=Blow.KILL, did=did
        )
        if step in _CUT_AT and action is not Action.PLACE:
            yield Scenario(
                action=action, market=market, step=step, point=point, blow=Blow.CUT, did=did
            )
    if action is Action.PLACE:
        return
    for is_after, step, did in (
        (False, "request lost", "did not act"),
        (True, "reply lost", "acted"),
    ):
        point = Request(endpoint=_PLACES[action, market], is_after=is_after)
        yield Scenario(
            action=action, market=market, step=step, point=point, blow=Blow.LOST, did=did
        )


PRODUCT: Final = tuple(_product())

"""Positions on a small spot market and a small futures market, with whatever rests."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from bots.domain.decision import Leg, Route
from bots.domain.direction import Direction
from bots.domain.stops import RestingOrder, StopsView
from bots.domain.tests.builders import rules
from exchange.domain.types import Market

D = Decimal
SPOT: Final = rules(
    order_types=("LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS"),
    allows_oco=True,
    allows_oto=True,
    allows_opo=True,
)
FUTURES: Final = rules(
    market=Market.FUTURES,
    price_increment=D("0.1"),
    quantity_increment=D("0.001"),
    min_quantity=D("0.001"),
    min_notional=D("50"),
)
HELD: Final = D("0.5")
LONG_SPOT: Final = StopsView(
    rules=SPOT, direction=Direction.LONG, quantity=HELD, price=D(100), stop_loss=D(98)
)
LONG_FUTURES: Final = replace(LONG_SPOT, rules=FUTURES, mark_price=D(100), take_profit=D(104))
SHORT_FUTURES: Final = replace(
    LONG_FUTURES, direction=Direction.SHORT, stop_loss=D(102), take_profit=D(96)
)


def spot(**changes: Any) -> StopsView:
    return replace(LONG_SPOT, **changes)


def futures(**changes: Any) -> StopsView:
    return replace(LONG_FUTURES, **changes)


def stop(level: str, **changes: Any) -> RestingOrder:
    """Return a single stop over all that is held."""
    order = RestingOrder(order_id=1, leg=Leg.STOP, route=Route.ORDER, quantity=HELD, level=D(level))
    return replace(order, **changes)


def target(level: str, **changes: Any) -> RestingOrder:
    return stop(level, **{"order_id": 2, "leg": Leg.TARGET} | changes)


def oco(stop_level: str, target_level: str, **changes: Any) -> tuple[RestingOrder, RestingOrder]:
    of_list: dict[str, Any] = {"route": Route.LIST, "list_id": "p1"} | changes
    return stop(stop_level, **of_list), target(target_level, **of_list)


def algo(level: str, **changes: Any) -> RestingOrder:
    return stop(level, **{"route": Route.ALGO} | changes)


def algo_target(level: str, **changes: Any) -> RestingOrder:
    return target(level, **{"route": Route.ALGO} | changes)

"""The entry as one request."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from bots.domain.decision import Intent, Leg, Route
from bots.domain.direction import Direction
from bots.domain.snapshot import Snapshot
from bots.domain.stops import entry_intents
from bots.domain.stops.tests.worlds import FUTURES, SPOT
from bots.domain.tests.builders import ENTRY, parameters, rules, snapshot
from exchange.domain.filters import PriceBand

D = Decimal
QUANTITY = D("0.02")


def _snapshot(**changes: Any) -> Snapshot:
    default: dict[str, Any] = {
        "price": D(20000),
        "rules": SPOT,
        "parameters": parameters(entry_slippage_perc=D("0.5")),
    }
    return snapshot(ENTRY, **default | changes)


def _entry(**changes: Any) -> tuple[Intent, ...]:
    return entry_intents(_snapshot(**changes), quantity=QUANTITY, direction=Direction.LONG)


def test_an_entry_brings_its_stop_and_its_target_along() -> None:
    entry, stop, target = _entry()
    assert {each.route for each in (entry, stop, target)} == {Route.LIST}
    assert (entry.type, entry.price, entry.time_in_force) == ("LIMIT", D("20100.00"), "FOK")
    assert (stop.type, stop.trigger_price) == ("STOP_LOSS", D("19600.00"))
    assert (target.type, target.price) == ("LIMIT_MAKER", D("20800.00"))
    assert (entry.quantity, stop.quantity) == (QUANTITY, D("0.01998"))
    assert (entry.reserve, stop.reserve, target.reserve) == (D("402.00"), D(0), D(0))


def test_the_tighter_stop_is_brought_along() -> None:
    settings = parameters(entry_slippage_perc=D("0.5"), trailing_stop_perc=D(1))
    assert _entry(parameters=settings)[1].trigger_price == D("19800.00")


def test_one_exit_is_brought_along_alone() -> None:
    stop_only = parameters(entry_slippage_perc=D("0.5"), take_profit_perc=None)
    assert [each.leg for each in _entry(parameters=stop_only)] == [Leg.ENTRY, Leg.STOP]
    target_only = parameters(entry_slippage_perc=D("0.5"), stop_loss_perc=None)
    assert [each.leg for each in _entry(parameters=target_only)] == [Leg.ENTRY, Leg.TARGET]


def test_a_target_within_the_slippage_is_left_to_the_bot() -> None:
    near = parameters(entry_slippage_perc=D("0.5"), take_profit_perc=D("0.4"))
    assert [each.leg for each in _entry(parameters=near)] == [Leg.ENTRY, Leg.STOP]


def test_the_limit_is_rounded_to_no_more_than_the_slippage_that_was_allowed() -> None:
    odd = _entry(parameters=parameters(entry_slippage_perc=D("0.33333")))
    assert odd[0].price == D("20066.66")


def test_the_limit_stays_within_the_band() -> None:
    narrow = rules(
        order_types=SPOT.order_types,
        allows_oco=True,
        allows_oto=True,
        allows_opo=True,
        buy_band=PriceBand(down=D("0.5"), up=D("1.002")),
    )
    assert _entry(rules=narrow)[0].price == D("20040.00")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"rules": rules(allows_oco=True, allows_oto=True)}, id="no such lists"),
        pytest.param({"parameters": parameters()}, id="no slippage configured"),
        pytest.param(
            {
                "parameters": parameters(
                    entry_slippage_perc=D(1), stop_loss_perc=None, take_profit_perc=None
                )
            },
            id="no exits configured",
        ),
        pytest.param({"free_quote": D(401)}, id="the limit costs more than is free"),
        pytest.param(
            {
                "rules": rules(
                    order_types=("LIMIT", "MARKET", "LIMIT_MAKER"),
                    allows_oco=True,
                    allows_oto=True,
                    allows_opo=True,
                )
            },
            id="no stops",
        ),
    ],
)
def test_otherwise_the_entry_goes_to_the_market(changes: dict[str, Any]) -> None:
    (entry,) = _entry(**changes)
    assert (entry.type, entry.route, entry.price) == ("MARKET", Route.ORDER, None)
    assert entry.quantity == QUANTITY
    assert entry.reserve == D("400.8")


def test_without_pairs_the_stop_comes_along_alone() -> None:
    no_pairs = rules(order_types=SPOT.order_types, allows_oto=True, allows_opo=True)
    assert [each.leg for each in _entry(rules=no_pairs)] == [Leg.ENTRY, Leg.STOP]


def test_a_futures_entry_goes_to_the_market_and_reserves_its_margin() -> None:
    settings = parameters(entry_slippage_perc=D("0.5"), leverage=4)
    (entry,) = entry_intents(
        _snapshot(rules=FUTURES, parameters=settings),
        quantity=D(1),
        direction=Direction.SHORT,
    )
    assert (entry.type, entry.side, entry.direction) == ("MARKET", "SELL", Direction.SHORT)
    assert entry.reserve == D(20040) / 4 + D("10.02")

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from exchange.binance.tests.asking import bought, entry_list, limit, oco, replacing, stop
from exchange.domain.order_lists import StopLeg, TargetLeg
from exchange.domain.orders import OrderType, StopKind, TimeInForce
from exchange.domain.types import Side

Make = Callable[..., object]
REQUESTS: list[Make] = [bought, limit, stop, oco, entry_list]


@pytest.mark.parametrize("make", REQUESTS)
def test_a_request_that_could_be_meant_is_made(make: Make) -> None:
    assert make() == make()


@pytest.mark.parametrize("make", REQUESTS)
@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"client_order_id": ""}, "client_order_id"),
        ({"client_order_id": "a" * 37}, "client_order_id"),
        ({"client_order_id": "a b"}, "client_order_id"),
        ({"client_order_id": "a:b"}, "client_order_id"),
        ({"client_order_id": "a\n"}, "client_order_id"),
        ({"quantity": Decimal(0)}, "quantity"),
        ({"quantity": Decimal(-1)}, "quantity"),
        ({"quantity": Decimal("NaN")}, "quantity"),
        ({"quantity": Decimal("Infinity")}, "quantity"),
        ({"signed_at_ms": 0}, "signed_at_ms"),
        ({"recv_window_ms": 0}, "recv_window_ms"),
        ({"recv_window_ms": 60_001}, "recv_window_ms"),
    ],
)
def test_no_request_carries_what_the_venue_could_not_take(
    make: Make, changes: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ValueError, match=f"^{problem}"):
        make(**changes)


@pytest.mark.parametrize(
    ("make", "changes", "problem"),
    [
        (bought, {"quantity": None}, "quantity or quote_quantity"),
        (bought, {"quote_quantity": Decimal(5)}, "quantity or quote_quantity"),
        (bought, {"quantity": None, "quote_quantity": Decimal(0)}, "quote_quantity"),
        (limit, {"price": Decimal(0)}, "price"),
        (limit, {"post_only": True, "time_in_force": TimeInForce.IOC}, "time_in_force"),
        (limit, {"time_in_force": TimeInForce.OTHER}, "time_in_force"),
        (limit, {"time_in_force": TimeInForce.GTX}, "time_in_force"),
        (stop, {"stop_price": Decimal(-1)}, "stop_price"),
        (stop, {"price": Decimal(0)}, "price"),
        (stop, {"time_in_force": TimeInForce.FOK}, "time_in_force needs a price"),
        (stop, {"price": Decimal(1), "time_in_force": TimeInForce.OTHER}, "time_in_force"),
        (entry_list, {"price": Decimal(0)}, "price"),
        (entry_list, {"stop": None, "target": None}, "stop or target"),
        (entry_list, {"post_only": True, "time_in_force": TimeInForce.FOK}, "time_in_force"),
        (entry_list, {"time_in_force": TimeInForce.OTHER}, "time_in_force"),
        (entry_list, {"price": Decimal(58000)}, "stop_price 58000 must be below the entry"),
        (entry_list, {"price": Decimal(62000)}, "target 62000 must be above the entry"),
        (entry_list, {"entry_client_order_id": "a b"}, "entry_client_order_id"),
    ],
)
def test_a_request_that_could_not_be_meant_names_the_field(
    make: Make, changes: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ValueError, match=f"^{problem}"):
        make(**changes)


@pytest.mark.parametrize(
    ("make", "changes"),
    [
        (oco, {"client_order_id": "L1-s"}),
        (oco, {"client_order_id": "L1-t"}),
        (oco, {"target": TargetLeg(client_order_id="L1-s", price=Decimal(62000))}),
        (entry_list, {"client_order_id": "L1-e"}),
        (entry_list, {"entry_client_order_id": "L1-s"}),
        (entry_list, {"entry_client_order_id": "L1-t"}),
    ],
)
def test_a_list_and_its_orders_have_different_names(make: Make, changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="all be different"):
        make(**changes)


@pytest.mark.parametrize(
    ("side", "low", "high"), [(Side.SELL, 58000, 62000), (Side.BUY, 62000, 58000)]
)
def test_the_exits_lie_on_the_right_sides_of_each_other(side: Side, low: int, high: int) -> None:
    legs = {
        "stop": StopLeg(client_order_id="s", stop_price=Decimal(low)),
        "target": TargetLeg(client_order_id="t", price=Decimal(high)),
    }
    other = Side.BUY if side is Side.SELL else Side.SELL

    assert oco(side=side, **legs).side is side
    with pytest.raises(ValueError, match="stop_price"):
        oco(side=other, **legs)
    level = {"stop": StopLeg(client_order_id="s", stop_price=Decimal(high))}
    with pytest.raises(ValueError, match="stop_price"):
        oco(side=side, **(legs | level))


def test_a_leg_is_what_its_prices_make_it() -> None:
    one, two = Decimal(1), Decimal(2)

    assert StopLeg(client_order_id="s", stop_price=one).type is OrderType.STOP_LOSS
    limited = StopLeg(client_order_id="s", stop_price=one, price=two)
    assert limited.type is OrderType.STOP_LOSS_LIMIT
    maker = TargetLeg(client_order_id="t", price=two)
    assert (maker.type, maker.level) == (OrderType.LIMIT_MAKER, two)
    waiting = TargetLeg(client_order_id="t", stop_price=one)
    assert (waiting.type, waiting.level) == (OrderType.TAKE_PROFIT, one)
    both = TargetLeg(client_order_id="t", stop_price=one, price=two)
    assert (both.type, both.level) == (OrderType.TAKE_PROFIT_LIMIT, one)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({}, "price or stop_price"),
        ({"price": Decimal(0)}, "price"),
        ({"stop_price": Decimal(0)}, "stop_price"),
    ],
)
def test_a_target_needs_a_price_to_reach(values: dict[str, Decimal], problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{problem}"):
        TargetLeg(client_order_id="t", **values)


def test_a_list_counts_its_orders() -> None:
    assert oco().order_count == 2
    assert entry_list().order_count == 3
    assert entry_list(stop=None).order_count == 2
    assert entry_list(target=None).order_count == 2


def test_a_replacement_has_a_name_of_its_own() -> None:
    new = stop(client_order_id="new", kind=StopKind.TAKE_PROFIT)
    assert replacing("old", by=new).order is new
    with pytest.raises(ValueError, match="canceled_client_order_id"):
        replacing("same", by=stop(client_order_id="same"))
    with pytest.raises(ValueError, match="canceled_client_order_id"):
        replacing("not an id", by=stop())

"""The orders of one request, exactly as they will be signed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from bots.domain.decision import Route
from bots.engine.requests import by_request, request_of
from bots.models import Order
from exchange.domain.algo_orders import AlgoOrderRequest, AlgoOrderType, WorkingPrice
from exchange.domain.order_lists import EntryListRequest, OcoRequest, StopLeg, TargetLeg
from exchange.domain.orders import (
    LimitOrderRequest,
    MarketOrderRequest,
    StopKind,
    StopOrderRequest,
    TimeInForce,
)
from exchange.domain.types import Side

SIGNED: dict[str, Any] = {"signed_at_ms": 7, "recv_window_ms": 5000}
PADDED = Decimal("0.010000000000000000")  # as the column hands it out


def _order(leg: str, **columns: Any) -> Order:
    values: dict[str, Any] = {
        "symbol": "BTCUSDT",
        "leg": leg,
        "side": "SELL",
        "quantity": PADDED,
        "client_order_id": f"tbtest-{leg}",
        "market": "spot",
    }
    return Order(**(values | SIGNED | columns))


def _listed(leg: str, **columns: Any) -> Order:
    return _order(leg, route=Route.LIST, list_client_order_id="tbtest", **columns)


STOP = _listed("s", order_type="STOP_LOSS", trigger_price=Decimal("98000.00"))
TARGET = _listed("t", order_type="LIMIT_MAKER", price=Decimal(104000))
ENTRY = _listed(
    "e", side="BUY", order_type="LIMIT", price=Decimal("100500.50"), time_in_force="FOK"
)


def test_a_market_order() -> None:
    request = request_of([_order("x", reduces_only=True)])
    assert request == MarketOrderRequest(
        symbol="BTCUSDT",
        side=Side.SELL,
        quantity=Decimal("0.01"),
        client_order_id="tbtest-x",
        reduces_only=True,
        **SIGNED,
    )
    assert isinstance(request, MarketOrderRequest)
    assert str(request.quantity) == "0.01"  # the venue counts the digits


@pytest.mark.parametrize(
    ("order_type", "words", "time_in_force", "post_only"),
    [
        ("LIMIT", "FOK", TimeInForce.FOK, False),
        ("LIMIT", "", TimeInForce.GTC, False),
        ("LIMIT_MAKER", "", TimeInForce.GTC, True),
    ],
)
def test_a_limit_order(
    *, order_type: str, words: str, time_in_force: TimeInForce, post_only: bool
) -> None:
    order = _order("e", order_type=order_type, price=Decimal(99), time_in_force=words)
    assert request_of([order]) == LimitOrderRequest(
        symbol="BTCUSDT",
        side=Side.SELL,
        quantity=Decimal("0.01"),
        price=Decimal(99),
        client_order_id="tbtest-e",
        time_in_force=time_in_force,
        post_only=post_only,
        **SIGNED,
    )


@pytest.mark.parametrize(
    ("order_type", "price", "kind"),
    [
        ("STOP_LOSS", None, StopKind.STOP_LOSS),
        ("STOP_LOSS_LIMIT", Decimal(97), StopKind.STOP_LOSS),
        ("TAKE_PROFIT", None, StopKind.TAKE_PROFIT),
        ("TAKE_PROFIT_LIMIT", Decimal(97), StopKind.TAKE_PROFIT),
    ],
)
def test_a_stop_of_the_book(order_type: str, price: Decimal | None, kind: StopKind) -> None:
    order = _order("s", order_type=order_type, price=price, trigger_price=Decimal(98))
    assert request_of([order]) == StopOrderRequest(
        symbol="BTCUSDT",
        side=Side.SELL,
        kind=kind,
        quantity=Decimal("0.01"),
        stop_price=Decimal(98),
        price=price,
        client_order_id="tbtest-s",
        **SIGNED,
    )


def test_a_pair_of_exits() -> None:
    assert request_of([TARGET, STOP]) == OcoRequest(
        symbol="BTCUSDT",
        side=Side.SELL,
        quantity=Decimal("0.01"),
        client_order_id="tbtest",
        stop=StopLeg(client_order_id="tbtest-s", stop_price=Decimal(98000)),
        target=TargetLeg(client_order_id="tbtest-t", price=Decimal(104000)),
        **SIGNED,
    )


@pytest.mark.parametrize("exits", [[STOP], [TARGET], [STOP, TARGET]])
def test_an_entry_with_its_exits(exits: list[Order]) -> None:
    stop = StopLeg(client_order_id="tbtest-s", stop_price=Decimal(98000))
    target = TargetLeg(client_order_id="tbtest-t", price=Decimal(104000))
    request = request_of([ENTRY, *exits])
    assert request == EntryListRequest(
        symbol="BTCUSDT",
        quantity=Decimal("0.01"),
        price=Decimal("100500.5"),
        client_order_id="tbtest",
        entry_client_order_id="tbtest-e",
        stop=stop if STOP in exits else None,
        target=target if TARGET in exits else None,
        time_in_force=TimeInForce.FOK,
        **SIGNED,
    )
    assert isinstance(request, EntryListRequest)
    assert request.order_count == 1 + len(exits)


@pytest.mark.parametrize(
    ("leg", "order_type", "working_price"),
    [("s", "STOP_MARKET", WorkingPrice.MARK), ("t", "TAKE_PROFIT_MARKET", WorkingPrice.LAST)],
)
def test_a_conditional_order_of_futures(
    leg: str, order_type: str, working_price: WorkingPrice
) -> None:
    order = _order(
        leg,
        market="futures",
        route=Route.ALGO,
        order_type=order_type,
        trigger_price=Decimal(98),
        reduces_only=True,
    )
    assert request_of([order]) == AlgoOrderRequest(
        symbol="BTCUSDT",
        side=Side.SELL,
        type=AlgoOrderType(order_type),
        quantity=Decimal("0.01"),
        trigger_price=Decimal(98),
        client_order_id=f"tbtest-{leg}",
        working_price=working_price,
        **SIGNED,
    )


@pytest.mark.parametrize(
    ("orders", "words"),
    [
        ([_order("e", order_type="LIMIT")], "price is needed for LIMIT"),
        ([_order("s", order_type="STOP_LOSS")], "trigger_price is needed"),
        ([STOP], "needs a stop and a target"),
        ([_listed("s", trigger_price=Decimal(105_000)), TARGET], "must be below the target"),
        ([_order("x", order_type="BEST_EFFORT")], "BEST_EFFORT"),
        (
            [_order("s", order_type="STOP_MARKET", route="algo", trigger_price=STOP.trigger_price)],
            "spot market knows no algo",
        ),
        (
            [
                _order(
                    "s", order_type="STOP_LOSS", market="futures", trigger_price=STOP.trigger_price
                )
            ],
            "futures market knows neither",
        ),
    ],
)
def test_what_no_request_can_be_made_of_is_named(orders: list[Order], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        request_of(orders)


def test_orders_are_sent_as_they_were_written_down_and_lists_in_one() -> None:
    alone, later = _order("x", pk=4), _order("e", pk=1)
    pair = [_listed("t", pk=3), _listed("s", pk=2)]
    groups = by_request([alone, *pair, later])
    assert [[order.pk for order in group] for group in groups] == [[1], [2, 3], [4]]

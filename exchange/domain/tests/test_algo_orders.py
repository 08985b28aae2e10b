from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from exchange.binance.tests.futures_asking import algo, trailing
from exchange.domain.algo_orders import (
    AlgoOrderReport,
    AlgoOrderType,
    AlgoStatus,
    WorkingPrice,
)
from exchange.domain.orders import TimeInForce
from exchange.domain.types import Side

LIMITED = {"type": AlgoOrderType.STOP, "price": Decimal(58900)}
CLOSING = {"quantity": None, "closes_position": True}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        CLOSING,
        LIMITED,
        {"type": AlgoOrderType.TAKE_PROFIT, "price": Decimal(61000)},
        {"type": AlgoOrderType.TAKE_PROFIT_MARKET, **CLOSING},
        {"reduces_only": False},
    ],
)
def test_an_algo_order_that_could_be_meant_is_made(changes: dict[str, Any]) -> None:
    assert algo(**changes) == algo(**changes)


def test_without_a_word_it_only_reduces_and_goes_by_the_mark_price() -> None:
    order = algo()

    assert (order.reduces_only, order.closes_position) == (True, False)
    assert order.working_price is WorkingPrice.MARK
    assert order.price_protect is False


@pytest.mark.parametrize(
    ("status", "is_open", "protects"),
    [
        (AlgoStatus.NEW, True, True),
        (AlgoStatus.TRIGGERING, True, False),
        (AlgoStatus.TRIGGERED, True, False),
        (AlgoStatus.FINISHED, False, False),
        (AlgoStatus.CANCELED, False, False),
        (AlgoStatus.REJECTED, False, False),
        (AlgoStatus.EXPIRED, False, False),
        (AlgoStatus.OTHER, False, False),
    ],
)
def test_only_what_waits_for_its_price_protects(
    status: AlgoStatus,
    is_open: bool,  # noqa: FBT001
    protects: bool,  # noqa: FBT001
) -> None:
    report = AlgoOrderReport(
        symbol="BTCUSDT",
        algo_id="1",
        client_order_id="tb-s",
        side=Side.SELL,
        type=AlgoOrderType.STOP_MARKET,
        status=status,
        quantity=Decimal("0.01"),
        closes_position=False,
        reduces_only=True,
        trigger_price=Decimal(59000),
        price=Decimal(0),
        market_time=datetime(2026, 10, 1, tzinfo=UTC),
    )

    assert (report.is_open, report.protects) == (is_open, protects)


@pytest.mark.parametrize("callback", ["0.1", "1.5", "20"])
def test_a_trailing_stop_trails_by_a_tenth_to_twenty_percent(callback: str) -> None:
    assert trailing(callback_percent=Decimal(callback)).callback_percent == Decimal(callback)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"type": AlgoOrderType.OTHER}, "type"),
        ({"quantity": None}, "quantity or closes_position"),
        ({"closes_position": True}, "quantity or closes_position"),
        ({"quantity": Decimal(0)}, "quantity"),
        ({"quantity": Decimal("NaN")}, "quantity"),
        ({"trigger_price": None}, "trigger_price"),
        ({"trigger_price": Decimal(-1)}, "trigger_price"),
        ({"price": Decimal(1)}, "price"),
        ({**LIMITED, "price": None}, "price"),
        ({**LIMITED, "price": Decimal(0)}, "price"),
        ({**LIMITED, **CLOSING}, "closes_position"),
        ({**LIMITED, "time_in_force": TimeInForce.GTX}, "time_in_force"),
        ({**LIMITED, "time_in_force": TimeInForce.OTHER}, "time_in_force"),
        ({"activation_price": Decimal(1)}, "activation_price"),
        ({"callback_percent": Decimal(1)}, "callback_percent"),
        ({"client_order_id": "a:b"}, "client_order_id"),
        ({"signed_at_ms": 0}, "signed_at_ms"),
        ({"recv_window_ms": 60_001}, "recv_window_ms"),
    ],
)
def test_an_algo_order_that_could_not_be_meant_names_the_field(
    changes: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ValueError, match=f"^{problem}"):
        algo(**changes)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"trigger_price": Decimal(1)}, "trigger_price"),
        ({"callback_percent": None}, "callback_percent"),
        ({"callback_percent": Decimal("0.09")}, "callback_percent"),
        ({"callback_percent": Decimal("20.1")}, "callback_percent"),
        ({"callback_percent": Decimal("Infinity")}, "callback_percent"),
        ({"callback_percent": Decimal("NaN")}, "callback_percent"),
        ({"activation_price": Decimal("NaN")}, "activation_price"),
        ({"activation_price": Decimal(0)}, "activation_price"),
        (CLOSING, "closes_position"),
    ],
)
def test_a_trailing_stop_that_could_not_be_meant_names_the_field(
    changes: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ValueError, match=f"^{problem}"):
        trailing(**changes)

"""What the algo service tells about conditional orders, as domain values.

Unlike an order of the book, an algo order names its type `orderType` and its status `algoStatus`,
and what does not apply to it is an empty text, a zero, null or missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from exchange.binance.order_replies import order_side
from exchange.binance.parsing import (
    amount,
    boolean,
    mapping,
    moment,
    number_text,
    sequence,
    text,
    word,
)
from exchange.domain.algo_orders import AlgoOrderReport, AlgoOrderType, AlgoStatus
from exchange.domain.types import ZERO

NOTHING: Final = (None, "", "0", 0)


def algo_order(reply: Any) -> AlgoOrderReport:
    """Read `POST algoOrder` and `GET algoOrder`; only the latter names the child."""
    row = mapping(reply, "algo order")
    has_child = not _is_absent(row, "actualOrderId")
    return AlgoOrderReport(
        symbol=text(row, "symbol"),
        algo_id=number_text(row, "algoId"),
        client_order_id=text(row, "clientAlgoId"),
        side=order_side(row),
        type=word(row, "orderType", AlgoOrderType),
        status=word(row, "algoStatus", AlgoStatus),
        quantity=_amount(row, "quantity"),
        closes_position=boolean(row, "closePosition"),
        reduces_only=boolean(row, "reduceOnly"),
        trigger_price=_amount(row, "triggerPrice"),
        price=_amount(row, "price"),
        activation_price=_amount(row, "activatePrice"),
        callback_percent=_amount(row, "callbackRate"),
        child_order_id=text(row, "actualOrderId") if has_child else None,
        # Before there is a child the venue's own example shows what was asked for here.
        filled_quantity=_amount(row, "actualQty") if has_child else ZERO,
        market_time=moment(row, "updateTime"),
        trigger_time=_trigger_time(row),
    )


def algo_orders(reply: Any) -> list[AlgoOrderReport]:
    """Read `GET openAlgoOrders`."""
    return [algo_order(row) for row in sequence(reply, "openAlgoOrders")]


def _amount(row: Mapping[str, Any], name: str) -> Decimal:
    return ZERO if _is_absent(row, name) else amount(row, name)


def _trigger_time(row: Mapping[str, Any]) -> datetime | None:
    return None if _is_absent(row, "triggerTime") else moment(row, "triggerTime")


def _is_absent(row: Mapping[str, Any], name: str) -> bool:
    value = row.get(name)
    return not isinstance(value, bool) and value in NOTHING

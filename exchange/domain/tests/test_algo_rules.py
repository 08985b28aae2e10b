from __future__ import annotations

import gzip
import json
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest

import exchange.binance.tests
from exchange.binance.rules import rules_of_symbol, trading_rules
from exchange.binance.tests.futures_asking import algo, trailing
from exchange.domain.algo_orders import AlgoOrderRequest, AlgoOrderType
from exchange.domain.algo_rules import algo_order_violation, algo_room_violation
from exchange.domain.filters import Filter, Violation
from exchange.domain.rules import TradingRules
from exchange.domain.types import Side

DATA: Final = Path(exchange.binance.tests.__file__).parent / "data"
LIVE: Final = json.loads((DATA / "usdm_live_2026-09-15.json").read_text())
# tick 0.10 from 556.80 to 4529764, step 0.001 up to 120 at the market and 1000 with a price,
# least value 50, limit prices within 5 %
BTCUSDT: Final = rules_of_symbol(LIVE, "BTCUSDT")
MARKET: Final = Decimal(60_000)
CLOSING: Final = {"quantity": None, "closes_position": True}


def found(request: AlgoOrderRequest, rules: TradingRules = BTCUSDT) -> Violation | None:
    return algo_order_violation(rules, request, price=MARKET)


def stop_limit(**changes: Any) -> AlgoOrderRequest:
    return algo(**({"type": AlgoOrderType.STOP, "price": Decimal(58900)} | changes))


@pytest.mark.parametrize(
    "request_",
    [
        algo(),
        algo(**CLOSING),
        algo(quantity=Decimal("0.001"), trigger_price=Decimal(600)),  # it only reduces
        algo(type=AlgoOrderType.TAKE_PROFIT_MARKET, trigger_price=Decimal("61000.1")),
        stop_limit(),
        stop_limit(quantity=Decimal(1000)),
        trailing(),
        trailing(activation_price=Decimal("61000.1")),
    ],
)
def test_an_ordinary_algo_order_of_each_kind_passes(request_: AlgoOrderRequest) -> None:
    assert found(request_) is None


@pytest.mark.parametrize(
    ("request_", "code", "words"),
    [
        (
            algo(trigger_price=Decimal("59000.05")),
            Filter.PRICE_FILTER,
            "trigger price 59000.05 is no multiple of 0.10",
        ),
        (
            algo(**CLOSING, trigger_price=Decimal(500)),
            Filter.PRICE_FILTER,
            "trigger price 500 is below the minimum 556.80",
        ),
        (
            trailing(activation_price=Decimal("61000.05")),
            Filter.PRICE_FILTER,
            "activation price 61000.05 is no multiple of 0.10",
        ),
        (
            stop_limit(price=Decimal("58900.05")),
            Filter.PRICE_FILTER,
            "price 58900.05 is no multiple of 0.10",
        ),
        (
            algo(quantity=Decimal("0.0005")),
            Filter.LOT_SIZE,
            "quantity 0.0005 is no multiple of 0.001",
        ),
        (
            algo(quantity=Decimal(121)),
            Filter.MARKET_LOT_SIZE,
            "quantity 121 is above the maximum 120",
        ),
        (
            trailing(quantity=Decimal(121)),
            Filter.MARKET_LOT_SIZE,
            "quantity 121 is above the maximum 120",
        ),
        (
            algo(quantity=Decimal("0.001"), trigger_price=Decimal(600), reduces_only=False),
            Filter.NOTIONAL,
            "value 0.600 is below the minimum 50",
        ),
        (
            stop_limit(price=Decimal(56_000)),
            Filter.PERCENT_PRICE,
            "price 56000 is below 56050.0000, the lowest that is allowed now",
        ),
        (
            stop_limit(side=Side.BUY, price=Decimal(62_000)),
            Filter.PERCENT_PRICE,
            "price 62000 is above 61950.0000, the highest that is allowed now",
        ),
    ],
)
def test_what_the_venue_would_refuse_is_denied_in_plain_words(
    request_: AlgoOrderRequest, code: Filter, words: str
) -> None:
    assert found(request_) == Violation(code=code, words=words)


def test_the_value_of_a_trailing_stop_goes_by_the_market() -> None:
    small = trailing(quantity=Decimal("0.001"), reduces_only=False)

    assert algo_order_violation(BTCUSDT, small, price=Decimal(50_000)) is None
    problem = algo_order_violation(BTCUSDT, small, price=Decimal(49_999))
    assert problem == Violation(code=Filter.NOTIONAL, words="value 49.999 is below the minimum 50")


def test_a_symbol_says_which_kinds_it_takes() -> None:
    row = LIVE["symbols"][0] | {"orderTypes": ["LIMIT", "MARKET", "STOP_MARKET"]}
    rules = trading_rules(row)

    assert found(algo(), rules) is None
    for request in (trailing(), stop_limit()):
        problem = found(request, rules)
        assert problem is not None
        assert problem.code is Filter.ORDER_TYPE


def test_every_recorded_perpetual_takes_a_stop_of_each_kind() -> None:
    symbols = json.loads(gzip.decompress((DATA / "usdm_demo_2026-03-31_all.json.gz").read_bytes()))
    for row in symbols["symbols"]:
        rules = trading_rules(row)
        price = rules.min_price + 1000 * rules.price_increment
        kinds = (
            algo(**CLOSING, trigger_price=price),
            algo(trigger_price=price, quantity=rules.quantity_increment + rules.min_quantity),
            trailing(quantity=rules.quantity_increment + rules.min_quantity),
            stop_limit(
                trigger_price=price,
                price=price,
                quantity=rules.quantity_increment + rules.min_quantity,
            ),
        )
        assert [algo_order_violation(rules, each, price=price) for each in kinds] == [None] * 4
    assert len(symbols["symbols"]) == 705


def test_an_account_has_room_for_two_hundred_conditional_orders() -> None:
    assert algo_room_violation(open_now=199) is None
    assert algo_room_violation(open_now=198, adding=2) is None
    problem = algo_room_violation(open_now=200)
    assert problem == Violation(
        code=Filter.MAX_NUM_ALGO_ORDERS,
        words="200 open and 1 more are above the maximum of 200 conditional orders",
    )

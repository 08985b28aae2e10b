from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from exchange.domain.filters import Filter, OpenOrders, PriceBand, SizeLimits, Violation
from exchange.domain.rules import TradingRules
from exchange.domain.symbol_status import NOT_LISTED
from exchange.domain.types import Market, Side

RULES = TradingRules(
    symbol="BTCUSDT",
    base_asset="BTC",
    quote_asset="USDT",
    is_trading=True,
    price_increment=Decimal("0.01"),
    quantity_increment=Decimal("0.00001"),
    min_quantity=Decimal("0.0001"),
    max_quantity=Decimal(9),
    min_notional=Decimal(5),
    max_notional=Decimal(90_000),
)
PRICE = Decimal(50_000)


def violation(quantity: str, price: Decimal = PRICE) -> Violation | None:
    return RULES.market_order_violation(quantity=Decimal(quantity), price=price)


def test_a_quantity_is_rounded_down_to_the_increment() -> None:
    assert RULES.floor_quantity(Decimal("0.123456789")) == Decimal("0.12345")


def test_rounding_never_gives_more_than_was_asked_even_beyond_28_digits() -> None:
    whole = replace(RULES, quantity_increment=Decimal(1))

    assert whole.floor_quantity(Decimal("0." + "9" * 40)) == 0
    assert whole.floor_quantity(Decimal("9" * 40)) == Decimal("9" * 40)


def test_without_an_increment_a_quantity_stays_as_it_is() -> None:
    free = replace(RULES, quantity_increment=Decimal(0))

    assert free.floor_quantity(Decimal("0.123456789")) == Decimal("0.123456789")


def test_an_order_within_all_limits_is_not_refused() -> None:
    assert violation("0.0001") is None
    assert violation("1.8") is None


@pytest.mark.parametrize(
    ("quantity", "price", "code", "reason"),
    [
        ("0", PRICE, Filter.LOT_SIZE, "quantity is zero after rounding to the increment"),
        ("-1", PRICE, Filter.LOT_SIZE, "quantity is zero after rounding to the increment"),
        ("0.000101", PRICE, Filter.LOT_SIZE, "quantity 0.000101 is no multiple of 0.00001"),
        ("0.00009", PRICE, Filter.LOT_SIZE, "quantity 0.00009 is below the minimum 0.0001"),
        ("9.00001", PRICE, Filter.LOT_SIZE, "quantity 9.00001 is above the maximum 9"),
        (
            "0.0001",
            Decimal("49999.99"),
            Filter.NOTIONAL,
            "value 4.999999 is below the minimum 5",
        ),
        ("1.80001", PRICE, Filter.NOTIONAL, "value 90000.50000 is above the maximum 90000"),
        (
            "1",
            Decimal("NaN"),
            Filter.INVALID_NUMBER,
            "price NaN is no usable positive number",
        ),
    ],
)
def test_an_order_outside_of_a_limit_is_refused_in_plain_words(
    quantity: str, price: Decimal, code: Filter, reason: str
) -> None:
    found = violation(quantity, price)

    assert found == Violation(code=code, words=reason)
    assert str(found) == reason


def test_zero_means_no_upper_limit() -> None:
    free = replace(RULES, max_quantity=Decimal(0), max_notional=Decimal(0))

    assert free.market_order_violation(quantity=Decimal(10**9), price=PRICE) is None


def test_a_limit_order_has_limits_of_its_own() -> None:
    own = replace(
        RULES,
        limit_size=SizeLimits(
            min_quantity=Decimal("0.001"), max_quantity=Decimal(20), min_notional=Decimal(100)
        ),
        min_price=Decimal(10),
        max_price=Decimal(60_000),
    )

    def found(quantity: str, price: str) -> str:
        return str(
            own.limit_order_violation(
                side=Side.BUY, quantity=Decimal(quantity), price=Decimal(price)
            )
        )

    assert found("12", "50000") == "None"
    assert found("0.0009", "50000") == "quantity 0.0009 is below the minimum 0.001"
    assert found("0.001", "50000") == "value 50.000 is below the minimum 100"
    assert found("12", "50000.005") == "price 50000.005 is no multiple of 0.01"
    assert found("12", "9.99") == "price 9.99 is below the minimum 10"
    assert found("12", "60000.01") == "price 60000.01 is above the maximum 60000"


def test_what_only_the_rule_for_market_orders_forbids_is_named_so() -> None:
    rules = replace(RULES, limit_size=SizeLimits(max_quantity=Decimal(20)))

    found = rules.market_order_violation(quantity=Decimal(12), price=Decimal(1))

    assert found == Violation(
        code=Filter.MARKET_LOT_SIZE, words="quantity 12 is above the maximum 9"
    )


def test_a_band_binds_each_side_in_its_own_way_and_only_with_a_reference() -> None:
    rules = replace(
        RULES,
        buy_band=PriceBand(down=Decimal("0.8"), up=Decimal("1.1")),
        sell_band=PriceBand(down=Decimal("0.9")),
    )

    def found(side: Side, price: int, reference: int | None) -> str:
        problem = rules.limit_order_violation(
            side=side,
            quantity=Decimal(1),
            price=Decimal(price),
            reference_price=None if reference is None else Decimal(reference),
        )
        assert problem is None or problem.code is Filter.PERCENT_PRICE
        return str(problem)

    assert found(Side.BUY, 79, 100) == "price 79 is below 80.0, the lowest that is allowed now"
    assert found(Side.BUY, 111, 100) == "price 111 is above 110.0, the highest that is allowed now"
    assert found(Side.SELL, 89, 100) == "price 89 is below 90.0, the lowest that is allowed now"
    assert {found(Side.BUY, 80, 100), found(Side.BUY, 110, 100)} == {"None"}
    assert {found(Side.SELL, 90, 100), found(Side.SELL, 900, 100)} == {"None"}
    assert found(Side.BUY, 900, None) == "None"


def test_prices_are_rounded_the_safe_way_for_their_side() -> None:
    assert RULES.round_price(Side.SELL, Decimal("100.001")) == Decimal("100.01")
    assert RULES.round_price(Side.BUY, Decimal("100.009")) == Decimal("100.00")
    assert RULES.round_price(Side.SELL, Decimal("100.01")) == Decimal("100.01")
    assert RULES.round_price(Side.BUY, Decimal("100.01")) == Decimal("100.01")
    assert RULES.ceil_price(Decimal("0.001")) == Decimal("0.01")


def test_a_waiting_order_is_checked_at_its_trigger_and_at_its_own_price() -> None:
    def found(order_type: str, stop: str, limit: str | None) -> str:
        return str(
            replace(RULES, order_types=("STOP_LOSS", "STOP_LOSS_LIMIT")).stop_order_violation(
                order_type=order_type,
                side=Side.SELL,
                quantity=Decimal("0.0001"),
                stop_price=Decimal(stop),
                limit_price=None if limit is None else Decimal(limit),
            )
        )

    assert found("STOP_LOSS", "50000", None) == "None"
    assert found("STOP_LOSS_LIMIT", "49000", "50000") == "None"
    assert found("STOP_LOSS", "49000", None) == "value 4.9000 is below the minimum 5"
    assert found("STOP_LOSS_LIMIT", "50000", "49000") == "value 4.9000 is below the minimum 5"
    assert found("STOP_LOSS", "50000.001", None) == "stop price 50000.001 is no multiple of 0.01"
    assert found("TAKE_PROFIT", "50000", None) == (
        "BTCUSDT takes no TAKE_PROFIT orders, only STOP_LOSS, STOP_LOSS_LIMIT"
    )


def test_the_least_value_does_not_bind_a_futures_order_that_only_reduces() -> None:
    futures = replace(RULES, market=Market.FUTURES)

    def passes(rules: TradingRules, *, reduces_only: bool) -> bool:
        return not rules.market_order_violation(
            quantity=Decimal("0.0001"), price=Decimal(1000), reduces_only=reduces_only
        )

    assert not passes(futures, reduces_only=False)
    assert passes(futures, reduces_only=True)
    # Spot has no such order: there the word changes nothing.
    assert not passes(RULES, reduces_only=True)


def test_room_for_more_orders_is_counted_kind_by_kind() -> None:
    rules = replace(RULES, max_orders=10, max_stop_orders=2, max_order_lists=1)

    def found(open_now: OpenOrders, **adding: int) -> Filter | None:
        problem = rules.room_violation(open_now=open_now, adding=OpenOrders(**adding))
        return problem.code if problem else None

    assert found(OpenOrders(orders=9), orders=1) is None
    assert found(OpenOrders(orders=9), orders=2) is Filter.MAX_NUM_ORDERS
    assert found(OpenOrders(orders=3, stops=2), orders=1, stops=1) is Filter.MAX_NUM_ALGO_ORDERS
    assert found(OpenOrders(orders=3, stops=2), orders=1) is None
    assert found(OpenOrders(orders=2, stops=1, lists=1), orders=2, lists=1) is (
        Filter.MAX_NUM_ORDER_LISTS
    )
    assert RULES.room_violation(open_now=OpenOrders(orders=999), adding=OpenOrders(orders=9)) is (
        None
    )


def test_an_account_may_hold_only_so_much() -> None:
    rules = replace(RULES, max_position=Decimal(10))

    assert rules.position_violation(quantity=Decimal(4), held=Decimal(6)) is None
    problem = rules.position_violation(quantity=Decimal(4), held=Decimal("6.1"))
    assert problem == Violation(
        code=Filter.MAX_POSITION, words="6.1 held and 4 more are above the maximum 10"
    )
    assert RULES.position_violation(quantity=Decimal(4), held=Decimal(10**9)) is None


@pytest.mark.parametrize(
    ("status", "allowed"),
    [
        ("TRADING", {"entries", "exits", "cancels"}),
        ("CANCEL_ONLY", {"cancels"}),
        ("HALT", {"cancels"}),
        ("BREAK", {"cancels"}),
        ("SETTLING", {"cancels"}),
        ("PENDING_TRADING", set()),
        (NOT_LISTED, {"exits"}),  # the order attempt will tell
        ("A_WORD_OF_NEXT_YEAR", {"exits", "cancels"}),
    ],
)
def test_a_status_allows_what_the_venue_would_take(status: str, allowed: set[str]) -> None:
    rules = replace(RULES, status=status, is_trading=status == "TRADING")

    found = {each for each in ("entries", "exits", "cancels") if getattr(rules, f"allows_{each}")}
    assert found == allowed

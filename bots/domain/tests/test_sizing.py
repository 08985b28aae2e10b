from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.domain.decision import Denial, DenialCode
from bots.domain.direction import Direction
from bots.domain.sizing import (
    FUTURES_FEE_SHARE,
    PRICE_CUSHION,
    entry_quantity,
    exit_quantity,
    leverage_in_use,
    size_words,
)
from bots.domain.tests.builders import RULES, D, futures_view, parameters, rules
from exchange.domain.types import Market


def entry(**changes: Any) -> Decimal | Denial:
    given_values = {
        "parameters": parameters(),
        "rules": RULES,
        "price": D(20000),
        "free_quote": D(10000),
        "total_realized_pnl": D(0),
    }
    return entry_quantity(**{**given_values, **changes})


def leave(**changes: Any) -> Decimal | Denial:
    given_values = {"rules": RULES, "price": D(20000), "position": D(1), "free_base": D(1)}
    return exit_quantity(**{**given_values, **changes})


def test_the_fixed_size_wins_when_both_are_set() -> None:
    both = parameters(position_size_fixed=D(500), position_size_perc=D(10))
    assert entry(parameters=both) == D("0.025")


def test_the_percentage_is_of_capital_plus_realized_profit() -> None:
    percent = parameters(position_size_fixed=None, position_size_perc=D(10))
    assert entry(parameters=percent) == D("0.005")
    assert entry(parameters=percent, total_realized_pnl=D(500)) == D("0.0075")
    assert entry(parameters=percent, total_realized_pnl=D(-500)) == D("0.0025")


def test_a_bot_that_has_lost_its_capital_buys_nothing() -> None:
    percent = parameters(position_size_fixed=None, position_size_perc=D(10))
    assert entry(parameters=percent, total_realized_pnl=D(-1200)) == Denial(
        code=DenialCode.QUANTITY_BELOW_FILTERS,
        detail="position size 0.00 USDT is too small: "
        "quantity is zero after rounding to the increment",
    )


def test_a_bot_without_any_size_is_refused() -> None:
    with pytest.raises(ValueError, match="position_size_fixed or position_size_perc must be set"):
        entry(parameters=parameters(position_size_fixed=None))


def test_the_quantity_is_floored_to_the_increment() -> None:
    assert entry(price=D("20001")) == D("0.02499")


def test_a_size_within_the_balance_is_left_alone_and_a_larger_one_keeps_the_cushion() -> None:
    assert entry(free_quote=D("501.1")) == D("0.025")
    assert entry(free_quote=D(500)) == D("0.02495")
    assert entry(free_quote=D(200)) == D("0.00998")


def test_a_size_below_the_venues_minimum_is_denied_with_the_numbers() -> None:
    assert entry(parameters=parameters(position_size_fixed=D(3))) == Denial(
        code=DenialCode.QUANTITY_BELOW_FILTERS,
        detail="position size 3.00 USDT is too small: value 3.00000 is below the minimum 5",
    )


def test_a_balance_that_makes_it_too_small_is_denied_with_what_is_needed_and_free() -> None:
    assert entry(free_quote=D("4.9")) == Denial(
        code=DenialCode.INSUFFICIENT_BALANCE,
        detail="needs 500.00 USDT, at the very least 5.00, but 4.90 USDT is free; "
        "add USDT or lower the position size",
    )
    empty = entry(free_quote=D(0))
    assert isinstance(empty, Denial)
    assert empty.code is DenialCode.INSUFFICIENT_BALANCE


def test_an_entry_is_capped_at_the_venues_maxima() -> None:
    assert entry(rules=rules(max_quantity=D("0.01"))) == D("0.01")
    assert entry(rules=rules(max_notional=D(100))) == D("0.005")


def test_what_is_sold_is_what_is_really_there() -> None:
    assert leave(position=D("0.0099999"), free_base=D(1)) == D("0.00999")
    assert leave(position=D("0.5"), free_base=D("0.2")) == D("0.2")


def test_an_exit_above_the_maximum_leaves_the_rest_to_the_next_tick() -> None:
    assert leave(rules=rules(max_quantity=D("0.3"))) == D("0.3")


def test_a_position_too_small_to_sell_is_denied() -> None:
    assert leave(position=D("0.0001")) == Denial(
        code=DenialCode.QUANTITY_BELOW_FILTERS,
        detail="holds 0.0001 BTC, 1 free in the account: value 2.00000 is below the minimum 5",
    )


def test_coins_that_left_the_account_are_said_to_be_missing() -> None:
    assert leave(free_base=D(0)) == Denial(
        code=DenialCode.INSUFFICIENT_BALANCE,
        detail="holds 1 BTC, 0 free in the account: "
        "quantity is zero after rounding to the increment",
    )


amounts = st.decimals(0, 20000, places=2, allow_nan=False)


@given(size=amounts, free=amounts, price=st.decimals("0.01", 200000, places=2))
def test_an_entry_obeys_the_rules_and_never_spends_more_than_is_free(
    size: Decimal, free: Decimal, price: Decimal
) -> None:
    found = entry(parameters=parameters(position_size_fixed=size), free_quote=free, price=price)
    if isinstance(found, Denial):
        return
    assert RULES.market_order_violation(quantity=found, price=price) is None
    assert found * price <= min(size, free * (1 - PRICE_CUSHION))


@given(position=amounts, free=amounts, price=st.decimals("0.01", 200000, places=2))
def test_an_exit_obeys_the_rules_and_never_sells_what_is_not_there(
    position: Decimal, free: Decimal, price: Decimal
) -> None:
    found = leave(position=position, free_base=free, price=price)
    if isinstance(found, Denial):
        return
    assert RULES.market_order_violation(quantity=found, price=price) is None
    assert found <= min(position, free)


def test_an_entry_that_could_not_be_sold_at_its_stop_is_denied_and_a_larger_one_is_not() -> None:
    tight = parameters(position_size_fixed=D("5.2"), stop_loss_perc=D(5))
    denial = entry(parameters=tight)
    assert isinstance(denial, Denial)
    assert denial.code is DenialCode.QUANTITY_BELOW_FILTERS
    assert denial.detail.startswith("5.20 USDT could not be sold at its stop: value 4.75")
    assert entry(parameters=parameters(position_size_fixed=D("5.8"), stop_loss_perc=D(5))) == D(
        "0.00029"
    )


@given(
    size=st.decimals("1", "50", places=2),
    price=st.decimals("0.5", "100000", places=2),
    stop=st.one_of(st.none(), st.decimals("0.1", "90", places=1)),
)
def test_whatever_is_bought_can_be_sold_after_its_fee_at_its_stop(
    size: Decimal, price: Decimal, stop: Decimal | None
) -> None:
    bought = entry(
        parameters=parameters(position_size_fixed=size, stop_loss_perc=stop), price=price
    )
    if isinstance(bought, Denial):
        return
    held = bought - (bought / 1000).quantize(D("0.00000001"))  # the venue's fee in coins
    stop_price = price * (1 - (stop or D(0)) / 100)
    assert not isinstance(leave(price=stop_price, position=held, free_base=held), Denial)


def test_an_entry_that_brings_its_stops_along_leaves_room_for_its_worst_price() -> None:
    whole = parameters(position_size_fixed=D(500), entry_slippage_perc=D("0.5"))
    lists = rules(allows_opo=True)
    assert entry(parameters=whole, rules=lists, free_quote=D(500)) == D("0.02487")
    assert entry(parameters=whole, free_quote=D(500)) == D("0.02495")  # at the market


# --- futures: the size is margin

FUTURES_RULES = rules(
    market=Market.FUTURES,
    quantity_increment=D("0.001"),
    min_quantity=D("0.001"),
    min_notional=D(100),
)
SHORT = Direction.SHORT


def lever(**changes: Any) -> Decimal | Denial:
    given_values = {
        "parameters": parameters(position_size_fixed=D(100), leverage=10),
        "rules": FUTURES_RULES,
        "futures": futures_view(D(20000)),
    }
    return entry(**{**given_values, **changes})


def test_the_notional_is_the_size_times_the_leverage() -> None:
    assert lever() == D("0.05")
    assert lever(direction=SHORT) == D("0.05")
    percent = parameters(position_size_fixed=None, position_size_perc=D(10), leverage=5)
    assert lever(parameters=percent) == D("0.025")  # 10 % of 1000, times 5, at 20000


def test_no_more_leverage_is_counted_on_than_the_symbol_has() -> None:
    eager = parameters(position_size_fixed=D(100), leverage=50)
    assert leverage_in_use(eager, futures_view(D(20000))) == 20
    assert lever(parameters=eager) == D("0.1")
    assert leverage_in_use(eager, None) == 1
    assert leverage_in_use(eager, futures_view(D(20000), brackets=None)) == 50


def test_no_more_is_opened_than_the_bracket_of_the_leverage_allows() -> None:
    huge = parameters(position_size_fixed=D(100_000), leverage=10)
    assert lever(parameters=huge, free_quote=D(10**7)) == D("2.5")  # 50,000 of notional


def test_margin_fee_and_price_cushion_have_to_be_free() -> None:
    assert lever(free_quote=D(100)) == D("0.048")
    # The mark price below what a buyer pays is a loss that the venue asks for at once.
    assert lever(free_quote=D(100), futures=futures_view(D(19800))) == D("0.044")
    assert lever(free_quote=D(100), futures=futures_view(D(19800)), direction=SHORT) == D("0.049")


def test_too_little_margin_is_denied_with_what_is_needed_what_is_free_and_the_way_out() -> None:
    assert lever(free_quote=D(5)) == Denial(
        code=DenialCode.INSUFFICIENT_BALANCE,
        detail="needs 100.00 USDT margin (1000.00 USDT at leverage 10), at the very least 10.27, "
        "but 5.00 USDT is free; add USDT or lower the position size",
    )


def test_a_margin_whose_notional_is_below_the_minimum_is_denied() -> None:
    assert lever(parameters=parameters(position_size_fixed=D(9), leverage=10)) == Denial(
        code=DenialCode.QUANTITY_BELOW_FILTERS,
        detail="position size 9.00 USDT margin (90.00 USDT at leverage 10) is too small: "
        "value 80.000 is below the minimum 100",
    )


def test_a_futures_position_that_falls_below_the_minimum_can_still_be_closed() -> None:
    barely = parameters(position_size_fixed=D(10), leverage=10, stop_loss_perc=D(5))
    assert lever(parameters=barely) == D("0.005")
    assert leave(rules=FUTURES_RULES, position=D("0.001"), free_base=D(0)) == D("0.001")


def test_what_is_held_on_futures_is_closed_whatever_coins_there_are() -> None:
    assert leave(rules=FUTURES_RULES, position=D("0.0505"), free_base=D(0)) == D("0.05")
    assert leave(rules=FUTURES_RULES, position=D("0.0004"), free_base=D(1)) == Denial(
        code=DenialCode.QUANTITY_BELOW_FILTERS,
        detail="holds 0.0004 BTC: quantity is zero after rounding to the increment",
    )


def test_a_size_is_told_as_margin_and_notional() -> None:
    settings = parameters(leverage=10)
    words = size_words(
        D("0.05"),
        parameters=settings,
        rules=FUTURES_RULES,
        price=D(20000),
        free_quote=D(500),
        futures=futures_view(D(20000)),
    )
    assert words == (
        "0.05 BTC for 100.00 USDT margin (1000.00 USDT at leverage 10); 500.00 USDT is free"
    )


@given(
    size=st.decimals(10, 20000, places=2),
    free=amounts,
    price=st.decimals("100", 200000, places=2),
    mark=st.decimals("0.99", "1.01", places=4),
    leverage=st.integers(1, 50),
    direction=st.sampled_from(Direction),
)
def test_a_futures_entry_never_needs_more_than_is_free(
    size: Decimal,
    free: Decimal,
    price: Decimal,
    mark: Decimal,
    leverage: int,
    direction: Direction,
) -> None:
    futures = futures_view(price * mark)
    settings = parameters(position_size_fixed=size, leverage=leverage)
    found = lever(
        parameters=settings, free_quote=free, price=price, futures=futures, direction=direction
    )
    if isinstance(found, Denial):
        return
    used = leverage_in_use(settings, futures)
    filled = price * (1 + direction.sign * PRICE_CUSHION)  # a moment later
    margin = found * filled / used
    loss = max(direction.sign * found * (filled - price * mark), D(0))
    assert margin + found * filled * FUTURES_FEE_SHARE + loss <= free
    assert found * price <= min(size * used, D(50_000) if used > 5 else D(1_000_000))

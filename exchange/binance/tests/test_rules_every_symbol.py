"""Every symbol of the recorded exchangeInfo files against filters restated from the raw rows."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from exchange.binance.rules import trading_rules
from exchange.binance.tests.venue_filters import Asked, VenueFilters
from exchange.domain.filters import Filter, Violation
from exchange.domain.fitting import (
    FittedOrder,
    fit_limit_order,
    fit_market_order,
    fit_quote_amount,
    fit_stop_order,
)
from exchange.domain.rules import TradingRules
from exchange.domain.types import Market, Side

DATA: Final = Path(__file__).parent / "data"
FILES: Final = {
    "spot_live_2018-08-02_all.json.gz": 384,
    "usdm_demo_2026-03-31_all.json.gz": 705,
    "usdm_live_2026-09-15.json": 1,
    "spot_live_2026-09-26.json": 1,
    "spot_testnet_2026.json": 1,
}
# An example asks four orders of each symbol: a failure is told as it was found, not shrunk.
ALL_AT_ONCE: Final = settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)


class Listed(NamedTuple):
    venue: VenueFilters
    rules: TradingRules


def rows_of(name: str) -> list[dict[str, Any]]:
    content = (DATA / name).read_bytes()
    plain = gzip.decompress(content) if name.endswith(".gz") else content
    rows: list[dict[str, Any]] = json.loads(plain)["symbols"]
    return rows


EVERY: Final = [Listed(VenueFilters(row), trading_rules(row)) for f in FILES for row in rows_of(f)]


class Recipe(NamedTuple):
    """A number that makes sense for any symbol: so many times one of its limits, or itself."""

    of: str
    times: Decimal

    def size(self, listed: Listed) -> Decimal:
        row = listed.venue.filters["LOT_SIZE"]
        return self.times * (Decimal(row[self.of + "Qty"]) if self.of else 1)

    def price(self, listed: Listed) -> Decimal:
        row = listed.venue.filters["PRICE_FILTER"]
        return self.times * (Decimal(row[self.of + "Price"]) if self.of else 1)


ratios = st.one_of(
    st.decimals("0.0001", "3", places=4),
    st.integers(1, 100_000).map(Decimal),
    st.sampled_from([Decimal(1), Decimal("1.00000000000000000000000000000001")]),
)
numbers = st.one_of(
    st.builds(Recipe, st.sampled_from(["min", "max"]), ratios),
    st.builds(Recipe, st.just(""), st.decimals(0, 10**9, places=12)),
    st.builds(Recipe, st.just(""), st.decimals("1e-12", "1e29").filter(lambda d: d > 0)),
)
nonsense = st.sampled_from(
    [Decimal(0), Decimal(-1), Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), Decimal("1e99")]
)
nearness = st.decimals("0.5", "2", places=3)
sides = st.sampled_from(list(Side))


def test_every_recorded_symbol_is_read() -> None:
    assert {name: len(rows_of(name)) for name in FILES} == FILES
    assert len(EVERY) == 1092
    assert sum(listed.rules.market is Market.FUTURES for listed in EVERY) == 706


def test_rules_hold_the_raw_values_and_not_the_precisions() -> None:
    for venue, rules in EVERY:
        raw = venue.filters
        tick = Decimal(raw["PRICE_FILTER"]["tickSize"])
        assert rules.price_increment == (tick or Decimal("0.00000001"))
        assert rules.limit_size is not None
        assert rules.limit_size.quantity_increment == Decimal(raw["LOT_SIZE"]["stepSize"])
        assert rules.limit_size.min_quantity == Decimal(raw["LOT_SIZE"]["minQty"])
        assert rules.status == venue.row["status"]
        is_for_bots = venue.row.get("contractType", "PERPETUAL") == "PERPETUAL"
        assert rules.allows_entries is (venue.row["status"] == "TRADING" and is_for_bots)
    finer = [
        rules.symbol
        for venue, rules in EVERY
        if venue.is_futures
        and rules.price_increment != Decimal(1).scaleb(-venue.row["pricePrecision"])
    ]
    assert len(finer) > 100  # so the test above would notice a precision taken for a tick


def orders_of(
    listed: Listed, side: Side, quantity: Decimal, price: Decimal, near: Decimal
) -> Iterator[tuple[Asked, FittedOrder | Violation]]:
    """Ask for one order of each kind: market, limit, stop, stop with a limit price."""
    rules, reference = listed.rules, price * near
    market = fit_market_order(rules, quantity=quantity, price=price)
    yield asked("MARKET", side, quantity, reference=price), market
    limit = fit_limit_order(
        rules, side=side, quantity=quantity, price=price, reference_price=reference
    )
    yield asked("LIMIT", side, quantity, reference=reference, price=price), limit
    is_futures = rules.market is Market.FUTURES
    for order_type, own in (
        ("STOP_MARKET" if is_futures else "STOP_LOSS", None),
        ("STOP" if is_futures else "STOP_LOSS_LIMIT", price),
    ):
        stop = fit_stop_order(
            rules,
            order_type=order_type,
            side=side,
            quantity=quantity,
            stop_price=reference,
            limit_price=own,
            reference_price=reference,
        )
        yield (
            asked(order_type, side, quantity, reference=reference, price=own, stop=reference),
            stop,
        )


def asked(
    order_type: str,
    side: Side,
    quantity: Decimal,
    *,
    reference: Decimal,
    price: Decimal | None = None,
    stop: Decimal | None = None,
) -> Asked:
    return Asked(
        type=order_type,
        side=side.value,
        quantity=Fraction(quantity),
        reference=Fraction(reference),
        price=None if price is None else Fraction(price),
        stop_price=None if stop is None else Fraction(stop),
    )


def sent(wanted: Asked, order: FittedOrder) -> Asked:
    return replace(
        wanted,
        quantity=Fraction(order.quantity),
        price=None if order.price is None else Fraction(order.price),
        stop_price=None if order.stop_price is None else Fraction(order.stop_price),
    )


def check(venue: VenueFilters, wanted: Asked, result: FittedOrder | Violation) -> None:
    nearest = venue.nearest(wanted)
    refusals = venue.refusals(nearest)
    where = (venue.row["symbol"], wanted, result, refusals)
    if isinstance(result, Violation):
        assert refusals, where  # nothing is denied that the venue would have taken
        assert result.code in Filter, where
        assert str(result), where
        return
    order = sent(wanted, result)
    assert not venue.refusals(order), where
    assert order == nearest, where
    assert order.quantity <= wanted.quantity, where
    if not venue.refusals(wanted):
        assert order == wanted, where


@ALL_AT_ONCE
@given(side=sides, size=numbers, price=numbers, near=nearness)
def test_whatever_is_asked_of_any_symbol_passes_its_filters_or_is_denied_with_the_reason(
    side: Side, size: Recipe, price: Recipe, near: Decimal
) -> None:
    for listed in EVERY:
        quantity, at = size.size(listed), price.price(listed)
        if quantity <= 0 or at <= 0:
            continue
        for wanted, result in orders_of(listed, side, quantity, at, near):
            check(listed.venue, wanted, result)


@settings(max_examples=400, deadline=None)
@given(
    listed=st.sampled_from(EVERY),
    side=sides,
    steps=st.integers(1, 10**6),
    ticks=st.integers(1, 10**6),
    near=st.decimals("0.9", "1.1", places=2),
)
def test_orders_on_the_grid_are_sent_as_they_are_when_the_filters_take_them(
    listed: Listed, side: Side, steps: int, ticks: int, near: Decimal
) -> None:
    lot, prices = listed.venue.filters["LOT_SIZE"], listed.venue.filters["PRICE_FILTER"]
    # Some perpetuals have a minimum of zero, which is no quantity: their first point is the step.
    first = Decimal(lot["minQty"]) or Decimal(lot["stepSize"])
    quantity = first + (steps - 1) * Decimal(lot["stepSize"])
    least = Decimal(prices["minPrice"]) or Decimal(1)
    price = least + (ticks - 1) * Decimal(prices["tickSize"])
    for wanted, result in orders_of(listed, side, quantity, price, near):
        check(listed.venue, wanted, result)


def test_an_ordinary_order_of_each_kind_passes_for_every_symbol() -> None:
    """A set of rules that denies everything would pass every test above."""
    kinds = 0
    for listed in EVERY:
        quantity, price = _ordinary(listed)
        for wanted, result in orders_of(listed, Side.SELL, quantity, price, Decimal(1)):
            if "type" in listed.venue.refusals(wanted):
                assert isinstance(result, Violation)
                assert result.code is Filter.ORDER_TYPE
                continue
            assert isinstance(result, FittedOrder), (listed.venue.row, wanted, result)
            assert sent(wanted, result) == wanted
            kinds += 1
    # Spot had no STOP_LOSS in 2018; everything else is there four times.
    assert kinds == 1092 * 4 - 384


def _ordinary(listed: Listed) -> tuple[Decimal, Decimal]:
    """Return a price in the middle of what is allowed and a size of twice the least value."""
    venue = listed.venue
    low, high = (venue.number("PRICE_FILTER", name) for name in ("minPrice", "maxPrice"))
    tick = venue.number("PRICE_FILTER", "tickSize") or venue.unit("quotePrecision")
    step = venue.number("LOT_SIZE", "stepSize")
    price = (low + ((high or 2) - low) / 100) // tick * tick
    least = [("NOTIONAL", "minNotional"), ("MIN_NOTIONAL", "minNotional")]
    value = 2 * max(venue.number(*each) for each in (*least, ("MIN_NOTIONAL", "notional")))
    quantity = max(value / price // step * step, venue.number("LOT_SIZE", "minQty")) + step
    return _decimal(quantity), _decimal(price)


def _decimal(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)


@settings(max_examples=60, deadline=None)
@given(listed=st.sampled_from(EVERY), nonsense=nonsense)
def test_what_is_no_number_is_denied_as_such(listed: Listed, nonsense: Decimal) -> None:
    rules = listed.rules
    for quantity, price in ((nonsense, Decimal(1)), (Decimal(1), nonsense)):
        for result in (
            fit_market_order(rules, quantity=quantity, price=price),
            fit_quote_amount(rules, quote_quantity=quantity, price=price),
            fit_limit_order(rules, side=Side.BUY, quantity=quantity, price=price),
            fit_stop_order(
                rules, order_type="X", side=Side.BUY, quantity=quantity, stop_price=price
            ),
        ):
            assert isinstance(result, Violation)
            assert result.code is Filter.INVALID_NUMBER
            assert "is no usable positive number" in result.words


@settings(max_examples=200, deadline=None)
@given(
    listed=st.sampled_from([each for each in EVERY if each.rules.allows_quote_quantity]),
    amount=st.decimals("0.00000001", "1e9", places=12).filter(lambda d: d > 0),
    price=st.decimals("0.01", "100000", places=2).filter(lambda d: d > 0),
)
def test_an_amount_of_quote_currency_buys_a_quantity_that_passes_or_is_denied(
    listed: Listed, amount: Decimal, price: Decimal
) -> None:
    venue = listed.venue
    result = fit_quote_amount(listed.rules, quote_quantity=amount, price=price)
    step = venue.number("LOT_SIZE", "stepSize")
    unit = Fraction(1, 10 ** venue.row["quoteAssetPrecision"])

    def refusals(spent: Fraction) -> list[str]:
        bought = spent / Fraction(price) // step * step
        order = asked("MARKET", Side.BUY, Decimal(1), reference=price)
        found = venue.refusals(replace(order, quantity=bought))
        # The value is the amount itself, not what is left of it after rounding the quantity.
        least = venue.number("NOTIONAL", "minNotional")
        return [name for name in found if name != "NOTIONAL"] + ["NOTIONAL"] * (spent < least)

    largest = venue.number("MARKET_LOT_SIZE", "maxQty") * Fraction(price)
    nearest = min(Fraction(amount), largest) // unit * unit
    if isinstance(result, Violation):
        assert refusals(nearest), result
    else:
        assert Fraction(result) == nearest
        assert not refusals(nearest)


@pytest.mark.parametrize("name", FILES)
def test_a_denial_names_what_was_asked_and_what_is_allowed(name: str) -> None:
    rules = trading_rules(rows_of(name)[0])
    price = rules.ceil_price(rules.max_price / 100)
    tiny = fit_market_order(rules, quantity=rules.min_quantity / 2, price=price)
    cheap = fit_limit_order(
        rules, side=Side.BUY, quantity=rules.min_quantity, price=rules.max_price * 2
    )

    assert isinstance(tiny, Violation)
    assert (tiny.code, str(tiny)) == (
        Filter.LOT_SIZE,
        "quantity is zero after rounding to the increment",
    )
    assert isinstance(cheap, Violation)
    assert cheap.code is Filter.PRICE_FILTER
    assert str(cheap).endswith(f"is above the maximum {rules.max_price:f}")

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.binance.parsing import MalformedReplyError
from exchange.binance.rules import rules_of_symbol, trading_rules
from exchange.domain.errors import UnknownSymbolError
from exchange.domain.filters import Filter, PriceBand, SizeLimits
from exchange.domain.rules import TradingRules
from exchange.domain.types import Market

DATA = Path(__file__).parent / "data"


def recorded(name: str) -> Any:
    return json.loads((DATA / name).read_text())


ALL_RULES = [
    trading_rules(row)
    for path in sorted(DATA.glob("*.json"))
    for row in recorded(path.name)["symbols"]
]


def row_with(*filters: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "symbol": "XUSDT",
        "status": "TRADING",
        "baseAsset": "X",
        "quoteAsset": "USDT",
        "filters": list(filters),
    } | fields


def test_the_recorded_symbols_are_all_read() -> None:
    assert len(ALL_RULES) == 9


def test_zeros_of_market_lot_size_constrain_nothing_but_its_maximum_does() -> None:
    rules = rules_of_symbol(recorded("spot_testnet_2026.json"), "BTCUSDT")

    assert rules == TradingRules(
        symbol="BTCUSDT",
        base_asset="BTC",
        quote_asset="USDT",
        is_trading=True,
        price_increment=Decimal("0.01"),
        quantity_increment=Decimal("0.00001"),
        min_quantity=Decimal("0.00001"),
        max_quantity=Decimal("141.67845966"),
        min_notional=Decimal(5),
        max_notional=Decimal(0),  # applyMaxToMarket is false
        min_price=Decimal("0.01"),
        max_price=Decimal(1_000_000),
        limit_size=SizeLimits(
            min_quantity=Decimal("0.00001"),
            max_quantity=Decimal(9000),
            quantity_increment=Decimal("0.00001"),
            min_notional=Decimal(5),
            max_notional=Decimal(9_000_000),
        ),
        buy_band=PriceBand(down=Decimal("0.5"), up=Decimal(2)),
        sell_band=PriceBand(down=Decimal("0.5"), up=Decimal(2)),
        average_price_minutes=5,
        max_orders=200,
        max_stop_orders=5,
        max_order_lists=20,
    )


def test_all_that_a_spot_symbol_of_2026_tells_is_read() -> None:
    rules = rules_of_symbol(recorded("spot_live_2026-09-26.json"), "TSLABUSDT")

    assert (rules.allows_oco, rules.allows_oto, rules.allows_opo) == (True, True, True)
    assert rules.allows_quote_quantity
    assert rules.quote_increment == Decimal("0.00000001")
    assert rules.takes("STOP_LOSS_LIMIT")
    assert not rules.takes("STOP_MARKET")
    assert rules.buy_band == PriceBand(down=Decimal("0.8"), up=Decimal("1.1"))
    assert rules.sell_band == PriceBand(down=Decimal("0.9"), up=Decimal("1.2"))
    assert (rules.market, rules.contract_type) == (Market.SPOT, "")


def test_the_futures_form_of_each_filter_is_read() -> None:
    rules = rules_of_symbol(recorded("usdm_live_2026-09-15.json"), "BTCUSDT")

    assert (rules.market, rules.contract_type) == (Market.FUTURES, "PERPETUAL")
    assert rules.price_increment == Decimal("0.10")  # pricePrecision says two decimals
    assert rules.min_notional == Decimal(50)
    assert (rules.max_quantity, rules.max_orders) == (Decimal(120), 200)
    assert rules.limit_size is not None
    assert rules.limit_size.max_quantity == Decimal(1000)
    assert rules.limit_size.min_notional == Decimal(50)
    assert rules.buy_band == PriceBand(up=Decimal("1.05"))
    assert rules.sell_band == PriceBand(down=Decimal("0.95"))
    assert rules.market_take_bound == rules.trigger_protect == Decimal("0.05")
    assert not rules.allows_oco


def test_a_futures_grid_starts_at_its_minimum() -> None:
    price = {"filterType": "PRICE_FILTER", "minPrice": "0.5", "tickSize": "2", "maxPrice": "0"}
    lot = {"filterType": "LOT_SIZE", "minQty": "0.001", "stepSize": "0.01", "maxQty": "5"}
    spot, futures = (row_with(price, lot, **more) for more in ({}, {"contractType": "PERPETUAL"}))

    assert trading_rules(futures).ceil_price(Decimal(3)) == Decimal("4.5")
    assert trading_rules(futures).floor_quantity(Decimal("0.02")) == Decimal("0.011")
    assert trading_rules(futures).floor_quantity(Decimal("0.0009")) == 0
    assert trading_rules(spot).ceil_price(Decimal(3)) == Decimal(4)
    assert trading_rules(spot).floor_quantity(Decimal("0.02")) == Decimal("0.02")


def test_older_and_rarer_filters_are_read_too() -> None:
    rules = trading_rules(
        row_with(
            {
                "filterType": "PERCENT_PRICE",
                "multiplierUp": "1.3",
                "multiplierDown": "0.7",
                "avgPriceMins": 5,
            },
            {"filterType": "MAX_POSITION", "maxPosition": "10.5"},
            {"filterType": "SOMETHING_NEW", "limit": {"shape": "unknown"}},
            anotherField=[1],
        )
    )

    band = PriceBand(down=Decimal("0.7"), up=Decimal("1.3"))
    assert (rules.buy_band, rules.sell_band) == (band, band)
    assert rules.average_price_minutes == 5
    assert rules.max_position == Decimal("10.5")


def test_without_a_step_the_decimals_of_the_asset_are_the_grid() -> None:
    rules = trading_rules(row_with(baseAssetPrecision=8, quoteAssetPrecision=6))

    assert rules.floor_quantity(Decimal("0.123456789")) == Decimal("0.12345678")
    assert rules.floor_price(Decimal("0.123456789")) == Decimal("0.123456")


def test_lots_without_a_common_quantity_are_refused() -> None:
    lot = {"filterType": "LOT_SIZE", "minQty": "1", "stepSize": "2"}
    market = {"filterType": "MARKET_LOT_SIZE", "minQty": "0.5", "stepSize": "2"}

    with pytest.raises(MalformedReplyError, match="MARKET_LOT_SIZE: stepSize 2 and LOT_SIZE"):
        trading_rules(row_with(lot, market, contractType="PERPETUAL"))


def test_the_old_shape_with_min_notional_and_no_market_lot_is_read() -> None:
    rules = rules_of_symbol(recorded("spot_live_2018-08-02.json"), "ETHBTC")

    assert rules.min_notional == Decimal("0.001")
    assert rules.max_quantity == Decimal(100000)
    assert rules.quantity_increment == Decimal("0.001")


@pytest.mark.parametrize("status", ["BREAK", "HALT", "CANCEL_ONLY", "SOMETHING_NEW"])
def test_only_trading_is_trading(status: str) -> None:
    assert not trading_rules(row_with(status=status)).is_trading
    assert not rules_of_symbol(recorded("spot_live_2018-08-02.json"), "VENUSDT").is_trading


def test_a_symbol_without_a_spot_market_is_not_trading() -> None:
    assert not trading_rules(row_with(isSpotTradingAllowed=False)).is_trading


def test_a_symbol_without_filters_has_no_constraints() -> None:
    rules = trading_rules(row_with())

    assert rules.market_order_violation(quantity=Decimal("1e-9"), price=Decimal("1e-9")) is None
    assert rules.floor_quantity(Decimal("0.123456789")) == Decimal("0.123456789")


def test_a_symbol_that_is_not_listed_is_unknown() -> None:
    with pytest.raises(UnknownSymbolError, match="does not list MOONUSDT"):
        rules_of_symbol(recorded("spot_testnet_2026.json"), "MOONUSDT")


def test_the_stricter_of_both_lots_wins_field_by_field() -> None:
    lot = {"filterType": "LOT_SIZE", "minQty": "0.1", "maxQty": "9", "stepSize": "0.1"}
    market = {"filterType": "MARKET_LOT_SIZE", "minQty": "1", "maxQty": "90", "stepSize": "0.25"}

    rules = trading_rules(row_with(lot, market))

    assert (rules.min_quantity, rules.max_quantity) == (Decimal(1), Decimal(9))
    assert rules.quantity_increment == Decimal("0.5")  # the first that lies on both grids


def test_notional_limits_hold_for_market_orders_only_where_they_say_so() -> None:
    notional = {
        "filterType": "NOTIONAL",
        "minNotional": "5",
        "maxNotional": "100",
        "applyMinToMarket": False,
        "applyMaxToMarket": True,
    }
    old = {"filterType": "MIN_NOTIONAL", "minNotional": "7", "applyToMarket": True}

    alone = trading_rules(row_with(notional))
    both = trading_rules(row_with(notional, old))

    assert (alone.min_notional, alone.max_notional) == (Decimal(0), Decimal(100))
    assert both.min_notional == Decimal(7)


@pytest.mark.parametrize(
    ("row", "field"),
    [
        (row_with({"filterType": "LOT_SIZE", "stepSize": "small"}), "stepSize"),
        (row_with({"filterType": "LOT_SIZE", "stepSize": "-1"}), "stepSize is negative"),
        (row_with({"minQty": "1"}), "filterType"),
        (row_with() | {"filters": None}, "filters"),
        (row_with({"filterType": "LOT_SIZE", "minQty": 1}), "LOT_SIZE: minQty"),
        (row_with({"filterType": "MAX_NUM_ORDERS", "limit": "-1"}), "MAX_NUM_ORDERS: limit"),
        (row_with({"filterType": "MAX_NUM_ORDERS", "limit": True}), "MAX_NUM_ORDERS: limit"),
        (row_with({"filterType": "NOTIONAL", "applyMinToMarket": "yes"}), "NOTIONAL: applyMinTo"),
        (
            row_with({"filterType": "PERCENT_PRICE", "multiplierDecimal": "four"}),
            "PERCENT_PRICE: multiplierDecimal",
        ),
        (row_with(ocoAllowed="true"), "ocoAllowed"),
        (row_with(orderTypes=["LIMIT", 7]), "orderTypes"),
        (row_with(baseAssetPrecision="8"), "baseAssetPrecision"),
        (row_with(marketTakeBound=0.3), "marketTakeBound"),
        ({name: value for name, value in row_with().items() if name != "baseAsset"}, "baseAsset"),
    ],
)
def test_malformed_rules_are_refused_by_the_field(row: dict[str, Any], field: str) -> None:
    with pytest.raises(MalformedReplyError, match=field):
        trading_rules(row)


amounts = st.decimals(min_value=0, max_value="1e12", allow_nan=False, allow_infinity=False)
prices = st.decimals(min_value="1e-12", max_value="1e9", allow_nan=False, allow_infinity=False)


@given(rules=st.sampled_from(ALL_RULES), asked=amounts, price=prices)
def test_whatever_is_asked_the_floored_quantity_passes_or_is_denied_with_a_reason(
    rules: TradingRules, asked: Decimal, price: Decimal
) -> None:
    quantity = rules.floor_quantity(asked)

    assert quantity <= asked
    assert asked - quantity < rules.quantity_increment
    denied = rules.market_order_violation(quantity=quantity, price=price)
    if denied is None:
        assert not quantity % rules.quantity_increment
        assert rules.min_quantity <= quantity <= rules.max_quantity
        assert quantity * price >= rules.min_notional
    else:
        assert denied.code in (Filter.LOT_SIZE, Filter.MARKET_LOT_SIZE, Filter.NOTIONAL)
        assert str(denied).startswith(("quantity", "value"))


@given(rules=st.sampled_from(ALL_RULES), asked=amounts)
def test_flooring_twice_changes_nothing(rules: TradingRules, asked: Decimal) -> None:
    once = rules.floor_quantity(asked)

    assert rules.floor_quantity(once) == once

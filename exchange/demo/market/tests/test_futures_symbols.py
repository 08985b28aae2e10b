"""The perpetuals' rules: the real ones, derived ones, and every refusal of the filters."""

from __future__ import annotations

from decimal import Decimal

import pytest

from exchange.demo.errors import VenueError
from exchange.demo.market.futures_symbols import FuturesSymbol, futures_symbol_of
from exchange.demo.market.recording import Recording
from exchange.demo.market.symbols import symbol_of


def perpetual(name: str, price: str) -> FuturesSymbol:
    recording = Recording(name, "usdm")
    recording.append((int(Decimal(price) * 10**8),) * 4, 0)
    return futures_symbol_of(symbol_of(recording), Decimal(price))


BITCOIN = perpetual("BTCUSDT", "100000")


def test_bitcoin_has_the_real_rules() -> None:
    info = BITCOIN.exchange_info()
    assert info["filters"] == [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": "556.80",
            "maxPrice": "4529764",
            "tickSize": "0.10",
        },
        {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "1000", "stepSize": "0.001"},
        {"filterType": "MARKET_LOT_SIZE", "minQty": "0.001", "maxQty": "120", "stepSize": "0.001"},
        {"filterType": "MAX_NUM_ORDERS", "limit": 200},
        {"filterType": "MIN_NOTIONAL", "notional": "50"},
        {
            "filterType": "PERCENT_PRICE",
            "multiplierUp": "1.0500",
            "multiplierDown": "0.9500",
            "multiplierDecimal": "4",
        },
        {"filterType": "POSITION_RISK_CONTROL", "positionControlSide": "NONE"},
    ]
    assert (info["symbol"], info["pair"], info["contractType"]) == ("BTCUSDT",) * 2 + ("PERPETUAL",)
    assert (info["baseAsset"], info["quoteAsset"], info["marginAsset"]) == ("BTC", "USDT", "USDT")
    assert (info["pricePrecision"], info["quantityPrecision"]) == (2, 3)
    assert (info["liquidationFee"], info["marketTakeBound"]) == ("0.012500", "0.05")
    assert (info["triggerProtect"], info["status"]) == ("0.0500", "TRADING")
    assert info["onboardDate"] == 1_567_965_300_000


def test_ether_and_bnb_have_their_own() -> None:
    rules = [perpetual(*one) for one in (("ETHUSDT", "2500"), ("BNBUSDT", "600"))]
    assert [(one.tick, one.step, one.min_notional) for one in rules] == [
        (Decimal("0.01"), Decimal("0.001"), Decimal(20)),
        (Decimal("0.01"), Decimal("0.01"), Decimal(5)),
    ]


@pytest.mark.parametrize(
    ("name", "price", "tick", "step"),
    [
        ("SOLUSDT", "150", "0.01", "0.01"),
        ("DOGEUSDT", "0.2", "0.00001", "1"),
        ("BTCUSDT", "100", "0.01", "0.00001"),
    ],
)
def test_other_symbols_and_prices_get_the_increments_of_the_spot_pair(
    name: str, price: str, tick: str, step: str
) -> None:
    rules = perpetual(name, price)
    assert (rules.tick, rules.step) == (Decimal(tick), Decimal(step))
    assert (rules.min_price, rules.min_quantity) == (rules.tick, rules.step)
    assert rules.min_notional == 5
    assert rules.max_market_quantity % rules.step == 0
    rules.check_price(Decimal(price))
    rules.check_quantity(rules.step, is_market=True)


@pytest.mark.parametrize(
    ("quantity", "is_market", "code"),
    [
        ("0.0005", False, -1111),
        ("0", False, -4003),
        ("-0.001", True, -4003),
        ("1000.001", False, -4005),
        ("120.001", True, -4005),
    ],
)
def test_a_quantity_out_of_bounds_is_refused(quantity: str, *, is_market: bool, code: int) -> None:
    with pytest.raises(VenueError) as error:
        BITCOIN.check_quantity(Decimal(quantity), is_market=is_market)
    assert error.value.code == code


def test_a_quantity_is_refused_below_the_least_and_between_the_steps() -> None:
    coarse = BITCOIN.with_rules(step=Decimal("0.01"))
    for quantity, code in (("0.005", -4004), ("0.015", -4023)):
        with pytest.raises(VenueError) as error:
            coarse.check_quantity(Decimal(quantity), is_market=False)
        assert error.value.code == code
    coarse.check_quantity(Decimal("0.02"), is_market=True)


def test_quantities_up_to_the_limits_are_taken() -> None:
    for quantity, is_market in (
        ("0.001", True),
        ("120", True),
        ("120.001", False),
        ("1000", False),
    ):
        BITCOIN.check_quantity(Decimal(quantity), is_market=is_market)


@pytest.mark.parametrize(
    ("price", "code"),
    [
        ("100000.001", -1111),
        ("0", -4001),
        ("-0.1", -4001),
        ("4529764.1", -4002),
        ("556.7", -4013),
        ("100000.05", -4014),
    ],
)
def test_a_price_that_the_filter_forbids_is_refused(price: str, code: int) -> None:
    with pytest.raises(VenueError) as error:
        BITCOIN.check_price(Decimal(price))
    assert error.value.code == code


def test_prices_up_to_the_limits_are_taken() -> None:
    for price in ("556.8", "4529764", "100000.1"):
        BITCOIN.check_price(Decimal(price))


def test_a_limit_may_lie_five_percent_from_the_mark_on_the_wrong_side_only() -> None:
    mark = Decimal("100000.03")
    BITCOIN.check_distance(Decimal("105000"), mark, is_buy=True)
    BITCOIN.check_distance(Decimal("1000"), mark, is_buy=True)
    BITCOIN.check_distance(Decimal("95000.1"), mark, is_buy=False)
    BITCOIN.check_distance(Decimal("900000"), mark, is_buy=False)
    with pytest.raises(VenueError, match=r"^Limit price can't be higher than 105000\.00?\.$") as up:
        BITCOIN.check_distance(Decimal("105000.1"), mark, is_buy=True)
    with pytest.raises(VenueError, match=r"^Limit price can't be lower than 95000\.10?\.$") as down:
        BITCOIN.check_distance(Decimal("95000"), mark, is_buy=False)
    assert (up.value.code, down.value.code) == (-4016, -4024)


def test_an_order_below_min_notional_is_refused_unless_it_only_reduces() -> None:
    BITCOIN.check_notional(Decimal(50), reduces_only=False)
    BITCOIN.check_notional(Decimal("0.1"), reduces_only=True)
    with pytest.raises(VenueError) as error:
        BITCOIN.check_notional(Decimal("49.99"), reduces_only=False)
    assert (error.value.code, error.value.message) == (
        -4164,
        "Order's notional must be no smaller than 50 (unless you choose reduce only).",
    )


def test_other_increments_are_told_and_checked() -> None:
    changed = BITCOIN.with_rules(
        tick=Decimal("0.00500000"), step=Decimal("0.00010000"), min_notional=Decimal(5)
    )
    info = changed.exchange_info()
    assert (info["pricePrecision"], info["quantityPrecision"]) == (3, 4)
    assert [info["filters"][at][name] for at, name in ((0, "tickSize"), (1, "minQty"))] == [
        "0.005",
        "0.0001",
    ]
    changed.check_price(Decimal("100000.005"))
    changed.check_quantity(Decimal("0.0001"), is_market=True)
    changed.check_notional(Decimal(5), reduces_only=False)
    assert changed.with_rules() == changed
    assert BITCOIN.tick == Decimal("0.10")

"""Liquidation prices of published cases, and what a liquidation does to the books."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.demo.amounts import from_units
from exchange.demo.futures.liquidation import is_short_of_margin, liquidation_units
from exchange.demo.futures.margin import liquidation_price
from exchange.demo.futures.tests.algo_world import AlgoWorld
from exchange.demo.futures.tests.futures_world import BRACKETS, BTC
from exchange.demo.futures.values import Position
from exchange.demo.market.brackets import Bracket, Brackets, brackets_of
from exchange.demo.times import MINUTE_MS
from exchange.demo.trading.ledger import INSURANCE_UID
from exchange.demo.trading.tests.engine_world import FLAT, START, D


def table(*rows: tuple[Any, Any, Any, int]) -> Brackets:
    """Return tiers of (cap, rate, amount, leverage), one on top of the other."""
    floors = [0, *(row[0] for row in rows)]
    return Brackets(
        tuple(
            Bracket(number, D(floor), D(cap), leverage, D(rate), D(amount))
            for number, (floor, (cap, rate, amount, leverage)) in enumerate(
                zip(floors, rows, strict=False), start=1
            )
        )
    )


# The venue's tables of 2020, by which its support page on liquidation prices ("How to calculate
# liquidation price of USDT-margined futures") was written. The page works an account through with
# 109.488 BTC at 32481.98 and 3683.979 ETH at 1456.84; freqtrade's tests have its numbers as
# isolated cases too (tests/exchange/test_binance.py, test_liquidation_price_binance).
OLD_BTC: Final = table(
    (50_000, "0.004", 0, 125),
    (250_000, "0.005", 50, 100),
    (1_000_000, "0.01", 1_300, 50),
    (5_000_000, "0.025", 16_300, 20),
    (20_000_000, "0.05", 141_300, 10),
)
OLD_ETH: Final = table(
    (10_000, "0.005", 0, 100),
    (100_000, "0.0065", 15, 75),
    (500_000, "0.01", 365, 50),
    (1_000_000, "0.02", 5_365, 25),
    (2_000_000, "0.05", 35_365, 10),
    (5_000_000, "0.1", 135_365, 5),
    (10_000_000, "0.125", 260_365, 4),
)
REAL_BTC: Final = brackets_of(BTC)


def held(amount: Any, entry: Any, margin: Any) -> Position:
    return Position(
        uid=1,
        symbol=BTC,
        amount=D(amount),
        cost=D(amount) * D(entry),
        isolated_wallet=D(margin),
    )


@pytest.mark.parametrize(
    ("position", "brackets", "price"),
    [
        (held("3683.979", "1456.84", "1535443.01"), OLD_ETH, "1114.78"),
        (held("109.488", "32481.98", "1535443.01"), OLD_BTC, "18778.73"),
    ],
)
def test_liquidation_prices_are_those_that_were_published(
    position: Position, brackets: Brackets, price: str
) -> None:
    exact = liquidation_price(position, brackets)
    assert exact is not None
    assert round(exact, 2) == D(price)


@pytest.mark.parametrize(
    ("amount", "margin", "price"),
    [
        # Tier 2, 0.5 % less 50, of a notional above 50000.
        ("1", "6000", D(60_000 - 6_000 - 50) / D("0.995")),
        ("-1", "6000", D(60_000 + 6_000 + 50) / D("1.005")),
        # At entry 50250 is in tier 2; what it is worth at the liquidation price is in tier 1.
        ("0.8375", "7000", D(50_250 - 7_000) / (D("0.8375") * D("0.996"))),
        # No price takes a long position that is backed whole.
        ("1", "60000", None),
    ],
)
def test_the_tier_is_that_of_the_liquidation_price(
    amount: str, margin: str, price: Decimal | None
) -> None:
    assert liquidation_price(held(amount, 60_000, margin), REAL_BTC) == price


def test_a_larger_position_is_liquidated_earlier() -> None:
    small = liquidation_price(held(1, 60_000, 6_000), REAL_BTC)
    large = liquidation_price(held(100, 60_000, 600_000), REAL_BTC)
    assert small is not None
    assert large is not None
    # Tier 4: 1 % less 11450. (6000000 - 600000 - 11450) / (100 x 0.99).
    assert large == D(5_388_550) / D(99) > small


AMOUNTS = st.integers(1, 500_000).flatmap(lambda size: st.sampled_from([size, -size]))


@settings(max_examples=200, deadline=None)
@given(AMOUNTS, st.integers(1, 200_000), st.integers(1, 125))
def test_the_price_is_the_last_unit_at_which_the_margin_is_used_up(
    thousandths: int, entry: int, leverage: int
) -> None:
    amount = Decimal(thousandths) / 1000
    position = held(amount, entry, round(abs(amount) * entry / leverage, 8))
    units = liquidation_units(position, REAL_BTC)
    if units is None:
        assert amount > 0
        assert not is_short_of_margin(position, D("0.00000001"), REAL_BTC)
        return
    away = 1 if amount > 0 else -1
    assert is_short_of_margin(position, from_units(units), REAL_BTC)
    assert not is_short_of_margin(position, from_units(units + away), REAL_BTC)


# ---- in the engine: the world's first tier asks for 0.5 %, the symbol charges 1.25 % at most


def test_a_long_position_is_closed_at_the_first_millisecond_of_its_price() -> None:
    # 1 at 100 with 10 of margin: (100 - 10) / 0.995.
    world = AlgoWorld({BTC: [FLAT, (100, 100, 80, 80)]})
    world.buy(1)
    price = liquidation_price(world.position(), BRACKETS)
    assert price == D(90) / D("0.995")
    world.go(2 * MINUTE_MS)
    forced = world.books.all_orders()[-1]
    marks = world.market.marks[BTC]
    assert (
        from_units(marks.price(forced.at_ms)) <= price < from_units(marks.price(forced.at_ms - 1))
    )
    assert (forced.client_order_id, forced.type, forced.side, forced.status) == (
        *(f"autoclose-{forced.at_ms}", "MARKET", "SELL", "FILLED"),
    )
    assert (forced.quantity, forced.executed, forced.position_side) == (D(1), D(1), "BOTH")
    assert world.books.positions(world.uid, None) == []


def test_what_is_left_pays_the_clearance_fee_and_the_rest_comes_back() -> None:
    world = AlgoWorld({BTC: [FLAT]}, balances="UM.USDT=1000", volume=100_000)
    world.buy(10, client_order_id="entry")
    # 10 at 100 with 100 of margin. The mark falls alone: the position is sold at 98.
    world.steer(98, mark=90)
    rows = [(one.type, one.amount) for one in world.incomes()]
    assert rows == [
        ("COMMISSION", D("-0.5")),
        ("REALIZED_PNL", D(-20)),
        ("COMMISSION", D("-0.49")),
        ("INSURANCE_CLEAR", D("-12.25")),
    ]
    assert world.wallet == D(1000) - D("0.5") - 20 - D("0.49") - D("12.25")
    assert world.ledger.free(INSURANCE_UID, "USDT", wallet="um") == D("12.25")
    assert world.position().amount == 0
    assert world.is_sound()


def test_the_clearance_fee_is_no_more_than_what_is_left() -> None:
    world = AlgoWorld({BTC: [FLAT]}, balances="UM.USDT=1000", volume=100_000)
    world.buy(10)
    world.steer("90.20", mark=90)
    # 100 of margin, 98 lost, 0.451 for the trade.
    assert world.incomes("INSURANCE_CLEAR")[0].amount == D("-1.549")
    assert world.wallet == D(1000) - D("0.5") - 100
    assert world.is_sound()


@pytest.mark.parametrize(("side", "price"), [("BUY", 85), ("SELL", 115)])
def test_the_insurance_fund_pays_what_the_margin_does_not_cover(side: str, price: int) -> None:
    world = AlgoWorld({BTC: [FLAT]}, balances="UM.USDT=1000", volume=100_000)
    world.place(side, "MARKET", 10)
    world.steer(price)
    # 100 of margin, 150 lost, and the trade costs 0.425 or 0.575: the rest is not his.
    fee = D("0.0005") * 10 * price
    assert world.incomes("INSURANCE_CLEAR")[0].amount == 50 + fee
    assert world.ledger.free(INSURANCE_UID, "USDT", wallet="um") == -50 - fee
    assert world.wallet == D(1000) - D("0.5") - 100
    assert world.books.positions(world.uid, None) == []
    assert world.is_sound()


def test_the_whole_wallet_in_one_position_ends_at_nothing() -> None:
    world = AlgoWorld({BTC: [FLAT]}, balances="UM.USDT=100.5", volume=100_000)
    world.buy(10)
    world.steer(50)
    assert world.wallet == 0
    assert world.is_sound()


def test_a_wick_of_the_last_price_liquidates_nobody() -> None:
    world = AlgoWorld({BTC: [FLAT, (100, 100, 50, 100), FLAT]}, marks={BTC: [FLAT]})
    world.buy(1)
    world.go(10 * MINUTE_MS)
    assert world.position().amount == D(1)
    assert len(world.books.all_orders()) == 1


def test_a_position_that_the_book_does_not_hold_is_closed_whole() -> None:
    world = AlgoWorld({BTC: [FLAT]}, volume=1)
    symbol = world.market.symbols[BTC]
    # Ten levels hold a tenth of this: 10.
    world.market.symbols[BTC] = replace(symbol, max_market_quantity=D(100))
    for _ in range(3):
        world.buy(5)
    world.steer(80)
    forced = world.books.all_orders()[-1]
    assert (forced.status, forced.executed) == ("FILLED", D(15))
    fills = world.fills(forced.order_id)
    assert [one.quantity for one in fills] == [*[D(1)] * 10, D(5)]
    assert fills[-1].price == fills[-2].price == D("79.91")
    assert world.books.positions(world.uid, None) == []
    assert world.is_sound()


def test_open_orders_of_the_position_are_canceled_and_others_stay() -> None:
    world = AlgoWorld({BTC: [FLAT], "ETHUSDT": [FLAT]})
    world.buy(1)
    entry = world.place("BUY", "LIMIT", 1, price=80).order.order_id
    exit_ = world.place("SELL", "LIMIT", 1, price=120, reduce_only=True).order.order_id
    other = world.place("BUY", "LIMIT", 1, price=80, symbol="ETHUSDT").order.order_id
    world.steer(85)
    assert (world.order(entry).status, world.order(exit_).status) == ("CANCELED", "CANCELED")
    assert world.order(other, "ETHUSDT").status == "NEW"


def test_conditional_orders_stay_but_for_those_that_close_everything() -> None:
    world = AlgoWorld({BTC: [FLAT]})
    world.buy(1)
    closing = world.stop(80, close_position=True)
    reducing = world.stop(81, reduce_only=True)
    world.steer(85)
    world.go(1)
    assert world.statuses(closing, reducing) == ["EXPIRED", "NEW"]
    world.steer(79)
    assert world.statuses(reducing) == ["REJECTED"]
    assert world.position().amount == 0


def test_in_hedge_mode_one_side_goes_and_the_other_stays() -> None:
    world = AlgoWorld({BTC: [FLAT]})
    world.engine.set_hedge_mode(world.uid, True, at_ms=world.now)  # noqa: FBT003
    world.buy(1, position_side="LONG")
    world.sell(1, position_side="SHORT")
    kept = world.place("SELL", "LIMIT", 1, price=150, position_side="SHORT").order.order_id
    world.steer(85)
    assert world.position("LONG").amount == 0
    assert world.position("SHORT").amount == D(-1)
    assert world.position("SHORT").isolated_wallet == D(10)
    assert world.order(kept).status == "NEW"


def test_a_stop_at_the_same_moment_comes_too_late() -> None:
    world = AlgoWorld({BTC: [FLAT]})
    world.buy(1)
    algo_id = world.stop(86, reduce_only=True)
    world.steer(85)
    assert world.books.all_orders()[-1].client_order_id == f"autoclose-{world.now}"
    assert world.statuses(algo_id) == ["REJECTED"]


def test_a_stop_before_the_liquidation_price_saves_the_margin() -> None:
    world = AlgoWorld({BTC: [FLAT, (100, 100, 80, 80)]})
    world.buy(1)
    algo_id = world.stop(95, close_position=True)
    world.go(2 * MINUTE_MS)
    assert world.statuses(algo_id) == ["FINISHED"]
    assert world.incomes("INSURANCE_CLEAR") == []
    assert [one.original_type for one in world.books.all_orders()] == ["MARKET", "STOP_MARKET"]


def test_taking_margin_away_moves_the_liquidation_price() -> None:
    world = AlgoWorld({BTC: [FLAT]})
    world.buy(1)
    world.engine.change_margin(world.uid, BTC, "BOTH", D(10), at_ms=world.now)
    world.steer(85)
    assert world.position().amount == D(1)
    world.steer("80.40")
    assert world.position().amount == 0


@pytest.mark.parametrize("step", [1_000, 7_777, 61_000])
def test_how_often_one_looks_and_restarts_changes_nothing(step: int) -> None:
    minutes = {BTC: [FLAT, (100, 100, 80, 95), (95, 95, 70, 80)]}
    whole, pieces = AlgoWorld(minutes), AlgoWorld(minutes)
    for world in (whole, pieces):
        world.buy(1, client_order_id="entry")
    whole.go(3 * MINUTE_MS)
    while pieces.now < whole.now:
        pieces.go(min(step, whole.now - pieces.now))
        pieces.reopen()
    assert whole.books.all_orders() == pieces.books.all_orders()
    assert whole.books.all_incomes() == pieces.books.all_incomes()
    assert whole.wallet == pieces.wallet
    assert len(whole.books.all_orders()) == 2
    assert whole.books.all_orders()[-1].at_ms > START + MINUTE_MS


@pytest.mark.parametrize(("mark", "is_gone"), [("95.00000001", False), ("95", True)])
def test_margin_that_equals_the_maintenance_margin_is_used_up(mark: str, *, is_gone: bool) -> None:
    world = AlgoWorld({BTC: [FLAT]}, leverage=20)
    world.buy(1)
    # 5.475 of margin and a loss of 5 leave 0.475: 0.005 x 95.
    world.engine.change_margin(world.uid, BTC, "BOTH", D("0.475"), at_ms=world.now)
    world.steer(95, mark=mark)
    assert (world.position().amount == 0) is is_gone

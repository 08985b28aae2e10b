from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.domain.positions import Fill, Position
from bots.domain.tests.builders import RULES, START, D
from bots.domain.tests.fill_builders import bought, folded, sold
from exchange.domain.types import Side

TWELVE = D("1E-12")


def test_no_fills_are_a_flat_position() -> None:
    assert folded() == Position(cost=D(0), oversold=D(0))
    assert folded().is_flat(RULES)
    assert folded().realized_net == D(0)


def test_a_round_trip_with_fees_in_quote() -> None:
    position = folded(bought("100", "2", 1, fee="0.2"), sold("110", "2", 2, fee="0.22"))
    (closed,) = position.closed
    assert closed.quantity == D(2)
    assert closed.gross_pnl == D(20)
    assert closed.net_pnl == D("19.58")
    assert position.realized_net == D("19.58")
    assert (position.quantity, position.cost, position.entry_price) == (D(0), D(0), None)
    assert position.opened_at is None
    assert position.closed_at == START + timedelta(minutes=2)
    assert position.newest_fill_at == START + timedelta(minutes=2)


def test_a_fee_in_base_makes_each_held_coin_dearer_but_not_the_average_price() -> None:
    position = folded(bought("100", "1", 1, fee="0.001", asset="BTC"))
    assert position.quantity == D("0.999")
    assert position.entry_price == D(100)
    assert position.cost == D(100)
    position = folded(
        bought("100", "1", 1, fee="0.001", asset="BTC"), sold("110", "0.999", 2, fee="0.10989")
    )
    (closed,) = position.closed
    assert closed.gross_pnl == D("9.99")
    assert closed.net_pnl == D("109.89") - D("0.10989") - D(100)
    assert position.is_flat(RULES)


def test_several_buys_are_averaged_and_a_partial_sale_keeps_the_average() -> None:
    buys = (bought("100", "1", 1), bought("130", "2", 2))
    assert folded(*buys).entry_price == D(120)
    position = folded(*buys, sold("150", "1", 3))
    assert position.entry_price == D(120)
    assert position.quantity == D(2)
    assert position.cost == D(240)
    assert position.closed[0].gross_pnl == D(30)
    assert position.opened_at == START + timedelta(minutes=1)


def test_an_average_that_does_not_end_is_rounded_once_to_twelve_decimals() -> None:
    position = folded(bought("100", "1", 1), bought("101", "2", 2), sold("100", "1", 3))
    assert position.entry_price == D("100.666666666667")
    assert position.closed[0].gross_pnl == D("-0.666666666667")
    assert position.cost == D("201.333333333333")


def test_a_fee_in_a_third_asset_costs_what_it_was_worth_then() -> None:
    position = folded(
        bought("100", "1", 1, fee="0.01", asset="BNB", worth="6"),
        sold("110", "1", 2, fee="0.02", asset="BNB", worth="1.5"),
    )
    assert position.other_fees == (("BNB", D("0.03")),)
    assert (position.fees, position.unvalued) == (D("7.5"), 0)
    assert position.closed[0].gross_pnl == D(10)
    assert position.closed[0].net_pnl == D("2.5")


def test_a_third_asset_of_unknown_worth_is_counted_and_left_out_of_the_profit() -> None:
    position = folded(
        bought("100", "1", 1, fee="0.01", asset="BNB"), sold("110", "1", 2, fee="0.02", asset="BNB")
    )
    assert position.other_fees == (("BNB", D("0.03")),)
    assert position.unvalued == 2
    assert position.closed[0].net_pnl == D(10)


def test_what_changed_hands_is_what_the_venue_says() -> None:
    exact = bought("0.33333333", "0.3", 1)
    told = Fill(
        side=exact.side,
        price=exact.price,
        quantity=exact.quantity,
        quote_quantity=D("0.09999999"),  # cut after eight digits, not 0.099999999
        commission=exact.commission,
        commission_asset=exact.commission_asset,
        trade_id=exact.trade_id,
        market_time=exact.market_time,
    )
    assert folded(told).cost == D("0.09999999")


def test_selling_more_than_is_held_is_reported_and_never_negative() -> None:
    position = folded(bought("100", "1", 1), sold("110", "3", 2, fee="0.33"))
    assert position.oversold == D(2)
    assert position.quantity == D(0)
    (closed,) = position.closed
    assert (closed.quantity, closed.gross_pnl, closed.net_pnl) == (D(1), D(10), D("9.89"))


def test_selling_without_holding_closes_nothing() -> None:
    position = folded(sold("110", "3", 2))
    assert position.closed == ()
    assert position.oversold == D(3)
    assert position.cost == D(0)


def test_dust_counts_as_flat_and_its_cost_joins_the_next_round_trip() -> None:
    first = (bought("100", "1", 1, fee="0.000005", asset="BTC"), sold("100", "0.99999", 2))
    position = folded(*first)
    assert position.quantity == D("0.000005")
    assert position.is_flat(RULES)
    assert position.opened_at is None
    assert position.cost > 0
    again = folded(*first, bought("200", "1", 3))
    assert again.opened_at == START + timedelta(minutes=3)
    assert not again.is_flat(RULES)
    assert again.cost == (position.cost + D(200)).quantize(TWELVE)
    assert again.entry_price is not None
    assert D("199.999") < again.entry_price < D(200)


def test_trade_ids_of_one_moment_are_ordered_as_numbers() -> None:
    buy, sale = bought("100", "1", 9, minute=1), sold("110", "1", 10, minute=1)
    assert folded(sale, buy).oversold == D(0)
    assert folded(sale, buy).realized_net == D(10)


def test_two_different_fills_with_one_trade_id_are_refused() -> None:
    with pytest.raises(ValueError, match="two different fills claim trade id 1"):
        folded(bought("100", "1", 1), bought("100", "2", 1))


def test_a_rest_that_cannot_be_sold_ends_the_position_and_the_next_entry_begins_a_new_one() -> None:
    first = (bought("100", "1", 1), sold("100", "0.96", 2))  # 4 USDT are left, 5 can be sold
    ended = folded(*first, residue_below=D(5))
    assert ended.closed_at == START + timedelta(minutes=2)
    assert ended.opened_at == START + timedelta(minutes=1)  # it is held all the same
    assert not ended.is_flat(RULES)
    again = folded(*first, bought("110", "1", 3), residue_below=D(5))
    assert again.opened_at == START + timedelta(minutes=3)
    assert again.cost == D(114)
    risen = folded(*first, bought("200", "1", 3), residue_below=D(5))
    assert risen.opened_at == START + timedelta(minutes=1)  # by then it could be sold again
    assert folded(*first, residue_below=D(4)).closed_at is None


prices = st.decimals("0.01", 100000, places=2)
quantities = st.decimals("0.00001", 100, places=5)


def test_profit_and_the_cost_of_what_is_left_add_up_to_the_last_digit() -> None:
    # Thirds, which no number of decimals holds: three of them must still be the whole.
    position = folded(
        bought("10", "3", 1, fee="0.000001"),
        sold("11", "0.7", 2),
        sold("12", "0.7", 3),
        sold("13", "0.7", 4),
    )
    brought, paid = D("25.2"), D("30.000001")
    assert position.realized_net - position.cost == brought - paid


@st.composite
def fill_lists(draw: st.DrawFn) -> list[Fill]:
    count = draw(st.integers(0, 12))
    return [_any_fill(draw, number) for number in range(1, count + 1)]


def _any_fill(draw: st.DrawFn, number: int) -> Fill:
    quantity = draw(quantities)
    asset = draw(st.sampled_from(["BTC", "USDT", "BNB"]))
    side = draw(st.sampled_from([Side.BUY, Side.SELL]))
    fee = quantity * D("0.001")
    return Fill(
        side=side,
        price=draw(prices),
        quantity=quantity,
        commission=fee if side is Side.BUY or asset != "BTC" else D(0),
        commission_asset=asset,
        trade_id=str(number),
        market_time=START + timedelta(minutes=draw(st.integers(0, 5))),
    )


@given(fill_lists(), st.data())
def test_any_order_and_any_repetition_give_the_same_position(
    fills: list[Fill], data: st.DataObject
) -> None:
    repeated = fills + data.draw(
        st.lists(st.sampled_from(fills), max_size=5) if fills else st.just([])
    )
    shuffled = data.draw(st.permutations(repeated))
    assert folded(*shuffled) == folded(*fills)


@given(fill_lists())
def test_nothing_is_lost_and_nothing_is_invented(fills: list[Fill]) -> None:
    position = folded(*fills)
    buys = [each for each in fills if each.side is Side.BUY]
    received = sum((_received(each) for each in buys), D(0))
    sales = sum((each.quantity for each in fills if each.side is Side.SELL), D(0))
    assert position.quantity >= 0
    assert abs(received - (sales - position.oversold) - position.quantity) <= D("1E-11")
    if not position.oversold:
        cash = sum((_cash(each) for each in fills), D(0))
        assert abs(position.realized_net - (cash + position.cost)) <= D("1E-10")


def _received(each: Fill) -> Decimal:
    return each.quantity - (each.commission if each.commission_asset == "BTC" else D(0))


def _cash(each: Fill) -> Decimal:
    fee = each.commission if each.commission_asset == "USDT" else D(0)
    value = each.price * each.quantity
    return (value if each.side is Side.SELL else -value) - fee

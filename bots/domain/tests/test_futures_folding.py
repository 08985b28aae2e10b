"""Positions of futures: both directions, turning around, funding."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.domain.direction import Direction
from bots.domain.positions import Fill, Funding, Position
from bots.domain.tests.builders import START, D
from bots.domain.tests.fill_builders import bought, folded, on_futures, paid, sold
from exchange.domain.types import Side


def test_a_short_position_gains_when_the_price_falls() -> None:
    opened = on_futures(sold("100", "2", 1, fee="0.2"))
    assert (opened.quantity, opened.direction) == (D(2), Direction.SHORT)
    assert (opened.entry_price, opened.cost) == (D(100), D("199.8"))  # received, less the fee
    assert opened.signed_quantity == D(-2)
    assert opened.unrealized(D(90)) == D("19.8")
    assert opened.unrealized(D(110)) == D("-20.2")
    assert opened.closed == ()
    closed = on_futures(sold("100", "2", 1, fee="0.2"), bought("90", "2", 2, fee="0.18"))
    assert closed.closed[0].gross_pnl == D(20)
    assert closed.closed[0].net_pnl == D("19.62")
    assert (closed.quantity, closed.direction, closed.cost) == (D(0), Direction.LONG, D(0))
    assert (closed.opened_at, closed.closed_at) == (None, START + timedelta(minutes=2))


def test_a_sale_without_coins_is_oversold_on_spot_and_no_short() -> None:
    position = folded(sold("100", "2", 1))
    assert (position.oversold, position.quantity) == (D(2), D(0))
    assert on_futures(sold("100", "2", 1)).oversold == D(0)


def test_a_fill_beyond_the_position_turns_it_around_and_shares_its_fee() -> None:
    position = on_futures(bought("100", "1", 1), sold("110", "3", 2, fee="0.33"))
    (closed,) = position.closed
    assert (closed.quantity, closed.gross_pnl, closed.net_pnl) == (D(1), D(10), D("9.89"))
    assert (position.quantity, position.direction) == (D(2), Direction.SHORT)
    assert (position.entry_price, position.cost) == (D(110), D("219.78"))
    moment = START + timedelta(minutes=2)
    assert (position.opened_at, position.closed_at) == (moment, moment)


def test_what_a_part_has_cost_is_rounded_as_the_venue_rounds_it() -> None:
    entries = (bought("10", "1", 1), bought("10.01", "2", 2))  # 30.02 for three
    position = on_futures(*entries, sold("11", "1", 3))
    assert position.closed[0].gross_pnl == D("0.99333333")
    assert position.cost == D("20.01333333")
    done = on_futures(*entries, sold("11", "1", 3), sold("11", "2", 4))
    assert sum((each.gross_pnl for each in done.closed), D(0)) == D("2.98")


def test_a_fee_in_base_takes_no_contracts_away() -> None:
    position = on_futures(bought("100", "1", 1, fee="0.001", asset="BTC"))
    assert (position.quantity, position.cost) == (D(1), D("100.1"))


def test_funding_is_realized_at_once_and_taken_by_the_fills_that_close() -> None:
    opened = on_futures(bought("100", "3", 1), paid("-0.1", 2))
    assert (opened.realized_net, opened.open_funding) == (D("-0.1"), D("-0.1"))
    assert opened.cost == D(300)
    facts = (bought("100", "3", 1), paid("-0.1", 2), sold("100", "1", 3), sold("100", "2", 4))
    first, last = on_futures(*facts).closed
    assert (first.net_pnl, first.funding) == (D("-0.033333333333"), D("-0.033333333333"))
    assert last.net_pnl == D("-0.066666666667")
    assert (first.gross_pnl, last.gross_pnl) == (D(0), D(0))
    done = on_futures(*facts)
    assert (done.realized_net, done.funding, done.open_funding) == (D("-0.1"), D("-0.1"), D(0))


def test_funding_booked_after_the_end_belongs_to_the_fill_that_made_it() -> None:
    position = on_futures(
        bought("100", "1", 1), sold("100", "1", 2), paid("-0.1", 9, minute=2), bought("100", "1", 3)
    )
    assert position.closed[0].net_pnl == D("-0.1")
    assert (position.open_funding, position.realized_net) == (D(0), D("-0.1"))


def test_two_different_payments_with_one_number_are_refused() -> None:
    with pytest.raises(ValueError, match="two different payments claim 5"):
        on_futures(paid("1", 5), paid("2", 5))


def test_a_made_up_trade_id_with_a_minus_is_as_good_as_any() -> None:
    made_up = bought("100", "1", -7, minute=1)
    assert on_futures(sold("110", "1", 12, minute=2), made_up).realized_net == D(10)


prices = st.decimals("0.01", 100000, places=2)
quantities = st.decimals("0.001", 100, places=3)
amounts = st.decimals(-50, 50, places=8)


@st.composite
def histories(draw: st.DrawFn) -> list[Fill | Funding]:
    facts: list[Fill | Funding] = []
    for number in range(1, draw(st.integers(0, 12)) + 1):
        at = START + timedelta(minutes=draw(st.integers(0, 5)))
        if draw(st.integers(0, 4)) == 0:
            payment = Funding(amount=draw(amounts), transaction_id=str(number), market_time=at)
            facts.append(payment)
        else:
            facts.append(_any_fill(draw, number, at=at))
    return facts


def _any_fill(draw: st.DrawFn, number: int, *, at: object) -> Fill:
    asset = draw(st.sampled_from(["USDT", "BNB"]))
    return Fill(
        side=draw(st.sampled_from([Side.BUY, Side.SELL])),
        price=draw(prices),
        quantity=draw(quantities),
        commission=draw(st.decimals(0, 1, places=8)),
        commission_asset=asset,
        commission_quote=draw(st.decimals(0, 1, places=8)) if asset == "BNB" else None,
        trade_id=str(number),
        market_time=at,  # type: ignore[arg-type]
    )


@given(histories(), st.data())
def test_any_order_and_any_repetition_give_the_same_position(
    facts: list[Fill | Funding], data: st.DataObject
) -> None:
    again = data.draw(st.lists(st.sampled_from(facts), max_size=5)) if facts else []
    assert on_futures(*data.draw(st.permutations(facts + again))) == on_futures(*facts)


@given(histories())
def test_the_wallet_equals_the_books_to_the_last_digit(facts: list[Fill | Funding]) -> None:
    position = on_futures(*facts)
    coins, cash = D(0), D(0)
    for fact in facts:
        if isinstance(fact, Funding):
            cash += fact.amount
            continue
        sign = 1 if fact.side is Side.BUY else -1
        coins += sign * fact.quantity
        fee = fact.commission if fact.commission_asset == "USDT" else fact.commission_quote
        cash -= sign * fact.value + (fee or D(0))
    assert position.signed_quantity == coins
    assert position.oversold == D(0)
    assert position.realized_net - position.direction.sign * position.cost == cash
    price = D("123.45")
    assert position.unrealized(price) == coins * price - position.direction.sign * position.cost


class Oracle:
    """The same position with exact fractions and no rounding, in the plainest words."""

    def __init__(self) -> None:
        self.coins = self.value = self.fees = self.funding = Fraction(0)
        self.gross = self.net = Fraction(0)

    def apply(self, fact: Fill | Funding) -> None:
        if isinstance(fact, Funding):
            self._fund(Fraction(fact.amount))
            return
        fee = fact.commission if fact.commission_asset == "USDT" else fact.commission_quote
        signed = Fraction(fact.quantity) * (1 if fact.side is Side.BUY else -1)
        fee_per_coin = Fraction(fee or 0) / abs(signed)
        closing = self._closing(signed)
        if closing:
            self._close(closing, Fraction(fact.price), fee_per_coin)
        opening = signed - closing
        self.coins += opening
        self.value += opening * Fraction(fact.price)
        self.fees += abs(opening) * fee_per_coin

    def _closing(self, signed: Fraction) -> Fraction:
        if self.coins * signed >= 0:
            return Fraction(0)
        return signed if abs(signed) <= abs(self.coins) else -self.coins

    def _close(self, closing: Fraction, price: Fraction, fee_per_coin: Fraction) -> None:
        share = -closing / self.coins
        gross = -closing * (price - self.value / self.coins)
        self.gross += gross
        self.net += gross - share * self.fees - abs(closing) * fee_per_coin + share * self.funding
        self.coins, self.value = self.coins + closing, self.value * (1 - share)
        self.fees, self.funding = self.fees * (1 - share), self.funding * (1 - share)

    def _fund(self, amount: Fraction) -> None:
        if self.coins:
            self.funding += amount
        else:
            self.net += amount


@given(histories())
def test_an_oracle_of_fractions_says_the_same(facts: list[Fill | Funding]) -> None:
    oracle, position = Oracle(), on_futures(*facts)
    for fact in sorted(facts, key=lambda f: (f.market_time, isinstance(f, Funding), _number(f))):
        oracle.apply(fact)
    near = Fraction(1, 10**6)
    assert Fraction(position.signed_quantity) == oracle.coins
    assert abs(_total_gross(position) - oracle.gross) < near
    assert abs(Fraction(position.realized_net) - oracle.net - oracle.funding) < near
    if oracle.coins:
        assert position.entry_price is not None
        difference = Fraction(position.entry_price) - oracle.value / oracle.coins
        # The venue's rounding of a cost by 1e-8, spread over what is left of the position.
        assert abs(difference) < near / abs(oracle.coins)


def _number(fact: Fill | Funding) -> int:
    return int(fact.trade_id if isinstance(fact, Fill) else fact.transaction_id)


def _total_gross(position: Position) -> Fraction:
    return Fraction(sum((each.gross_pnl for each in position.closed), Decimal(0)))

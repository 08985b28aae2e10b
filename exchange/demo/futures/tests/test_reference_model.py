"""The engine's figures against an account that is worked out a second time, to the last digit."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from itertools import groupby
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.demo.amounts import from_units
from exchange.demo.errors import VenueError
from exchange.demo.futures.tests.algo_world import AlgoWorld
from exchange.demo.futures.tests.futures_world import BTC
from exchange.demo.futures.tests.reference_model import (
    UNIT,
    Account,
    Resting,
    decimal,
    exact,
    money,
)
from exchange.demo.market.brackets import Bracket, Brackets
from exchange.demo.market.funding import FundingRates
from exchange.demo.trading.tests.engine_world import FLAT, START, D

EIGHT_HOURS: Final = 28_800_000
RATES: Final = [Fraction(1, 2_000), Fraction(-33_333, 10**8), Fraction(0), Fraction(3, 100)]
TIERS: Final = [
    (0, Fraction(5, 1_000), 0),
    (20_000, Fraction(1, 100), 100),
    (50_000, Fraction(5, 100), 2_100),
]
BRACKETS: Final = Brackets(
    (
        Bracket(1, D(0), D(20_000), 100, D("0.005"), D(0)),
        Bracket(2, D(20_000), D(50_000), 50, D("0.01"), D(100)),
        Bracket(3, D(50_000), D(900_000), 20, D("0.05"), D(2_100)),
    )
)
PRICES = st.integers(80, 125)
MINUTES = st.lists(
    st.tuples(PRICES, PRICES, PRICES, PRICES).map(
        lambda drawn: (drawn[0], max(drawn), min(drawn), drawn[3])
    ),
    min_size=1,
    max_size=5,
)
SIDES = st.sampled_from(["BUY", "SELL"])
QUANTITIES = st.sampled_from(["0.051", "1", "7.777", "60", "250", "611.003"])
STEPS = st.sampled_from([0, 1, 777, 20_000, 61_000, 600_000, EIGHT_HOURS, 3 * EIGHT_HOURS + 1])
ACTS = st.lists(
    st.tuples(
        STEPS,
        st.one_of(
            st.tuples(st.just("market"), SIDES, QUANTITIES, st.booleans()),
            st.tuples(st.just("market"), SIDES, QUANTITIES, st.just(value=False)),
            st.tuples(st.just("limit"), SIDES, QUANTITIES, st.integers(-9, 4)),
            st.tuples(st.just("stop"), SIDES, QUANTITIES, st.integers(1, 12)),
            st.tuples(st.just("leverage"), st.sampled_from([3, 7, 20, 50])),
            st.tuples(st.just("margin"), st.sampled_from(["13.37", "-0.00000001", "-40", "300"])),
            st.tuples(st.just("transfer"), st.sampled_from(["250.5", "-99.99999999", "-6000"])),
            st.tuples(st.just("steer"), st.integers(-12, 12), st.integers(-3, 3)),
        ),
    ),
    min_size=1,
    max_size=14,
)


class Twin:
    """A world and its reference: both are told the same, the reference also of the fills."""

    def __init__(self, minutes: list[Any], marks: list[Any], balance: int) -> None:
        stamps = {
            START + number * EIGHT_HOURS: decimal(rate) for number, rate in enumerate(RATES, 1)
        }
        self.world = AlgoWorld(
            {BTC: [FLAT, *minutes]},
            marks={BTC: [FLAT, *marks]},
            balances=f"USDT=1000,UM.USDT={balance}",
            volume=9_000,
            brackets=BRACKETS,
            funding=FundingRates(stamps),
            slippage_bps=D(3),
        )
        self.account = Account(TIERS, balance * UNIT)
        self.seen = 0
        self.as_of = START
        self.changed_ms = START

    def mark(self, at_ms: int) -> Fraction:
        return exact(from_units(self.world.market.marks[BTC].price(at_ms)))

    def follow(self) -> None:
        """Tell the reference of everything that has happened since the last time."""
        fills = [one for one in self.world.fills() if one.trade_id > self.seen]
        orders = {one.order_id: one for one in self.world.books.all_orders()}
        for (at_ms, order_id), group in groupby(fills, lambda one: (one.at_ms, one.order_id)):
            self._pass_stamps(at_ms)
            same = list(group)
            is_buy = same[0].side == "BUY"
            pairs = [(exact(one.price), exact(one.quantity)) for one in same]
            if orders[order_id].client_order_id.startswith("autoclose-"):
                self._check_moment(at_ms)
                self.account.liquidate(pairs, is_buy=is_buy, clearance=Fraction(125, 10_000))
                assert self.account.amount == 0
            else:
                for one, (price, quantity) in zip(same, pairs, strict=True):
                    self.account.fill(price, quantity, is_buy=is_buy, is_maker=one.is_maker)
                self.account.insure()
            self.seen, self.changed_ms = same[-1].trade_id, at_ms
        self._pass_stamps(self.world.now)

    def _check_moment(self, at_ms: int) -> None:
        assert self.account.is_short(self.mark(at_ms))
        if self.changed_ms < at_ms - 1:
            assert not self.account.is_short(self.mark(at_ms - 1))

    def _pass_stamps(self, until_ms: int) -> None:
        stamp_ms = (self.as_of // EIGHT_HOURS + 1) * EIGHT_HOURS
        while stamp_ms <= until_ms:
            number = min((stamp_ms - START) // EIGHT_HOURS, len(RATES))
            self.account.fund(RATES[number - 1], self.mark(stamp_ms))
            self.changed_ms = stamp_ms
            stamp_ms += EIGHT_HOURS
        self.as_of = max(self.as_of, until_ms)

    def compare(self) -> None:
        """Compare everything that the engine's front tells."""
        world, account = self.world, self.account
        figures = world.engine.figures(world.uid, world.now)
        mark = self.mark(world.now)
        result = money(account.unrealized(mark))
        orders = [
            Resting(one.is_buy, exact(one.price), exact(one.remaining), one.reduce_only)
            for one in world.books.open_orders(world.uid, BTC)
        ]
        assert figures.wallet == money(account.wallet)
        assert figures.cross_wallet == money(account.wallet - account.isolated) >= 0
        assert figures.unrealized == result
        assert figures.margin_balance == money(account.wallet) + result
        assert figures.available == money(account.available(orders))
        assert [one.position.amount for one in figures.positions] == [
            decimal(amount) for amount in (account.amount,) if amount
        ]
        for one in figures.positions:
            price = account.liquidation_price()
            assert one.position.isolated_wallet == money(account.isolated)
            assert one.position.entry_price == money(account.cost / account.amount)
            assert one.maintenance == money(account.maintenance(mark))
            assert one.liquidation_price == (None if price is None else decimal(price))
        held_elsewhere = {one.uid: one.free for one in world.ledger.holdings() if one.uid <= 0}
        assert held_elsewhere.get(0, D(0)) == money(account.fees)
        assert held_elsewhere.get(-2, D(0)) == money(account.paid_funding)
        assert held_elsewhere.get(-3, D(0)) == -money(account.insured)

    def act(self, drawn: tuple[Any, ...]) -> None:
        """Carry out what was drawn; what is refused changes nothing."""
        what, *values = drawn
        self.changed_ms = self.world.now
        with suppress(VenueError):
            getattr(self, f"_{what}")(*values)

    def _market(self, side: str, quantity: str, reduce_only: bool) -> None:  # noqa: FBT001
        self.world.place(side, "MARKET", quantity, reduce_only=reduce_only)

    def _limit(self, side: str, quantity: str, away: int) -> None:
        price = self._last() + (away if side == "BUY" else -away)
        self.world.place(side, "LIMIT", quantity, price=price)

    def _stop(self, side: str, quantity: str, away: int) -> None:
        price = self._last() + (away if side == "BUY" else -away)
        self.world.stop(price, side=side, quantity=quantity, working_type="MARK_PRICE")

    def _leverage(self, leverage: int) -> None:
        world = self.world
        world.engine.set_leverage(world.uid, BTC, leverage, at_ms=world.now)
        self.account.leverage = leverage

    def _margin(self, amount: str) -> None:
        world = self.world
        world.engine.change_margin(world.uid, BTC, "BOTH", D(amount), at_ms=world.now)
        self.account.isolated += int(D(amount) * UNIT)
        if D(amount) < 0:
            # What is added may be too little: then the next millisecond liquidates.
            assert not self.account.is_short(self.mark(world.now))

    def _transfer(self, amount: str) -> None:
        world, way = self.world, "UMFUTURE_MAIN" if D(amount) < 0 else "MAIN_UMFUTURE"
        moved = (way, "USDT", abs(D(amount)))
        world.engine.transfer(world.uid, *moved, at_ms=world.now, wall_ms=world.now)
        self.account.wallet += int(D(amount) * UNIT)

    def _steer(self, moved: int, away: int) -> None:
        price = max(self._last() + moved, 30)
        self.world.steer(price, mark=price + away)

    def _last(self) -> int:
        return int(from_units(self.world.market.tracks[BTC].price(self.world.now)))


@settings(max_examples=300, deadline=None)
@given(MINUTES, MINUTES, ACTS, st.sampled_from([900, 9_000, 60_000]))
def test_every_figure_is_that_of_the_reference(
    minutes: list[Any], marks: list[Any], acts: list[Any], balance: int
) -> None:
    twin = Twin(minutes, marks, balance)
    for step, drawn in [*acts, (EIGHT_HOURS, ("transfer", "0.5"))]:
        twin.world.go(step)
        twin.follow()
        twin.compare()
        if step and twin.account.amount:
            assert not twin.account.is_short(twin.mark(twin.world.now))
        twin.act(drawn)
        twin.follow()
        twin.compare()

"""Every stamp is paid once, by whoever held a position before it, at its recorded rate and mark."""

from __future__ import annotations

import csv
import gzip
from decimal import ROUND_DOWN, Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import pytest

from exchange.demo.amounts import to_units
from exchange.demo.futures.tests.algo_world import AlgoWorld
from exchange.demo.futures.tests.futures_world import BTC
from exchange.demo.market.funding import FUNDING_INTERVAL_MS, FundingRates
from exchange.demo.market.futures_listings import FuturesMarket, futures_market
from exchange.demo.market.futures_sources import recorded_futures
from exchange.demo.market.recording import BUNDLED_DIRECTORY
from exchange.demo.market.sources import recorded_listings
from exchange.demo.times import DAY_MS
from exchange.demo.trading.ledger import FUNDING_UID
from exchange.demo.trading.tests.engine_world import FLAT, START, D

# 2025-05-05, 00:00 UTC. The world of this room begins at a stamp as well.
FIRST_STAMP: Final = 1_746_403_200_000
# Funding rates and mark prices of the venue for BTCUSDT at the five stamps from there on.
RATES: Final = ("-0.00002404", "0.00003636", "-0.00002247", "0.00001978", "0.0000444")
MARKS: Final = (
    *("94240.51430435", "94697.80169565", "93731.39948913", "94696.8", "94353.55713406"),
)
# Rate x 0.5 x mark, cut after eight decimals.
OF_HALF: Final = ("-1.13277098", "1.72160603", "-1.05307227", "0.93655135", "2.09464896")


@lru_cache
def bundled_market() -> FuturesMarket:
    listings = recorded_listings(BUNDLED_DIRECTORY, {}, seed=0)
    return futures_market(recorded_futures(BUNDLED_DIRECTORY, listings))


class RecordedWorld(AlgoWorld):
    """The same account on the recorded market, two hours before the first stamp."""

    def __init__(
        self,
        directory: Path | None = None,
        *,
        now: int = FIRST_STAMP - 7_200_000,
        balances: str = "UM.USDT=100000",
    ) -> None:
        super().__init__({BTC: [FLAT]}, balances=balances, directory=directory)
        self.market = bundled_market()
        self.now = now
        self.reopen()


def csv_column(name: str, column: str) -> dict[int, Decimal]:
    with gzip.open(BUNDLED_DIRECTORY / name, "rt", encoding="ascii") as file:
        return {int(row["open_time"]): D(row[column]) for row in csv.DictReader(file)}


def paid(world: AlgoWorld) -> list[tuple[int, Decimal]]:
    return [(one.at_ms, one.amount) for one in world.incomes("FUNDING_FEE")]


def expected(sign: int, times: int = 1) -> list[tuple[int, Decimal]]:
    stamps = [FIRST_STAMP + number * FUNDING_INTERVAL_MS for number in range(5)]
    return [(stamp, sign * times * D(one)) for stamp, one in zip(stamps, OF_HALF, strict=True)]


def test_the_recording_has_the_rates_and_marks_of_the_venue() -> None:
    market = bundled_market()
    for number, (rate, mark, amount) in enumerate(zip(RATES, MARKS, OF_HALF, strict=True)):
        stamp_ms = FIRST_STAMP + number * FUNDING_INTERVAL_MS
        assert market.funding[BTC].rate(stamp_ms) == D(rate)
        assert Decimal(market.marks[BTC].price(stamp_ms)).scaleb(-8) == D(mark)
        exact = D(rate) * D("0.5") * D(mark)
        assert 0 <= abs(exact) - abs(D(amount)) < D("0.00000001")


@pytest.mark.parametrize(("amount", "sign"), [("0.500", -1), ("-0.500", 1)])
def test_longs_pay_what_shorts_receive_at_real_stamps(amount: str, sign: int) -> None:
    world = RecordedWorld()
    world.place("BUY" if sign < 0 else "SELL", "MARKET", amount.removeprefix("-"))
    before = world.wallet
    world.go(DAY_MS + 43_200_000)
    assert paid(world) == expected(sign)
    assert world.wallet - before == sum(one for _, one in expected(sign))
    held = world.ledger.free(FUNDING_UID, "USDT", wallet="um")
    assert held == before - world.wallet
    assert world.is_sound()
    assert {one.info for one in world.incomes("FUNDING_FEE")} == {"FUNDING_FEE"}


@pytest.mark.parametrize("step", [3_600_000, 7_199_999, 28_800_000])
def test_how_often_one_looks_and_restarts_changes_nothing(step: int, tmp_path: Path) -> None:
    world = RecordedWorld(tmp_path)
    world.buy("0.5")
    end_ms = world.now + DAY_MS + 43_200_000
    while world.now < end_ms:
        world.go(min(step, end_ms - world.now))
        world.reopen(tmp_path)
    assert paid(world) == expected(-1)
    world.state.close()


def test_both_sides_of_hedge_mode_are_settled_each() -> None:
    world = RecordedWorld()
    world.engine.set_hedge_mode(world.uid, True, at_ms=world.now)  # noqa: FBT003
    world.buy("0.5", position_side="LONG")
    world.sell("1", position_side="SHORT")
    world.go(7_200_000)
    assert paid(world) == [(FIRST_STAMP, D("1.13277098")), (FIRST_STAMP, D("-2.26554196"))]


def constant_world(rate: Any, **more: Any) -> AlgoWorld:
    rates = {START + number * FUNDING_INTERVAL_MS: D(rate) for number in range(1, 100)}
    return AlgoWorld({BTC: [FLAT]}, funding=FundingRates(rates), **more)


def test_who_opens_at_the_stamp_does_not_pay_and_who_closes_before_it_does_not_either() -> None:
    world = constant_world("0.001")
    world.buy(1)
    world.go(1)
    world.sell(1)
    world.go(FUNDING_INTERVAL_MS - 1)
    world.buy(1)
    world.go(FUNDING_INTERVAL_MS - 1)
    assert paid(world) == []
    world.go(1)
    assert paid(world) == [(START + 2 * FUNDING_INTERVAL_MS, D("-0.1"))]


def test_a_resting_order_that_is_filled_at_the_stamp_does_not_pay_for_it() -> None:
    # The price jumps to 90 with the minute that begins at the stamp.
    minutes = [*[FLAT] * 480, (90, 90, 90, 90)]
    rates = FundingRates({START + FUNDING_INTERVAL_MS: D("0.001")})
    world = AlgoWorld({BTC: minutes}, funding=rates)
    bought = world.place("BUY", "LIMIT", 1, price=95).order.order_id
    world.go(FUNDING_INTERVAL_MS + 60_000)
    assert world.order(bought).updated_ms == START + FUNDING_INTERVAL_MS
    assert paid(world) == []


def test_who_closes_at_the_stamp_has_paid() -> None:
    world = constant_world("0.001")
    world.buy(1)
    world.go(FUNDING_INTERVAL_MS)
    world.sell(1)
    world.go(DAY_MS)
    assert paid(world) == [(START + FUNDING_INTERVAL_MS, D("-0.1"))]


def test_a_rate_of_nothing_moves_nothing() -> None:
    world = constant_world(0)
    world.buy(1)
    world.go(DAY_MS)
    assert paid(world) == []


def test_what_the_cross_part_lacks_comes_out_of_the_margin_of_the_position() -> None:
    # 10 of margin and a fee of 0.05; 0.03 are left for the 0.1 that are due.
    world = constant_world("0.001", balances="UM.USDT=10.08")
    world.buy(1)
    assert (world.wallet, world.position().isolated_wallet) == (D("10.03"), D(10))
    world.go(FUNDING_INTERVAL_MS)
    assert (world.wallet, world.position().isolated_wallet) == (D("9.93"), D("9.93"))
    assert paid(world) == [(START + FUNDING_INTERVAL_MS, D("-0.1"))]
    assert world.position().amount == D(1)


def test_funding_may_take_the_margin_and_so_liquidate_at_that_moment() -> None:
    # Maintenance is 0.5 of 10: a payment of 9.6 leaves less than that.
    world = constant_world("0.096", balances="UM.USDT=10.05")
    world.buy(1)
    world.go(FUNDING_INTERVAL_MS)
    stamp_ms = START + FUNDING_INTERVAL_MS
    assert paid(world) == [(stamp_ms, D("-9.6"))]
    assert world.position().amount == 0
    forced = world.books.all_orders()[-1]
    assert (forced.client_order_id, forced.at_ms) == (f"autoclose-{stamp_ms}", stamp_ms)
    assert world.wallet == 0
    assert world.is_sound()


def test_nobody_pays_more_than_there_is() -> None:
    world = constant_world("0.2", balances="UM.USDT=10.05")
    world.buy(1)
    world.go(FUNDING_INTERVAL_MS)
    assert paid(world) == [(START + FUNDING_INTERVAL_MS, D(-10))]
    assert (world.position().amount, world.wallet) == (D(0), D(0))
    assert world.is_sound()


@pytest.mark.parametrize("step", [DAY_MS, 28_800_000, 7_000_001])
def test_who_came_exactly_at_a_stamp_pays_at_those_after_it(step: int) -> None:
    world = AlgoWorld({BTC: [FLAT]})
    world.go(28_800_000 - 1)
    world.place("BUY", "LIMIT", 1, price=99)
    for track in (world.market.tracks[BTC], world.market.marks[BTC]):
        track.steering.hold(to_units(D(98)), from_ms=world.now + 1, until_ms=None)
    until_ms = world.now + DAY_MS
    while world.now < until_ms:
        world.go(min(step, until_ms - world.now))
    stamp_ms = START + 28_800_000
    assert [one.at_ms for one in world.fills()] == [stamp_ms]
    paid = [(one.at_ms - stamp_ms, one.amount) for one in world.incomes("FUNDING_FEE")]
    assert paid == [(28_800_000, D("-0.0098")), (2 * 28_800_000, D("-0.0098"))]


@pytest.mark.parametrize("symbol", [BTC, "ETHUSDT"])
@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_a_month_of_funding_is_that_of_the_two_recorded_files(symbol: str, side: str) -> None:
    # Read here without the engine's reader. Each stamp: rate x mark open x 1, cut after eight
    # decimals towards zero, as the venue cuts its income rows; then added up.
    rates = csv_column(f"{symbol}-8h-usdm-funding.csv.gz", "funding_rate")
    marks = csv_column(f"{symbol}-8h-usdm-mark.csv.gz", "open")
    minutes = csv_column(f"{symbol}-1m-usdm.csv.gz", "open")
    start_ms = min(minutes) + 60_000
    stamps = sorted(stamp for stamp in rates if start_ms < stamp <= max(minutes))
    sign = -1 if side == "BUY" else 1
    due = {
        stamp: sign * (rates[stamp] * marks[stamp]).quantize(D("1e-8"), rounding=ROUND_DOWN)
        for stamp in stamps
    }
    world = RecordedWorld(now=start_ms, balances="UM.USDT=2000000")
    world.engine.set_leverage(world.uid, symbol, 1, at_ms=world.now)
    if symbol != BTC:
        world.engine.set_margin_type(world.uid, symbol, "ISOLATED", at_ms=world.now)
    world.place(side, "MARKET", 1, symbol=symbol)
    world.engine.change_margin(world.uid, symbol, "BOTH", D(500_000), at_ms=world.now)
    world.go(stamps[-1] - start_ms)
    incomes = {one.at_ms: one.amount for one in world.incomes("FUNDING_FEE")}
    assert incomes == {stamp: amount for stamp, amount in due.items() if amount}
    assert len(stamps) >= 85
    total = sum(due.values(), D(0))
    assert total != 0
    assert world.ledger.free(FUNDING_UID, "USDT", wallet="um") == -total
    fee = sum((one.amount for one in world.incomes("COMMISSION")), D(0))
    assert world.wallet == D(2_000_000) + fee + total

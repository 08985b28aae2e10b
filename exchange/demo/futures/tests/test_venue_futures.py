"""Futures under a whole venue: crashes, halts, seams of a recording, and very long jumps."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from exchange.demo.accounts import parse_account
from exchange.demo.amounts import ZERO, to_units
from exchange.demo.futures.asked import AlgoRequest, OrderRequest
from exchange.demo.futures.values import AlgoOrder
from exchange.demo.market.recording import Recording
from exchange.demo.market.sources import Prices
from exchange.demo.times import DAY_MS, MINUTE_MS
from exchange.demo.trading.tests.engine_world import D
from exchange.demo.venue import ExchangeConfig, Venue

BTC: Final = "BTCUSDT"
KEY: Final = "venuekey" * 4


class OpenVenue:
    """A venue whose clock stands still, one account, isolated at a leverage."""

    def __init__(self, directory: Path | None = None, **more: Any) -> None:
        account = parse_account(f"{KEY}:{KEY}:UM.USDT=1000000")
        self._config = ExchangeConfig(
            is_paused=True, accounts=[account], state_dir=directory, **more
        )
        self.open()

    def open(self) -> None:
        """Open the venue on what its state holds."""
        self.venue = Venue(self._config)
        self.engine, self.uid = self.venue.futures, self.venue.accounts[KEY].uid

    def crash(self) -> None:
        """Stop without a word and open again."""
        self.venue.state.close()
        self.open()

    @property
    def now(self) -> int:
        return self.venue.clock.now_ms()

    def go(self, milliseconds: int) -> None:
        self.venue.clock.jump_to(self.now + milliseconds)
        self.venue.advance()

    def isolated(self, leverage: int) -> None:
        self.engine.set_margin_type(self.uid, BTC, "ISOLATED", at_ms=self.now)
        self.engine.set_leverage(self.uid, BTC, leverage, at_ms=self.now)

    def buy(self, quantity: str) -> None:
        symbol = self.venue.futures_market.symbols[BTC]
        asked = OrderRequest(symbol=symbol, side="BUY", type="MARKET", quantity=D(quantity))
        self.engine.place(self.uid, asked, at_ms=self.now)

    def stop(self, below: Decimal) -> int:
        symbol = self.venue.futures_market.symbols[BTC]
        trigger = self.last * below // symbol.tick * symbol.tick
        asked = AlgoRequest(
            symbol=symbol,
            side="SELL",
            type="STOP_MARKET",
            trigger_price=trigger,
            close_position=True,
        )
        return self.engine.place_algo(self.uid, asked, at_ms=self.now).algo_id

    def algo(self, algo_id: int) -> AlgoOrder:
        found = self.engine.books.algo_by_id(self.uid, algo_id)
        assert found is not None
        return found

    @property
    def last(self) -> Decimal:
        return Decimal(self.venue.futures_market.tracks[BTC].price(self.now)).scaleb(-8)

    def funding(self) -> list[tuple[int, Decimal]]:
        rows = self.engine.books.all_incomes()
        return [(one.at_ms, one.amount) for one in rows if one.type == "FUNDING_FEE"]


def test_what_a_halt_did_not_let_happen_does_not_happen_after_a_crash(tmp_path: Path) -> None:
    world = OpenVenue(tmp_path, prices=Prices.WALK)
    world.isolated(10)
    world.buy("0.1")
    algo_id = world.stop(D("0.97"))
    low = to_units((world.last * D("0.96")).quantize(D(1)))
    world.go(MINUTE_MS)
    world.venue.futures_rules.set_status(BTC, "TRADING_HALT")
    world.venue.hold_price(BTC, low, for_ms=MINUTE_MS)
    world.go(MINUTE_MS)
    world.venue.futures_rules.set_status(BTC, "TRADING")
    assert world.algo(algo_id).status == "NEW"
    world.crash()
    world.go(1)
    assert world.algo(algo_id).status == "NEW"
    assert len(world.engine.books.positions(world.uid, BTC)) == 1
    world.venue.close()


def test_a_jump_of_a_year_pays_what_small_steps_pay() -> None:
    step = 7 * DAY_MS + 12_345

    def played(go: Callable[[OpenVenue], None]) -> OpenVenue:
        world = OpenVenue()
        world.isolated(1)
        world.buy("0.5")
        margin = world.engine.change_margin
        margin(world.uid, BTC, "BOTH", D(500_000), at_ms=world.now)
        go(world)
        return world

    def in_steps(world: OpenVenue) -> None:
        until_ms = world.now + 366 * DAY_MS
        while world.now < until_ms:
            world.go(min(step, until_ms - world.now))

    whole, small = played(lambda world: world.go(366 * DAY_MS)), played(in_steps)
    assert whole.funding() == small.funding()
    rates = whole.venue.futures_market.funding[BTC]
    stamps = rates.stamps(whole.now - 366 * DAY_MS + 1, whole.now)
    assert [at_ms for at_ms, _ in whole.funding()] == [one for one in stamps if rates.rate(one)]
    assert len(stamps) == 366 * 3
    assert whole.engine.figures(whole.uid, whole.now) == small.engine.figures(small.uid, small.now)
    for world in (whole, small):
        assert not any(world.venue.engine.ledger.differences().values())
        world.venue.close()


def test_a_stop_that_the_seam_of_two_plays_does_not_reach_stays_and_one_beyond_triggers() -> None:
    world = OpenVenue()
    world.isolated(3)
    source = world.venue.futures_market.tracks[BTC].source
    assert isinstance(source, Recording)
    seam_ms = source.end_ms
    world.go(seam_ms - MINUTE_MS - world.now)
    world.buy("0.5")
    algo_id = world.stop(D("0.9"))
    world.go(2 * MINUTE_MS)
    assert world.algo(algo_id).status == "NEW"
    low = to_units((world.last * D("0.85")).quantize(D(1)))
    world.venue.hold_price(BTC, low, for_ms=2)
    world.go(5)
    assert world.algo(algo_id).status == "FINISHED"
    assert world.algo(algo_id).triggered_ms == world.now - 4
    figures = world.engine.figures(world.uid, world.now)
    assert (figures.positions, figures.unrealized) == ([], ZERO)
    world.venue.close()

"""A small futures market without HTTP: prices minute by minute as a test writes them down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from exchange.demo.accounts import parse_account
from exchange.demo.amounts import to_units
from exchange.demo.futures.asked import OrderRequest
from exchange.demo.futures.engine import FuturesEngine
from exchange.demo.futures.placing import Placed
from exchange.demo.futures.values import Fill, Income, Order, Position
from exchange.demo.market.brackets import Bracket, Brackets
from exchange.demo.market.funding import FundingRates
from exchange.demo.market.futures_listings import FuturesMarket
from exchange.demo.market.futures_symbols import FuturesSymbol
from exchange.demo.market.track import Track
from exchange.demo.state import State
from exchange.demo.trading.ledger import Ledger
from exchange.demo.trading.tests.engine_world import KEY, START, SWING, D, Minute, recording_of

TAIL_MINUTES: Final = 120
BTC: Final = "BTCUSDT"
# Two tiers that fit each other: 60000 x 0.01 - 300 = 60000 x 0.005.
BRACKETS: Final = Brackets(
    (
        Bracket(1, D(0), D(60_000), 100, D("0.005"), D(0)),
        Bracket(2, D(60_000), D(600_000), 20, D("0.01"), D(300)),
    )
)


def symbol_named(name: str, **changed: Any) -> FuturesSymbol:
    """Return a perpetual with a tick of 0.01, a step of 0.001 and a least notional of 5."""
    limits: dict[str, Any] = {
        "tick": D("0.01"),
        "step": D("0.001"),
        "price_precision": 2,
        "quantity_precision": 3,
        "min_price": D("0.01"),
        "max_price": D(1_000_000),
        "min_quantity": D("0.001"),
        "max_quantity": D(100_000),
        "max_market_quantity": D(100_000),
        "percent_up": D(2),
        "percent_down": D("0.5"),
    }
    base = name.removesuffix("USDT")
    return FuturesSymbol(name=name, base=base, quote="USDT", **(limits | changed))


class FuturesWorld:
    """Engine, books and one account of a market that plays the given minutes.

    The flat last minute of each symbol is repeated for two hours. The spread is nothing and the
    mark price is the last price unless `marks` says otherwise. Every symbol is isolated at 10x.
    """

    def __init__(
        self,
        minutes: Mapping[str, Sequence[Minute]] | None = None,
        *,
        marks: Mapping[str, Sequence[Minute]] | None = None,
        balances: str = "USDT=1000,UM.USDT=10000",
        volume: Any = 1000,
        directory: Path | None = None,
        brackets: Brackets = BRACKETS,
        funding: FundingRates | None = None,
        leverage: int | None = 10,
        **terms: Any,
    ) -> None:
        chosen = dict(minutes or {BTC: [SWING]})
        self.market = FuturesMarket(
            symbols={name: symbol_named(name) for name in chosen},
            tracks={name: _track(name, rows, 10**6, volume) for name, rows in chosen.items()},
            marks={
                name: _track(name, rows, 1, volume)
                for name, rows in (chosen | (dict(marks or {}))).items()
            },
            funding={name: funding or FundingRates() for name in chosen},
            brackets=dict.fromkeys(chosen, brackets),
        )
        self._account = parse_account(f"{KEY}:{KEY}:{balances}")
        self._terms = {"spread_bps": Decimal(0)} | terms
        self.now = START
        self.state = State(directory)
        self.reopen()
        if leverage is not None:
            for name in chosen:
                self.engine.set_margin_type(self.uid, name, "ISOLATED", at_ms=self.now)
                self.engine.set_leverage(self.uid, name, leverage, at_ms=self.now)

    def reopen(self, directory: Path | None = None) -> None:
        """Start the engine again, on what the state holds or on the state of a directory."""
        if directory:
            self.state.close()
            self.state = State(directory)
        self.ledger = Ledger(self.state)
        self.engine = FuturesEngine(self.state, self.ledger, self.market, **self._terms)
        self.books = self.engine.books
        self.uid = self.ledger.open_account(self._account, market_ms=START)

    def go(self, milliseconds: int) -> None:
        """Let market time pass."""
        self.now += milliseconds
        self.engine.advance(self.now)

    def steer(self, price: Any, *, name: str = BTC, mark: Any = None) -> None:
        """Hold last and mark price from now on, and let a millisecond pass."""
        self.engine.advance(self.now)
        for track, held in ((self.market.tracks, price), (self.market.marks, mark or price)):
            track[name].steering.hold(to_units(D(held)), from_ms=self.now, until_ms=None)
        self.go(1)

    def ask(self, side: str, kind: str, quantity: Any, **more: Any) -> OrderRequest:
        """Return a request; plain numbers become amounts."""
        fields: dict[str, Any] = {
            key: D(value) if key == "price" else value for key, value in more.items()
        }
        symbol = self.market.symbols[fields.pop("symbol", BTC)]
        return OrderRequest(symbol=symbol, side=side, type=kind, quantity=D(quantity), **fields)

    def place(self, side: str, kind: str, quantity: Any, **more: Any) -> Placed:
        """Place an order now."""
        return self.engine.place(self.uid, self.ask(side, kind, quantity, **more), at_ms=self.now)

    def buy(self, quantity: Any, **more: Any) -> Placed:
        """Buy at the market."""
        return self.place("BUY", "MARKET", quantity, **more)

    def sell(self, quantity: Any, **more: Any) -> Placed:
        """Sell at the market."""
        return self.place("SELL", "MARKET", quantity, **more)

    def order(self, order_id: int, name: str = BTC) -> Order:
        """Return an order as it is now."""
        found = self.books.order_by_id(self.uid, name, order_id)
        assert found is not None
        return found

    def fills(self, order_id: int | None = None) -> list[Fill]:
        """Return the fills of an order, or of all."""
        return [one for one in self.books.all_fills() if order_id in (None, one.order_id)]

    def incomes(self, kind: str | None = None) -> list[Income]:
        """Return the changes of the wallet, or those of one kind."""
        return [one for one in self.books.all_incomes() if kind in (None, one.type)]

    def position(self, side: str = "BOTH", name: str = BTC) -> Position:
        """Return a position as it is now."""
        return self.books.position(self.uid, name, side)

    @property
    def wallet(self) -> Decimal:
        """Return the whole futures wallet."""
        return self.ledger.free(self.uid, "USDT", wallet="um")

    @property
    def available(self) -> Decimal:
        """Return what new positions may use."""
        return self.engine.figures(self.uid, self.now).available

    def is_sound(self) -> bool:
        """Say whether nothing was made or lost."""
        return not any(self.ledger.differences().values())


def _track(name: str, rows: Sequence[Minute], tick: int, volume: Any) -> Track:
    tail = [(rows[-1][3],) * 4] * TAIL_MINUTES
    return Track(recording_of(name, [*rows, *tail], volume), tick=tick)

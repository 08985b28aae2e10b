"""A small exchange without HTTP: prices minute by minute as a test writes them down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from exchange.demo.accounts import parse_account
from exchange.demo.amounts import to_units
from exchange.demo.market.minutes import Minutes
from exchange.demo.market.recording import Recording
from exchange.demo.market.symbols import Symbol, symbol_of
from exchange.demo.market.track import Track
from exchange.demo.state import State
from exchange.demo.times import MINUTE_MS
from exchange.demo.trading.asked import CancelTarget, ListKind, ListRequest, OrderRequest
from exchange.demo.trading.canceling import Canceled, CanceledList
from exchange.demo.trading.engine import Engine
from exchange.demo.trading.orders import Fill, Order
from exchange.demo.trading.placing import Placed, PlacedList

START: Final = 29_100_000 * MINUTE_MS
KEY: Final = "worldkey" * 4
ALL: Final = (0, 2**60)
TAIL_MINUTES: Final = 120
Minute = tuple[Any, Any, Any, Any]
# Down to 90 after 20 s, up to 110 after 40 s, back to 100 at the end.
SWING: Final[Minute] = (100, 110, 90, 100)
FLAT: Final[Minute] = (100, 100, 100, 100)


def D(value: Any) -> Decimal:  # noqa: N802 - as short as a literal
    """Return a Decimal of what is written."""
    return Decimal(str(value))


def recording_of(name: str, minutes: Sequence[Minute], volume: Any = 1000) -> Recording:
    """Return minutes of open, high, low and close, each with the same volume."""
    return _recording(name, tuple(minutes), volume)


@lru_cache(maxsize=64)
def _recording(name: str, minutes: tuple[Minute, ...], volume: Any) -> Recording:
    recording = Recording(name, "spot", START)
    for minute in minutes:
        prices = tuple(to_units(D(price)) for price in minute)
        Minutes.append(recording, prices, to_units(D(volume)))  # type: ignore[arg-type]
    return recording


class World:
    """Engine, books and one account of a market that plays the given minutes.

    The flat last minute of each symbol is repeated for two hours. The spread is nothing.
    """

    def __init__(
        self,
        minutes: Mapping[str, Sequence[Minute]] | None = None,
        *,
        balances: str = "USDT=100000,BTC=10",
        volume: Any = 1000,
        directory: Path | None = None,
        **terms: Any,
    ) -> None:
        chosen = minutes or {"BTCUSDT": [SWING]}
        tails = {
            name: [*rows, *[(rows[-1][3],) * 4] * TAIL_MINUTES] for name, rows in chosen.items()
        }
        recordings = {name: recording_of(name, rows, volume) for name, rows in tails.items()}
        self.symbols: dict[str, Symbol] = {
            name: replace(symbol_of(one), tick=D("0.01"), step=D("0.00001"))
            for name, one in recordings.items()
        }
        self.tracks = {name: Track(one, tick=10**6) for name, one in recordings.items()}
        self.first_fills: list[int] = []
        self._account = parse_account(f"{KEY}:{KEY}:{balances}")
        self._terms = {"spread_bps": Decimal(0)} | terms
        self.now = START
        self.asked = 0
        self.state = State(directory)
        self.reopen()

    def reopen(self, directory: Path | None = None) -> None:
        """Start the engine again, on what the state holds or on the state of a directory."""
        if directory:
            self.state.close()
            self.state = State(directory)
        self.engine = Engine(
            self.state,
            self.tracks,
            self.symbols,
            on_first_fill=self.first_fills.append,
            **self._terms,
        )
        self.uid = self.engine.ledger.open_account(self._account, market_ms=START)

    def close(self) -> None:
        """Release the state as a killed process would: without another word to it."""
        self.state.close()

    def go(self, milliseconds: int) -> None:
        """Let market time pass."""
        self.now += milliseconds
        self.engine.advance(self.now)

    def steer(self, price: Any, *, name: str = "BTCUSDT") -> None:
        """Hold a price from now on, and let a millisecond pass."""
        self.engine.advance(self.now)
        self.tracks[name].steering.hold(to_units(D(price)), from_ms=self.now, until_ms=None)
        self.go(1)

    def ask(self, side: str, kind: str, quantity: Any = None, **more: Any) -> OrderRequest:
        """Return a request; plain numbers become amounts."""
        amounts = {"price", "stop_price", "quote_quantity"}
        fields: dict[str, Any] = {
            key: D(value) if key in amounts else value for key, value in more.items()
        }
        symbol = self.symbols[fields.pop("symbol", "BTCUSDT")]
        size = None if quantity is None else D(quantity)
        return OrderRequest(symbol=symbol, side=side, type=kind, quantity=size, **fields)

    def place(self, side: str, kind: str, quantity: Any = None, **more: Any) -> Placed:
        """Place an order now."""
        return self.engine.place(self.uid, self.ask(side, kind, quantity, **more), at_ms=self.now)

    def place_list(self, kind: str, *legs: OrderRequest, name: str | None = None) -> PlacedList:
        """Place a list now."""
        asked = ListRequest(
            kind=ListKind(kind), symbol=legs[0].symbol, client_order_id=name, legs=legs
        )
        return self.engine.place_list(self.uid, asked, at_ms=self.now)

    def cancel(self, order_id: int, **more: Any) -> Canceled:
        """Cancel an order now."""
        target = CancelTarget(order_id=order_id, **more)
        return self.engine.cancel(self.uid, "BTCUSDT", target, at_ms=self.now)

    def cancel_list(self, list_id: int) -> CanceledList:
        """Cancel a list now."""
        return self.engine.cancel_list(
            self.uid,
            "BTCUSDT",
            list_id=list_id,
            client_order_id=None,
            cancel_client_id=None,
            at_ms=self.now,
        )

    def order(self, order_id: int, name: str = "BTCUSDT") -> Order:
        """Return an order as it is now."""
        found = self.engine.orders.by_id(self.uid, name, order_id)
        assert found is not None
        return found

    def statuses(self, *order_ids: int) -> list[tuple[str, str | None]]:
        """Return status and expiry reason of some orders."""
        found = [self.order(one) for one in order_ids]
        return [(one.status, one.expiry_reason) for one in found]

    def fills(self, order_id: int | None = None) -> list[Fill]:
        """Return the fills of an order, or of all."""
        found = self.engine.orders.all_fills()
        return [one for one in found if order_id in (None, one.order_id)]

    def balance(self, asset: str) -> tuple[Decimal, Decimal]:
        """Return free and locked balance."""
        ledger = self.engine.ledger
        return ledger.free(self.uid, asset), ledger.locked(self.uid, asset)

    def is_sound(self) -> bool:
        """Say whether nothing was made or lost."""
        return not any(self.engine.ledger.differences().values())

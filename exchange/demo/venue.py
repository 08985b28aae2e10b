"""The exchange put together: market, clock, engine, accounts and limits, without HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

from exchange.demo.accounts import AccountSpec
from exchange.demo.auth import Account
from exchange.demo.book import DEFAULT_SPREAD_BPS
from exchange.demo.clock import DEFAULT_SPEED, DEFAULT_START, MarketClock
from exchange.demo.engine import Engine
from exchange.demo.errors import DemoExchangeError
from exchange.demo.limits import RateLimits
from exchange.demo.market import Track
from exchange.demo.recording import BUNDLED_DIRECTORY, Recording, load_directory
from exchange.demo.state import State
from exchange.demo.steering import SteeredPrice, Steering
from exchange.demo.symbols import Symbol, symbol_of
from exchange.demo.times import MINUTE_MS, iso, to_milliseconds

_MARKET_TIME: Final = "market_time_ms"
# 300 klines of 5m: what a strategy wants to have seen before its first decision.
_HISTORY_MS: Final = 1_500 * MINUTE_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeConfig:
    """What a person may choose when the exchange starts.

    start       first market time of a new state; None: `DEFAULT_START` where the recordings have it
    state_dir   None keeps everything in memory
    seed        of the dice that faults with a probability throw
    """

    host: str = "127.0.0.1"
    port: int = 0
    speed: float = DEFAULT_SPEED
    start: datetime | None = None
    is_paused: bool = False
    market_data: Path = BUNDLED_DIRECTORY
    accounts: list[AccountSpec] = field(default_factory=list)
    state_dir: Path | None = None
    spread_bps: Decimal = DEFAULT_SPREAD_BPS
    seed: int = 0


class Venue:
    """Everything that the endpoints and the control doors work on."""

    def __init__(
        self, config: ExchangeConfig, *, wall_seconds: Callable[[], float] = time.time
    ) -> None:
        recordings = load_directory(config.market_data)
        self.symbols: dict[str, Symbol] = {
            name: symbol_of(recording) for name, recording in recordings.items()
        }
        self.wall_seconds = wall_seconds
        self.limits = RateLimits(wall_seconds)
        with ExitStack() as undo:
            self.state = State(config.state_dir)
            undo.callback(self.state.close)
            self._open(config, recordings)
            undo.pop_all()

    def wall_ms(self) -> int:
        """Return the wall's time in ms since the epoch; what signatures are measured against."""
        return int(self.wall_seconds() * 1000)

    def close(self) -> None:
        """Store the exact market time and release the state."""
        self.clock.close()
        self.state.close()

    def hold_price(self, symbol: str, price: int, *, for_ms: int | None) -> SteeredPrice:
        """Let a price (units of 1e-8) hold from now on, for some market time or until released."""
        now_ms = self.clock.now_ms()
        until_ms = None if for_ms is None else now_ms + for_ms
        held = self.tracks[symbol].steering.hold(price, from_ms=now_ms, until_ms=until_ms)
        self._store_steering(symbol)
        return held

    def release_price(self, symbol: str) -> None:
        """Give the price back to the recording."""
        self.tracks[symbol].steering.release(self.clock.now_ms())
        self._store_steering(symbol)

    def _open(self, config: ExchangeConfig, recordings: Mapping[str, Recording]) -> None:
        self.tracks = self._build_tracks(recordings)
        self.clock = MarketClock(
            self._first_market_ms(recordings, config.start),
            speed=config.speed,
            is_running=not config.is_paused,
            store=lambda market_ms: self.state.set_meta(_MARKET_TIME, str(market_ms)),
        )
        self.engine = Engine(self.state, self.tracks, spread_bps=config.spread_bps)
        self.accounts: Mapping[str, Account] = {
            spec.key: Account(
                uid=self.engine.ledger.open_account(spec, market_ms=self.clock.now_ms()),
                secret=spec.secret,
            )
            for spec in config.accounts
        }

    def _build_tracks(self, recordings: Mapping[str, Recording]) -> dict[str, Track]:
        return {
            name: Track(
                recording,
                tick=self.symbols[name].tick_units,
                steering=Steering(self._stored_steering(name)),
            )
            for name, recording in recordings.items()
        }

    def _stored_steering(self, symbol: str) -> list[SteeredPrice]:
        sql = "SELECT * FROM steering WHERE symbol = ? ORDER BY from_ms"
        rows = self.state.rows(sql, symbol)
        return [SteeredPrice(row["from_ms"], row["until_ms"], row["price"]) for row in rows]

    def _store_steering(self, symbol: str) -> None:
        with self.state.transaction():
            self.state.execute("DELETE FROM steering WHERE symbol = ?", symbol)
            for held in self.tracks[symbol].steering.all:
                self.state.execute("INSERT INTO steering VALUES (?, ?, ?, ?)", symbol, *held)

    def _first_market_ms(self, recordings: Mapping[str, Recording], start: datetime | None) -> int:
        earliest = max(recording.start_ms for recording in recordings.values())
        latest = min(recording.end_ms for recording in recordings.values())
        if stored := self.state.meta(_MARKET_TIME):
            # A state from before these recordings may only go forward.
            return max(int(stored), earliest)
        if start is not None:
            chosen = to_milliseconds(start)
            if chosen < earliest:
                raise DemoExchangeError(
                    f"--start {iso(chosen)} lies before the recordings,"
                    f" which begin at {iso(earliest)}"
                )
            return chosen
        default = to_milliseconds(DEFAULT_START)
        if earliest <= default < latest:
            return default
        half = (latest - earliest) // 2 // MINUTE_MS * MINUTE_MS
        return earliest + max(min(_HISTORY_MS, half), 0)

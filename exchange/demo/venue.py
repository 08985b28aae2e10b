"""The exchange put together: market, clock, engine, accounts and limits, without HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Final

from exchange.demo.accounts import Account, AccountSpec
from exchange.demo.clock import DEFAULT_SPEED, FollowingClock, MarketClock
from exchange.demo.errors import DemoExchangeError
from exchange.demo.futures.engine import FuturesEngine
from exchange.demo.limits import OtherPools, RateLimits, futures_rules
from exchange.demo.listen_keys import ListenKeys
from exchange.demo.market.beginning import first_market_ms, followed_start_ms
from exchange.demo.market.futures_listings import FuturesMarket, futures_market
from exchange.demo.market.futures_rules import FuturesRules
from exchange.demo.market.futures_sources import plain_futures, recorded_futures
from exchange.demo.market.recording import BUNDLED_DIRECTORY
from exchange.demo.market.sources import (
    DEFAULT_WALKS,
    Listing,
    Market,
    Prices,
    recorded_listings,
    walk_listings,
)
from exchange.demo.market.steered_prices import FUTURES, MARK, SPOT, store_steering, stored_steering
from exchange.demo.market.steering import SteeredPrice
from exchange.demo.market.symbols import Symbol
from exchange.demo.market.track import Track
from exchange.demo.state import State
from exchange.demo.trading.book import DEFAULT_SPREAD_BPS
from exchange.demo.trading.engine import Engine
from exchange.demo.trading.quotes import DEFAULT_VOLUME_SHARE

DEFAULT_SLIPPAGE_BPS: Final = Decimal(0)
MARKET_TIME: Final = "market_time_ms"
DEFAULT_MIRROR_URL: Final = "https://data-api.binance.vision"
DEFAULT_MIRRORED: Final = ("BTCUSDT", "ETHUSDT")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeConfig:
    """What a person may choose when the exchange starts.

    speed, is_paused   a mirror ignores both: it follows the venue
    start              first market time of a new state; None: `DEFAULT_START` where there are
                       prices; a mirror ignores it
    prices             where prices come from
    walks              random walks by symbol, with the price of each
    mirror_url         origin of the venue that is mirrored
    mirrored           symbols of a mirror
    look_seconds       wall time between two looks of a mirror
    state_dir          None keeps everything in memory
    slippage_bps       distance of two levels of the book, at least a tick
    volume_share       part of a minute's volume that one resting order may get
    seed               of random walks, and of the dice that faults with a probability throw
    """

    host: str = "127.0.0.1"
    port: int = 0
    speed: float = DEFAULT_SPEED
    start: datetime | None = None
    is_paused: bool = False
    prices: Prices = Prices.RECORDED
    market_data: Path = BUNDLED_DIRECTORY
    walks: Mapping[str, Decimal] = field(default_factory=dict)
    mirror_url: str = DEFAULT_MIRROR_URL
    mirrored: tuple[str, ...] = DEFAULT_MIRRORED
    look_seconds: float = 1.0
    accounts: list[AccountSpec] = field(default_factory=list)
    state_dir: Path | None = None
    spread_bps: Decimal = DEFAULT_SPREAD_BPS
    slippage_bps: Decimal = DEFAULT_SLIPPAGE_BPS
    volume_share: Decimal = DEFAULT_VOLUME_SHARE
    seed: int = 0


def local_market(config: ExchangeConfig) -> Market:
    """Return what needs no network: recordings, random walks, or both."""
    if config.prices is Prices.MIRROR:
        raise DemoExchangeError("a mirror must be opened before its exchange")
    if config.prices is Prices.RECORDED:
        listings = recorded_listings(config.market_data, config.walks, seed=config.seed)
        return Market(listings, futures=recorded_futures(config.market_data, listings))
    listings = walk_listings(config.walks or DEFAULT_WALKS, seed=config.seed)
    return Market(listings, futures=plain_futures(listings))


# Told the uid of an account and what has happened to it, after that was committed.
AccountListener = Callable[[int, object], None]


class Venue:
    """Everything that the endpoints and the control doors work on."""

    def __init__(
        self,
        config: ExchangeConfig,
        *,
        market: Market | None = None,
        wall_seconds: Callable[[], float] = time.time,
    ) -> None:
        market = market or local_market(config)
        self.symbols: dict[str, Symbol] = {
            name: listing.symbol for name, listing in market.listings.items()
        }
        self.wall_seconds = wall_seconds
        self.limits = RateLimits(wall_seconds)
        self.futures_limits = RateLimits(wall_seconds, futures_rules())
        self.other_pools = OtherPools(wall_seconds, spot=self.limits, futures=self.futures_limits)
        self.listen_keys = ListenKeys(wall_seconds)
        self.account_listeners: list[AccountListener] = []
        with ExitStack() as undo:
            self.state = State(config.state_dir)
            undo.callback(self.state.close)
            self._open(config, market)
            undo.pop_all()

    def wall_ms(self) -> int:
        """Return the wall's time in ms since the epoch; what signatures are measured against."""
        return int(self.wall_seconds() * 1000)

    def advance(self) -> int:
        """Read market time once, match what is open up to it, and return it."""
        now_ms = self.clock.now_ms()
        self.engine.advance(now_ms)
        self.futures.advance(now_ms)
        return now_ms

    def follow(self, market_ms: int) -> None:
        """Go on to the market time that a mirrored venue has shown, and match up to it."""
        if isinstance(self.clock, FollowingClock):
            self.clock.follow(market_ms)
        self.advance()

    def close(self) -> None:
        """Match up to the exact market time, store it and release the state."""
        self.advance()
        self.engine.remember()
        self.futures.remember()
        self.clock.close()
        self.state.close()

    def hold_price(
        self, symbol: str, price: int, *, for_ms: int | None, of: str | None = None
    ) -> SteeredPrice:
        """Let a price (units of 1e-8) hold from now on, for some market time or until released.

        of  `spot`, `futures` or `mark`; without it all three that the symbol has hold, that of the
            perpetual at its nearest tick, and what is returned is that of the spot pair
        """
        now_ms = self.advance()
        until_ms = None if for_ms is None else now_ms + for_ms
        held = [
            self._hold(
                symbol,
                one,
                track.rounded(price) if of is None and one == FUTURES else price,
                from_ms=now_ms,
                until_ms=until_ms,
            )
            for one, track in self._steerable(symbol, of).items()
        ]
        return held[0]

    def release_price(self, symbol: str, *, of: str | None = None) -> None:
        """Give a price, or all of a symbol, back to where it comes from."""
        now_ms = self.advance()
        for one, track in self._steerable(symbol, of).items():
            track.steering.release(now_ms)
            store_steering(self.state, symbol, one, track.steering)

    def _tell(self, uid: int, change: object) -> None:
        for listener in self.account_listeners:
            listener(uid, change)

    def _open(self, config: ExchangeConfig, market: Market) -> None:
        self.tracks = self._build_tracks(market.listings)
        self.futures_market: FuturesMarket = futures_market(
            market.futures, steering=partial(stored_steering, self.state)
        )
        self.clock = self._build_clock(config, market)
        self.engine = Engine(
            self.state,
            self.tracks,
            self.symbols,
            spread_bps=config.spread_bps,
            slippage_bps=config.slippage_bps,
            volume_share=config.volume_share,
            on_first_fill=self.limits.first_fill,
            on_change=self._tell,
        )
        self.futures = FuturesEngine(
            self.state,
            self.engine.ledger,
            self.futures_market,
            spread_bps=config.spread_bps,
            slippage_bps=config.slippage_bps,
            volume_share=config.volume_share,
            on_change=self._tell,
        )
        self.futures_rules = FuturesRules(
            self.state, self.futures_market.symbols, remember=self.futures.remember
        )
        self.accounts: Mapping[str, Account] = {
            spec.key: Account(
                uid=self.engine.ledger.open_account(spec, market_ms=self.clock.now_ms()),
                secret=spec.secret,
            )
            for spec in config.accounts
        }

    def _build_clock(self, config: ExchangeConfig, market: Market) -> MarketClock:
        stored = self.state.meta(MARKET_TIME)
        stored_ms = None if stored is None else int(stored)

        def store(market_ms: int) -> None:
            self.state.set_meta(MARKET_TIME, str(market_ms))

        if market.newest_ms is not None:
            return FollowingClock(followed_start_ms(market.newest_ms, stored_ms), store=store)
        return MarketClock(
            first_market_ms(market.sources, config.start, stored_ms),
            speed=config.speed,
            is_running=not config.is_paused,
            store=store,
        )

    def _build_tracks(self, listings: Mapping[str, Listing]) -> dict[str, Track]:
        return {
            name: Track(
                listing.source,
                tick=listing.symbol.tick_units,
                steering=stored_steering(self.state, name, SPOT),
            )
            for name, listing in listings.items()
        }

    def _steerable(self, symbol: str, of: str | None) -> dict[str, Track]:
        tracks = {
            SPOT: self.tracks,
            FUTURES: self.futures_market.tracks,
            MARK: self.futures_market.marks,
        }
        return {
            one: by_symbol[symbol]
            for one, by_symbol in tracks.items()
            if of in (None, one) and symbol in by_symbol
        }

    def _hold(
        self, symbol: str, of: str, price: int, *, from_ms: int, until_ms: int | None
    ) -> SteeredPrice:
        steering = self._steerable(symbol, of)[of].steering
        held = steering.hold(price, from_ms=from_ms, until_ms=until_ms)
        store_steering(self.state, symbol, of, steering)
        return held

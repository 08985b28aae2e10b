"""The faults of streams as a seed plays them: one after another, then all of them together."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import redis

from bots.tests.streams.looking import Onlooker, booked, executed
from bots.tests.streams.quick_feed import FeedProcess
from exchange.demo.testing import RunningExchange
from exchange.feed.tests.running import eventually
from exchange.market_data import feed_statuses

logger = logging.getLogger(__name__)

SPEED: Final = 100.0  # a minute of the market takes 0.6 seconds
_MINUTES: Final = 1.5  # of the market, that each fault lasts at least
_PATIENCE: Final = 25.0
_LOOK_SECONDS: Final = 0.1
_TOGETHER_SECONDS: Final = 4.0
_LINKS: Final = 4  # klines and account of either market
SYMBOLS: Final = ("BTCUSDT", "ETHUSDT")


@dataclass(frozen=True, kw_only=True)
class Play:
    """Who takes part. What happens is logged, for whoever reads a failure."""

    dice: random.Random
    venue: RunningExchange
    feed: FeedProcess
    forgetful: redis.Redis
    onlooker: Onlooker

    def one_after_another(self) -> None:
        """Let every fault happen alone, in the order of the dice."""
        acts = list(ACTS.items())
        self.dice.shuffle(acts)
        for name, act in acts:
            self._note(name)
            act(self)
            self.venue.clear_faults()

    def all_together(self) -> None:
        """Let all of them happen whenever the dice say so; the feed is killed once."""
        chosen = [{**fault, "probability": self.dice.uniform(0.005, 0.03)} for fault in BRIEF]
        self.dice.shuffle(chosen)
        self._set(chosen)
        killed_at = time.monotonic() + self.dice.uniform(0, _TOGETHER_SECONDS / 2)
        until = time.monotonic() + _TOGETHER_SECONDS
        was_killed = False
        while time.monotonic() < until:
            self._note(name := self.dice.choice(list(MOMENTS)))
            MOMENTS[name](self)
            if not was_killed and time.monotonic() > killed_at:
                was_killed = True
                self._note("killed")
                self.feed.kill()
                self.feed.start()
            self.watch(self.dice.uniform(0.1, 0.6))
        self._note(f"struck {[(one['action'], one['hits']) for one in self.venue.faults()]}")
        self.venue.clear_faults()

    def calm_down(self) -> None:
        """Go on without faults until everything is listened to again, and two minutes more."""
        self._note("calm")
        self.feed.wait()
        eventually(lambda: self._looked() and self._is_all_up())
        self.watch(2 * 60 / SPEED)

    def forget(self) -> None:
        """Let Redis forget everything."""
        self.forgetful.flushdb()

    def watch(self, seconds: float) -> None:
        """Let the market go on, and look at what everybody reads."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.onlooker.look()
            time.sleep(_LOOK_SECONDS)

    def strike(self, *faults: Mapping[str, Any]) -> None:
        """Set faults until each of them has hit, for some minutes at least, as prices move."""
        self._set(faults)
        given_up_at = time.monotonic() + _PATIENCE
        self.go_on()
        while not all(one["hits"] for one in self.venue.faults()):
            assert time.monotonic() < given_up_at, f"not struck: {self.venue.faults()}"
            self.go_on()

    def go_on(self, minutes: float = _MINUTES) -> None:
        """Let market time pass while prices move."""
        self.move_price()
        self.watch(minutes * 60 / SPEED)

    def move_price(self) -> None:
        """Move a symbol so far that stops or targets of positions fill, for a minute or two."""
        for symbol in SYMBOLS:
            price = Decimal(self.venue.control("price")[symbol]["price"])
            percent = Decimal(self.dice.choice((-9, -7, -5, 5, 7, 9))) / 10
            moved = (price * (100 + percent) / 100).quantize(Decimal("0.1"))
            self.venue.set_price(symbol, f"{moved}", seconds=self.dice.uniform(60, 120))

    def assert_all_is_booked(self) -> None:
        """What has been executed so far comes into the books, whatever the streams say."""
        known = executed(self.venue.ledger()).keys()
        eventually(lambda: self._looked() and known <= booked().keys(), within=_PATIENCE)

    def _set(self, faults: Iterable[Mapping[str, Any]]) -> None:
        for fault in faults:
            self.venue.set_fault(**{"times": None, **fault})

    def _looked(self) -> bool:
        self.onlooker.look()
        return True

    def _is_all_up(self) -> bool:
        statuses = feed_statuses().values()
        return len(statuses) == _LINKS and all(one.up for one in statuses)

    def _note(self, what: str) -> None:
        logger.info("market time %s: %s", f"{self.venue.market_time():%H:%M:%S}", what)


def _silent(play: Play) -> None:
    play.strike({"endpoint": "STREAM *@kline_*", "action": "silence", "seconds": 0})


def _users_silent(play: Play) -> None:
    """Only REST can find what becomes of the positions meanwhile."""
    before = executed(play.venue.ledger()).keys()
    play.strike(
        {"endpoint": "STREAM user", "action": "silence", "seconds": 0},
        {"endpoint": "STREAM um:user", "action": "silence", "seconds": 0},
    )
    assert executed(play.venue.ledger()).keys() > before
    play.assert_all_is_booked()


def _cut(play: Play) -> None:
    for _ in range(2):
        play.venue.cut_streams()
        play.go_on(1)


def _shut_down(play: Play) -> None:
    play.venue.control("streams", {"action": "shutdown", "seconds": play.dice.uniform(0.1, 1)})
    play.go_on()


def _expire(play: Play) -> None:
    play.venue.control("streams", {"action": "expire_listen_keys"})
    play.go_on()


def _kill(play: Play) -> None:
    play.feed.kill()
    play.go_on()
    play.feed.start()
    play.go_on()
    play.feed.wait()


def _flush(play: Play) -> None:
    for _ in range(2):
        play.forget()
        play.go_on(1)


Act = Callable[[Play], None]
ACTS: Final[Mapping[str, Act]] = {
    "silent stream": _silent,
    "24 h cut": _cut,
    "serverShutdown": _shut_down,
    "out of order": lambda play: play.strike(
        {"endpoint": "STREAM *", "action": "late", "seconds": 0.4, "probability": 0.3}
    ),
    "duplicates": lambda play: play.strike(
        {"endpoint": "STREAM *", "action": "duplicate", "probability": 0.5}
    ),
    "lost events": lambda play: play.strike(
        {"endpoint": "STREAM *", "action": "lose", "probability": 0.4}
    ),
    "freeze": lambda play: play.strike(
        {"endpoint": "STREAM *", "action": "freeze", "seconds": 2.0, "times": 3}
    ),
    "listenKey expired": _expire,
    "user stream silent": _users_silent,
    "feed killed and started again": _kill,
    "Redis flushed": _flush,
}
# Of all together: they have to end by themselves.
BRIEF: Final[tuple[Mapping[str, Any], ...]] = (
    {"endpoint": "STREAM *@kline_*", "action": "silence", "seconds": 1.0},
    {"endpoint": "STREAM *user", "action": "silence", "seconds": 1.0},
    {"endpoint": "STREAM *", "action": "cut"},
    {"endpoint": "STREAM *", "action": "shutdown", "seconds": 0.3},
    {"endpoint": "STREAM *", "action": "late", "seconds": 0.4},
    {"endpoint": "STREAM *", "action": "duplicate"},
    {"endpoint": "STREAM *", "action": "lose"},
    {"endpoint": "STREAM *", "action": "freeze", "seconds": 1.0},
)
MOMENTS: Final[Mapping[str, Act]] = {
    "price": Play.move_price,
    "cut": lambda play: play.venue.cut_streams(),
    "shutdown": lambda play: play.venue.control("streams", {"action": "shutdown", "seconds": 0.2}),
    "expire": lambda play: play.venue.control("streams", {"action": "expire_listen_keys"}),
    "flush": lambda play: play.forget(),
}

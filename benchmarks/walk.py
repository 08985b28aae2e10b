"""What it costs to let market time pass: the futures market beside the spot market.

    python benchmarks/walk.py

Without HTTP, on the bundled recording of BTCUSDT, the state in memory. Each account of the futures
market holds a position with a stop, a trailing stop and a resting order; each of the spot market
three resting orders. `far` orders are not reached: what is paid for is looking, funding, and the
peaks of the trailing stops. `near` ones lie a few hundredths of a percent apart, so that some of
them are. Each figure is the best of some runs on fresh books; statements of the state and questions
for a price are counted in a run of their own. Prints the rows of docs/measurements.md.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.venue_process import calibrate
from exchange.demo.accounts import parse_account
from exchange.demo.clock import DEFAULT_START
from exchange.demo.futures.asked import AlgoRequest
from exchange.demo.futures.asked import OrderRequest as FuturesOrderRequest
from exchange.demo.market.track import Track
from exchange.demo.state import State
from exchange.demo.times import DAY_MS, MINUTE_MS, to_milliseconds
from exchange.demo.trading.asked import OrderRequest
from exchange.demo.venue import ExchangeConfig, Venue

SYMBOL = "BTCUSDT"
START_MS = to_milliseconds(DEFAULT_START)
ACCOUNTS = (1, 10, 100)
JUMPS = {
    "1 minute": MINUTE_MS,
    "1 hour": 60 * MINUTE_MS,
    "8 hours": 480 * MINUTE_MS,
    "30 days": 30 * DAY_MS,
}
# One request a wall second at 60 times real time: an hour of market time in steps of a minute.
STEPS = 60
QUANTITY = Decimal("0.010")
TICK = Decimal("0.1")
RUNS = 3
LONGEST = 2.0  # seconds of the processor; what takes longer is measured once


@dataclass
class Counts:
    """How often the state was asked or changed, and a track for a price, while `is_on`."""

    is_on: bool = False
    statements: int = 0
    prices: int = 0


class Walked(NamedTuple):
    """What one call for a market costs."""

    seconds: float
    counts: Counts


def main() -> int:
    """Measure and print."""
    rows = [f"| calibration loop | {calibrate():.2f} s | | | | |"]
    rows.append(_row("30 days, nothing open", 0, [JUMPS["30 days"]]))
    rows += [
        _row(f"{name}, {_accounts(accounts)}", accounts, [jump])
        for accounts, (name, jump) in itertools.product(ACCOUNTS, JUMPS.items())
    ]
    steps, hour = [MINUTE_MS] * STEPS, [JUMPS["1 hour"]]
    rows += [_row(f"60 × 1 minute, {_accounts(one)}", one, steps) for one in ACCOUNTS]
    rows += [_row(f"1 hour, {_accounts(one)}, near", one, hour, near=True) for one in ACCOUNTS]
    head = (
        "| walk | futures | spot | futures : spot | statements / prices, futures | the same, spot |"
    )
    sys.stdout.write("\n".join([head, "|---|---|---|---|---|---|", *rows]) + "\n")
    return 0


def _accounts(number: int) -> str:
    return f"{number} account{'s' if number > 1 else ''}"


def _row(name: str, accounts: int, jumps: list[int], *, near: bool = False) -> str:
    futures = _measured(_open_futures, "futures", accounts, jumps, near=near)
    spot = _measured(_open_spot, "engine", accounts, jumps, near=near)
    ratio = futures.seconds / spot.seconds
    counts = [f"{one.counts.statements:,} / {one.counts.prices:,}" for one in (futures, spot)]
    times = [f"{one.seconds * 1000:,.2f} ms" for one in (futures, spot)]
    return f"| {name} | {times[0]} | {times[1]} | {ratio:.1f} × | {counts[0]} | {counts[1]} |"


def _measured(
    opened: Callable[..., None], engine: str, accounts: int, jumps: list[int], *, near: bool
) -> Walked:
    with _counting() as counts:
        _walked(opened, engine, accounts, jumps, near=near, counts=counts)
    found: list[float] = []
    while len(found) < RUNS and sum(found) < LONGEST:
        found.append(_walked(opened, engine, accounts, jumps, near=near, counts=Counts()))
    return Walked(min(found), counts)


def _walked(
    opened: Callable[..., None],
    engine: str,
    accounts: int,
    jumps: list[int],
    *,
    near: bool,
    counts: Counts,
) -> float:
    specs = [
        parse_account(f"{_key(number)}:{_key(number)}:USDT=100000,BTC=10,UM.USDT=100000")
        for number in range(accounts)
    ]
    venue = Venue(ExchangeConfig(is_paused=True, accounts=specs))
    try:
        for number, account in enumerate(venue.accounts.values()):
            opened(venue, account.uid, number if near else None)
        walk: Any = getattr(venue, engine)
        walk.advance(START_MS)
        counts.is_on = True
        started, at_ms = time.thread_time(), START_MS
        for jump in jumps:
            at_ms += jump
            walk.advance(at_ms)
        seconds = time.thread_time() - started
        counts.is_on = False
        return seconds
    finally:
        venue.close()


def _key(number: int) -> str:
    return f"bench{number:05d}" * 4


def _open_futures(venue: Venue, uid: int, near: int | None) -> None:
    engine, symbol = venue.futures, venue.futures_market.symbols[SYMBOL]
    last = Decimal(venue.futures_market.tracks[SYMBOL].price(START_MS)).scaleb(-8)
    engine.set_margin_type(uid, SYMBOL, "ISOLATED", at_ms=START_MS)
    engine.set_leverage(uid, SYMBOL, 2, at_ms=START_MS)
    buy = FuturesOrderRequest(symbol=symbol, side="BUY", type="MARKET", quantity=QUANTITY)
    engine.place(uid, buy, at_ms=START_MS)
    limit = FuturesOrderRequest(
        symbol=symbol,
        side="BUY",
        type="LIMIT",
        quantity=QUANTITY,
        price=_away(last, -1, near),
    )
    engine.place(uid, limit, at_ms=START_MS)
    stop = AlgoRequest(
        symbol=symbol,
        side="SELL",
        type="STOP_MARKET",
        quantity=QUANTITY,
        trigger_price=_away(last, -2, near),
        working_type="MARK_PRICE",
    )
    trailing = AlgoRequest(
        symbol=symbol,
        side="SELL",
        type="TRAILING_STOP_MARKET",
        quantity=QUANTITY,
        callback_rate=Decimal(20 if near is None else 1),
    )
    for algo in (stop, trailing):
        engine.place_algo(uid, algo, at_ms=START_MS)


def _open_spot(venue: Venue, uid: int, near: int | None) -> None:
    symbol = venue.symbols[SYMBOL]
    last = Decimal(venue.tracks[SYMBOL].price(START_MS)).scaleb(-8)
    for side, kind, price, stop_price in (
        ("BUY", "LIMIT", _away(last, -1, near), None),
        ("SELL", "STOP_LOSS", None, _away(last, -2, near)),
        ("SELL", "LIMIT", _away(last, 2, near), None),
    ):
        asked = OrderRequest(
            symbol=symbol,
            side=side,
            type=kind,
            quantity=QUANTITY,
            price=price,
            stop_price=stop_price,
        )
        venue.engine.place(uid, asked, at_ms=START_MS)


def _away(last: Decimal, steps: int, near: int | None) -> Decimal:
    """Return a price far from another, or some hundredths of a percent from it."""
    part = Decimal("0.15") if near is None else Decimal("0.0001") * (near % 40 + 1)
    return (last * (1 + steps * part)) // TICK * TICK


@contextmanager
def _counting() -> Iterator[Counts]:
    counts = Counts()
    kept = State.execute, State.execute_many, State.rows, Track.price

    def counted(method: Callable[..., Any], name: str) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            setattr(counts, name, getattr(counts, name) + counts.is_on)
            return method(*arguments, **named)

        return call

    State.execute = counted(kept[0], "statements")  # type: ignore[method-assign]
    State.execute_many = counted(kept[1], "statements")  # type: ignore[method-assign]
    State.rows = counted(kept[2], "statements")  # type: ignore[method-assign]
    Track.price = counted(kept[3], "prices")  # type: ignore[method-assign]
    try:
        yield counts
    finally:
        State.execute, State.execute_many, State.rows, Track.price = kept  # type: ignore[method-assign]


if __name__ == "__main__":
    sys.exit(main())

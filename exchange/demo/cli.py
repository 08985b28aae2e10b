"""The exchange's command line, for `manage.py demo_exchange` and `python -m exchange.demo`."""

from __future__ import annotations

import argparse
import math
import signal
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

from exchange.demo.accounts import parse_accounts
from exchange.demo.clock import DEFAULT_SPEED, DEFAULT_START, MAXIMUM_SPEED
from exchange.demo.price_options import add_price_arguments, price_choices
from exchange.demo.server import Server, run_until_signal
from exchange.demo.times import iso, parse_moment
from exchange.demo.trading.book import DEFAULT_SPREAD_BPS
from exchange.demo.trading.quotes import DEFAULT_VOLUME_SHARE
from exchange.demo.venue import DEFAULT_SLIPPAGE_BPS, ExchangeConfig

DEFAULT_PORT: Final = 9080
_HIGHEST_PORT: Final = 65_535
_LAST_YEAR: Final = 2100
_WIDEST_SPREAD: Final = Decimal(1000)
HELP: Final = (
    "Run the built-in exchange: Binance's spot and futures REST APIs over recorded, random or"
    " mirrored prices, with paper money."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add every option of the exchange to a parser."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=_port, default=DEFAULT_PORT, help="0 takes any free port")
    parser.add_argument(
        "--speed", type=_speed, help=f"market seconds per wall second (default {DEFAULT_SPEED:g})"
    )
    parser.add_argument(
        "--start",
        type=_moment,
        metavar="MINUTE",
        help=f"market time of a new state, ISO 8601 (default {DEFAULT_START:%Y-%m-%dT%H:%MZ})",
    )
    parser.add_argument(
        "--paused", action="store_true", help="let market time stand still until it is released"
    )
    add_price_arguments(parser)
    parser.add_argument(
        "--account",
        action="append",
        default=[],
        metavar="KEY:SECRET:USDT=10000,BTC=0.5",
        help="an account; may be repeated",
    )
    parser.add_argument(
        "--accounts-file",
        action="append",
        type=Path,
        default=[],
        metavar="FILE",
        help="accounts, one per line; # starts a comment",
    )
    parser.add_argument(
        "--state-dir",
        type=Path,
        metavar="DIR",
        help="where to survive a restart (default: nowhere)",
    )
    parser.add_argument(
        "--spread-bps",
        type=_spread,
        default=DEFAULT_SPREAD_BPS,
        help="distance of ask and bid in hundredths of a percent",
    )
    parser.add_argument(
        "--slippage-bps",
        type=_spread,
        default=DEFAULT_SLIPPAGE_BPS,
        help="distance of two levels of the book in hundredths of a percent, at least a tick",
    )
    parser.add_argument(
        "--volume-share",
        type=_share,
        default=DEFAULT_VOLUME_SHARE,
        help="part of a minute's volume that one resting order may get, above 0 and up to 1",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="of random walks, and of faults with a probability"
    )


def run(options: Mapping[str, Any], *, write: Callable[[str], object]) -> None:
    """Serve until SIGTERM or SIGINT. DemoExchangeError says why it cannot start."""
    config = ExchangeConfig(
        host=options["host"],
        port=options["port"],
        speed=DEFAULT_SPEED if options["speed"] is None else options["speed"],
        start=options["start"],
        is_paused=options["paused"],
        **price_choices(options),
        accounts=parse_accounts(options["account"], options["accounts_file"]),
        state_dir=options["state_dir"],
        spread_bps=options["spread_bps"],
        slippage_bps=options["slippage_bps"],
        volume_share=options["volume_share"],
        seed=options["seed"],
    )

    def announce(server: Server) -> None:
        clock = server.venue.clock
        write(
            f"Demo exchange listening on http://{config.host}:{server.port},"
            f" market time {iso(clock.now_ms())}, speed {clock.speed:g}\n"
        )

    run_until_signal(config, signals=(signal.SIGTERM, signal.SIGINT), on_listening=announce)


def _port(value: str) -> int:
    if not value.isdecimal() or int(value) > _HIGHEST_PORT:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to {_HIGHEST_PORT}: {value!r}")
    return int(value)


def _speed(value: str) -> float:
    try:
        speed = float(value)
    except ValueError:
        speed = math.nan
    if not 0 < speed <= MAXIMUM_SPEED:
        raise argparse.ArgumentTypeError(
            f"must be a number above 0 and up to {MAXIMUM_SPEED:g}: {value!r}"
        )
    return speed


def _moment(value: str) -> datetime:
    try:
        moment = parse_moment(value)
    except (ValueError, OverflowError):
        message = f"must be a moment in ISO 8601 like 2025-05-12T03:20Z: {value!r}"
        raise argparse.ArgumentTypeError(message) from None
    if moment.year > _LAST_YEAR:
        raise argparse.ArgumentTypeError(f"must not lie after the year {_LAST_YEAR}: {value!r}")
    return moment


def _spread(value: str) -> Decimal:
    spread = _number(value)
    if not 0 <= spread <= _WIDEST_SPREAD:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to {_WIDEST_SPREAD}: {value!r}")
    return spread


def _share(value: str) -> Decimal:
    share = _number(value)
    if not 0 < share <= 1:
        raise argparse.ArgumentTypeError(f"must be a number above 0 and up to 1: {value!r}")
    return share


def _number(value: str) -> Decimal:
    try:
        number = Decimal(value)
    except InvalidOperation:
        number = Decimal("NaN")
    # NaN cannot be compared; whatever is no number is out of every range.
    return number if number.is_finite() else Decimal(-1)

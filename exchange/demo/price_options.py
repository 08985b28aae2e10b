"""The options that say where prices come from, and which of them exclude each other."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from exchange.demo.errors import DemoExchangeError
from exchange.demo.market.recording import BUNDLED_DIRECTORY
from exchange.demo.market.sources import DEFAULT_WALKS, Prices
from exchange.demo.market.walk import CHEAPEST, DEAREST
from exchange.demo.venue import DEFAULT_MIRROR_URL, DEFAULT_MIRRORED

_SYMBOL: Final = re.compile(r"[A-Z0-9]{5,20}")
# Options that mean nothing beside a kind of prices: refused, not ignored.
_EXCLUDED: Final = {
    Prices.RECORDED: ("mirror_url", "symbols"),
    Prices.WALK: ("market_data", "mirror_url", "symbols"),
    Prices.MIRROR: ("market_data", "walk", "speed", "start", "paused"),
}


def add_price_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of recordings, random walks and the mirror."""
    parser.add_argument(
        "--prices",
        type=_prices,
        default=Prices.RECORDED,
        metavar="recorded|walk|mirror",
        help="where prices come from (default recorded)",
    )
    parser.add_argument(
        "--market-data",
        type=Path,
        metavar="DIR",
        help="recorded klines (default: the bundled month)",
    )
    usual = ", ".join(f"{name}={price}" for name, price in DEFAULT_WALKS.items())
    parser.add_argument(
        "--walk",
        action="append",
        type=_walk,
        default=[],
        metavar="SYMBOL=PRICE",
        help=f"a random walk, beside recordings or with --prices walk (then by default {usual});"
        " may be repeated",
    )
    parser.add_argument(
        "--mirror-url",
        type=_origin,
        metavar="URL",
        help=f"venue that --prices mirror follows (default {DEFAULT_MIRROR_URL})",
    )
    parser.add_argument(
        "--symbols",
        type=_symbols,
        metavar="BTCUSDT,ETHUSDT",
        help=f"symbols of the mirror (default {','.join(DEFAULT_MIRRORED)})",
    )


def price_choices(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of ExchangeConfig; DemoExchangeError names options that do not fit."""
    prices: Prices = options["prices"]
    for name in _EXCLUDED[prices]:
        # What was not given is None, an empty list or False.
        if options[name] not in (None, [], False):
            option = f"--{name.replace('_', '-')}"
            raise DemoExchangeError(f"{option} has no meaning with --prices {prices}")
    walks: dict[str, Decimal] = {}
    for name, price in options["walk"]:
        if name in walks:
            raise DemoExchangeError(f"--walk {name} was given twice")
        walks[name] = price
    return {
        "prices": prices,
        "market_data": options["market_data"] or BUNDLED_DIRECTORY,
        "walks": walks,
        "mirror_url": options["mirror_url"] or DEFAULT_MIRROR_URL,
        "mirrored": options["symbols"] or DEFAULT_MIRRORED,
    }


def _prices(value: str) -> Prices:
    try:
        return Prices(value)
    except ValueError:
        kinds = ", ".join(Prices)
        raise argparse.ArgumentTypeError(f"must be one of {kinds}: {value!r}") from None


def _walk(value: str) -> tuple[str, Decimal]:
    name, _, price_text = value.partition("=")
    if _SYMBOL.fullmatch(name) is None:
        raise argparse.ArgumentTypeError(f"must be SYMBOL=PRICE like BNBUSDT=600: {value!r}")
    try:
        price = Decimal(price_text)
    except InvalidOperation:
        price = Decimal("NaN")
    if not price.is_finite() or not CHEAPEST <= price <= DEAREST or price % CHEAPEST:
        raise argparse.ArgumentTypeError(
            f"the price must be a number from {CHEAPEST} to {DEAREST},"
            f" a multiple of {CHEAPEST}: {value!r}"
        )
    return name, price


def _symbols(value: str) -> tuple[str, ...]:
    names = tuple(value.split(","))
    if not all(map(_SYMBOL.fullmatch, names)) or len(set(names)) != len(names):
        raise argparse.ArgumentTypeError(f"must be symbols like BTCUSDT,ETHUSDT: {value!r}")
    return names


def _origin(value: str) -> str:
    try:
        parts = urlsplit(value)
    except ValueError as e:
        raise argparse.ArgumentTypeError(f"{e}: {value!r}") from None
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path not in ("", "/"):
        raise argparse.ArgumentTypeError(
            f"must be an origin without a path, like {DEFAULT_MIRROR_URL}: {value!r}"
        )
    if parts.query or parts.fragment or parts.username:
        raise argparse.ArgumentTypeError(f"must be nothing but scheme, host and port: {value!r}")
    return value.rstrip("/")

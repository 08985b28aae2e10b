"""A kline event of either market as a domain value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from exchange.binance.parsing import amount, boolean, mapping, moment, positive, required, text
from exchange.domain.streams import KlineStream, KlineUpdate
from exchange.domain.types import Kline

KLINE_EVENT: Final = "kline"


def stream_name(stream: KlineStream) -> str:
    """Return what the venue calls the stream: symbols in lower case."""
    return f"{stream.symbol.lower()}@kline_{stream.interval}"


def kline_update(event: Mapping[str, Any]) -> KlineUpdate:
    """Read a kline event; MalformedReplyError names the field that is missing or nonsense.

    Spot: web-socket-streams.md of binance-spot-api-docs. Futures: the same fields.
    """
    row = mapping(required(event, "k"), "k")
    return KlineUpdate(
        stream=KlineStream(text(row, "s"), text(row, "i")),
        kline=Kline(
            open_time=moment(row, "t"),
            close_time=moment(row, "T"),
            open=positive(row, "o"),
            high=positive(row, "h"),
            low=positive(row, "l"),
            close=positive(row, "c"),
            volume=amount(row, "v"),
            is_closed=boolean(row, "x"),
        ),
        event_time=moment(event, "E"),
    )

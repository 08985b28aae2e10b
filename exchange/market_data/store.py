"""The klines of a series in Redis: closed ones that can no longer change, and the running one.

What a stream says is only ever put behind what is there: it closes no gap, changes no closed kline
and never goes back. What the venue answers to a request is the truth and replaces what it overlaps.
Redis may forget everything at any moment; then a series is empty until somebody fills it.
Every method may raise redis.RedisError.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from django.utils import timezone

from exchange.domain.clock import from_milliseconds, to_milliseconds
from exchange.domain.intervals import interval_milliseconds
from exchange.domain.streams import KlineUpdate, Series
from exchange.domain.types import Kline
from exchange.market_data import names, store_scripts
from exchange.market_data.announcements import ClosedKline, announcement, beginning
from exchange.market_data.clock import RESTARTED_AFTER
from exchange.market_data.connection import connection as shared_connection
from exchange.market_data.encoding import closed_kline, encoded, open_kline
from exchange.market_data.kept import (
    CLOCKS_DIFFER,
    KEPT,
    KEPT_AT_LEAST,
    LEAD,
    WHOLE_LASTS,
    Added,
    Cached,
    Filled,
    Seen,
    Source,
    must_have_closed,
)

__all__ = [
    "KEPT",
    "Added",
    "Cached",
    "ClosedKline",
    "Filled",
    "Seen",
    "SeriesStore",
    "Source",
    "announcement",
    "must_have_closed",
]

logger = logging.getLogger(__name__)

LIVES: Final = timedelta(days=2)  # wall time, after the last write
_MILLISECOND: Final = timedelta(milliseconds=1)


class SeriesStore:
    """Reads and writes the kline cache; one may be shared between threads.

    connection   a redis.Redis of its own, otherwise this process's shared one
    """

    def __init__(self, connection: Any | None = None) -> None:
        self._own = connection

    def add(self, series: Series, update: KlineUpdate, *, seen_at: datetime) -> Added:
        """Put an event of the series' stream behind what is there; `seen_at` is wall time.

        A closed kline is announced on `names.closed_channel()` in the same step, once, whoever
        brings it.
        """
        kline = update.kline
        answer = self._run(
            store_scripts.ADD,
            series,
            to_milliseconds(kline.open_time),
            encoded(kline),
            int(kline.is_closed),
            to_milliseconds(update.event_time),
            to_milliseconds(seen_at),
            interval_milliseconds(series.interval),
            RESTARTED_AFTER // _MILLISECOND,
            names.closed_channel(),
            beginning(series),
            to_milliseconds(timezone.now()),
            *_bounds(),
        )
        return Added(answer.decode())

    def fill(
        self,
        series: Series,
        klines: Sequence[Kline],
        *,
        market_time: datetime,
        seen_at: datetime,
        source: Source = Source.REQUEST,
        is_whole: bool = False,
        forgets_older: bool = False,
    ) -> Filled:
        """Take over what the venue answered to a request for the newest klines, oldest first.

        market_time  any time that the market had reached before the request
        seen_at      wall time BEFORE the request was sent
        is_whole     the venue has nothing that is older
        forgets_older  what is kept from before these klines cannot be trusted any more

        It replaces what it overlaps; the newest closed kline is announced when it is newer than
        what was there. Klines that the venue does not know (yet) are kept when they came after
        the request; otherwise they belong to another recording, and everything is forgotten.
        Klines without any closed one among them change nothing.
        """
        closed = [kline for kline in klines if kline.is_closed]
        if not closed:
            return Filled(new=0, corrected=0)
        running = next((kline for kline in reversed(klines) if not kline.is_closed), None)
        # Some symbols' tickers stand still between two trades; what has opened proves more.
        market_time = max(market_time, klines[-1].open_time)
        new, corrected, restarted = self._run(
            store_scripts.FILL,
            series,
            to_milliseconds(market_time),
            to_milliseconds(seen_at),
            source.value,
            interval_milliseconds(series.interval),
            RESTARTED_AFTER // _MILLISECOND,
            2 if forgets_older else int(is_whole and len(closed) <= KEPT),
            to_milliseconds(must_have_closed(market_time, series.interval)),
            names.closed_channel(),
            beginning(series),
            to_milliseconds(timezone.now()),
            *_bounds(),
            "" if running is None else to_milliseconds(running.open_time),
            "" if running is None else encoded(running),
            LEAD // _MILLISECOND,
            *_lines(closed),
        )
        filled = Filled(new=int(new), corrected=int(corrected), was_restarted=int(restarted) == 1)
        _tell(series, filled)
        return filled

    def confirm(self, series: Series, *, seen_at: datetime) -> bool:
        """Note that there was nothing newer at `seen_at` (wall time); False when it is empty."""
        answer = self._run(store_scripts.CONFIRM, series, to_milliseconds(seen_at), *_bounds())
        return bool(answer)

    def read(self, series: Series, count: int) -> Cached | None:
        """Return the newest `count` closed klines and the running one; None when it is empty.

        ValueError when `count` is not positive.
        """
        if count < 1:
            raise ValueError(f"count must be positive, was {count}")
        with self._connection.pipeline(transaction=True) as steps:
            steps.zrevrange(names.closed_klines(series), 0, count - 1)
            steps.hgetall(names.newest(series))
            lines, told = steps.execute()
        if not lines or b"event" not in told:
            return None
        return _cached(lines, told)

    def ages(self, series: Sequence[Series]) -> dict[Series, Seen]:
        """Return how old each series is, in one round trip; those that are empty are left out."""
        fields = ("seen", "source", "event", "closed", "streamed")
        with self._connection.pipeline(transaction=False) as steps:
            for one in series:
                steps.hmget(names.newest(one), fields)
            rows = steps.execute() if series else []
        return {
            one: Seen(
                seen_at=_moment(seen),
                source=Source(source.decode()),
                market_time=_moment(event),
                newest_closed=_moment(closed),
                streamed_at=_moment(streamed) if streamed else None,
            )
            for one, (seen, source, event, closed, streamed) in zip(series, rows, strict=True)
            if seen and source and event and closed
        }

    def drop(self, series: Series) -> None:
        """Forget a series."""
        self._connection.delete(names.closed_klines(series), names.newest(series))

    @property
    def _connection(self) -> Any:
        return shared_connection() if self._own is None else self._own

    def _run(self, script: str, series: Series, *values: str | int) -> Any:
        keys = [names.closed_klines(series), names.newest(series)]
        return _script(script)(keys=keys, args=values, client=self._connection)


@lru_cache
def _script(text: str) -> Callable[..., Any]:
    # Called by its digest; whichever server does not know it yet is told the text.
    script: Callable[..., Any] = shared_connection().register_script(text)
    return script


def _bounds() -> tuple[int, int, int, int]:
    return KEPT_AT_LEAST, KEPT, LIVES // _MILLISECOND, CLOCKS_DIFFER // _MILLISECOND


def _lines(closed: Sequence[Kline]) -> list[str | int]:
    lines: list[str | int] = []
    for kline in closed[-KEPT:]:
        lines += (to_milliseconds(kline.open_time), encoded(kline))
    return lines


def _cached(lines: Sequence[bytes], told: Mapping[bytes, bytes]) -> Cached:
    running, streamed, asked, missing, whole = (
        told.get(name) for name in (b"open", b"streamed", b"asked", b"missing", b"whole")
    )
    seen_at = _moment(told[b"seen"])
    return Cached(
        closed=tuple(map(closed_kline, reversed(lines))),
        open=open_kline(running) if running else None,
        market_time=_moment(told[b"event"]),
        seen_at=seen_at,
        source=Source(told[b"source"].decode()),
        streamed_at=_moment(streamed) if streamed else None,
        asked_at=_moment(asked) if asked else None,
        is_whole=whole is not None and abs(seen_at - _moment(whole)) < WHOLE_LASTS,
        missing=_moment(missing) if missing else None,
        misses=int(told.get(b"misses", 0)),
    )


def _moment(value: bytes) -> datetime:
    return from_milliseconds(int(value))


def _tell(series: Series, filled: Filled) -> None:
    if filled.was_restarted:
        logger.warning("%s: the market was set up anew, its klines were read again", series)
    if filled.corrected:
        logger.warning(
            "%s: %s closed klines were not as the venue has them and were replaced",
            series,
            filled.corrected,
        )

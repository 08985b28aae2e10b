"""The one thread that writes what the streams say to Redis, in their order."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from time import sleep
from typing import Any, Final, Protocol

import redis

from exchange.domain.streams import Series
from exchange.feed.inbox import Batch, Inbox, Word
from exchange.market_data import Added, SeriesStore, note_market_time

logger = logging.getLogger(__name__)

_OUTAGE_PAUSE: Final = 0.5
_IN_VAIN: Final = frozenset({Added.GAP, Added.EMPTY, Added.RESTARTED})


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a word."""

    series: Series
    word: Word
    added: Added

    @property
    def needs_filling(self) -> bool:
        """Say whether the store has to hear from REST before it takes this word."""
        return self.added in _IN_VAIN


class Publisher(Protocol):
    """As much of a Redis connection as publishing takes."""

    def publish(self, channel: str, message: str) -> Any: ...
    def ping(self) -> Any: ...


class Writer:
    """Empties an inbox into the store until it is stopped.

    on_written   what became of each word; called from the writer's thread
    on_back      Redis answers again, and letters were lost meanwhile; from the same thread

    A word that does not fit is returned to the inbox with all behind it, and the series is held:
    whoever fills the store releases it. While Redis does not answer, words wait and letters are
    dropped.
    """

    def __init__(
        self,
        inbox: Inbox,
        store: SeriesStore,
        publisher: Publisher,
        *,
        on_written: Callable[[Written], None],
        on_back: Callable[[], None],
    ) -> None:
        self._inbox = inbox
        self._store = store
        self._publisher = publisher
        self._on_written = on_written
        self._on_back = on_back
        self._is_stopped = threading.Event()
        self._is_cut_off = False
        self._lost_letters = False

    def run(self) -> None:
        """Write until `stop`; then what has been taken is written and the rest is left."""
        while not self._is_stopped.is_set():
            batch = self._inbox.take()
            try:
                self._write(batch)
            except redis.RedisError as error:
                self._cut_off(batch, error)

    def stop(self) -> None:
        """Let `run` return soon; from any thread."""
        self._is_stopped.set()
        self._inbox.wake()

    def _write(self, batch: Batch) -> None:
        if self._is_cut_off:
            self._publisher.ping()
        while batch.letters:
            letter = batch.letters[0]
            self._publisher.publish(letter.channel, letter.text)
            batch.letters.pop(0)
        while batch.words:
            series, words = batch.words[0]
            trouble = self._write_line(series, words)
            if trouble:
                self._inbox.hold(series)
                self._inbox.put_back(series, words)
            batch.words.pop(0)
            if trouble:
                # Not earlier: the answer, which lets the series go, may come at once.
                self._on_written(trouble)
        for (environment, market), (market_time, seen_at) in batch.times.items():
            note_market_time(environment, market, market_time, seen_at=seen_at)
        if self._is_cut_off:
            self._is_back()

    def _write_line(self, series: Series, words: list[Word]) -> Written | None:
        """Write the words of a series; return what became of the first that does not fit."""
        while words:
            word = words[0]
            written = Written(
                series, word, self._store.add(series, word.update, seen_at=word.seen_at)
            )
            if written.needs_filling:
                return written
            self._on_written(written)
            words.pop(0)
        return None

    def _cut_off(self, batch: Batch, error: redis.RedisError) -> None:
        if not self._is_cut_off:
            logger.warning("Redis does not answer (%s): klines wait", type(error).__name__)
        self._is_cut_off = True
        self._lost_letters = self._lost_letters or bool(batch.letters)
        for series, words in batch.words:
            self._inbox.put_back(series, words)
        if not self._is_stopped.is_set():
            sleep(_OUTAGE_PAUSE)

    def _is_back(self) -> None:
        logger.warning("Redis answers again")
        self._is_cut_off = False
        if self._lost_letters:
            self._lost_letters = False
            self._on_back()

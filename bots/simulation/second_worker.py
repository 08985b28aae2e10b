"""Somebody else with database connections of his own, who acts while a tick stands still."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, TypeVar

from django.db import connections

from bots.simulation.worker import ALIASES

T = TypeVar("T")
# Longer than any lock_timeout: who waits for what the other holds has to give up first.
_PATIENCE_SECONDS: Final = 60.0


class SecondWorker:
    """Runs one thing at a time in another thread, while the calling one waits.

    What belongs to the calling thread (the demo exchange's books) is asked for there, by `ask`.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="second-worker")
        self._asked: queue.Queue[tuple[Callable[[], Any], Future[Any]] | None] = queue.Queue()
        self._home = threading.get_ident()

    @property
    def is_here(self) -> bool:
        """Say whether the thread that asks is the second worker's."""
        return threading.get_ident() != self._home

    def run(self, job: Callable[[], T]) -> T:
        """Return what `job` returns; it runs with connections of its own."""
        done = self._pool.submit(job)
        done.add_done_callback(lambda _: self._asked.put(None))
        while (asked := self._asked.get(timeout=_PATIENCE_SECONDS)) is not None:
            _answer(*asked)
        return done.result()

    def ask(self, job: Callable[[], T]) -> T:
        """Return what `job` returns in the thread that called `run`."""
        answer: Future[T] = Future()
        self._asked.put((job, answer))
        return answer.result(timeout=_PATIENCE_SECONDS)

    def close(self) -> None:
        """Close its connections and end it."""
        self.run(_close_connections)
        self._pool.shutdown()


def _answer(job: Callable[[], Any], answer: Future[Any]) -> None:
    try:
        answer.set_result(job())
    except BaseException as error:  # noqa: BLE001 - handed to the thread that asked
        answer.set_exception(error)


def _close_connections() -> None:
    for alias in ALIASES:
        connections[alias].close()

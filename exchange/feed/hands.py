"""Threads that do what the loop must not wait for."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Collection
from time import monotonic
from typing import Any, ParamSpec, TypeVar

from django.db import connections

from exchange.registry import close_gateways

P = ParamSpec("P")
T = TypeVar("T")

_Job = tuple[asyncio.Future[Any], Callable[[], Any]]


class Hands:
    """A few threads with connections of their own. Unlike a pool's, they never hold up the end.

    count   how many jobs run at once
    """

    def __init__(self, name: str, *, count: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._is_dismissed = False
        self._threads = [
            threading.Thread(target=self._work, name=f"{name}-{number}", daemon=True)
            for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    async def do(self, job: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `job` returns, or raise what it raises."""
        future: asyncio.Future[T] = self._loop.create_future()
        self._jobs.put((future, lambda: job(*args, **kwargs)))
        return await future

    def dismiss(self) -> None:
        """Let the threads end after what they do now; what still waits is left."""
        self._is_dismissed = True
        for _ in self._threads:
            self._jobs.put(None)

    def join(self, *, until: float) -> None:
        """Wait for the threads' end, at most `until` (monotonic seconds)."""
        for thread in self._threads:
            thread.join(max(until - monotonic(), 0.0))

    def _work(self) -> None:
        try:
            while (task := self._jobs.get()) is not None:
                self._do(*task)
        finally:
            close_gateways()
            connections.close_all()

    def _do(self, future: asyncio.Future[Any], job: Callable[[], Any]) -> None:
        if future.cancelled() or self._is_dismissed:
            return
        try:
            result = job()
        except Exception as error:  # noqa: BLE001  # handed to whoever waits for it
            self._tell(future, future.set_exception, error)
        else:
            self._tell(future, future.set_result, result)

    def _tell(self, future: asyncio.Future[Any], tell: Callable[[Any], None], what: Any) -> None:
        def settle() -> None:
            if not future.done():
                tell(what)

        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(settle)


def stop_all(every: Collection[Hands], *, patience: float) -> None:
    """Let all threads end; wait up to `patience` seconds for all of them together."""
    for hands in every:
        hands.dismiss()
    until = monotonic() + patience
    for hands in every:
        hands.join(until=until)

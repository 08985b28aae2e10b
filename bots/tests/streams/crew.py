"""The real dispatcher, and workers that are threads of the test instead of Celery's processes."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final

import pytest
from celery import current_app
from django.db import connections

from bots.dispatch.process import Dispatcher
from bots.dispatch.queue import TICK
from bots.tasks import run_bot_task
from exchange.registry import close_gateways

_WORKERS: Final = 3
_PATIENCE: Final = 20.0

_Job = tuple[float, int]  # when it expires (monotonic seconds), and the bot


class Crew:
    """Lets bots tick as an installation does, while the `with` block runs.

    answers   what the ticks came to, by the first words of the task
    """

    def __init__(self) -> None:
        self.answers: list[str] = []
        self._jobs: queue.Queue[_Job | None] = queue.Queue()
        self._failures: list[BaseException] = []
        self._dispatcher = Dispatcher()
        self._dispatching = self._thread(self._dispatcher.run)
        self._working = [self._thread(self._work) for _ in range(_WORKERS)]
        self._patch = pytest.MonkeyPatch()

    def __enter__(self) -> Crew:
        self._patch.setattr(current_app, "send_task", self._send)
        for thread in (self._dispatching, *self._working):
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._dispatcher.stop()
        self._dispatching.join(_PATIENCE)
        for _ in self._working:
            self._jobs.put(None)
        for thread in self._working:
            thread.join(_PATIENCE)
        self._patch.undo()
        assert not any(one.is_alive() for one in (self._dispatching, *self._working))
        if error is None and self._failures:
            raise self._failures[0]

    def _send(self, name: str, args: tuple[int], expires: float) -> None:
        assert name == TICK
        self._jobs.put((time.monotonic() + expires, args[0]))

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            expires_at, bot_id = job
            if time.monotonic() < expires_at:
                self.answers.append(run_bot_task(bot_id))

    def _thread(self, run: Callable[[], Any]) -> threading.Thread:
        def serve() -> None:
            try:
                run()
            except BaseException as failure:  # noqa: BLE001  # raised where the block ends
                self._failures.append(failure)
            finally:
                close_gateways()
                connections.close_all()

        return threading.Thread(target=serve, daemon=True)

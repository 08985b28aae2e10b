"""Turn Ctrl-C and SIGTERM into a flag that the one loop looks at."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Self

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopSignals:
    """While active, count requests to stop (`last`: the newest) instead of raising.

    `wake_up` becomes readable at every signal, a child's end included, so that a waiting
    selector returns at once.
    """

    def __init__(self) -> None:
        self.requests = 0
        self.last = 0
        self.wake_up, self._writer = socket.socketpair()
        self._previous: dict[signal.Signals, Callable[[int, FrameType | None], object] | int] = {}
        self._previous_wake_up = -1

    def __enter__(self) -> Self:
        self.wake_up.settimeout(0)
        self._writer.settimeout(0)
        self._previous_wake_up = signal.set_wakeup_fd(
            self._writer.fileno(), warn_on_full_buffer=False
        )
        for number in STOP_SIGNALS:
            # Under nohup SIGHUP is ignored on purpose; leave it so.
            if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
                continue
            self._handle(number, self._count)
        self._handle(signal.SIGCHLD, _only_wake_up)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._previous_wake_up)
        self.wake_up.close()
        self._writer.close()

    def clear_wake_up(self) -> None:
        """Forget the signals that woke the selector."""
        try:
            while self.wake_up.recv(512):
                pass
        except BlockingIOError:
            return

    def _handle(
        self, number: signal.Signals, handler: Callable[[int, FrameType | None], object]
    ) -> None:
        self._previous[number] = signal.signal(number, handler) or signal.SIG_DFL

    def _count(self, number: int, _frame: FrameType | None) -> None:
        self.requests += 1
        self.last = number


def _only_wake_up(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: the descriptor set by set_wakeup_fd has already been written."""

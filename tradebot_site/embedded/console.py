"""What the user reads: one line per step with its seconds, on a terminal or in a file."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from tradebot_site.embedded.rotation import RotatingLog

TITLE_WIDTH = 44


class Console:
    """Write lines to a stream, errors to another one when given, and all to a log when told to.

    A stream that goes away (closed pipe, closed terminal) is dropped: losing the reader
    must not stop the product.
    """

    def __init__(self, stream: TextIO, *, errors: TextIO | None = None) -> None:
        self._stream: TextIO | None = stream
        self._errors = errors
        self._log: RotatingLog | None = None
        self._line_is_open = False

    def log_to(self, log: RotatingLog | None) -> None:
        """Copy every later line to `log`, without what was said in private."""
        self._log = log

    def drop_stream(self) -> None:
        """Write to the log alone from now on."""
        self._stream = None
        self._line_is_open = False

    def say(self, text: str = "", *, private: bool = False) -> None:
        """Print `text`; with `private` (passwords) to the stream alone, never to the log."""
        self._end_open_line()
        self._write(f"{text}\n")
        if not private:
            self._write_log(text)

    def fail(self, text: str) -> None:
        """Print the reason of a failure."""
        if self._errors is None:
            self.say(text)
            return
        self._end_open_line()
        self._errors.write(f"{text}\n")
        self._errors.flush()
        self._write_log(text)

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Show `title` while the body runs, then the seconds it took."""
        label = f"  {title} ".ljust(TITLE_WIDTH, ".")
        self._write(label)
        self._line_is_open = True
        started = time.monotonic()
        try:
            yield
        except BaseException:
            self._finish(label, f"stopped after {time.monotonic() - started:.1f} s")
            raise
        self._finish(label, f"{time.monotonic() - started:.1f} s")

    def _finish(self, label: str, outcome: str) -> None:
        self._write(f" {outcome}\n" if self._line_is_open else f"{label} {outcome}\n")
        self._line_is_open = False
        self._write_log(f"{label} {outcome}")

    def _end_open_line(self) -> None:
        if self._line_is_open:
            self._write("\n")
            self._line_is_open = False

    def _write(self, text: str) -> None:
        if self._stream is None:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:
            self._stream = None

    def _write_log(self, text: str) -> None:
        if self._log is not None:
            stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
            self._log.write(f"{stamp} {text}\n".encode(errors="replace"))

"""`logs`: show and follow what the processes have written."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from tradebot_site.embedded.console import Console
from tradebot_site.embedded.errors import FrontDoorError
from tradebot_site.embedded.layout import Layout, check_version

SHOWN_LINES = 200
LOOK_SECONDS = 0.3


class UnknownLogError(FrontDoorError):
    """There is no log of that name."""

    exit_code = 2


def show_logs(layout: Layout, *, name: str | None, follow: bool, console: Console) -> int:
    """Print the newest lines of one log, or of all with their names in front.

    follow   go on printing until Ctrl-C
    """
    check_version(layout)
    tails = [_Tail(path, prefix="" if name else f"{path.stem} | ") for path in _paths(layout, name)]
    for tail in tails:
        for line in tail.newest():
            console.say(line)
    if follow:
        with suppress(KeyboardInterrupt):  # the usual way to end it
            _follow(tails, console)
    return 0


def _follow(tails: Sequence[_Tail], console: Console) -> None:
    while True:
        for tail in tails:
            for line in tail.added():
                console.say(line)
        time.sleep(LOOK_SECONDS)


def _paths(layout: Layout, name: str | None) -> list[Path]:
    found = sorted(layout.logs.glob("*.log"))
    if name is None:
        return found
    if layout.log(name) not in found:
        names = ", ".join(path.stem for path in found) or "none yet"
        raise UnknownLogError(f"There is no log called {name!r}. There are: {names}.")
    return [layout.log(name)]


@dataclass(slots=True)
class _Tail:
    path: Path
    prefix: str
    file: BinaryIO | None = None
    rest: bytes = field(default=b"")

    def newest(self) -> list[str]:
        """Return the last lines that are there."""
        return list(deque(self.added(), maxlen=SHOWN_LINES))

    def added(self) -> list[str]:
        """Return the whole lines written since the last call, across a turn-over."""
        if self.file is None:
            self.file = self._open()
        if self.file is None:
            return []
        data = self.file.read()
        if self._was_turned_over():
            self.file.close()
            self.file = self._open()
            data += self.file.read() if self.file else b""
        *lines, self.rest = (self.rest + data).split(b"\n")
        return [f"{self.prefix}{line.decode(errors='replace')}" for line in lines]

    def close(self) -> None:
        """Close the file."""
        if self.file is not None:
            self.file.close()
            self.file = None

    def _open(self) -> BinaryIO | None:
        try:
            return self.path.open("rb")
        except FileNotFoundError:
            return None

    def _was_turned_over(self) -> bool:
        if self.file is None:
            return False
        try:
            return (
                self.path.stat().st_ino != Path(f"/proc/self/fd/{self.file.fileno()}").stat().st_ino
            )
        except FileNotFoundError:
            return False

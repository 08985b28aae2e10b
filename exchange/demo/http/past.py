"""Books as they were some seconds ago, for answers that lag behind the engine.

While a stale fault is set, a copy of the state is taken before each request; a query that the
fault strikes reads the newest copy that is old enough, else the oldest there is.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from exchange.demo.futures.books import FuturesBooks
from exchange.demo.http.endpoint import Books
from exchange.demo.state import FILE_NAME, State
from exchange.demo.trading.ledger import Ledger
from exchange.demo.trading.orders import OrderBooks

_MOST_COPIES: Final = 500


class _Copy(NamedTuple):
    at: float
    directory: Path


class Past:
    """Copies of one state, each with the wall time at which it was taken."""

    def __init__(self, state: State, wall_seconds: Callable[[], float]) -> None:
        self._state = state
        self._wall_seconds = wall_seconds
        self._copies: deque[_Copy] = deque()

    def keep(self) -> None:
        """Take a copy of the books as they are now."""
        directory = Path(tempfile.mkdtemp(prefix="demo-exchange-past-"))
        self._state.execute("VACUUM INTO ?", str(directory / FILE_NAME))
        self._copies.append(_Copy(self._wall_seconds(), directory))
        if len(self._copies) > _MOST_COPIES:
            _remove(self._copies.popleft())

    @contextmanager
    def books(self, seconds: float) -> Iterator[Books]:
        """Lend the books of `seconds` ago."""
        wanted = self._wall_seconds() - seconds
        old = [one for one in self._copies if one.at <= wanted]
        state = State((old[-1] if old else self._copies[0]).directory)
        try:
            yield Books(OrderBooks(state), Ledger(state), FuturesBooks(state))
        finally:
            state.close()

    def forget(self) -> None:
        """Remove every copy."""
        while self._copies:
            _remove(self._copies.popleft())


def _remove(copy: _Copy) -> None:
    shutil.rmtree(copy.directory, ignore_errors=True)

"""Listen keys: words that let whoever knows them listen to a futures account, for a while.

They live in memory: a restart ends them all. Their time is the wall's. Source: "User Data Streams"
of the USD-M futures API.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

VALID_SECONDS: Final = 3600.0
_LENGTH: Final = 64
_LETTERS: Final = string.ascii_letters + string.digits


@dataclass(slots=True, kw_only=True, eq=False)
class _Key:
    word: str
    uid: int
    until: float
    watchers: dict[object, Callable[[], None]] = field(default_factory=dict)


class ListenKeys:
    """The valid keys, one of each account at most.

    wall_seconds    wall time
    valid_seconds   how long a key is valid after it was opened or kept
    """

    def __init__(
        self, wall_seconds: Callable[[], float], *, valid_seconds: float = VALID_SECONDS
    ) -> None:
        self._wall_seconds = wall_seconds
        self.valid_seconds = valid_seconds
        self._by_uid: dict[int, _Key] = {}
        self._by_word: dict[str, _Key] = {}

    def open(self, uid: int) -> str:
        """Return the key of an account, a new one if none is valid; it is prolonged."""
        self._end_late_ones()
        key = self._by_uid.get(uid)
        if key is None:
            word = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
            key = _Key(word=word, uid=uid, until=0.0)
            self._by_uid[uid] = self._by_word[word] = key
        self._prolong(key)
        return key.word

    def word_of(self, uid: int) -> str | None:
        """Return the key of an account; None when none is valid."""
        self._end_late_ones()
        key = self._by_uid.get(uid)
        return None if key is None else key.word

    def keep(self, word: str) -> None:
        """Prolong a valid key; KeyError when it is none."""
        self._end_late_ones()
        self._prolong(self._by_word[word])

    def close(self, word: str) -> None:
        """End a valid key, and tell whoever watches it; KeyError when it is none."""
        self._end_late_ones()
        self._end(self._by_word[word])

    def holder(self, word: str) -> int | None:
        """Return whose key it is; None when it is not valid, or never was."""
        self._end_late_ones()
        key = self._by_word.get(word)
        return None if key is None else key.uid

    def seconds_left(self, word: str) -> float:
        """Return how long a key is still valid; 0 when it is not."""
        key = self._by_word.get(word)
        return 0.0 if key is None else max(key.until - self._wall_seconds(), 0.0)

    def watch(self, word: str, on_end: Callable[[], None]) -> Callable[[], None]:
        """Be told once when a valid key ends, unless the result is called before; KeyError.

        An end by time is told when somebody asks for any key after it.
        """
        token, watchers = object(), self._by_word[word].watchers
        watchers[token] = on_end

        def leave() -> None:
            watchers.pop(token, None)

        return leave

    def expire_all(self) -> int:
        """End every key as if its time had passed, and return how many there were."""
        keys = list(self._by_uid.values())
        for key in keys:
            self._end(key)
        return len(keys)

    def _prolong(self, key: _Key) -> None:
        key.until = self._wall_seconds() + self.valid_seconds

    def _end_late_ones(self) -> None:
        now = self._wall_seconds()
        for key in [one for one in self._by_uid.values() if one.until <= now]:
            self._end(key)

    def _end(self, key: _Key) -> None:
        del self._by_uid[key.uid]
        del self._by_word[key.word]
        watchers = list(key.watchers.values())
        key.watchers.clear()
        for on_end in watchers:
            on_end()

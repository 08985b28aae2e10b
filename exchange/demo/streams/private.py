"""The talk on `/private`: events of futures accounts for those who know their listen keys.

As at the venue a key that is not valid is no error: nothing is ever heard by it. `events` names the
only ones that a key brings, listenKeyExpired included; several keys may be listened to at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qsl

from exchange.demo.streams.conversation import Socket
from exchange.demo.streams.futures_events import listen_key_expired
from exchange.demo.streams.requests import RequestError, StreamRequest, parse_request
from exchange.demo.streams.targets import Target
from exchange.demo.streams.users import UserHub
from exchange.demo.venue import Venue
from exchange.domain.types import Market

_STREAM: Final = "user"
_NO_PROPERTY: Final = "Unknown property"


@dataclass(slots=True, kw_only=True, eq=False)
class _Line:
    """One listen key on one socket; `events` None means all."""

    word: str
    events: frozenset[str] | None
    endings: list[Callable[[], None]] = field(default_factory=list)

    def end(self) -> None:
        while self.endings:
            self.endings.pop()()


class PrivateStream:
    """One client's talk on a path below `/private`."""

    def __init__(self, socket: Socket, venue: Venue, users: UserHub, target: Target) -> None:
        self._socket = socket
        self._venue = venue
        self._users = users
        self._is_combined = target.is_combined
        self._asked = _asked(target)
        self._lines: dict[str, _Line] = {}

    def opened(self) -> None:
        """Listen by every key that the address names."""
        for word, events in self._asked.items():
            self._listen(word, events)

    def heard(self, text: str) -> None:
        """Answer one request."""
        try:
            request = parse_request(text)
            answer = {"result": self._answer(request), "id": request.request_id}
        except RequestError as e:
            answer = e.body()
        self._socket.reply(answer)

    def closed(self) -> None:
        """Listen no longer."""
        for word in list(self._lines):
            self._leave(word)

    def _answer(self, request: StreamRequest) -> list[str] | None:
        if request.method == "LIST_SUBSCRIPTIONS":
            return list(self._lines)
        if request.method in ("SET_PROPERTY", "GET_PROPERTY"):
            raise RequestError(0, _NO_PROPERTY, request.request_id)
        change = self._leave if request.method == "UNSUBSCRIBE" else self._listen
        for word in request.params:
            change(word)
        return None

    def _listen(self, word: str, events: frozenset[str] | None = None) -> None:
        if word in self._lines:
            return
        line = self._lines[word] = _Line(word=word, events=events)
        uid = self._venue.listen_keys.holder(word)
        if uid is None:
            return
        deliver = partial(self._deliver, line)
        line.endings.append(self._users.join(uid, Market.FUTURES, deliver))
        line.endings.append(self._venue.listen_keys.watch(word, partial(self._expired, line)))
        self._look_later(line)

    def _leave(self, word: str) -> None:
        if line := self._lines.pop(word, None):
            line.end()

    def _deliver(self, line: _Line, event: dict[str, Any]) -> None:
        if line.events is None or event["e"] in line.events:
            told = {"stream": line.word, "data": event} if self._is_combined else event
            self._socket.send(told, stream=_STREAM)

    def _expired(self, line: _Line) -> None:
        line.end()
        self._deliver(line, listen_key_expired(line.word, self._venue.clock.now_ms()))

    def _look_later(self, line: _Line) -> None:
        seconds = self._venue.listen_keys.seconds_left(line.word)
        timer = asyncio.get_running_loop().call_later(seconds, self._look, line)
        line.endings.append(timer.cancel)

    def _look(self, line: _Line) -> None:
        # Asking ends a key whose time has passed, and tells all its sockets; one may be longer.
        if self._venue.listen_keys.holder(line.word) is not None:
            line.endings.pop()
            self._look_later(line)


def _asked(target: Target) -> dict[str, frozenset[str] | None]:
    """Return the keys of an address, each with the events of the parameter behind it."""
    found: dict[str, frozenset[str] | None] = dict.fromkeys(target.streams)
    latest = list(found)
    for name, value in parse_qsl(target.query):
        if name == "listenKey":
            latest = [value]
            found.setdefault(value)
        elif name == "events":
            names = frozenset(one for one in value.split("/") if one)
            found.update(dict.fromkeys(latest, names))
    return found

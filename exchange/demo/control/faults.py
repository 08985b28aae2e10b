"""Faults on demand: what goes wrong, on which endpoint, before or after the engine acted.

Requests and the events of streams have kinds of their own: `POST /api/v3/order` is an endpoint of
the first, `STREAM btcusdt@kline_1m` of the second. A connection that is to become a WebSocket is a
request.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any, Final

from exchange.demo.control.fields import Fields
from exchange.demo.control.known_errors import (
    KNOWN_ERRORS,
    KNOWN_FUTURES_ERRORS,
    UNKNOWN,
    KnownError,
)
from exchange.demo.dispatch import ENDPOINTS, is_futures_path

_FIELDS: Final = (
    *("endpoint", "when", "action", "seconds", "status", "body"),
    *("code", "message", "times", "probability"),
)
DEFAULT_CODE: Final = -1000
_HTML: Final = "<html><head><title>502 Bad Gateway</title></head><body>Bad Gateway</body></html>"
_GARBAGE: Final = '{"symbol":"BTCUSDT","orderId'


class When(StrEnum):
    """Whether the engine sees the request before the fault strikes."""

    BEFORE = "before"
    AFTER = "after"


class Action(StrEnum):
    """What the client gets to feel."""

    DROP = "drop"  # the connection ends without a reply
    DELAY = "delay"  # before: the engine gets it late; after: the client hears late
    STATUS = "status"  # an HTTP status with any body
    HTML = "html"  # a proxy's error page
    GARBAGE = "garbage"  # HTTP 200 with half a JSON text
    ERROR = "error"  # an error body of the venue
    STALE = "stale"  # a query answers as if the last seconds had not been
    BAN = "ban"  # from the hit on everything from this address is HTTP 418, for some seconds
    SILENCE = "silence"  # from the hit on the events are swallowed, for some seconds
    LOSE = "lose"  # this event is swallowed
    DUPLICATE = "duplicate"  # this event is sent twice
    LATE = "late"  # this event is sent some seconds later, behind those that follow it
    CUT = "cut"  # the connection ends without a close frame
    FREEZE = "freeze"  # the connection stays open, and nothing at all leaves it for some seconds
    SHUTDOWN = "shutdown"  # the server says that it goes away, and closes after some seconds


STREAM_ACTIONS: Final = frozenset(
    {
        Action.SILENCE,
        Action.LOSE,
        Action.DUPLICATE,
        Action.LATE,
        Action.CUT,
        Action.FREEZE,
        Action.SHUTDOWN,
    }
)
_STREAM: Final = "STREAM "
# Where connections begin that become WebSockets.
_HANDSHAKES: Final = (
    "GET /ws",
    "GET /stream",
    "GET /ws-api/v3",
    "GET /market/ws",
    "GET /market/stream",
    "GET /public/ws",
    "GET /public/stream",
    "GET /private/ws",
    "GET /private/stream",
)
_LONGEST_SECONDS: Final = (
    dict.fromkeys(Action, 600.0)
    | dict.fromkeys(STREAM_ACTIONS, 86_400.0)
    | {Action.BAN: 3 * 86_400.0}
)
_DEFAULT_STATUS: Final = {Action.STATUS: 503, Action.HTML: 502, Action.GARBAGE: 200}
_NEEDS_SECONDS: Final = (Action.DELAY, Action.STALE, Action.BAN, Action.LATE)


@dataclass(slots=True, kw_only=True)
class Fault:
    """One fault. `times` None means without end; `hits` counts how often it struck.

    seconds   how long it delays, how old a stale answer is, how long a ban lasts; of an error what
              Retry-After says, 0 for none; of silence and freeze 0 is until it is cleared
    until     the moment at which a silence that has begun is over, by the clock of `strike_stream`
    """

    fault_id: int
    endpoint: str
    when: When
    action: Action
    seconds: float
    status: int
    body: str
    code: int
    message: str
    times: int | None
    probability: float
    hits: int = 0
    until: float = -math.inf

    @property
    def is_spent(self) -> bool:
        """Say whether the fault has struck as often as it was told to."""
        return self.times is not None and self.hits >= self.times

    def matches(self, method: str, path: str, when: When) -> bool:
        """Say whether the fault waits for this request at this point."""
        return (
            self.when == when
            and not self.is_spent
            and fnmatchcase(f"{method} {path}", self.endpoint)
        )

    def matches_stream(self, name: str) -> bool:
        """Say whether the fault is meant for the events of a stream."""
        return self.action in STREAM_ACTIONS and fnmatchcase(f"{_STREAM}{name}", self.endpoint)

    def as_json(self) -> dict[str, Any]:
        """Return the fault as the control door shows it."""
        names = (*_FIELDS, "hits")
        return {"id": self.fault_id} | {name: getattr(self, name) for name in names}


class FaultBoard:
    """The faults that are set. A request meets at most one before and one after the engine."""

    def __init__(self, *, seed: int) -> None:
        self._dice = random.Random(seed)  # noqa: S311 - dice for faults, not for secrets
        self._faults: list[Fault] = []
        self._last_id = 0

    def add(self, items: list[Any]) -> list[Fault]:
        """Add faults from JSON; FieldError, and none of them, when one is wrong."""
        parsed = [parse_fault(item, number) for number, item in enumerate(items, self._last_id + 1)]
        self._last_id += len(parsed)
        self._faults += parsed
        return parsed

    def all(self) -> list[Fault]:
        """Return every fault since the last `clear`, spent ones too, so that hits can be read."""
        return list(self._faults)

    def clear(self) -> None:
        """Forget all faults."""
        self._faults.clear()

    def is_set(self, fault: Fault) -> bool:
        """Say whether a fault has not been forgotten."""
        return any(one is fault for one in self._faults)

    @property
    def wants_past(self) -> bool:
        """Say whether a stale answer may still be asked for, so that old books must be kept."""
        return any(fault.action is Action.STALE and not fault.is_spent for fault in self._faults)

    def strike(self, method: str, path: str, when: When) -> Fault | None:
        """Return the first fault that strikes this request, counting the hit."""
        for fault in self._faults:
            if fault.matches(method, path, when) and self._dice.random() < fault.probability:
                fault.hits += 1
                return fault
        return None

    def strike_stream(self, name: str, now: float) -> Fault | None:
        """Return the first fault that strikes an event of a stream, counting the hit.

        A silence counts once, however many events it swallows.
        now   seconds of any clock that only goes forward
        """
        for fault in self._faults:
            if not fault.matches_stream(name):
                continue
            if now < fault.until:
                return fault
            if not fault.is_spent and self._dice.random() < fault.probability:
                fault.hits += 1
                if fault.action is Action.SILENCE:
                    fault.until = now + fault.seconds if fault.seconds else math.inf
                return fault
        return None


def parse_fault(item: Any, fault_id: int) -> Fault:
    """Read one fault from JSON; FieldError names the field that is wrong."""
    fields = Fields(item, _FIELDS)
    action = Action(fields.word("action", tuple(Action)))
    code = fields.whole("code", default=DEFAULT_CODE, least=-99_999, most=99_999)
    endpoint = _endpoint(fields, action)
    known = _known_errors(endpoint).get(code, UNKNOWN) if action is Action.ERROR else UNKNOWN
    body = _HTML if action is Action.HTML else _GARBAGE if action is Action.GARBAGE else ""
    status = known.status if action is Action.ERROR else _DEFAULT_STATUS.get(action, 200)
    return Fault(
        fault_id=fault_id,
        endpoint=endpoint,
        when=_when(fields, action),
        action=action,
        seconds=_seconds(fields, action, known),
        status=fields.whole("status", default=status, least=200, most=599),
        body=fields.text("body", default=body),
        code=code,
        message=fields.text("message", default=known.message),
        times=None if fields.is_null("times") else fields.whole("times", default=1, least=1),
        probability=fields.number("probability", default=1.0, least=0.0, most=1.0),
    )


def _when(fields: Fields, action: Action) -> When:
    when = When(fields.word("when", tuple(When), default=When.BEFORE))
    if action is Action.STALE and when is When.AFTER:
        raise fields.wrong("when", "a stale answer is made before the engine is asked")
    if action in STREAM_ACTIONS and when is When.AFTER:
        raise fields.wrong("when", "an event of a stream asks no engine")
    return when


def _seconds(fields: Fields, action: Action, known: KnownError) -> float:
    default = None if action in _NEEDS_SECONDS else known.seconds
    return fields.number("seconds", default=default, least=0.0, most=_LONGEST_SECONDS[action])


def _endpoint(fields: Fields, action: Action) -> str:
    endpoint = fields.text("endpoint")
    if action in STREAM_ACTIONS:
        if endpoint.startswith(_STREAM) and endpoint != _STREAM:
            return endpoint
        raise fields.wrong(
            "endpoint", f"{action} is for streams; write 'STREAM btcusdt@kline_1m' or 'STREAM *'"
        )
    if endpoint.startswith(_STREAM):
        words = ", ".join(one for one in Action if one in STREAM_ACTIONS)
        raise fields.wrong("action", f"must be one of {words} for a stream")
    if _paths_of(endpoint) or _is_handshake(endpoint):
        return endpoint
    raise fields.wrong(
        "endpoint", "matches none; write it like 'POST /api/v3/order', 'GET /api/v3/*' or '*'"
    )


def _is_handshake(endpoint: str) -> bool:
    return any(fnmatchcase(one, endpoint) or endpoint.startswith(f"{one}/") for one in _HANDSHAKES)


def _paths_of(endpoint: str) -> list[str]:
    return [path for method, path in ENDPOINTS if fnmatchcase(f"{method} {path}", endpoint)]


def _known_errors(endpoint: str) -> Mapping[int, KnownError]:
    # A fault that either market can meet speaks as the spot market does.
    paths = _paths_of(endpoint)
    is_futures = bool(paths) and all(is_futures_path(path) for path in paths)
    return KNOWN_FUTURES_ERRORS if is_futures else KNOWN_ERRORS

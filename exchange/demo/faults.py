"""Faults on demand: what goes wrong, on which endpoint, before or after the engine acted."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any, Final

from exchange.demo.control_fields import Fields
from exchange.demo.dispatch import ENDPOINTS

_FIELDS: Final = (
    *("endpoint", "when", "action", "seconds", "status", "body"),
    *("code", "message", "times", "probability"),
)
_LONGEST_DELAY_SECONDS: Final = 600.0
DEFAULT_ERROR: Final = (-1000, "An unknown error occurred while processing the request.")
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


_DEFAULT_STATUS: Final = {
    Action.STATUS: 503,
    Action.HTML: 502,
    Action.GARBAGE: 200,
    Action.ERROR: 400,
}


@dataclass(slots=True, kw_only=True)
class Fault:
    """One fault. `times` None means without end; `hits` counts how often it struck."""

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

    def strike(self, method: str, path: str, when: When) -> Fault | None:
        """Return the first fault that strikes this request, counting the hit."""
        for fault in self._faults:
            if fault.matches(method, path, when) and self._dice.random() < fault.probability:
                fault.hits += 1
                return fault
        return None


def parse_fault(item: Any, fault_id: int) -> Fault:
    """Read one fault from JSON; FieldError names the field that is wrong."""
    fields = Fields(item, _FIELDS)
    action = Action(fields.word("action", tuple(Action)))
    body = _HTML if action is Action.HTML else _GARBAGE if action is Action.GARBAGE else ""
    return Fault(
        fault_id=fault_id,
        endpoint=_endpoint(fields),
        when=When(fields.word("when", tuple(When), default=When.BEFORE)),
        action=action,
        seconds=fields.number(
            "seconds",
            default=None if action is Action.DELAY else 0.0,
            least=0.0,
            most=_LONGEST_DELAY_SECONDS,
        ),
        status=fields.whole(
            "status", default=_DEFAULT_STATUS.get(action, 200), least=200, most=599
        ),
        body=fields.text("body", default=body),
        code=fields.whole("code", default=DEFAULT_ERROR[0], least=-99_999, most=99_999),
        message=fields.text("message", default=DEFAULT_ERROR[1]),
        times=None if fields.is_null("times") else fields.whole("times", default=1, least=1),
        probability=fields.number("probability", default=1.0, least=0.0, most=1.0),
    )


def _endpoint(fields: Fields) -> str:
    endpoint = fields.text("endpoint")
    if any(fnmatchcase(f"{method} {path}", endpoint) for method, path in ENDPOINTS):
        return endpoint
    raise fields.wrong(
        "endpoint", "matches none; write it like 'POST /api/v3/order', 'GET /api/v3/*' or '*'"
    )

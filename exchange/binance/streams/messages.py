"""Messages as they come off the wire: JSON, wrapped or not, or nonsense."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any, Final

logger = logging.getLogger(__name__)

MAX_KINDS: Final = 50
_WRAPPERS: Final = ("data", "event")  # combined streams; the WebSocket API


class Oddities:
    """What was skipped, logged once per kind: a venue that is odd is odd many times a second."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._known: set[str] = set()

    def skip(self, kind: str) -> None:
        """Log `kind` unless it was logged before; it must hold nothing secret."""
        if kind not in self._known and len(self._known) < MAX_KINDS:
            self._known.add(kind)
            logger.warning("%s: skipped %s", self._name, kind)


def decode(message: str | bytes) -> Mapping[str, Any] | None:
    """Return the JSON object of a message, None when it is none."""
    try:
        found = json.loads(message)
    except (ValueError, RecursionError):  # the latter: brackets without end
        return None
    return found if isinstance(found, dict) else None


def unwrapped(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the event in a message of a combined stream or of the WebSocket API, or itself."""
    for wrapper in _WRAPPERS:
        inner = message.get(wrapper)
        if isinstance(inner, dict):
            return inner
    return message


def kind_of(event: Mapping[str, Any]) -> str:
    """Return the venue's word for an event, shortened, for logs."""
    return repr(event.get("e"))[:40]

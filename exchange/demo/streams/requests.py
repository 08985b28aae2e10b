"""What clients ask on market streams: SUBSCRIBE and the others, read strictly.

Source: "Live Subscribing/Unsubscribing to streams" and "Error Messages" of the spot streams.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final, NamedTuple

_METHODS: Final = (
    "SUBSCRIBE",
    "UNSUBSCRIBE",
    "LIST_SUBSCRIPTIONS",
    "SET_PROPERTY",
    "GET_PROPERTY",
)
_WITH_STREAMS: Final = ("SUBSCRIBE", "UNSUBSCRIBE")
_FIELDS: Final = ("method", "params", "id")
_WORD_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,36}")
_LARGEST_ID: Final = 2**63 - 1


class RequestError(Exception):
    """A request is refused; `code` is the venue's."""

    def __init__(self, code: int, message: str, request_id: int | str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.request_id = request_id

    def body(self) -> dict[str, Any]:
        """Return the answer."""
        return {"error": {"code": self.code, "msg": str(self)}, "id": self.request_id}


class StreamRequest(NamedTuple):
    """A request in form; `params` are names of streams for those that take any."""

    method: str
    params: list[Any]
    request_id: int | str | None


def parse_request(text: str) -> StreamRequest:
    """Read one message of a client; RequestError says what is wrong with it."""
    try:
        item = json.loads(text)
        # Half of a surrogate pair could be written into no answer.
        json.dumps(item, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as e:
        line, column = getattr(e, "lineno", 1), getattr(e, "colno", 1)
        message = f"Invalid JSON: expected value at line {line} column {column}"
        raise RequestError(3, message) from e
    if not isinstance(item, dict):
        raise RequestError(2, "Invalid request: a JSON object is expected")
    request_id = _id(item)
    method = _method(item, request_id)
    if set(item) - set(_FIELDS):
        raise RequestError(2, "Invalid request: too many parameters", request_id)
    params = item.get("params", [])
    if not isinstance(params, list):
        raise RequestError(2, "Invalid request: params must be an array", request_id)
    if method in _WITH_STREAMS:
        _check_streams(params, request_id)
    return StreamRequest(method, params, request_id)


def _id(item: dict[str, Any]) -> int | str | None:
    sent = item.get("id")
    is_whole = isinstance(sent, int) and not isinstance(sent, bool) and abs(sent) <= _LARGEST_ID
    is_word = isinstance(sent, str) and _WORD_ID.fullmatch(sent) is not None
    if sent is None or is_whole or is_word:
        return sent
    raise RequestError(2, "Invalid request: request ID must be an unsigned integer")


def _method(item: dict[str, Any], request_id: int | str | None) -> str:
    if "method" not in item:
        raise RequestError(2, "Invalid request: missing field `method`", request_id)
    method = item["method"]
    if isinstance(method, str) and method in _METHODS:
        return method
    known = ", ".join(f"`{one}`" for one in _METHODS)
    message = f"Invalid request: unknown variant `{method}`, expected one of {known}"
    raise RequestError(2, message, request_id)


def _check_streams(params: list[Any], request_id: int | str | None) -> None:
    if not params:
        raise RequestError(2, "Invalid request: missing field `params`", request_id)
    if not all(isinstance(one, str) and one for one in params):
        raise RequestError(2, "Invalid request: stream names must be strings", request_id)

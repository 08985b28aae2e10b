"""Requests to the spot WebSocket API as they arrive: JSON, read as strictly as those by HTTP.

Source: "Request format" and "Request security" of `web-socket-api.md` of binance-spot-api-docs.
"""

from __future__ import annotations

import json
from decimal import Decimal
from functools import cached_property
from typing import Any, Final, NoReturn
from urllib.parse import urlencode

from exchange.demo.errors import NOT_FOUND, VenueError, invalid_data, missing, not_built
from exchange.demo.http.wire import Params, WireRequest

PATH: Final = "/ws-api/v3"
_SHOWS_LIMITS: Final = "returnRateLimits"
_LARGEST_ID: Final = 2**63 - 1
# Methods may say which version they mean.
_VERSION: Final = "v3/"
# First words of what the venue has here and this exchange has not: refused plainly.
_NOT_BUILT: Final = (
    *("account", "allOrderLists", "allOrders", "avgPrice", "depth", "exchangeInfo"),
    *("executionRules", "klines", "myAllocations", "myFilters", "myPreventedMatches", "myTrades"),
    *("openOrderLists", "openOrders", "order", "orderList", "referencePrice", "session", "sor"),
    *("ticker", "trades", "uiKlines", "userDataStream"),
)


class Request:
    """One message of a client. What is wrong with it is told when it is asked for.

    id       echoed in the reply; None when it cannot be read
    method   without a version; empty when it cannot be read
    """

    def __init__(self, message: str, *, peer: str) -> None:
        self._peer = peer
        body = _json(message)
        self._is_readable = isinstance(body, dict)
        self._body: dict[str, Any] = body if isinstance(body, dict) else {}
        told = self._body.get("id")
        self._has_id = told is None or _is_id(told)
        self.id: int | str | None = told if self._has_id else None
        method = self._body.get("method")
        self.method = method.removeprefix(_VERSION) if isinstance(method, str) else ""

    @cached_property
    def wire(self) -> WireRequest:
        """Return it as a request by HTTP would be: what is signed, in the order of the names."""
        params = self._body.get("params") or {}
        if not isinstance(params, dict):
            raise VenueError(-1135, "JSON sent for parameter 'params' is not valid")
        texts = {name: _text(value) for name, value in sorted(params.items())}
        return WireRequest(
            method="WS",
            path=PATH,
            query=urlencode(texts),
            body="",
            api_key=texts.get("apiKey"),
            peer=self._peer,
        )

    @cached_property
    def params(self) -> Params:
        """Return its parameters; whether it shows the limits is read already."""
        params = Params(self.wire)
        params.boolean(_SHOWS_LIMITS)
        return params

    def shows_limits(self, *, default: bool) -> bool:
        """Say whether the reply tells what has been used of the limits."""
        params = self._body.get("params")
        shown = params.get(_SHOWS_LIMITS) if isinstance(params, dict) else None
        return shown if isinstance(shown, bool) else default

    def check(self) -> None:
        """Refuse what is no request: -1135 no JSON object, -1130 an id of a wrong kind."""
        if not self._is_readable:
            raise VenueError(-1135, "Invalid JSON Request")
        if not self._has_id:
            raise invalid_data("id")

    def refuse_method(self) -> NoReturn:
        """Refuse a method that is missing (-1102), not built (-1020) or none at all (-5000)."""
        if not self.method:
            raise missing("method")
        if self.method.partition(".")[0] in _NOT_BUILT:
            raise not_built(f"{self.method} on the WebSocket API")
        raise VenueError(-5000, f"Method {self.method} is invalid", status=NOT_FOUND)


def _json(message: str) -> Any:
    try:
        # Signatures cover numbers as they were written.
        body = json.loads(message, parse_float=Decimal, parse_constant=_no_constant)
        # Half of a surrogate pair could be written into no reply.
        json.dumps(body, ensure_ascii=False, default=str).encode()
    except (ValueError, RecursionError):
        return None
    return body


def _is_id(told: Any) -> bool:
    if isinstance(told, int):
        return not isinstance(told, bool) and abs(told) <= _LARGEST_ID
    return isinstance(told, str)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str | Decimal):
        return str(value)
    return json.dumps(value, separators=(",", ":"), default=str)

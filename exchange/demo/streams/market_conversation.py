"""The talk on market streams: subscriptions by path and by request, events as they come.

Names that the venue does not know, and those of another category, are taken and never delivered, as
the venue does.
"""

from __future__ import annotations

from typing import Any, Final

from exchange.demo.streams.conversation import Socket
from exchange.demo.streams.names import StreamName, parse_stream
from exchange.demo.streams.publisher import Publisher
from exchange.demo.streams.requests import RequestError, StreamRequest, parse_request
from exchange.demo.streams.targets import Target

MOST_STREAMS: Final = 1024
_COMBINED: Final = "combined"
_SHUTDOWN: Final = "!serverShutdown"
_TOO_MANY: Final = f"Invalid request: a connection may hold {MOST_STREAMS} streams at most"


class MarketConversation:
    """One client's subscriptions to market streams."""

    def __init__(self, socket: Socket, publisher: Publisher, target: Target) -> None:
        self._socket = socket
        self._publisher = publisher
        self._category = target.category
        self._is_combined = target.is_combined
        self._first = target.streams[:MOST_STREAMS]
        self._names: dict[str, StreamName | None] = {}

    def opened(self) -> None:
        """Begin with the streams of the path; those beyond the limit are left out."""
        self._subscribe(list(self._first))

    def heard(self, text: str) -> None:
        """Answer one request."""
        try:
            request = parse_request(text)
            answer = {"result": self._answer(request), "id": request.request_id}
        except RequestError as e:
            answer = e.body()
        self._socket.reply(answer)

    def closed(self) -> None:
        """Give all subscriptions up."""
        self._unsubscribe(list(self._names))

    def names(self) -> list[str]:
        """Return what the client subscribed to, in order."""
        return list(self._names)

    def announced(self, event: dict[str, Any]) -> dict[str, Any]:
        """Return the form of an event that belongs to no stream."""
        return {"stream": _SHUTDOWN, "data": event} if self._is_combined else event

    def _answer(self, request: StreamRequest) -> Any:
        if request.method == "LIST_SUBSCRIPTIONS":
            return self.names()
        if request.method in ("SET_PROPERTY", "GET_PROPERTY"):
            return self._property(request)
        if request.method == "UNSUBSCRIBE":
            self._unsubscribe(request.params)
        elif len(self._names.keys() | set(request.params)) > MOST_STREAMS:
            raise RequestError(2, _TOO_MANY, request.request_id)
        else:
            self._subscribe(request.params)
        return None

    def _property(self, request: StreamRequest) -> bool | None:
        name, *values = request.params or [None]
        is_setting = request.method == "SET_PROPERTY"
        if not isinstance(name, str):
            message = "Invalid request: property name must be a string"
            raise RequestError(2, message, request.request_id)
        if name != _COMBINED:
            raise RequestError(0, "Unknown property", request.request_id)
        if len(values) > is_setting:
            raise RequestError(2, "Invalid request: too many parameters", request.request_id)
        if not is_setting:
            return self._is_combined
        if not values or not isinstance(values[0], bool):
            raise RequestError(1, "Invalid value type: expected Boolean", request.request_id)
        self._is_combined = values[0]
        return None

    def _subscribe(self, texts: list[str]) -> None:
        for text in texts:
            if text not in self._names:
                name = parse_stream(text, self._category)
                self._names[text] = name
                if name is not None:
                    self._publisher.subscribe(name, self._deliver)

    def _unsubscribe(self, texts: list[str]) -> None:
        for text in texts:
            name = self._names.pop(text, None)
            if name is not None:
                self._publisher.unsubscribe(name, self._deliver)

    def _deliver(self, stream: str, event: Any) -> None:
        payload = {"stream": stream, "data": event} if self._is_combined else event
        self._socket.send(payload, stream=stream)

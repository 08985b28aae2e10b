"""What the parts of the WebSocket side agree on: a socket, and who talks on it."""

from __future__ import annotations

from typing import Any, Protocol


class Socket(Protocol):
    """One client's WebSocket. What is sent leaves in the order in which it was handed over."""

    @property
    def peer(self) -> str:
        """Return the client's address."""
        ...

    def send(self, payload: Any, *, stream: str) -> None:
        """Send an event of a stream as JSON; the faults of that stream strike it.

        stream   what faults call it: the venue's stream name, `user` for account events
        """
        ...

    def reply(self, payload: Any) -> None:
        """Send the answer to a request as JSON; no fault of a stream strikes it."""
        ...

    def close(self, code: int = 1000, reason: str = "") -> None:
        """End the connection after what was sent before."""
        ...


class Conversation(Protocol):
    """What one path says and hears on a socket. Called from the server's event loop only."""

    def opened(self) -> None:
        """Begin; the socket can be sent to from now on."""
        ...

    def heard(self, text: str) -> None:
        """Take one text message of the client."""
        ...

    def closed(self) -> None:
        """End, whoever ended it; nothing can be sent any more."""
        ...

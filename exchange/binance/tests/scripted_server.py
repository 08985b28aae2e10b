"""A loopback HTTP server that plays a script: what the venue would say, word for word."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One answer; `drops` closes the connection instead, after the request was read."""

    status: int = 200
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    drops: bool = False
    delay: threading.Event | None = None


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One request as it arrived; `wire` is its query or form exactly as sent."""

    method: str
    path: str
    wire: str
    key: str | None

    @property
    def values(self) -> dict[str, str]:
        """Return the parameters, decoded."""
        return dict(parse_qsl(self.wire))


class ScriptedServer:
    """Answers each path from its own queue and remembers what was asked."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.script: dict[str, deque[Reply]] = {}
        self.url = ""

    def says(self, path: str, body: Any, *, status: int = 200, **headers: str) -> None:
        """Queue a reply to `path`; anything but a str is sent as JSON."""
        text = body if isinstance(body, str) else json.dumps(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.queue(path, Reply(status=status, body=text, headers=named))

    def queue(self, path: str, reply: Reply) -> None:
        """Queue `reply` to `path`."""
        self.script.setdefault(path, deque()).append(reply)

    def asked(self, path: str) -> list[Seen]:
        """Return the requests to `path` in order."""
        return [request for request in self.seen if request.path == path]


def _handler(script: ScriptedServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            address = urlsplit(self.path)
            length = int(self.headers.get("Content-Length", 0))
            wire = self.rfile.read(length).decode() or address.query
            key = self.headers.get("X-MBX-APIKEY")
            script.seen.append(Seen(method=self.command, path=address.path, wire=wire, key=key))
            waiting = script.script.get(address.path)
            self.send(waiting.popleft() if waiting else Reply(status=404, body="no such script"))

        do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815  # names of the standard library

        def send(self, reply: Reply) -> None:
            if reply.delay:
                reply.delay.wait(timeout=5)
            if reply.drops or reply.delay:
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body.encode())))
            self.end_headers()
            self.wfile.write(reply.body.encode())

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

    return Handler


@contextmanager
def scripted_server() -> Iterator[ScriptedServer]:
    """Serve on a free loopback port until the block ends."""
    script = ScriptedServer()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(script))
    script.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield script
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

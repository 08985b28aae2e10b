"""A small HTTP server that answers every request and writes down what it was told."""

from __future__ import annotations

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def record(name: str, data: object) -> None:
    """Append one line to calls.jsonl in the data directory."""
    path = Path(os.environ["TRADEBOT_DATA_DIR"]) / "calls.jsonl"
    with path.open("a") as file:
        file.write(json.dumps([name, data]) + "\n")


class Handler(BaseHTTPRequestHandler):
    """Answer 200 to everything."""

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        record(f"POST {self.path}", json.loads(body))
        self._answer()

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet."""

    def _answer(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()


def serve(port: int) -> None:
    """Serve until killed."""
    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()

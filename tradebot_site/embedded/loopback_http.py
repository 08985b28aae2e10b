"""Ask a child a question over HTTP; no proxy stands between, whatever the environment says."""

from __future__ import annotations

import http.client
import json

from tradebot_site.embedded.ports import LOOPBACK

ANSWER_SECONDS = 2.0


def get_status(port: int, path: str) -> int:
    """Return the HTTP status of a GET, 0 when nobody answers."""
    return _request("GET", port, path, body=None)


def post_json(port: int, path: str, data: dict[str, object]) -> int:
    """Return the HTTP status of a POST with a JSON body, 0 when nobody answers."""
    return _request("POST", port, path, body=json.dumps(data))


def _request(method: str, port: int, path: str, *, body: str | None) -> int:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=ANSWER_SECONDS)
    headers = {"Content-Type": "application/json"} if body is not None else {}
    try:
        connection.request(method, path, body=body, headers=headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()

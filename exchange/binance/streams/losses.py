"""Why a connection ended or never came to be, and how long to leave the venue alone after it."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.frames import Close

from exchange.binance.errors import LONGEST_WAIT_SECONDS
from exchange.domain.errors import (
    CredentialsError,
    GatewayError,
    RateLimitedError,
    UnavailableError,
)

# What dialing can raise below our own code; anything else is a bug and passes. ImportError: a
# SOCKS proxy in the machine's environment needs a package that is not there. ValueError: a proxy
# whose port is no number, a host whose name cannot be written in DNS.
DIAL_ERRORS: Final = (OSError, EOFError, WebSocketException, ImportError, ValueError)
# Limits of connections are counted in windows of five minutes; 403 is the venue's firewall.
WAITS: Final[Mapping[int, float]] = {
    HTTPStatus.TOO_MANY_REQUESTS: 60.0,
    HTTPStatus.IM_A_TEAPOT: 120.0,
    HTTPStatus.FORBIDDEN: 60.0,
}
# Too many requests, too many connections: the same without a status.
LIMIT_CODES: Final = frozenset({-1003, -1034})
# Key, signature, permission, address of the key: only a human can change them.
# errors.md of binance-spot-api-docs.
REFUSED_CODES: Final = frozenset({-1002, -1022, -2008, -2014, -2015})
KEEPALIVE: Final = "keepalive"  # how websockets begins its word for a pong that did not come
MAX_VENUE_TEXT: Final = 120


class LinkLostError(Exception):
    """There is no connection, or no longer; the text says why and holds no secret.

    wait         seconds that must pass before the next attempt: the venue's word
    is_refusal   the venue does not accept the key, the country, or anything that is asked for
    is_planned   the end was expected: the next attempt may follow at once
    """

    def __init__(
        self,
        reason: str,
        *,
        wait: float = 0.0,
        is_refusal: bool = False,
        is_planned: bool = False,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.wait = wait
        self.is_refusal = is_refusal
        self.is_planned = is_planned


def lost_by_dialing(error: Exception) -> LinkLostError:
    """Sort what came of opening a connection; never quotes a URL, which may hold a key."""
    if isinstance(error, InvalidStatus):
        return _refused_handshake(error)
    if isinstance(error, TimeoutError):
        return LinkLostError("the connection could not be opened in time")
    if isinstance(error, OSError):
        return LinkLostError(f"the connection could not be opened ({type(error).__name__})")
    return LinkLostError(f"the handshake failed ({type(error).__name__})")


def lost_by_closing(closed: ConnectionClosed) -> LinkLostError:
    """Say who closed and with which words."""
    if closed.rcvd and closed.rcvd_then_sent is not False:
        return LinkLostError(f"the venue closed the connection ({_close_words(closed.rcvd)})")
    if not closed.sent:
        return LinkLostError("the connection broke")
    if closed.sent.reason.startswith(KEEPALIVE):
        return LinkLostError("the venue did not answer a ping in time")
    return LinkLostError(f"we closed the connection ({_close_words(closed.sent)})")


def lost_by_gateway(error: GatewayError) -> LinkLostError:
    """Sort what a request of the gateway raised that the stream cannot do without."""
    wait = error.retry_after if isinstance(error, RateLimitedError) else 0.0
    is_lasting = isinstance(error, UnavailableError) and error.is_lasting
    is_refusal = is_lasting or isinstance(error, CredentialsError)
    return LinkLostError(str(error), wait=wait, is_refusal=is_refusal)


def lost_by_reply(reply: Mapping[str, Any], what: str) -> LinkLostError:
    """Sort a reply on the connection itself that is an error.

    status            as of HTTP
    data.retryAfter   ms of the venue's wall clock, where the venue says so (429, 418)
    data.serverTime   what that clock says; our own may be wrong by more than the wait
    """
    error = reply.get("error")
    if not isinstance(error, Mapping):
        error = {}
    code, text = code_of(error), str(error.get("msg", ""))[:MAX_VENUE_TEXT]
    reason = f"{what} was refused: {text} (code {code})"
    wait = _wait_of(error.get("data")) or _least_wait(reply.get("status"), code)
    return LinkLostError(reason, wait=wait, is_refusal=code in REFUSED_CODES)


def code_of(error: Any) -> int | None:
    """Return the venue's number of an error, None when it has none."""
    code = error.get("code") if isinstance(error, Mapping) else None
    return code if isinstance(code, int) else None


def _close_words(frame: Close) -> str:
    return f"{int(frame.code)} {frame.reason[:MAX_VENUE_TEXT]}".rstrip()


def _refused_handshake(error: InvalidStatus) -> LinkLostError:
    status = error.response.status_code
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return LinkLostError(f"the handshake was redirected (HTTP {status}), which is not followed")
    wait = WAITS.get(status, 0.0)
    if wait:
        wait = _seconds(error.response.headers.get("Retry-After")) or wait
    is_refusal = status == HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS
    reason = f"the handshake was refused (HTTP {status})"
    return LinkLostError(reason, wait=wait, is_refusal=is_refusal)


def _seconds(value: str | None) -> float | None:
    try:
        seconds = float(value or "")
    except ValueError:
        return None  # an HTTP date, which the venue does not send
    is_sound = math.isfinite(seconds) and seconds > 0
    return min(seconds, LONGEST_WAIT_SECONDS) if is_sound else None


def _least_wait(status: Any, code: int | None) -> float:
    if isinstance(status, int) and status in WAITS:
        return WAITS[status]
    return WAITS[HTTPStatus.TOO_MANY_REQUESTS] if code in LIMIT_CODES else 0.0


def _wait_of(data: Any) -> float:
    if not isinstance(data, Mapping):
        return 0.0
    until, now = data.get("retryAfter"), data.get("serverTime")
    if not isinstance(until, int):
        return 0.0
    if not isinstance(now, int):
        now = int(time.time() * 1000)  # signing time
    return min(max(until - now, 0), int(LONGEST_WAIT_SECONDS * 1000)) / 1000

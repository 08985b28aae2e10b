"""From what went wrong to what the caller may do next (the tree of `exchange.domain.errors`).

The codes are in `exchange.binance.outcomes`; what is provably unsent follows binance-common's
`request_not_sent`.
No message ever quotes an exception of the HTTP library: those carry the signed URL.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

import requests
import urllib3

from exchange.binance.hints import hint
from exchange.binance.outcomes import (
    FUTURES,
    FUTURES_NOT_DONE,
    OUTCOMES,
    SPOT,
    STATUS_OUTCOMES,
    TOO_MANY_ORDERS,
    Outcome,
)
from exchange.domain.errors import (
    CredentialsError,
    GatewayError,
    OrderRejectedError,
    OutcomeUnknownError,
    RateLimitedError,
    TimestampError,
    UnavailableError,
    UnknownSymbolError,
)
from exchange.domain.types import Market

DUPLICATE_ORDER: Final = (-2010, "Duplicate order sent.")
NO_SUCH_ORDER: Final = -2013
DEFAULT_RETRY_SECONDS: Final = 60.0  # the venue's weight windows are one minute long
SECONDS_A_DAY: Final = 86_400
# The windows that orders are counted in, by the word that the venue's text has for them: spot
# counts by ten seconds and by day, futures by ten seconds ("TEN_SECONDS" too) and by minute.
ORDER_WINDOWS: Final = MappingProxyType({"DAY": SECONDS_A_DAY, "MINUTE": 60, "SECOND": 10})
SHORTEST_ORDER_WINDOW: Final = 10
# rest-api.md, "IP Limits": bans last from two minutes to three days. A longer wait is nonsense, of
# a proxy perhaps, and would stop every exit until somebody empties Redis.
LONGEST_WAIT_SECONDS: Final = 3.0 * SECONDS_A_DAY
SHORTEST_WAIT_SECONDS: Final = 1.0
BANNED_UNTIL: Final = re.compile(r"until (\d{13})")
SIGNATURE: Final = re.compile(r"signature=[^&\s\"']+", re.IGNORECASE)
MAX_VENUE_TEXT: Final = 300
# What one call can raise below our own code; anything else is a bug and passes.
TRANSPORT_ERRORS: Final = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)


class RefusedReplyError(Exception):
    """A reply outside of 2xx; `code` is 0 when the body is no error object of the venue."""

    def __init__(
        self,
        *,
        status: int,
        code: int,
        text: str,
        retry_after: float | None,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"HTTP {status}, code {code}")
        self.status = status
        self.code = code
        self.text = text
        self.retry_after = retry_after
        self.data = data

    @classmethod
    def read(cls, response: requests.Response) -> RefusedReplyError:
        """Take what matters out of `response`, which holds the key in its request's headers."""
        body = _json(response)
        code, text = _error_object(body)
        key = response.request.headers.get("X-MBX-APIKEY")
        text = text.replace(str(key), "…") if key else text
        data = body.get("data") if isinstance(body, dict) else None
        return cls(
            status=response.status_code,
            code=code,
            text=text,
            retry_after=_seconds(response.headers.get("Retry-After")),
            data=data if isinstance(data, dict) else None,
        )


class UnreadableReplyError(Exception):
    """A 2xx reply whose body is not JSON: the request was accepted, by somebody."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP {status} with a body that is not JSON")


class AlreadySoError(Exception):
    """The venue refused a change because everything is that way already: a success."""


BUILDERS: Final[MappingProxyType[Outcome, Callable[..., GatewayError]]] = MappingProxyType(
    {
        Outcome.NOT_DONE: UnavailableError,
        Outcome.NOT_OFFERED: partial(UnavailableError, is_lasting=True),
        Outcome.BAD_TIMESTAMP: TimestampError,
        Outcome.BAD_CREDENTIALS: CredentialsError,
    }
)


def from_reply(error: RefusedReplyError, *, market: Market, creates_order: bool) -> GatewayError:
    """Sort a reply outside of 2xx by market, code, text and status, in that order.

    AlreadySoError when the venue refused because nothing needed to be done.
    """
    message = _reply_message(error, market)
    outcome, code = _outcome(error, market), error.code or None
    if outcome is Outcome.ALREADY_SO:
        raise AlreadySoError
    if outcome is Outcome.DUPLICATE and creates_order:
        return OutcomeUnknownError(message, code=code)
    if outcome is Outcome.UNCERTAIN:
        return uncertain(message, creates_order=creates_order, code=code)
    if outcome is Outcome.RATE_LIMITED:
        return RateLimitedError(message, code=code, retry_after=_wait_seconds(error))
    if outcome in BUILDERS:
        return BUILDERS[outcome](message, code=code)
    refusal = UnknownSymbolError if outcome is Outcome.BAD_SYMBOL else OrderRejectedError
    return refusal(
        message,
        code=code,
        venue_text=error.text,
        hint=hint(market, error.code, error.text),
        details=error.data,
    )


def from_transport(error: Exception, *, host: str, creates_order: bool) -> GatewayError:
    """Sort a failure below HTTP: only a connection that never opened proves "not sent"."""
    message = f"{host}: {_transport_words(error)}"
    if provably_not_sent(error):
        return UnavailableError(message)
    return uncertain(message, creates_order=creates_order)


def uncertain(message: str, *, creates_order: bool, code: int | None = None) -> GatewayError:
    """Return "outcome unknown" for an order, "try again later" for a read."""
    return (OutcomeUnknownError if creates_order else UnavailableError)(message, code=code)


def provably_not_sent(error: Exception) -> bool:
    """Say whether no byte of the request can have reached the venue.

    A reset on a pooled connection does not count: it may have come after the request.
    """
    if isinstance(error, requests.ConnectTimeout | requests.exceptions.InvalidURL):
        return True
    cause = error.args[0] if error.args else None
    reason = getattr(cause, "reason", None)
    return isinstance(error, requests.ConnectionError) and isinstance(
        reason, urllib3.exceptions.NewConnectionError
    )


def _outcome(error: RefusedReplyError, market: Market) -> Outcome:
    if (market, error.code, error.text) == (SPOT, *DUPLICATE_ORDER):
        return Outcome.DUPLICATE
    known = OUTCOMES.get((market, error.code))
    if known not in {None, Outcome.REFUSED}:
        return known
    if market is FUTURES and error.status == HTTPStatus.SERVICE_UNAVAILABLE:
        is_idle = error.text.startswith(FUTURES_NOT_DONE)
        return Outcome.NOT_DONE if is_idle else Outcome.UNCERTAIN
    return _outcome_of_status(error)


def _outcome_of_status(error: RefusedReplyError) -> Outcome:
    if error.status in STATUS_OUTCOMES:
        return STATUS_OUTCOMES[HTTPStatus(error.status)]
    is_refusal = HTTPStatus.BAD_REQUEST <= error.status < HTTPStatus.INTERNAL_SERVER_ERROR
    # A 4xx without the venue's error object was not written by the venue's gateway.
    return Outcome.REFUSED if is_refusal and error.code else Outcome.UNCERTAIN


def _reply_message(error: RefusedReplyError, market: Market) -> str:
    if not error.code:
        return f"HTTP {error.status} with a body that is not an error of the venue"
    words = f"{error.text} (code {error.code})"
    explanation = hint(market, error.code, error.text)
    return f"{words}: {explanation}" if explanation else words


def _transport_words(error: Exception) -> str:
    if isinstance(error, requests.ConnectTimeout):
        return "the connection could not be opened in time"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.SSLError):
        return "the TLS connection failed"
    if isinstance(error, requests.exceptions.InvalidURL):
        return "this host does not belong to the environment"
    if provably_not_sent(error):
        return "the connection was refused or the name not found"
    return "the connection broke before the answer"


def _wait_seconds(error: RefusedReplyError) -> float:
    return min(max(_told_wait(error), SHORTEST_WAIT_SECONDS), LONGEST_WAIT_SECONDS)


def _told_wait(error: RefusedReplyError) -> float:
    if error.retry_after is not None:
        return error.retry_after
    if error.code == TOO_MANY_ORDERS:
        # Never a ban: the count begins anew with the next window (signing time).
        length = _order_window(error.text.upper())
        return length - time.time() % length
    banned_until = BANNED_UNTIL.search(error.text)
    if not banned_until:
        return DEFAULT_RETRY_SECONDS
    left = int(banned_until[1]) / 1000 - time.time()  # signing time
    # Over already? Then our clock is ahead of the venue's, which has just said that it is not.
    return left if left > 0 else DEFAULT_RETRY_SECONDS


def _order_window(text: str) -> int:
    named = (seconds for word, seconds in ORDER_WINDOWS.items() if word in text)
    return next(named, SHORTEST_ORDER_WINDOW)


def _json(response: requests.Response) -> Any:
    try:
        return response.json()
    except (ValueError, RecursionError):
        return None


def _error_object(body: Any) -> tuple[int, str]:
    code = body.get("code") if isinstance(body, dict) else None
    if not isinstance(code, int) or isinstance(code, bool):
        return 0, ""
    return code, SIGNATURE.sub("signature=…", str(body.get("msg", "")))[:MAX_VENUE_TEXT]


def _seconds(value: str | None) -> float | None:
    try:
        seconds = float(value or "")
    except ValueError:
        return None  # an HTTP date, which the venue does not send
    return seconds if math.isfinite(seconds) and seconds >= 0 else None

"""From what went wrong to what the caller may do next (the tree of `exchange.domain.errors`).

Sources: binance-spot-api-docs errors.md and rest-api.md ("HTTP Return Codes"), the USD-M
error-code page, binance-common's `request_not_sent` for what is provably unsent. The same
number can mean different things on spot and futures, hence the table is keyed by both.
No message ever quotes an exception of the HTTP library: those carry the signed URL.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterable
from enum import Enum, auto
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

import requests
import urllib3

from exchange.binance.hints import hint
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
BANNED_UNTIL: Final = re.compile(r"until (\d{13})")
SIGNATURE: Final = re.compile(r"signature=[^&\s\"']+", re.IGNORECASE)
MAX_VENUE_TEXT: Final = 300
# What one call can raise below our own code; anything else is a bug and passes.
TRANSPORT_ERRORS: Final = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)


class RefusedReplyError(Exception):
    """A reply outside of 2xx; `code` is 0 when the body is no error object of the venue."""

    def __init__(self, *, status: int, code: int, text: str, retry_after: float | None) -> None:
        super().__init__(f"HTTP {status}, code {code}")
        self.status = status
        self.code = code
        self.text = text
        self.retry_after = retry_after

    @classmethod
    def read(cls, response: requests.Response) -> RefusedReplyError:
        """Take what matters out of `response`, which holds the key in its request's headers."""
        code, text = _error_object(response)
        key = response.request.headers.get("X-MBX-APIKEY")
        text = text.replace(str(key), "…") if key else text
        retry_after = _seconds(response.headers.get("Retry-After"))
        return cls(status=response.status_code, code=code, text=text, retry_after=retry_after)


class UnreadableReplyError(Exception):
    """A 2xx reply whose body is not JSON: the request was accepted, by somebody."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP {status} with a body that is not JSON")


class Outcome(Enum):
    """What an error says about the request."""

    UNCERTAIN = auto()  # a read failed; a write may have happened
    NOT_DONE = auto()
    RATE_LIMITED = auto()
    BAD_TIMESTAMP = auto()
    BAD_CREDENTIALS = auto()
    BAD_SYMBOL = auto()


def _for(
    market: Market, outcome: Outcome, *codes: int
) -> Iterable[tuple[tuple[Market, int], Outcome]]:
    return (((market, code), outcome) for code in codes)


SPOT, FUTURES = Market.SPOT, Market.FUTURES
# Codes that are not here are refusals when the status is 4xx, uncertain otherwise.
OUTCOMES: Final = MappingProxyType(
    dict(
        [
            *_for(SPOT, Outcome.UNCERTAIN, -1000, -1001, -1006, -1007, -1008),
            *_for(SPOT, Outcome.NOT_DONE, -1016),
            *_for(SPOT, Outcome.RATE_LIMITED, -1003, -1015),
            *_for(SPOT, Outcome.BAD_TIMESTAMP, -1021),
            *_for(SPOT, Outcome.BAD_CREDENTIALS, -1002, -1022, -2008, -2014, -2015, -2017),
            *_for(SPOT, Outcome.BAD_SYMBOL, -1121),
            *_for(FUTURES, Outcome.UNCERTAIN, -1000, -1001, -1006, -1007),
            *_for(FUTURES, Outcome.NOT_DONE, -1008, -1016),
            *_for(FUTURES, Outcome.RATE_LIMITED, -1003, -1015),
            *_for(FUTURES, Outcome.BAD_TIMESTAMP, -1021, -5028),
            *_for(FUTURES, Outcome.BAD_CREDENTIALS, -1002, -1022, -2008, -2014, -2015, -2017),
            *_for(FUTURES, Outcome.BAD_SYMBOL, -1121),
        ]
    )
)
STATUS_OUTCOMES: Final = MappingProxyType(
    {
        HTTPStatus.UNAUTHORIZED: Outcome.BAD_CREDENTIALS,
        HTTPStatus.FORBIDDEN: Outcome.RATE_LIMITED,  # the firewall, with an HTML page
        HTTPStatus.REQUEST_TIMEOUT: Outcome.UNCERTAIN,
        HTTPStatus.IM_A_TEAPOT: Outcome.RATE_LIMITED,  # banned for ignoring 429
        HTTPStatus.TOO_MANY_REQUESTS: Outcome.RATE_LIMITED,
        HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS: Outcome.NOT_DONE,
    }
)
BUILDERS: Final[MappingProxyType[Outcome, Callable[..., GatewayError]]] = MappingProxyType(
    {
        Outcome.NOT_DONE: UnavailableError,
        Outcome.BAD_TIMESTAMP: TimestampError,
        Outcome.BAD_CREDENTIALS: CredentialsError,
        Outcome.BAD_SYMBOL: UnknownSymbolError,
    }
)


def from_reply(error: RefusedReplyError, *, market: Market, creates_order: bool) -> GatewayError:
    """Sort a reply outside of 2xx by market, code, text and status, in that order."""
    message = _reply_message(error, market)
    if creates_order and (error.code, error.text) == DUPLICATE_ORDER:
        # An order of this id is open: ours, from a request whose reply was lost.
        return OutcomeUnknownError(message, code=error.code)
    outcome = OUTCOMES.get((market, error.code)) or _outcome_of_status(error)
    code = error.code or None
    if outcome is None:
        return OrderRejectedError(message, code=code)
    if outcome is Outcome.UNCERTAIN:
        return uncertain(message, creates_order=creates_order, code=code)
    if outcome is Outcome.RATE_LIMITED:
        return RateLimitedError(message, code=code, retry_after=_wait_seconds(error))
    return BUILDERS[outcome](message, code=code)


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


def _outcome_of_status(error: RefusedReplyError) -> Outcome | None:
    if error.status in STATUS_OUTCOMES:
        return STATUS_OUTCOMES[HTTPStatus(error.status)]
    is_refusal = HTTPStatus.BAD_REQUEST <= error.status < HTTPStatus.INTERNAL_SERVER_ERROR
    # A 4xx without the venue's error object was not written by the venue's gateway.
    return None if is_refusal and error.code else Outcome.UNCERTAIN


def _reply_message(error: RefusedReplyError, market: Market) -> str:
    if not error.code:
        return f"HTTP {error.status} with a body that is not an error of the venue"
    words = f"{error.text} (code {error.code})"
    explanation = hint(market, error.code)
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
    if error.retry_after is not None:
        return error.retry_after
    banned_until = BANNED_UNTIL.search(error.text)
    if not banned_until:
        return DEFAULT_RETRY_SECONDS
    return max(int(banned_until[1]) / 1000 - time.time(), 1.0)  # signing time


def _error_object(response: requests.Response) -> tuple[int, str]:
    try:
        body = response.json()
    except ValueError:
        return 0, ""
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

"""Gateway errors, sorted by what the caller may do next.

GatewayError
├── OutcomeUnknownError      may have happened: reconcile, never resend
├── UnavailableError         did not happen: try again later
│   └── RateLimitedError     ... after `retry_after` seconds
├── TimestampError           did not happen: the clocks disagree; resync, sign anew, once
├── OrderRejectedError       the venue said no (`code`): do not resend unchanged
│   └── UnknownSymbolError   ... because it does not list the symbol
└── CredentialsError         the key is wrong, revoked or not permitted: call a human
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class GatewayError(Exception):
    """A call to the venue did not end well. `code` is the venue's number, when it gave one."""

    def __init__(self, message: str, *, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class OutcomeUnknownError(GatewayError):
    """The request may have reached the matching engine. Only the venue's evidence resolves it."""


class UnavailableError(GatewayError):
    """The request provably did nothing, or it was only a read.

    is_lasting   asking again within seconds is in vain (a service that ended, a closed country)
    """

    def __init__(self, message: str, *, code: int | None = None, is_lasting: bool = False) -> None:
        super().__init__(message, code=code)
        self.is_lasting = is_lasting


class RateLimitedError(UnavailableError):
    """Too many requests; nothing may be asked before `retry_after` seconds have passed."""

    def __init__(self, message: str, *, code: int | None = None, retry_after: float) -> None:
        super().__init__(message, code=code)
        self.retry_after = retry_after


class TimestampError(GatewayError):
    """The venue refused the timestamp (-1021) before its engine saw the request."""


class OrderRejectedError(GatewayError):
    """The venue refused the request for good.

    venue_text   in the venue's own words
    hint         what a trader can do about it, when we know
    details      the `data` of the venue's error, which a half-done cancel-replace carries
    """

    def __init__(
        self,
        message: str,
        *,
        code: int | None = None,
        venue_text: str = "",
        hint: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message, code=code)
        self.venue_text = venue_text
        self.hint = hint
        self.details = details


class UnknownSymbolError(OrderRejectedError):
    """The venue does not list this symbol."""


class CredentialsError(GatewayError):
    """The venue does not accept this key for this request."""

"""Refusals in the venue's words: an HTTP status, a code and a text that clients already understand.

Source: error codes of the spot API (`errors.md` of binance-spot-api-docs).
"""

from __future__ import annotations

from typing import Final

BAD_REQUEST: Final = 400
UNAUTHORIZED: Final = 401
NOT_FOUND: Final = 404
GONE: Final = 410
BANNED: Final = 418
TOO_MANY_REQUESTS: Final = 429


class DemoExchangeError(Exception):
    """The exchange cannot start or go on; the text is meant for the person who started it."""


class VenueError(Exception):
    """A request is refused. `code` and `message` become the reply's body."""

    def __init__(
        self,
        code: int,
        message: str,
        *,
        status: int = BAD_REQUEST,
        retry_after_seconds: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.retry_after_seconds = retry_after_seconds


def missing(name: str) -> VenueError:
    """Return the refusal of a request that lacks a parameter (-1102)."""
    text = f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
    return VenueError(-1102, text)


def missing_either(first: str, second: str) -> VenueError:
    """Return the refusal of a request that lacks both of two parameters (-1102)."""
    text = f"Param '{first}' or '{second}' must be sent, but both were empty/null!"
    return VenueError(-1102, text)


def illegal_characters(name: str, pattern: str) -> VenueError:
    """Return the refusal of a value that its pattern does not allow (-1100)."""
    text = f"Illegal characters found in parameter '{name}'; legal range is '{pattern}'."
    return VenueError(-1100, text)


def invalid_data(name: str) -> VenueError:
    """Return the refusal of a well-formed value that makes no sense (-1130)."""
    return VenueError(-1130, f"Data sent for parameter '{name}' is not valid.")


def filter_failure(name: str) -> VenueError:
    """Return the refusal of an order by one of the symbol's filters (-1013)."""
    return VenueError(-1013, f"Filter failure: {name}")


def not_built(what: str) -> VenueError:
    """Return the refusal of something that the venue has and this exchange has not (-1020)."""
    return VenueError(
        -1020, f"This operation is not supported: the demo exchange has no {what} yet."
    )


INVALID_SYMBOL: Final = (-1121, "Invalid symbol.")
INSUFFICIENT_BALANCE: Final = (-2010, "Account has insufficient balance for requested action.")
DUPLICATE_ORDER: Final = (-2010, "Duplicate order sent.")
UNKNOWN_ORDER: Final = (-2013, "Order does not exist.")

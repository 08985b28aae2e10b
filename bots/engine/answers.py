"""The short answers of a tick, and what each failure does to the bot's status."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bots.domain.status import Reason, State, Status
from bots.domain.strategies import UnknownStrategyError
from exchange.credentials import CredentialsDecryptError
from exchange.domain.errors import (
    CredentialsError,
    GatewayError,
    TimestampError,
    UnavailableError,
    UnknownSymbolError,
)
from exchange.registry import ClientInitError, KeyRevokedError

KEPT: Final = "Nothing is bought, and what is held is kept until somebody has looked at it."


class Answer(StrEnum):
    """What `run_bot_task` says when it did not tick, or could not finish."""

    DONE = "Done"
    LOCKED = "Skipped (locked)"
    NOT_ACTIVE = "Bot not active"
    KEY_NOT_FOUND = "API key not found"
    KEY_DECRYPT_FAILED = "API key decrypt failed"
    CLIENT_INIT_FAILED = "Binance client init failed"
    PRICE_DATA = "Price data not available"
    UNKNOWN_STRATEGY = "Unknown strategy"
    REFUSED = "Refused by the venue"


class KeyMissingError(Exception):
    """The bot has no API key any more."""


EXPECTED_FAILURES = (
    KeyMissingError,
    KeyRevokedError,
    CredentialsDecryptError,
    ClientInitError,
    UnknownStrategyError,
    GatewayError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """How a tick that could not finish is shown: status, message for people, short answer."""

    status: Status
    message: str
    answer: Answer


def failure_of(error: Exception) -> Failure:
    """Sort an expected failure by what its reader may do about it."""
    match error:
        case KeyMissingError() | KeyRevokedError():
            return _failure(Reason.NONE, Answer.KEY_NOT_FOUND, Answer.KEY_NOT_FOUND)
        case CredentialsDecryptError():
            return _failure(
                Reason.KEY_DECRYPT_FAILED, Answer.KEY_DECRYPT_FAILED, Answer.KEY_DECRYPT_FAILED
            )
        case ClientInitError():
            return _failure(
                Reason.CLIENT_INIT_FAILED,
                f"{Answer.CLIENT_INIT_FAILED}: {error}",
                Answer.CLIENT_INIT_FAILED,
            )
        case UnknownStrategyError():
            return _failure(Reason.NONE, str(error), Answer.UNKNOWN_STRATEGY)
        case UnavailableError() | TimestampError():
            # Nothing was bought or sent; prices come back by themselves, and so does the bot.
            # A timestamp that a jammed line made too old is no reason to leave a position alone.
            return _failure(Reason.PRICE_DATA, str(error), Answer.PRICE_DATA)
        case UnknownSymbolError():
            # Listings come back, and a position must not be left alone for want of one.
            return _failure(Reason.PRICE_DATA, f"{error}. {KEPT}", Answer.PRICE_DATA)
        case CredentialsError():
            return _failure(Reason.NONE, str(error), Answer.REFUSED)
        case _:
            return _failure(Reason.NONE, str(error), Answer.REFUSED)


def _failure(reason: Reason, message: str, answer: Answer) -> Failure:
    return Failure(status=Status(State.ERROR, reason), message=message, answer=answer)

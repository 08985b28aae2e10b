"""Reads are asked again after a failure that may pass: full-jitter exponential backoff.

https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ ("full jitter").
How long all of that may take is the caller's patience (`exchange.domain.budget`): a venue
that hangs holds a page for one timeout, not for every attempt's.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from exchange.domain.budget import current_asking
from exchange.domain.errors import GatewayError, RateLimitedError, UnavailableError

T = TypeVar("T")
logger = logging.getLogger(__name__)

LONGEST_BACKOFF_SECONDS: Final = 5.0
_DICE: Final = random.Random()  # noqa: S311 - spreads callers, guards no secret


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often a read is asked, and how long between: 0 to `backoff_base` * 2^n seconds."""

    max_attempts: int = 4
    backoff_base: float = 0.2

    def delay(self, attempt: int, error: UnavailableError) -> float:
        """Return the seconds to wait after attempt number `attempt` (1, 2, …) failed."""
        longest = min(self.backoff_base * 2 ** (attempt - 1), LONGEST_BACKOFF_SECONDS)
        delay = _DICE.uniform(0, longest)
        # The venue's own word comes first; the jitter on top keeps callers from coming at once.
        return error.retry_after + delay if isinstance(error, RateLimitedError) else delay


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """One attempt that failed and is made again."""

    endpoint: str
    error: GatewayError
    attempt: int
    of: int
    delay: float

    @property
    def code(self) -> str:
        """Return the venue's error code, "none" when it gave none."""
        return str(self.error.code) if self.error.code else "none"

    def log(self) -> None:
        """Write one structured line."""
        facts = {
            "endpoint": self.endpoint,
            "code": self.code,
            "attempt": self.attempt,
            "max_attempts": self.of,
            "delay_seconds": round(self.delay, 3),
        }
        words = " ".join(f"{name}={value!r}" for name, value in facts.items())
        logger.warning("asking again: %s (%s)", words, self.error, extra=facts)


def repeat(
    job: Callable[[], T],
    *,
    endpoint: str,
    policy: RetryPolicy,
    on_retry: Callable[[Retry], None],
    sleep: Callable[[float], None] = time.sleep,
) -> T:
    """Return what `job` returns, repeating it while its failure may pass and patience lasts."""
    asking = current_asking()
    attempt = 1
    while True:
        try:
            return job()
        except UnavailableError as error:
            delay = policy.delay(attempt, error)
            if attempt >= policy.max_attempts or error.is_lasting or delay > asking.patience:
                raise
            on_retry(
                Retry(
                    endpoint=endpoint,
                    error=error,
                    attempt=attempt,
                    of=policy.max_attempts,
                    delay=delay,
                )
            )
        attempt += 1
        asking.lose(delay)
        sleep(delay)

"""Request budgets and retry counters that all processes share through Redis."""

from __future__ import annotations

import logging
from functools import cache
from typing import Any, NamedTuple

import redis
from django.conf import settings

from exchange.binance.governor import Governor
from exchange.binance.redis_ledger import RedisLedger
from exchange.binance.retry import Retry, RetryPolicy
from exchange.binance.steady_ledger import SteadyLedger
from exchange.domain.types import Market

logger = logging.getLogger(__name__)


def governor(origin: str, market: Market) -> Governor:
    """Return this process's one governor of a venue's host; does no I/O."""
    retry = RetryPolicy(
        max_attempts=settings.BINANCE_RETRY_MAX_ATTEMPTS,
        backoff_base=settings.BINANCE_RETRY_BACKOFF_BASE,
    )
    place = _Place(settings.REDIS_URL, settings.INSTALLATION_ID, origin, market)
    return _governor(place, retry, threshold=settings.BINANCE_WEIGHT_THRESHOLD)


def retry_counts() -> dict[tuple[str, str], int]:
    """Return how often this installation asked again, by (endpoint, code); RedisError passes.

    code   the venue's error code, "none" when it gave none
    """
    stored = _connection(settings.REDIS_URL).hgetall(_retries_key(settings.INSTALLATION_ID))
    return {_endpoint_and_code(name): int(count) for name, count in stored.items()}


class _Place(NamedTuple):
    redis_url: str
    installation: str
    origin: str
    market: Market


@cache
def _governor(place: _Place, retry: RetryPolicy, *, threshold: float) -> Governor:
    return Governor(
        _ledger(place.redis_url),
        origin=place.origin,
        market=place.market,
        threshold=threshold,
        retry=retry,
        count_retry=lambda retried: _count(place.redis_url, place.installation, retried),
    )


def _count(url: str, installation: str, retry: Retry) -> None:
    try:
        field = f"{retry.endpoint} {retry.code}"
        _connection(url).hincrby(_retries_key(installation), field, 1)
    except redis.RedisError as error:
        # A count is not worth a tick; the retry itself has been logged.
        logger.warning("a retry was not counted: %s", type(error).__name__)


def _endpoint_and_code(name: bytes) -> tuple[str, str]:
    endpoint, _, code = name.decode().rpartition(" ")
    return endpoint, code


def _retries_key(installation: str) -> str:
    return f"tradebot:{installation}:retries"


@cache
def _ledger(url: str) -> SteadyLedger:
    return SteadyLedger(RedisLedger(_connection(url)))


@cache
def _connection(url: str) -> Any:
    # Short: a venue call asks twice, and without an answer the process goes on by itself.
    return redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)

"""This process's connection to Redis for what is shared, and one log line per outage of it."""

from __future__ import annotations

import logging
import threading
from functools import cache
from typing import Any, Final

import redis
from django.conf import settings

logger = logging.getLogger(__name__)

# Short: a tick that reads by Redis can as well read from the venue.
TIMEOUT_SECONDS: Final = 1.0


def connection() -> Any:
    """Return the connection pool of `REDIS_URL`; safe between threads and across a fork."""
    return _connection(settings.REDIS_URL)


@cache
def _connection(url: str) -> Any:
    return redis.Redis.from_url(
        url, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS
    )


class Outage:
    """Says once that something is away, and once that it is back."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._lock = threading.Lock()
        self._is_on = False

    def begins(self, error: Exception) -> None:
        """Note that it is away; logged when it was not known yet."""
        with self._lock:
            was_on, self._is_on = self._is_on, True
        if not was_on:
            logger.warning("%s away: %s", self._what, type(error).__name__)

    def ends(self) -> None:
        """Note that it answers; logged when it was away."""
        if not self._is_on:
            return
        with self._lock:
            was_on, self._is_on = self._is_on, False
        if was_on:
            logger.info("%s back", self._what)

"""Is this process alive, and can it reach what it needs?"""

from __future__ import annotations

import redis
from django.conf import settings
from django.db import DatabaseError, connection


def database_problem() -> str | None:
    """Say what is wrong with PostgreSQL, or None."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        return type(error).__name__
    return None


def redis_problem() -> str | None:
    """Say what is wrong with Redis, or None."""
    client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)
    try:
        client.ping()
    except redis.RedisError as error:
        return type(error).__name__
    finally:
        client.close()
    return None


def problems() -> dict[str, str]:
    """Return what is wrong by part; empty when the installation can work."""
    found = {"database": database_problem(), "redis": redis_problem()}
    return {part: problem for part, problem in found.items() if problem}

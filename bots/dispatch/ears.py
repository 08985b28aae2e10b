"""Hearing what is announced on Redis, one burst at a time."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import Any, Final

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from exchange.feed.announcing import AccountNews, account_news
from exchange.market_data import ClosedKline, announcement, names

logger = logging.getLogger(__name__)

BURST: Final = 500  # messages that are looked at together at most
_HEALTH_SECONDS: Final = 10


@dataclass(slots=True)
class Heard:
    """What was there to hear."""

    closed: list[ClosedKline] = field(default_factory=list)
    news: list[AccountNews] = field(default_factory=list)


class Ears:
    """A subscription to the channels of closed klines and account events.

    What is announced while there is no connection is gone: whoever listens looks by itself, too.
    """

    def __init__(self) -> None:
        self._subscription: Any = None
        self._client: Any = None
        self._unreadable: set[str] = set()

    @property
    def is_open(self) -> bool:
        """Say whether there is a connection, as far as is known."""
        return self._subscription is not None

    def open(self) -> None:
        """Connect and subscribe, and return when Redis has confirmed; redis.RedisError passes."""
        self.close()
        self._client = redis.Redis.from_url(
            settings.REDIS_URL,
            socket_connect_timeout=3,
            socket_timeout=3,
            health_check_interval=_HEALTH_SECONDS,
            # A connection that broke has lost messages: to be known here, not mended unseen.
            retry=Retry(NoBackoff(), 0),
        )
        subscription = self._client.pubsub()
        channels = (names.closed_channel(), names.account_channel())
        try:
            subscription.subscribe(*channels)
            for _ in channels:
                if subscription.get_message(timeout=3) is None:
                    raise redis.TimeoutError("the subscription was not confirmed")
        except redis.RedisError:
            subscription.close()
            raise
        self._subscription = subscription

    def listen(self, seconds: float) -> Heard:
        """Wait for the first message, and take those that are there with it.

        redis.RedisError when the connection is gone; it is closed then.
        """
        heard = Heard()
        until = time.monotonic() + seconds
        try:
            # The answer to a health check ends a wait early, and is no message.
            while (left := until - time.monotonic()) > 0:
                if self._take(self._subscription.get_message(timeout=left), heard):
                    break
            for _ in range(BURST):
                message = self._subscription.get_message(timeout=0)
                if message is None:
                    break
                self._take(message, heard)
        except (redis.RedisError, OSError) as error:
            self.close()
            raise redis.ConnectionError(f"the subscription ended: {error}") from error
        return heard

    def close(self) -> None:
        """End the subscription. Safe to repeat."""
        if self._subscription is not None:
            self._subscription.close()
            self._subscription = None
        if self._client is not None:
            self._client.close()
            self._client = None

    def _take(self, message: Any, heard: Heard) -> bool:
        if message is None or message["type"] != "message":
            return False
        is_close = message["channel"].decode() == names.closed_channel()
        try:
            if is_close:
                heard.closed.append(_usable_close(message["data"]))
            else:
                heard.news.append(_usable_news(message["data"]))
        except (ValueError, OverflowError) as error:
            self._complain(str(error), channel="closed klines" if is_close else "account events")
        return True

    def _complain(self, error: str, *, channel: str) -> None:
        if channel not in self._unreadable:
            # Once: another version may say thousands of them.
            self._unreadable.add(channel)
            logger.warning("a message about %s cannot be read: %s", channel, error)


def _usable_close(data: bytes) -> ClosedKline:
    closed = announcement(data)
    _ = closed.closed_at  # an interval that nobody knows, a moment that no calendar has
    return closed


def _usable_news(data: bytes) -> AccountNews:
    news = account_news(data)
    words: tuple[Any, ...] = (news.event.symbol, news.event.client_order_id, news.event.status)
    for word in words:
        # Neither a set nor the database takes anything else.
        if word is not None and (not isinstance(word, str) or "\0" in word):
            raise ValueError(f"no account event: {word!r} is no name")
    filled = news.event.filled_quantity
    if filled is not None and not filled.is_finite():
        raise ValueError(f"no account event: filled_quantity is {filled}")
    return news

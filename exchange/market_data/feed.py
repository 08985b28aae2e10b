"""What the market feed says about its connections, for everybody who wants to know."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from django.utils import timezone

from exchange.domain.clock import from_milliseconds, to_milliseconds
from exchange.domain.types import Environment, Market
from exchange.market_data import names
from exchange.market_data.connection import connection

SILENT_AFTER: Final = timedelta(seconds=15)  # wall time: a feed that says nothing is not there
SAYS_NOTHING: Final = "the market feed does not answer"
_LIVES: Final = timedelta(days=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedStatus:
    """How one connection of the feed does. Times are wall time.

    since     when it went up or down
    reason    why it is down; when it is up, what there is to say about it
    at        when the feed said so
    streams   how many streams it carries
    """

    up: bool
    since: datetime
    reason: str = ""
    at: datetime
    streams: int = 0


def market_link(environment: Environment, market: Market) -> str:
    """Return what the connection of a venue's market is called."""
    return f"{environment}:{market}"


def account_link(account_id: int, market: Market) -> str:
    """Return what the connection of an account's events in one market is called."""
    return f"account:{account_id}:{market}"


def write_feed_statuses(statuses: Mapping[str, FeedStatus]) -> None:
    """Replace what the feed said by this, by name of the connection; RedisError passes."""
    key = names.feed_status()
    with connection().pipeline(transaction=True) as steps:
        steps.delete(key)
        if statuses:
            steps.hset(key, mapping={name: _encoded(one) for name, one in statuses.items()})
            steps.pexpire(key, _LIVES)
        steps.execute()


def feed_statuses(*, now: datetime | None = None) -> dict[str, FeedStatus]:
    """Return what the feed says, by name of the connection; RedisError passes.

    now   wall time; what was said longer ago than `SILENT_AFTER` counts as down since then
    """
    moment = timezone.now() if now is None else now
    said = connection().hgetall(names.feed_status())
    return {name.decode(): _aged(_decoded(text), moment) for name, text in said.items()}


def is_feed_up(environment: Environment, market: Market) -> bool:
    """Say whether the feed hears this market by its stream; RedisError passes."""
    said = connection().hget(names.feed_status(), market_link(environment, market))
    return said is not None and _aged(_decoded(said), timezone.now()).up


def _aged(status: FeedStatus, now: datetime) -> FeedStatus:
    # What lies ahead was said before the clock was put back.
    if abs(now - status.at) <= SILENT_AFTER:
        return status
    since = status.at if status.up else status.since
    return replace(status, up=False, since=since, reason=SAYS_NOTHING)


def _encoded(status: FeedStatus) -> str:
    said: dict[str, Any] = {
        "up": status.up,
        "since": to_milliseconds(status.since),
        "reason": status.reason,
        "at": to_milliseconds(status.at),
        "streams": status.streams,
    }
    return json.dumps(said)


def _decoded(text: bytes) -> FeedStatus:
    said = json.loads(text)
    return FeedStatus(
        up=said["up"],
        since=from_milliseconds(said["since"]),
        reason=said["reason"],
        at=from_milliseconds(said["at"]),
        streams=said["streams"],
    )

"""What the feed says of itself, and which series pages want."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from exchange.domain.streams import Series
from exchange.domain.types import Environment, Market
from exchange.market_data import (
    FeedStatus,
    account_link,
    feed_statuses,
    market_link,
    note_wanted,
    wanted,
    wanted_by_pages,
    write_feed_statuses,
)
from exchange.market_data.tests.conftest import MINUTE, SECOND, WALL

LINK = market_link(Environment.LIVE, Market.FUTURES)
ACCOUNT = account_link(7, Market.SPOT)


def test_connections_have_names(clean_redis: Any) -> None:
    assert (LINK, ACCOUNT) == ("live:futures", "account:7:spot")
    assert feed_statuses() == {}


def test_what_was_said_is_read_and_replaced_as_a_whole(clean_redis: Any) -> None:
    up = FeedStatus(up=True, since=WALL - MINUTE, at=WALL, streams=12)
    down = FeedStatus(up=False, since=WALL - SECOND, reason="refused", at=WALL)
    write_feed_statuses({LINK: up, ACCOUNT: down})
    assert feed_statuses(now=WALL) == {LINK: up, ACCOUNT: down}

    write_feed_statuses({LINK: down})
    assert feed_statuses(now=WALL) == {LINK: down}
    write_feed_statuses({})
    assert feed_statuses(now=WALL) == {}


def test_a_feed_that_says_nothing_for_a_while_is_down(clean_redis: Any) -> None:
    up = FeedStatus(up=True, since=WALL - MINUTE, at=WALL, streams=12)
    down = FeedStatus(up=False, since=WALL - MINUTE, reason="refused", at=WALL)
    write_feed_statuses({LINK: up, ACCOUNT: down})

    assert feed_statuses(now=WALL + 15 * SECOND)[LINK] == up
    late = feed_statuses(now=WALL + 15 * SECOND + timedelta(milliseconds=1))
    assert late[LINK] == FeedStatus(
        up=False, since=WALL, reason="the market feed does not answer", at=WALL, streams=12
    )
    assert late[ACCOUNT].since == WALL - MINUTE
    assert feed_statuses()[LINK].up is False
    put_back = feed_statuses(now=WALL - 16 * SECOND)
    assert put_back[LINK].up is False  # or a feed that is gone would count as up until then


def test_a_series_that_no_page_shows_any_more_is_forgotten(
    clean_redis: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    spot = Series(Environment.DEMO, Market.SPOT, "BTCUSDT", "1m")
    futures = Series(Environment.TESTNET, Market.FUTURES, "ETHUSDT", "12h")
    note_wanted(spot)
    note_wanted(futures)
    note_wanted(spot)
    assert wanted_by_pages() == {spot, futures}

    monkeypatch.setattr(wanted, "WANTED_FOR", timedelta(seconds=-1))
    assert wanted_by_pages() == frozenset()

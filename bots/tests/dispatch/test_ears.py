"""Hearing announcements on a real Redis: bursts, garbage, and a connection that is cut."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from django.utils import timezone

from bots.dispatch.closes import Closes
from bots.dispatch.ears import Ears
from bots.dispatch.pending import PendingHints
from bots.tests.dispatch.announcing import account_message, closed_message
from exchange.market_data import names


@pytest.fixture
def ears(clean_redis: redis.Redis) -> Iterator[Ears]:
    """Lend ears that listen."""
    lent = Ears()
    lent.open()
    yield lent
    lent.close()


def test_all_that_is_there_is_heard_together(ears: Ears, clean_redis: Any) -> None:
    for symbol in ("BTCUSDT", "ETHUSDT"):
        clean_redis.publish(names.closed_channel(), closed_message(symbol=symbol))
    clean_redis.publish(names.account_channel(), account_message(kind="resync"))
    time.sleep(0.05)
    heard = ears.listen(1)
    assert [one.series.symbol for one in heard.closed] == ["BTCUSDT", "ETHUSDT"]
    assert [one.event.kind for one in heard.news] == ["resync"]
    began = time.monotonic()
    silence = ears.listen(0.2)
    assert (silence.closed, silence.news) == ([], [])
    assert 0.15 < time.monotonic() - began < 1


def test_what_cannot_be_read_is_said_once_and_hides_nothing(
    ears: Ears, clean_redis: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    for garbage in ("", "[]", "{}", json.dumps({"environment": "moon"}), b"\xff"):
        clean_redis.publish(names.closed_channel(), garbage)
    clean_redis.publish(names.closed_channel(), closed_message())
    time.sleep(0.05)
    heard = ears.listen(1)
    assert [one.series.symbol for one in heard.closed] == ["BTCUSDT"]
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    "said", [{"interval": "7s"}, {"open_time": 10**30}, {"open_time": -(10**17)}, {"symbol": None}]
)
def test_an_announcement_that_nobody_can_use_is_not_heard(
    ears: Ears, clean_redis: Any, said: dict[str, Any]
) -> None:
    message = json.loads(closed_message()) | said
    clean_redis.publish(names.closed_channel(), json.dumps(message))
    clean_redis.publish(names.closed_channel(), closed_message(symbol="ETHUSDT"))
    time.sleep(0.05)
    closes = Closes()
    closes.note(ears.listen(1).closed)
    assert closes


@pytest.mark.parametrize(
    "said",
    [
        {"filled_quantity": "NaN"},
        {"filled_quantity": "-1"},
        {"filled_quantity": "Infinity"},
        {"client_order_id": ["a"]},
        {"client_order_id": {"a": 1}},
        {"client_order_id": "a\x00b"},
        {"status": ["FILLED"]},
        {"symbol": ["BTCUSDT"]},
        {"symbol": "\x00"},
        {"account_id": 10**30},
        {"event_time": 10**30},
    ],
)
@pytest.mark.django_db
def test_an_account_event_that_nobody_can_use_ends_nothing(
    ears: Ears, clean_redis: Any, said: dict[str, Any]
) -> None:
    message = json.loads(account_message(client_order_id="tbtest-1t-1-e1", symbol="BTCUSDT")) | said
    clean_redis.publish(names.account_channel(), json.dumps(message))
    clean_redis.publish(names.account_channel(), account_message(kind="resync"))
    time.sleep(0.05)
    hints = PendingHints()
    heard = ears.listen(1)
    assert heard.news[-1].event.kind == "resync"
    hints.note(heard.news, heard_at=timezone.now())
    assert hints.claim() == []


def test_a_connection_that_is_cut_is_noticed_and_can_be_opened_anew(
    ears: Ears, clean_redis: Any, cut_subscriptions: Callable[[], None]
) -> None:
    cut_subscriptions()
    with pytest.raises(redis.ConnectionError):
        ears.listen(1)
    assert not ears.is_open
    ears.open()
    clean_redis.publish(names.closed_channel(), closed_message())
    assert len(ears.listen(1).closed) == 1


def test_without_redis_opening_fails_and_says_so(settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    ears = Ears()
    with pytest.raises(redis.ConnectionError):
        ears.open()
    assert not ears.is_open

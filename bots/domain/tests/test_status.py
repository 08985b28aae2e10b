from __future__ import annotations

import pytest

from bots.domain.status import Reason, State, Status
from exchange.domain.types import Environment


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (Status(State.STOPPED), "stopped"),
        (Status(State.PENDING), "pending"),
        (Status(State.RUNNING), "running"),
        (Status(State.WAITING, Reason.QUANTITY_BELOW_FILTERS), "waiting (qty below filters)"),
        (Status(State.PAUSED, Reason.MAX_DAILY_TRADES), "paused (max_daily_trades reached)"),
        (Status(State.PAUSED, Reason.MAX_DAILY_LOSS), "paused (max_daily_loss_perc reached)"),
        (Status(State.PAUSED, Reason.DAILY_TARGET), "paused (daily_target_perc reached)"),
        (Status(State.ERROR, Reason.KEY_DECRYPT_FAILED), "error (api key decrypt failed)"),
        (Status(State.ERROR, Reason.CLIENT_INIT_FAILED), "error (binance client init)"),
        (Status(State.ERROR, Reason.PRICE_DATA), "error (price data)"),
        (Status(State.ERROR), "error"),
    ],
)
def test_every_door_shows_exactly_these_words(status: Status, words: str) -> None:
    assert status.words(Environment.LIVE) == words
    assert status.words(Environment.TESTNET) == words


def test_only_a_running_bot_of_the_demo_says_so() -> None:
    assert Status(State.RUNNING).words(Environment.DEMO) == "running (demo mode)"
    assert Status(State.PENDING).words(Environment.DEMO) == "pending"

"""A halt of everything that comes in the middle of a step never leaves a position naked."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from decimal import Decimal
from typing import Any

import pytest

from bots.domain.halting import HaltLevel
from bots.engine.stops.releasing import release
from bots.locks import HaltScope
from bots.models import BotConfig, Order
from bots.services import set_halt
from bots.tests.engine.stops.conftest import configure
from bots.tests.engine.stops.turns import market_entry, open_at_spot, state_of, turn
from exchange.demo.testing import RunningExchange

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])

D = Decimal


def _halt() -> None:
    set_halt(scope=HaltScope(), level=HaltLevel.EVERYTHING, reason="the news", actor=None)


def test_a_pair_whose_move_is_halted_half_way_rests_at_its_new_place(
    spot_bot: BotConfig,
    venue: RunningExchange,
    monkeypatch: pytest.MonkeyPatch,
    worker_thread: Callable[[Callable[[], Any]], Future[Any]],
) -> None:
    turn(spot_bot, enter=market_entry("0.01"))
    configure(spot_bot, stop_loss_perc=D(5))

    def halted_after(*args: Any, **kwargs: Any) -> bool:
        is_free = release(*args, **kwargs)
        worker_thread(_halt).result(5)
        return is_free

    monkeypatch.setattr("bots.engine.stops.acting.release", halted_after)
    turn(spot_bot, slot=2)
    assert [level for _, _, level in open_at_spot(venue)] == ["104005.2", "95004.75"]
    state = state_of(spot_bot)
    assert state.unprotected_since is None
    assert state.stop_failures == 0
    assert set(Order.objects.filter(slot=2).values_list("status", "intent_reason")) == {
        ("open", "protection")
    }


def test_a_pair_is_not_moved_once_everything_is_halted(
    spot_bot: BotConfig, venue: RunningExchange
) -> None:
    turn(spot_bot, enter=market_entry("0.01"))
    configure(spot_bot, stop_loss_perc=D(5))
    _halt()
    turn(spot_bot, slot=2)
    assert [level for _, _, level in open_at_spot(venue)] == ["104005.2", "98004.9"]
    assert not Order.objects.filter(slot=2).exists()

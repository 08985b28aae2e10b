"""Stages for the fault scenarios; `printing` prints the table of their results."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import pytest

from bots.models import BotConfig
from bots.tests.engine.conftest import AT_BUY
from bots.tests.faults.stage import Stage
from bots.tests.faults.table import PROPERTY, Row
from exchange.demo.testing import RunningExchange

MakeStage = Callable[..., Stage]
EXITS: Final = {
    "stop_loss_perc": Decimal(2),
    "take_profit_perc": Decimal(8),
    "trailing_stop_perc": Decimal(1),
}


@pytest.fixture
def row(request: pytest.FixtureRequest) -> Row:
    """Return this test's line of the table, to be filled in."""
    made = Row(request.node.originalname.removeprefix("test_").replace("_", " "))
    request.node.user_properties.append((PROPERTY, made.cells))
    return made


@pytest.fixture
def make_stage(
    bot: BotConfig, venue: RunningExchange, monkeypatch: pytest.MonkeyPatch, row: Row
) -> MakeStage:
    """Return a maker of a started bot with stop, target and a trailing stop that sleeps.

    The clock stands where the strategy wants to buy; nothing has ticked yet.
    """

    def make(market: str = "spot", **columns: Any) -> Stage:
        futures = {"position_type": "futures", "leverage": 5, "position_size_fixed": Decimal(400)}
        row.market = market
        stage = Stage(venue, bot, monkeypatch)
        stage.configure(**EXITS, **(futures if market == "futures" else {}))
        stage.configure(**columns)
        stage.start()
        stage.go_to(AT_BUY)
        return stage

    return make


@pytest.fixture
def make_holder(make_stage: MakeStage) -> MakeStage:
    """Return a maker of stages whose bot has entered and has its stop and target."""

    def make(market: str = "spot", **columns: Any) -> Stage:
        stage = make_stage(market, **columns)
        assert stage.tick()
        assert stage.state.in_position
        return stage

    return make

"""Stages for the fault scenarios, and the table of their results."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest

from bots.models import BotConfig
from bots.tests.engine.conftest import AT_BUY
from bots.tests.faults.stage import Stage
from bots.tests.faults.table import PROPERTY, Row, lines_of
from exchange.demo.testing import RunningExchange

MakeStage = Callable[..., Stage]
_TABLE_OPTION: Final = "--fault-table"
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


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer to write the table into a file: `pytest bots/tests/faults --fault-table=FILE`."""
    parser.addoption(_TABLE_OPTION, metavar="FILE", help="write the fault matrix there")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table of scenarios and results, and write it where that was asked for."""
    rows = list(_rows(terminalreporter))
    if not rows:
        return
    lines = lines_of(rows)
    terminalreporter.section("fault matrix")
    for line in lines:
        terminalreporter.write_line(line)
    where = terminalreporter.config.getoption(_TABLE_OPTION, default=None)
    if where:
        Path(where).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _rows(terminalreporter: pytest.TerminalReporter) -> Iterator[dict[str, Any]]:
    for outcome, verdict in (("passed", "whole again"), ("failed", "FAILED"), ("error", "FAILED")):
        for report in terminalreporter.stats.get(outcome, ()):
            for name, cells in report.user_properties:
                if name == PROPERTY:
                    yield {**cells, "verdict": verdict}

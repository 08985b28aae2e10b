"""Prints the table of the fault matrix at the end of a run; a plugin of the root conftest.

With parallel processes the one that prints collects nothing, and knows the root conftest alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from bots.tests.faults.table import PROPERTY, lines_of

_TABLE_OPTION: Final = "--fault-table"


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
            # A file that could not be collected has a report without any.
            for name, cells in getattr(report, "user_properties", ()):
                if name == PROPERTY:
                    yield {**cells, "verdict": verdict}

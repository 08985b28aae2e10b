"""Compose pytest's command line from what the caller gave."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# The tests of one file stay on one worker: some share an installation. (`loadgroup` groups
# nothing with these pins: pytest 9.2 does not look where pytest-xdist 3.8 writes the group,
# https://github.com/pytest-dev/pytest-xdist/issues/1386.)
# Not those with the most tests first: the files that take longest have few, and are marked `long`.
# Three on two cores: a good part of the tests waits, for venues, locks and closes.
WORKERS = ("-n", "3", "--dist", "loadfile", "--no-loadscope-reorder")
NOT_BROWSER = "not browser"


def has_browser() -> bool:
    """Tell whether a Chromium is on the PATH."""
    return any(shutil.which(name) for name in BROWSERS)


def compose(given: Sequence[str], *, browser: bool) -> list[str]:
    """Return pytest's arguments.

    given     the caller's; without any it is the full run. `--cov` measures coverage, which
              makes it half as long again
    browser   False leaves out what is marked `browser`, whatever else is selected
    """
    rest, expression = _take_marker_expression(given)
    if not browser:
        expression = f"({expression}) and {NOT_BROWSER}" if expression else NOT_BROWSER
    marker = ["-m", expression] if expression else []
    workers = () if _names_workers(given) else WORKERS
    return [*workers, *rest, *marker]


def _names_workers(given: Sequence[str]) -> bool:
    return any(re.match(r"(-n|--numprocesses(=|$))", argument) for argument in given)


def _take_marker_expression(given: Sequence[str]) -> tuple[list[str], str]:
    """Split off `-m EXPRESSION`; the last one counts, as it does for pytest."""
    rest: list[str] = []
    expression = ""
    arguments = iter(given)
    for argument in arguments:
        if argument == "-m":
            expression = next(arguments, "")
        elif argument.startswith("-m") and not argument.startswith("--"):
            expression = argument[2:].removeprefix("=")
        else:
            rest.append(argument)
    return rest, expression

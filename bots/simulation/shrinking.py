"""From a seed that fails to the few perils that it takes."""

from __future__ import annotations

import re

from bots.simulation.run import Options, SeedReport, play
from bots.simulation.stage import Stage

_FIGURES = re.compile(r"[0-9a-z]*\d[0-9a-z.\-]*")


def shrunk(stage: Stage, report: SeedReport, options: Options) -> SeedReport:
    """Return the report of the same seed with as few perils as fail in the same way.

    Perils are left out one after the other, the last ones first. The dice go on as if they had
    been drawn, so what comes before is the same run.
    """
    left_out: set[int] = set()
    for number in reversed(report.perils):
        tried = play(stage, report.seed, options, suppressed=left_out | {number})
        if _kind(tried) == _kind(report):
            left_out.add(number)
            report = tried
    return report


def _kind(report: SeedReport) -> str:
    # The same failure with other names and numbers in it.
    return _FIGURES.sub("#", report.error)

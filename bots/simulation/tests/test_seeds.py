"""Promises 1 to 4 and 8 under seeds: whatever goes wrong, every invariant holds."""

from __future__ import annotations

import pytest

from bots.simulation.run import Options, play
from bots.simulation.shrinking import shrunk
from bots.simulation.stage import Stage

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "journal"]),
    pytest.mark.long,
]

_BLOCK = 20
_BLOCKS = 10
_OPTIONS = Options(steps=5, most_bots=2)


@pytest.mark.parametrize("first", range(1, _BLOCK * _BLOCKS, _BLOCK))
def test_every_invariant_holds_under_a_block_of_seeds(stage: Stage, first: int) -> None:
    for seed in range(first, first + _BLOCK):
        report = play(stage, seed, _OPTIONS)
        if not report.is_sound:
            report = shrunk(stage, report, _OPTIONS)
            trace = "\n".join(report.trace)
            pytest.fail(f"seed {seed}, step {report.step}: {report.error}\n{trace}")


def test_the_seeds_together_meet_perils_and_trade(stage: Stage) -> None:
    reports = [play(stage, seed, _OPTIONS) for seed in range(1, 13)]
    assert sum(report.orders for report in reports) > len(reports)
    assert sum(len(report.perils) for report in reports) > len(reports)


def test_a_seed_played_twice_does_the_same_to_the_last_line(stage: Stage) -> None:
    first, second = play(stage, 3, _OPTIONS), play(stage, 3, _OPTIONS)
    assert first.trace == second.trace
    assert (first.ticks, first.requests) == (second.ticks, second.requests)
    assert first.trace != play(stage, 4, _OPTIONS).trace


def test_a_peril_that_is_left_out_changes_nothing_before_it(stage: Stage) -> None:
    whole = next(
        report
        for report in (play(stage, seed, _OPTIONS) for seed in range(1, 30))
        if len(report.perils) > 1
    )
    left_out = play(stage, whole.seed, _OPTIONS, suppressed={whole.perils[-1]})
    place = next(
        index for index, line in enumerate(whole.trace) if f"PERIL {whole.perils[-1]}:" in line
    )
    assert left_out.trace[:place] == whole.trace[:place]
    assert whole.perils[-1] not in left_out.perils

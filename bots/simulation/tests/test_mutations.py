"""The invariants can fail: an engine that is wrong on purpose is found out within a few seeds."""

from __future__ import annotations

import re

import pytest

from bots.simulation import people, perils, steps
from bots.simulation.perils import Odds, Peril
from bots.simulation.run import Options, SeedReport, play
from bots.simulation.shrinking import shrunk
from bots.simulation.stage import Stage
from bots.simulation.tests import mutations
from bots.simulation.tests.mutations import Mutation

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "journal"]),
    pytest.mark.long,
]

_LOST = Options(steps=12, most_bots=2, odds=Odds(of_write=0.6))
_MEANWHILE = Options(steps=12, most_bots=2, odds=Odds(of_read=0.15))
_SEEDS = range(1, 60)
# An entry stands at the venue twice; of an exit the second one is refused, and believed.
_TWICE = "the venue has 2 orders|executions .* are missing"
_FOUND = [
    (mutations.sends_again_what_is_unknown, _LOST, _TWICE),
    (mutations.sends_what_another_has_sent, _LOST, _TWICE),
    (mutations.applies_executions_twice, _LOST, "at the venue"),
    (mutations.gives_up_at_the_first_look, _LOST, "was closed as never placed, and the venue has"),
    (mutations.ignores_halts, _MEANWHILE, "was sent after a halt of"),
    (mutations.ignores_that_a_bot_was_stopped, _MEANWHILE, "had been stopped"),
    (mutations.loses_count_of_what_it_holds, _LOST, "its executions come to"),
]


@pytest.fixture(autouse=True)
def _only_what_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every seed meet what finds these mutations, so that a few are enough."""
    monkeypatch.setattr(perils, "OF_READS", (Peril.MEANWHILE,))
    monkeypatch.setattr(perils, "OF_WRITES", (Peril.LOST_AFTER, Peril.LATE))
    monkeypatch.setattr(people, "MEANWHILE", {people.stop: 1, people.halt_something: 1})
    monkeypatch.setattr(people, "cap_accounts", lambda _: None)
    monkeypatch.setattr(steps, "_STEPS", {steps.work_round: 9, steps.person_starts: 1})


def _first_failure(stage: Stage, options: Options) -> SeedReport:
    for seed in _SEEDS:
        report = play(stage, seed, options)
        if not report.is_sound:
            return report
    pytest.fail(f"none of {len(_SEEDS)} seeds found it")


@pytest.mark.parametrize(
    ("mutation", "options", "words"), [pytest.param(*one, id=one[0].__name__) for one in _FOUND]
)
def test_an_engine_that_is_wrong_on_purpose_is_found_out(
    stage: Stage,
    monkeypatch: pytest.MonkeyPatch,
    mutation: Mutation,
    options: Options,
    words: str,
) -> None:
    mutation(monkeypatch)
    assert re.search(words, _first_failure(stage, options).error)


def test_a_failure_that_takes_no_peril_is_shrunk_to_none(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutations.sends_what_another_has_sent(monkeypatch)
    report = shrunk(stage, _first_failure(stage, _LOST), _LOST)
    assert report.perils == []
    assert re.search(_TWICE, report.error)

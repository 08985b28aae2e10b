"""The command: what it prints, and that a failing seed fails it."""

from __future__ import annotations

import json
from contextlib import nullcontext
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from bots.management.commands import chaos
from bots.simulation.database import own_database
from bots.simulation.tests import mutations

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "journal"]),
    pytest.mark.long,
]


@pytest.fixture(autouse=True)
def _in_this_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """Play in the database of the tests: making another one takes longer than the seeds."""
    monkeypatch.setattr(chaos, "own_database", nullcontext)


def _played(*arguments: str) -> str:
    out = StringIO()
    call_command("chaos", *arguments, stdout=out)
    return out.getvalue()


def _failed(*arguments: str) -> str:
    out = StringIO()
    with pytest.raises(CommandError, match="of 1 seeds failed") as caught:
        call_command("chaos", *arguments, stdout=out)
    assert caught.value.returncode == 1
    return out.getvalue()


@pytest.fixture
def first_failure(monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a seed, as an argument, that fails because the engine is wrong on purpose."""
    mutations.loses_count_of_what_it_holds(monkeypatch)
    for seed in range(1, 30):
        try:
            _played("--first", str(seed), "--seeds", "1", "--steps", "6")
        except CommandError:
            return str(seed)
    pytest.fail("no seed found it")


def test_two_seeds_are_told_as_one_json_object() -> None:
    told: dict[str, Any] = json.loads(_played("--seeds", "2", "--steps", "3", "--json"))
    assert told["seeds"] == 2
    assert told["failed"] == told["failures"] == []
    assert told["ticks"] > 0
    assert told["requests"] > told["ticks"]


def test_two_seeds_are_told_in_one_line() -> None:
    line = _played("--seeds", "2", "--first", "5", "--steps", "1", "--markets", "spot")
    assert line.startswith("seeds=2 first=5 failed=[] ticks=")
    assert line.count("\n") == 1


def test_a_failing_seed_fails_the_command_and_tells_where(first_failure: str) -> None:
    told = _failed("--first", first_failure, "--seeds", "1", "--steps", "6")
    assert f"seed {first_failure}, step " in told
    assert "its executions come to" in told
    assert "perils that it takes: none" in told


def test_a_failing_seed_is_told_as_json_with_its_trace(first_failure: str) -> None:
    told = json.loads(_failed("--first", first_failure, "--seeds", "1", "--steps", "6", "--json"))
    assert told["failed"] == [int(first_failure)]
    (failure,) = told["failures"]
    assert "its executions come to" in failure["error"]
    assert failure["trace"]


def test_a_long_run_ends_with_equal_books_and_tells_the_figures() -> None:
    arguments = ("--bots", "4", "--hours", "0.5", "--timeframe", "5m", "--check-seconds", "300")
    told: dict[str, Any] = json.loads(_played("--no-faults", "--json", *arguments))
    assert (told["error"], told["bots"], told["rounds"]) == ("", 4, 6)
    assert told["ticks"] >= 4 * 6
    assert told["fills"] >= told["trades"] > 0


def test_a_database_of_its_own_is_made_and_dropped() -> None:
    before = connection.settings_dict["NAME"]
    with own_database() as name:
        assert name == f"chaos_{before}"
        assert connection.settings_dict["NAME"] == name
    assert connection.settings_dict["NAME"] == before
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_database WHERE datname = %s", [name])
        assert cursor.fetchone() == (0,)

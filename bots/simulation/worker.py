"""The worker that is simulated, as far as its database connections are concerned.

A worker that is killed leaves nothing behind but what has committed: its connections are closed
under it, so that no handler on the way out can write a word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final, NoReturn

from django.db import OperationalError, connections

from bots.journal import JOURNAL
from bots.simulation.errors import WorkerKilledError
from bots.simulation.perils import Peril, Perils

ALIASES: Final = ("default", JOURNAL)
_WORDS_SHOWN: Final = 3
_SAVEPOINT: Final = re.compile(r"\bs\d+_x\d+\b")


class Worker:
    """What runs ticks in this thread; dies and is started anew."""

    def __init__(self) -> None:
        self.is_dead = False
        self.was_cut = False

    @property
    def is_unharmed(self) -> bool:
        """Say whether neither the worker nor a connection of it was lost since `start`."""
        return not self.is_dead and not self.was_cut

    def start(self) -> None:
        """Start anew, with new connections."""
        if not self.is_unharmed:
            for alias in ALIASES:
                connections[alias].close()
        self.is_dead = self.was_cut = False

    def kill(self, where: str) -> NoReturn:
        """Die here."""
        self.is_dead = True
        for alias in ALIASES:
            drop(alias)
        raise WorkerKilledError(where)

    def cut(self, alias: str) -> None:
        """Lose one connection without noticing."""
        self.was_cut = True
        drop(alias)

    @contextmanager
    def in_peril(self, perils: Perils) -> Iterator[None]:
        """Let every statement of this thread's connections run into `perils`."""
        with ExitStack() as stack:
            for alias in ALIASES:
                watch = self._watch(alias, perils)
                stack.enter_context(connections[alias].execute_wrapper(watch))
            yield

    def _watch(self, alias: str, perils: Perils) -> Callable[..., Any]:
        def execute(
            run: Callable[..., Any],
            sql: str,
            params: Any,
            many: bool,  # noqa: FBT001 - Django calls it so
            context: Any,
        ) -> Any:
            if self.is_dead:
                raise OperationalError("this worker is dead")
            words = " ".join(sql.replace('"', "").split()[:_WORDS_SHOWN])
            words = _SAVEPOINT.sub("savepoint", words)  # named by thread, so never twice the same
            peril = perils.of_statement(f"{alias} {words}")
            if peril is Peril.KILLED_AT_STATEMENT:
                self.kill(words)
            if peril is Peril.CUT_BEFORE:
                self.cut(alias)
            result = run(sql, params, many, context)
            if peril is Peril.CUT_AFTER:
                self.cut(alias)
                raise OperationalError("the connection was cut after the statement")
            return result

        return execute


def drop(alias: str) -> None:
    """Close a connection under its user; the server has forgotten it when this returns."""
    raw = connections[alias].connection
    if raw is not None and not raw.closed:
        raw.rollback()  # waits for the server, so that locks are free at once and in every run
        raw.close()

"""What ends a simulation early, and what a simulated worker dies of."""

from __future__ import annotations


class InvariantError(AssertionError):
    """Something that must always be true is not. The text says what and shows the figures."""


class WorkerKilledError(BaseException):
    """The worker is dead from here on, as by SIGKILL: nothing that it still tries has an effect."""

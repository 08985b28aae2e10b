"""Errors of the front door.

FrontDoorError             printed without a traceback, exit code 1
├── ChildFailedError       a process died or never became ready; carries its last lines
└── StopRequestedError     Ctrl-C or SIGTERM came while something was being waited for
"""

from __future__ import annotations

from collections.abc import Sequence


class FrontDoorError(Exception):
    """Say what failed and what to do next; the text goes to the user as it stands."""

    exit_code = 1


class ChildFailedError(FrontDoorError):
    """A child process died or did not become ready in time."""

    def __init__(self, message: str, *, last_lines: Sequence[str]) -> None:
        super().__init__(message)
        self.last_lines = list(last_lines)


class StopRequestedError(FrontDoorError):
    """The user asked to stop before the work was done."""

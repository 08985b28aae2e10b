"""How a worker is struck in the middle of its tick: killed, or cut off, at one named point."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import pytest
import requests
from django.db import OperationalError, connections
from django.utils.module_loading import import_string
from requests.adapters import HTTPAdapter

ALIASES: Final = ("default", "journal")


class Killed(BaseException):
    """The worker is gone; no error, so that nothing catches it, as of SIGKILL."""


class Blow(StrEnum):
    """What happens to the worker at the point."""

    KILL = "worker killed"
    CUT = "database connections cut"
    LOST = "connection to the venue cut"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A point in the program: before or after the n-th call of a function by its users' name."""

    target: str
    nth: int = 1
    is_after: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A point on the wire: before the venue sees the n-th such request, or after it acted."""

    endpoint: str
    nth: int = 1
    is_after: bool = False


Point = Call | Request


class Victim:
    """The worker that runs the tick; what it does after its death reaches nobody."""

    def __init__(self, point: Point, blow: Blow) -> None:
        self.point = point
        self.blow = blow
        self.calls = 0
        self.is_dead = False
        self.was_struck = False

    def reach(self, *, is_after: bool) -> None:
        """Note that the point's function or request begins or has ended; strike when it is due."""
        if not is_after:
            self.calls += 1
        if is_after == self.point.is_after and self.calls == self.point.nth and not self.was_struck:
            self.strike()

    def strike(self) -> None:
        """Kill the worker, or cut its connections under it."""
        self.was_struck = True
        for alias in ALIASES:
            _drop(alias)
        if self.blow is Blow.KILL:
            self.is_dead = True
            raise Killed

    def execute(self, run: Callable[..., Any], *statement: Any) -> Any:
        """Let a statement through while the worker lives."""
        if self.is_dead:
            raise OperationalError("this worker is dead")
        return run(*statement)


@contextmanager
def struck(victim: Victim) -> Iterator[None]:
    """Run a tick in this block, in this thread, to let it meet the blow."""
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        _arm(victim, patch)
        for alias in ALIASES:
            stack.enter_context(connections[alias].execute_wrapper(victim.execute))
        yield


def _drop(alias: str) -> None:
    raw = connections[alias].connection
    if raw is not None and not raw.closed:
        raw.rollback()  # waits for the server, so that the locks are free when this returns
        raw.close()


def _arm(victim: Victim, patch: pytest.MonkeyPatch) -> None:
    point = victim.point
    if isinstance(point, Call):
        patch.setattr(point.target, _watched(import_string(point.target), victim))
    patch.setattr(HTTPAdapter, "send", _wire(HTTPAdapter.send, victim))


def _watched(function: Callable[..., Any], victim: Victim) -> Callable[..., Any]:
    def call(*args: Any, **named: Any) -> Any:
        victim.reach(is_after=False)
        result = function(*args, **named)
        victim.reach(is_after=True)
        return result

    return call


def _wire(send: Callable[..., Any], victim: Victim) -> Callable[..., Any]:
    mine, point = threading.get_ident(), victim.point

    def call(adapter: HTTPAdapter, request: requests.PreparedRequest, **named: Any) -> Any:
        if threading.get_ident() != mine:
            return send(adapter, request, **named)
        if victim.is_dead:
            raise requests.ConnectionError("this worker is dead")
        is_it = isinstance(point, Request) and point.endpoint == _endpoint(request)
        if is_it:
            victim.reach(is_after=False)
        reply = send(adapter, request, **named)
        if is_it:
            try:
                victim.reach(is_after=True)
            except Killed:
                reply.close()
                raise
        return reply

    return call


def _endpoint(request: requests.PreparedRequest) -> str:
    return f"{request.method} {request.path_url.partition('?')[0]}"

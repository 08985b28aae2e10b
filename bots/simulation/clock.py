"""The virtual clock: everything that reads time in a simulation reads this one."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, tzinfo
from inspect import isclass, isfunction
from types import ModuleType
from typing import Any, Final

from django.utils import timezone

from exchange.domain.clock import from_milliseconds, to_milliseconds

# Whose look at the clock is led here: our rooms and the library that signs requests.
_ROOMS: Final = ("bots.", "exchange.", "binance.")
_NOT_LED: Final = "bots.simulation"
_NANOSECONDS: Final = 1_000_000_000
_NANOSECONDS_PER_MILLISECOND: Final = 1_000_000


class VirtualClock:
    """Signing time and market time of one run. They move when they are told to, and never back.

    Market time runs `speed` times as fast as signing time. Whoever sleeps lets both pass.
    """

    def __init__(self) -> None:
        self.set(datetime(2025, 5, 12, tzinfo=UTC), market=datetime(2025, 5, 12, tzinfo=UTC))

    def set(self, signing: datetime, *, market: datetime, speed: int = 1) -> None:
        """Begin anew at these two times."""
        self._signing_ns = to_milliseconds(signing) * _NANOSECONDS_PER_MILLISECOND
        self._began_ns = self._signing_ns
        self._market_ms = to_milliseconds(market)
        self.speed = speed

    @property
    def market_ms(self) -> int:
        """Return market time in ms since the epoch."""
        passed_ns = (self._signing_ns - self._began_ns) * self.speed
        return self._market_ms + passed_ns // _NANOSECONDS_PER_MILLISECOND

    @property
    def market(self) -> datetime:
        """Return market time."""
        return from_milliseconds(self.market_ms)

    def now(self) -> datetime:
        """Return signing time."""
        return from_milliseconds(self._signing_ns // _NANOSECONDS_PER_MILLISECOND)

    def time(self) -> float:
        """Stand in for `time.time`."""
        return self._signing_ns / _NANOSECONDS

    def time_ns(self) -> int:
        """Stand in for `time.time_ns`."""
        return self._signing_ns

    def monotonic(self) -> float:
        """Stand in for `time.monotonic`."""
        return self._signing_ns / _NANOSECONDS

    def monotonic_ns(self) -> int:
        """Stand in for `time.monotonic_ns`."""
        return self._signing_ns

    def sleep(self, seconds: float) -> None:
        """Stand in for `time.sleep`: nobody waits, time passes."""
        self._signing_ns += max(int(seconds * _NANOSECONDS), 0)

    def __getattr__(self, name: str) -> Any:
        # What measures the machine itself (perf_counter) or only formats stays the real one.
        return getattr(time, name)


@contextmanager
def virtual_time(clock: VirtualClock) -> Iterator[None]:
    """Let our rooms, python-binance and `django.utils.timezone.now` read `clock`.

    Module by module instead of in `time` itself, which psycopg, threads and pytest need as it is.
    Functions that took `time.sleep` or its like as a default when they were defined get the
    clock's. Call it when everything that is to be led has been imported.
    """
    undo: list[Callable[[], None]] = []
    stands_in = {
        getattr(time, name): getattr(clock, name)
        for name in ("time", "time_ns", "monotonic", "monotonic_ns", "sleep")
    }
    for module in _led_modules():
        if vars(module).get("time") is time:
            undo.append(_set(module, "time", clock))
        for function in _functions_of(module):
            undo += _rebind_defaults(function, stands_in)
    undo.append(_set(timezone, "datetime", _datetime_of(clock)))
    try:
        yield
    finally:
        for step in reversed(undo):
            step()


def _led_modules() -> list[ModuleType]:
    return [
        module
        for name, module in sorted(sys.modules.items())
        if name.startswith(_ROOMS) and not name.startswith(_NOT_LED) and ".tests." not in name
    ]


def _functions_of(module: ModuleType) -> Iterator[Any]:
    for one in list(vars(module).values()):
        if getattr(one, "__module__", None) != module.__name__:
            continue
        if isfunction(one):
            yield one
        elif isclass(one):
            yield from (member for member in vars(one).values() if isfunction(member))


def _rebind_defaults(function: Any, stands_in: dict[Any, Any]) -> list[Callable[[], None]]:
    undo = []
    plain, named = function.__defaults__ or (), function.__kwdefaults__ or {}
    if any(_is_among(value, stands_in) for value in plain):
        led = tuple(_led(value, stands_in) for value in plain)
        undo.append(_set(function, "__defaults__", led))
    if any(_is_among(value, stands_in) for value in named.values()):
        led_by_name = {name: _led(value, stands_in) for name, value in named.items()}
        undo.append(_set(function, "__kwdefaults__", led_by_name))
    return undo


def _is_among(value: Any, stands_in: dict[Any, Any]) -> bool:
    return any(value is one for one in stands_in)


def _led(value: Any, stands_in: dict[Any, Any]) -> Any:
    return stands_in[value] if _is_among(value, stands_in) else value


def _set(target: Any, name: str, value: Any) -> Callable[[], None]:
    before = getattr(target, name)
    setattr(target, name, value)
    return lambda: setattr(target, name, before)


def _datetime_of(clock: VirtualClock) -> type[datetime]:
    class VirtualDatetime(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return clock.now().astimezone(tz or UTC)

    return VirtualDatetime

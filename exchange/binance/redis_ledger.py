"""Request budgets shared through Redis or Valkey by every process that the venue counts as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from exchange.binance.ledgers import (
    FLIGHT_MS,
    GUARD_MS,
    SHORTLY_MS,
    WAITS_MS,
    WEIGHT,
    Counted,
    Draw,
    Free,
    Granted,
    Refused,
    Seen,
    Settlement,
    Unanswered,
)
from exchange.binance.redis_scripts import BAN, RESERVE, SETTLE

KEY_PREFIX: Final = "tradebot:budget"
LIMITS_KEPT_SECONDS: Final = 7 * 86_400
_WORDS: Final[Mapping[type[Settlement], str]] = {
    Seen: "seen",
    Counted: "counted",
    Free: "free",
    Unanswered: "unanswered",
}


class RedisLedger:
    """Keeps budgets in Redis, one round trip for each method. redis.RedisError passes.

    Installations that share a Redis and an address share its budget, as they should; machines
    with addresses of their own that share a Redis share it too, and so take less than they might.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._reserve = connection.register_script(RESERVE)
        self._settle = connection.register_script(SETTLE)
        self._ban = connection.register_script(BAN)

    def reserve(
        self,
        base: str,
        request_id: str,
        draws: Sequence[Draw],
        *,
        priority: int,
        fraction: float,
        clock_ms: int | None,
    ) -> Granted | Refused:
        """Reserve all of `draws`, or nothing."""
        arguments: list[Any] = [_clock(clock_ms), GUARD_MS, request_id, FLIGHT_MS, int(priority)]
        arguments += [fraction, WAITS_MS, SHORTLY_MS]
        for draw in draws:
            window = draw.window
            arguments += [window.label, window.length_ms, window.limit, draw.amount]
        answer = self._reserve(keys=[_key(base, draw.name) for draw in draws], args=arguments)
        if not answer[0]:
            _, wait_ms, place, is_ban = answer
            return Refused(wait_ms, draws[place - 1].name, is_ban=bool(is_ban))
        _, share, at_ms, *numbers = answer
        return Granted(at_ms, tuple(numbers), float(share))

    def settle(
        self,
        base: str,
        request_id: str,
        draws: Sequence[Draw],
        granted: Granted,
        settlements: Sequence[Settlement],
        *,
        clock_ms: int | None,
    ) -> None:
        """End a reservation with what came of it."""
        arguments: list[Any] = [_clock(clock_ms), GUARD_MS, request_id]
        for draw, number, settlement in zip(draws, granted.numbers, settlements, strict=True):
            count = settlement.count if isinstance(settlement, Seen) else 0
            arguments += [draw.window.length_ms, draw.amount, granted.at_ms, number]
            arguments += [_WORDS[type(settlement)], count]
        self._settle(keys=[_key(base, draw.name) for draw in draws], args=arguments)

    def ban(self, base: str, name: str, milliseconds: int, *, clock_ms: int | None) -> None:
        """Refuse everything that draws on `name` for a time; a longer ban stays."""
        keys = [_weight_key(base), _key(base, name)]
        self._ban(keys=keys, args=[_clock(clock_ms), GUARD_MS, milliseconds])

    def learn(self, base: str, limits: Mapping[str, int]) -> None:
        """Take over the venue's own limits, by label."""
        if limits:
            name = f"{_weight_key(base)}:venue"
            self._connection.hset(name, mapping=dict(limits))
            self._connection.expire(name, LIMITS_KEPT_SECONDS)


def _weight_key(base: str) -> str:
    return _key(base, WEIGHT)


def _key(base: str, name: str) -> str:
    # The braces keep all keys of an address on one node of a Redis Cluster.
    return f"{KEY_PREFIX}:{{{base}}}:{name}"


def _clock(clock_ms: int | None) -> int | str:
    return "" if clock_ms is None else clock_ms

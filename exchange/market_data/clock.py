"""Market time: the newest time that a venue's market data have shown, shared by all processes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import IntEnum
from functools import cache
from typing import Any, Final

import redis
from django.conf import settings
from django.utils import timezone

from exchange.domain.budget import Priority, asking_for
from exchange.domain.clock import from_milliseconds, to_milliseconds
from exchange.domain.errors import GatewayError, RateLimitedError, UnknownSymbolError
from exchange.domain.types import Environment, Market, Ticker
from exchange.market_data import names
from exchange.registry import ClientInitError, market_data_gateway

logger = logging.getLogger(__name__)

# Further back than replies can overtake each other, whatever the speed of the demo:
# the venue itself started anew.
RESTARTED_AFTER: Final = timedelta(hours=1)
HEARD_LASTS: Final = timedelta(seconds=1.5)  # wall time
SILENCE_LASTS: Final = timedelta(seconds=3)  # wall time
UNKNOWN_LASTS: Final = timedelta(minutes=1)  # wall time
DISPATCHER_PATIENCE_SECONDS: Final = 1.0
_MILLISECOND: Final = timedelta(milliseconds=1)

# Stores ARGV[1] when it is newer than the stored value, or older by more than ARGV[2]:
# one atomic step, so that two processes cannot move the clock back between them. KEYS[2] says for
# ARGV[3] ms that the market was heard to move on; 0 says nothing.
_ADVANCE: Final = """
local stored = tonumber(redis.call('GET', KEYS[1]))
local seen = tonumber(ARGV[1])
local answer = 0
if not stored or seen > stored then
  answer = 1
elseif stored - seen > tonumber(ARGV[2]) then
  answer = 2
end
if answer > 0 then
  redis.call('SET', KEYS[1], ARGV[1])
  if tonumber(ARGV[3]) > 0 then redis.call('SET', KEYS[2], 1, 'PX', ARGV[3]) end
end
return answer
"""


class _Answer(IntEnum):
    KEPT = 0
    ADVANCED = 1
    RESTARTED = 2


def market_time(environment: Environment, market: Market) -> datetime | None:
    """Return the newest market time seen, None before the first. redis.RedisError passes."""
    stored = _connection(settings.REDIS_URL).get(_name(environment, market))
    return from_milliseconds(int(stored)) if stored else None


def note_market_time(
    environment: Environment,
    market: Market,
    market_time: datetime,
    *,
    seen_at: datetime | None = None,
) -> None:
    """Move the market clock forward to `market_time`; an older time changes nothing.

    seen_at   wall time at which a stream told it: for `HEARD_LASTS` nobody needs to ask the venue

    A time that is older by more than an hour is taken over with a warning: the demo exchange
    was set up anew, and its market must not stand still until it has caught up.
    """
    heard_for = timedelta(0)
    if seen_at is not None:
        heard_for = min(seen_at + HEARD_LASTS - timezone.now(), HEARD_LASTS)
    name = _name(environment, market)
    answer = _connection(settings.REDIS_URL).eval(
        _ADVANCE,
        2,
        name,
        f"{name}:heard",
        to_milliseconds(market_time),
        RESTARTED_AFTER // _MILLISECOND,
        max(heard_for // _MILLISECOND, 0),
    )
    if answer == _Answer.RESTARTED:
        logger.warning("market time of %s %s went back to %s", environment, market, market_time)


def refresh_market_time(
    environment: Environment, market: Market, symbols: Sequence[str]
) -> datetime | None:
    """Ask the venue for its market time, note and return it; None when it cannot be read.

    symbols   any of them will do: the first that the venue knows is asked for

    A market that a stream has told of within `HEARD_LASTS` is not asked.
    A venue that did not answer is left alone for `SILENCE_LASTS`, and a symbol that it does not
    know for `UNKNOWN_LASTS`, by every process: neither must hold up the bots of the others.
    """
    connection, name = _connection(settings.REDIS_URL), _name(environment, market)
    silent = f"{name}:silent"
    if connection.exists(f"{name}:heard"):
        return market_time(environment, market)
    if connection.exists(silent):
        return None
    try:
        # Bots that hold something wait for this clock, and the dispatcher waits for the answer.
        with asking_for(Priority.EXIT, patience=DISPATCHER_PATIENCE_SECONDS):
            ticker = _first_ticker(environment, market, symbols)
    except (GatewayError, ClientInitError) as error:
        logger.warning("no market time from %s %s: %s", environment, market, error)
        connection.set(silent, 1, px=_silence_after(error))
        return None
    if ticker is None:
        return None
    note_market_time(environment, market, ticker.market_time)
    return market_time(environment, market)


def _first_ticker(
    environment: Environment, market: Market, symbols: Sequence[str]
) -> Ticker | None:
    connection = _connection(settings.REDIS_URL)
    for symbol in symbols:
        unknown = f"{_name(environment, market)}:unknown:{symbol}"
        if connection.exists(unknown):
            continue
        try:
            return market_data_gateway(environment, market).ticker(symbol)
        except UnknownSymbolError as error:
            logger.warning("%s %s does not know %s: %s", environment, market, symbol, error)
            connection.set(unknown, 1, px=UNKNOWN_LASTS)
    return None


def _silence_after(error: Exception) -> timedelta:
    if isinstance(error, RateLimitedError):
        # Asking again earlier would lengthen the venue's ban.
        return max(SILENCE_LASTS, timedelta(seconds=error.retry_after))
    return SILENCE_LASTS


def _name(environment: Environment, market: Market) -> str:
    return names.market_time(environment, market)


@cache
def _connection(url: str) -> Any:
    return redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=3)

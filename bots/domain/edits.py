"""What becomes of an edit while a position is open: what applies at once, and what waits.

Stops, targets and limits watch the open position, so they follow the edit. What decided its entry
(strategy, direction, size, leverage) stays as it was until the position is gone: a position that
one strategy opened is not handed to another one in the middle.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final, Protocol

from bots.domain.direction import Directions
from bots.domain.snapshot import Parameters
from bots.domain.stops import is_worth_a_move
from bots.domain.wording import plain

# Columns of a bot's settings. Every one is in exactly one of these groups.
APPLIES_NOW: Final = frozenset(
    {
        *("name", "check_interval_seconds", "initial_capital"),
        *("stop_loss_perc", "take_profit_perc", "trailing_stop_perc", "trailing_stop_active"),
        *("custom_stop_loss", "custom_take_profit", "custom_trailing_stop"),
        *("daily_target_perc", "max_daily_loss_perc", "max_daily_trades"),
        *("order_cooldown_seconds", "unprotected_policy", "close_at_daily_limit"),
        *("stop_loss_guard_count", "stop_loss_guard_minutes", "stop_loss_guard_lock_minutes"),
        *("max_drawdown_perc", "max_drawdown_minutes", "max_drawdown_lock_minutes"),
        *("exchange_error_count", "exchange_error_minutes", "exchange_error_lock_minutes"),
        "stale_data_seconds",
    }
)
WAITS: Final = frozenset(
    {
        *("strategy", "timeframe", "direction", "leverage"),
        *("position_size_perc", "position_size_fixed", "entry_slippage_perc"),
        *("ema_fast", "ema_slow", "ema_period", "rsi_period", "rsi_oversold", "rsi_overbought"),
        *("custom_ema_fast", "custom_ema_slow", "custom_rsi_period"),
        *("custom_rsi_oversold", "custom_rsi_overbought"),
    }
)
NEXT_START: Final = frozenset({"transfer_amount", "auto_transfer_funds"})
NEEDS_A_FLAT_BOT: Final = frozenset({"symbol", "position_type", "user", "api_key"})

_NUMBERS: Final = (
    "rsi_oversold",
    "rsi_overbought",
    "position_size_perc",
    "position_size_fixed",
    "entry_slippage_perc",
)
_WAITING_PARAMETERS: Final = (
    *("strategy", "timeframe", "directions", "leverage"),
    *("ema_fast", "ema_slow", "ema_period", "rsi_period"),
    *_NUMBERS,
)
_WORDS: Final = {
    "directions": "positions",
    "ema_fast": "fast EMA",
    "ema_slow": "slow EMA",
    "ema_period": "trend EMA",
    "rsi_period": "RSI",
    "rsi_oversold": "RSI oversold",
    "rsi_overbought": "RSI overbought",
    "position_size_perc": "position size, %",
    "position_size_fixed": "position size",
    "entry_slippage_perc": "most slippage, %",
}


class Configured(Protocol):
    """A bot's settings as they are stored."""

    @property
    def parameters(self) -> Parameters: ...


class Held(Protocol):
    """What is known of a bot's position."""

    in_position: bool
    entry_settings: Any  # as of `entry_settings`; empty when nothing was noted


class Resting(Protocol):
    """The prices that a bot wants its position to end at, and those that rest at the venue."""

    in_position: bool
    stop_loss_price: Any
    trailing_stop_price: Any
    take_profit_price: Any
    resting_stop_price: Any
    resting_target_price: Any
    last_price: Any


@dataclass(frozen=True, slots=True)
class Pending:
    """A setting or price that is not in force yet: what holds now, and what is wanted."""

    name: str
    in_force: str
    wanted: str


def entry_settings(bot: Configured) -> dict[str, Any]:
    """Return the settings that wait, as JSON, to be kept with the position that they open."""
    parameters = bot.parameters
    return {name: _stored(getattr(parameters, name)) for name in _WAITING_PARAMETERS}


def parameters_in_force(bot: Configured, state: Held) -> Parameters:
    """Return the settings that this tick goes by: those of the entry while its position is open.

    What an older version did not note is as configured now. ValueError when what was noted cannot
    be read.
    """
    configured = bot.parameters
    noted = state.entry_settings
    if not state.in_position or not noted:
        return configured
    values = {name: _read(name, noted[name]) for name in _WAITING_PARAMETERS if name in noted}
    return replace(configured, **values)


def waiting_edits(bot: Configured, state: Held) -> tuple[Pending, ...]:
    """Return the settings that wait for the next entry, in words."""
    configured, in_force = bot.parameters, parameters_in_force(bot, state)
    return tuple(
        Pending(_WORDS.get(name, name), _shown(old), _shown(new))
        for name in _WAITING_PARAMETERS
        if (old := getattr(in_force, name)) != (new := getattr(configured, name))
    )


def unplaced_levels(state: Resting, *, is_short: bool = False) -> tuple[Pending, ...]:
    """Return the stop and target that do not rest at the venue yet as they are wanted.

    A stop is the tighter one of stop-loss and trailing stop. One that would be moved by too little
    to be moved at all is in place.
    """
    if not state.in_position:
        return ()
    stops = [p for p in (state.stop_loss_price, state.trailing_stop_price) if p is not None]
    stop = (min if is_short else max)(stops, default=None)
    wanted = (
        ("stop", state.resting_stop_price, stop),
        ("target", state.resting_target_price, state.take_profit_price),
    )
    return tuple(
        Pending(name, _shown(resting), _shown(level))
        for name, resting, level in wanted
        if not _is_in_place(resting, level, price=state.last_price)
    )


def _is_in_place(resting: Decimal | None, level: Decimal | None, *, price: Decimal | None) -> bool:
    if resting is None or level is None or price is None:
        return resting == level
    return not is_worth_a_move(resting, level, price=price)


def sorted_edit(changed: Iterable[str]) -> Mapping[str, list[str]]:
    """Sort the names of changed columns by when they apply: `now`, `next entry`, `next start`."""
    sorted_names: dict[str, list[str]] = {"now": [], "next entry": [], "next start": []}
    for name in changed:
        group = "next entry" if name in WAITS else "next start" if name in NEXT_START else "now"
        sorted_names[group].append(name)
    return sorted_names


def _stored(value: Any) -> Any:
    return plain(value) if isinstance(value, Decimal) else value


def _read(name: str, value: Any) -> Any:
    if name == "directions":
        return Directions(value)
    if name in _NUMBERS and value is not None:
        try:
            return Decimal(value)
        except ArithmeticError as error:
            raise ValueError(f"{name} was noted at the entry as {value!r}") from error
    return value


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    return plain(value) if isinstance(value, Decimal) else str(value)

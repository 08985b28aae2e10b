"""Which settings of a bot make sense. One message per field, in words for the trader."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Final

from bots.domain.indicators import MAX_PERIOD, MIN_PERIOD
from bots.domain.strategies import STRATEGIES
from bots.domain.wording import plain
from exchange.domain.intervals import INTERVALS

_SYMBOL: Final = re.compile(r"[A-Z0-9]{5,20}")


@dataclass(frozen=True, slots=True)
class _Range:
    # `above` shuts out the lowest value itself, `below` (only together with it) the highest.
    lowest: Decimal
    highest: Decimal
    whole: bool = False
    required: bool = False
    above: bool = False
    below: bool = False

    def words(self) -> str:
        kind = "a whole number" if self.whole else "a number"
        if not self.above:
            return f"{kind} from {plain(self.lowest)} to {plain(self.highest)}"
        high = f"below {plain(self.highest)}" if self.below else f"at most {plain(self.highest)}"
        return f"{kind} above {plain(self.lowest)} and {high}"

    def holds(self, value: Decimal) -> bool:
        if self.whole and value != value.to_integral_value():
            return False
        high_enough = value > self.lowest if self.above else value >= self.lowest
        return high_enough and (value < self.highest if self.below else value <= self.highest)


def _whole(lowest: int, highest: int, *, required: bool = True) -> _Range:
    return _Range(Decimal(lowest), Decimal(highest), whole=True, required=required)


def _positive(highest: int = 100, *, below: bool = False) -> _Range:
    return _Range(Decimal(0), Decimal(highest), above=True, below=below)


_PERIOD: Final = _whole(MIN_PERIOD, MAX_PERIOD)
_OPTIONAL_PERIOD: Final = _whole(MIN_PERIOD, MAX_PERIOD, required=False)
_RSI: Final = _Range(Decimal(1), Decimal(99), required=True)
_OPTIONAL_RSI: Final = _Range(Decimal(1), Decimal(99))

# Protections: how many of what happened, and within or for how long; a month at most.
_COUNT: Final = _whole(1, 1000, required=False)
_MINUTES: Final = _whole(1, 30 * 1440, required=False)

_RANGES: Final[Mapping[str, _Range]] = MappingProxyType(
    {
        "ema_fast": _PERIOD,
        "ema_slow": _PERIOD,
        "rsi_period": _PERIOD,
        "ema_period": _OPTIONAL_PERIOD,
        "custom_ema_fast": _OPTIONAL_PERIOD,
        "custom_ema_slow": _OPTIONAL_PERIOD,
        "custom_rsi_period": _OPTIONAL_PERIOD,
        "rsi_oversold": _RSI,
        "rsi_overbought": _RSI,
        "custom_rsi_oversold": _OPTIONAL_RSI,
        "custom_rsi_overbought": _OPTIONAL_RSI,
        "stop_loss_perc": _positive(below=True),
        "custom_stop_loss": _positive(below=True),
        "take_profit_perc": _positive(1000),
        "custom_take_profit": _positive(1000),
        "trailing_stop_perc": _positive(below=True),
        "custom_trailing_stop": _positive(below=True),
        "daily_target_perc": _positive(),
        "max_daily_loss_perc": _positive(),
        "position_size_perc": _positive(),
        "position_size_fixed": _positive(10**9),
        "initial_capital": _Range(Decimal(0), Decimal(10**9), above=True, required=True),
        "max_daily_trades": _whole(1, 10_000, required=False),
        "check_interval_seconds": _whole(30, 86_400),
        "order_cooldown_seconds": _whole(0, 7 * 86_400),
        "leverage": _whole(1, 125),
        "entry_slippage_perc": _positive(10),
        "transfer_amount": _positive(10**9),
        "stop_loss_guard_count": _COUNT,
        "stop_loss_guard_minutes": _MINUTES,
        "stop_loss_guard_lock_minutes": _MINUTES,
        "max_drawdown_perc": _positive(),
        "max_drawdown_minutes": _MINUTES,
        "max_drawdown_lock_minutes": _MINUTES,
        "exchange_error_count": _COUNT,
        "exchange_error_minutes": _MINUTES,
        "exchange_error_lock_minutes": _MINUTES,
        "stale_data_seconds": _whole(10, 86_400, required=False),
    }
)

# (smaller, larger): the plain names; a custom value, when set, stands in for the plain one.
_ORDERED: Final = (
    ("ema_fast", "ema_slow"),
    ("rsi_oversold", "rsi_overbought"),
)


def validate_parameters(values: Mapping[str, object]) -> dict[str, str]:
    """Return one message per field of a bot's settings that makes no sense; empty when all do.

    values   by field name; a missing key is the same as None; numbers may be Decimal, int or the
             text of one
    """
    errors = _named_values(values)
    numbers = {name: _number(values.get(name)) for name in _RANGES}
    for name, allowed in _RANGES.items():
        message = _range_error(values.get(name), numbers[name], allowed)
        if message:
            errors[name] = message
    _check_order(numbers, errors)
    _check_presence(values, errors)
    return errors


def _named_values(values: Mapping[str, object]) -> dict[str, str]:
    errors: dict[str, str] = {}
    symbol, timeframe, strategy = (values.get(n) for n in ("symbol", "timeframe", "strategy"))
    if not isinstance(symbol, str) or not _SYMBOL.fullmatch(symbol):
        errors["symbol"] = (
            f"Must be 5 to 20 capital letters or digits like BTCUSDT, was {symbol!r}."
        )
    if timeframe not in tuple(INTERVALS):
        errors["timeframe"] = f"Must be one of {', '.join(INTERVALS)}, was {timeframe!r}."
    if strategy not in tuple(STRATEGIES):
        errors["strategy"] = f"Must be one of {', '.join(STRATEGIES)}, was {strategy!r}."
    return errors


def _number(value: object) -> Decimal | None:
    # A bool is an int to Python and a mistake to everybody else.
    if value is None or isinstance(value, bool):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _range_error(value: object, number: Decimal | None, allowed: _Range) -> str | None:
    if value is None or value == "":
        return f"Is required: {allowed.words()}." if allowed.required else None
    if number is None or not allowed.holds(number):
        return f"Must be {allowed.words()}, was {value}."
    return None


def _check_order(numbers: Mapping[str, Decimal | None], errors: dict[str, str]) -> None:
    for smaller, larger in _ORDERED:
        low_name, low = _effective(numbers, smaller)
        high_name, high = _effective(numbers, larger)
        if low is None or high is None or {low_name, high_name} & errors.keys():
            continue
        if low >= high:
            errors[low_name] = f"Must be below {high_name} ({plain(high)}), was {plain(low)}."


def _effective(numbers: Mapping[str, Decimal | None], name: str) -> tuple[str, Decimal | None]:
    custom = f"custom_{name}"
    return (name, numbers[name]) if numbers[custom] is None else (custom, numbers[custom])


def _check_presence(values: Mapping[str, object], errors: dict[str, str]) -> None:
    if values.get("position_size_perc") is None and values.get("position_size_fixed") is None:
        errors["position_size_perc"] = (
            "Is required unless position_size_fixed is given: a number above 0 and at most 100."
        )
    trailing = (values.get("trailing_stop_perc"), values.get("custom_trailing_stop"))
    if values.get("trailing_stop_active") and trailing == (None, None):
        errors["trailing_stop_perc"] = "Is required while the trailing stop is active."

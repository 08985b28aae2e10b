"""In position: leave by request, signal, stop-loss, take-profit, trailing stop or daily limit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from bots.domain.decision import (
    Check,
    Denial,
    DenialCode,
    Intent,
    IntentReason,
    Leg,
    Levels,
)
from bots.domain.exits import exit_levels, level_hit
from bots.domain.halting import Purpose
from bots.domain.limits import daily_exit
from bots.domain.outcome import Outcome
from bots.domain.reading import Reading
from bots.domain.sizing import exit_quantity
from bots.domain.snapshot import Snapshot
from bots.domain.symbol import symbol_trouble
from bots.domain.wording import did_not_leave, distance_percent, leaves, plain
from exchange.domain.types import Market

SIZE: Final = "size"
EXIT_BLOCK: Final = "exit_block"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cause:
    reason: IntentReason
    why: str


def guard_position(snapshot: Snapshot, reading: Reading, *, limit: Denial | None) -> Outcome:
    """Close what is held when something says so, else hold. No daily limit ever stops an exit.

    A halt of everything keeps the bot's own exits, not those that a person asked for. What the
    venue takes no order for at all is kept, with the exit that was wanted as a denial.
    """
    levels = exit_levels(
        position=snapshot.position,
        price=snapshot.price,
        klines=snapshot.klines,
        parameters=snapshot.parameters,
        price_increment=snapshot.rules.price_increment,
    )
    causes = tuple(_causes(snapshot, reading, levels, limit))
    asked = tuple(_asked(snapshot, reading, levels, causes, limit))
    if not causes:
        return _hold(snapshot, levels, asked)
    cause = causes[0]
    quantity = exit_quantity(
        rules=snapshot.rules,
        price=snapshot.price,
        position=snapshot.position.quantity,
        free_base=snapshot.free_base,
    )
    refusal = _refusal(snapshot, cause)
    checks = (*asked, *_hurdles(snapshot, cause, quantity))
    did_not = f"{did_not_leave(snapshot.position.direction)} ({cause.why})"
    if refusal is not None:
        words = f"{did_not}: {refusal.detail}"
        return Outcome(words=words, checks=checks, denial=refusal, levels=levels)
    if isinstance(quantity, Denial):
        words = f"{did_not}: {quantity.detail}"
        return Outcome(words=words, checks=checks, denial=quantity, levels=levels, lacks_size=True)
    does, asset = leaves(snapshot.position.direction), snapshot.rules.base_asset
    return Outcome(
        words=f"{does} {plain(quantity)} {asset}: {cause.why}",
        checks=checks,
        intents=(_intent(snapshot, cause.reason, quantity),),
        levels=levels,
    )


def _causes(
    snapshot: Snapshot, reading: Reading, levels: Levels, limit: Denial | None
) -> Iterator[_Cause]:
    """Yield what asks for an exit, the most important first."""
    if snapshot.close_request is not None:
        yield _Cause(reason=IntentReason.CLOSE_REQUEST, why=snapshot.close_request.reason)
    if reading.is_exit:
        yield _Cause(reason=IntentReason.EXIT_SIGNAL, why=reading.signal.detail)
    if hit := _hit(snapshot, levels):
        reason, level = hit
        yield _Cause(reason=reason, why=_reached(snapshot, reason, level))
    if reason_today := daily_exit(snapshot):
        why = f"a daily limit is reached: {limit.detail}" if limit else "a daily limit is reached"
        yield _Cause(reason=reason_today, why=why)


def _hit(snapshot: Snapshot, levels: Levels) -> tuple[IntentReason, Decimal] | None:
    return level_hit(
        levels,
        snapshot.price,
        direction=snapshot.position.direction,
        mark_price=snapshot.futures.mark_price if snapshot.futures else None,
    )


def _reached(snapshot: Snapshot, reason: IntentReason, level: Decimal) -> str:
    name, price = _watched(snapshot, reason)
    return f"{name} {plain(price)} reached the {reason.replace('_', ' ')} {plain(level)}"


def _watched(snapshot: Snapshot, reason: IntentReason) -> tuple[str, Decimal]:
    if snapshot.futures is None or reason is IntentReason.TAKE_PROFIT:
        return "price", snapshot.price
    return "mark price", snapshot.futures.mark_price


def _asked(
    snapshot: Snapshot,
    reading: Reading,
    levels: Levels,
    causes: tuple[_Cause, ...],
    limit: Denial | None,
) -> Iterator[Check]:
    wanted = {cause.reason for cause in causes}
    request = snapshot.close_request
    yield Check(
        code=IntentReason.CLOSE_REQUEST.value,
        passed=request is None,
        detail="nobody asked to close" if request is None else request.reason,
    )
    yield Check(
        code=IntentReason.EXIT_SIGNAL.value,
        passed=IntentReason.EXIT_SIGNAL not in wanted,
        detail=reading.signal.detail,
    )
    for reason, level in _named(levels):
        yield Check(
            code=reason.value,
            passed=level_hit(
                _only(reason, level),
                snapshot.price,
                direction=snapshot.position.direction,
                mark_price=snapshot.futures.mark_price if snapshot.futures else None,
            )
            is None,
            detail=_distance(snapshot, reason, level),
        )
    yield Check(
        code=IntentReason.DAILY_LIMIT.value,
        passed=IntentReason.DAILY_LIMIT not in wanted,
        detail="no daily limit is reached" if limit is None else limit.detail,
    )


def _named(levels: Levels) -> Iterator[tuple[IntentReason, Decimal]]:
    named = (
        (IntentReason.STOP_LOSS, levels.stop_loss),
        (IntentReason.TAKE_PROFIT, levels.take_profit),
        (IntentReason.TRAILING_STOP, levels.trailing_stop),
    )
    return ((reason, level) for reason, level in named if level is not None)


def _only(reason: IntentReason, level: Decimal) -> Levels:
    return Levels(
        stop_loss=level if reason is IntentReason.STOP_LOSS else None,
        take_profit=level if reason is IntentReason.TAKE_PROFIT else None,
        trailing_stop=level if reason is IntentReason.TRAILING_STOP else None,
    )


def _distance(snapshot: Snapshot, reason: IntentReason, level: Decimal) -> str:
    name, price = _watched(snapshot, reason)
    away = distance_percent(price=price, level=level)
    return f"{name} {plain(price)}, {reason.replace('_', ' ')} {plain(level)}, {away} away"


def _refusal(snapshot: Snapshot, cause: _Cause) -> Denial | None:
    if snapshot.exit_block is not None and cause.reason.purpose is not Purpose.CLOSE:
        return Denial(code=DenialCode.HALTED, detail=snapshot.exit_block)
    if not snapshot.rules.allows_exits:
        # An order would be refused like the one before it; the next tick looks again.
        trouble = symbol_trouble(snapshot.rules) or "the venue takes no orders"
        detail = f"{trouble}; the position is kept until it is"
        return Denial(code=DenialCode.SYMBOL_NOT_TRADING, detail=detail)
    return None


def _hurdles(snapshot: Snapshot, cause: _Cause, quantity: Decimal | Denial) -> Iterator[Check]:
    blocked = snapshot.exit_block is not None and cause.reason.purpose is not Purpose.CLOSE
    yield Check(
        code=DenialCode.HALTED.value if blocked else EXIT_BLOCK,
        passed=not blocked,
        detail=snapshot.exit_block or "no halt stops exits",
    )
    yield Check(
        code=DenialCode.SYMBOL_NOT_TRADING.value,
        passed=snapshot.rules.allows_exits,
        detail=symbol_trouble(snapshot.rules) or f"{snapshot.symbol} is trading at the venue",
    )
    if isinstance(quantity, Denial):
        yield Check(code=quantity.code.value, passed=False, detail=quantity.detail)
        return
    held, asset = snapshot.position.quantity, snapshot.rules.base_asset
    yield Check(
        code=SIZE, passed=True, detail=f"{plain(quantity)} of the {plain(held)} {asset} held"
    )


def _intent(snapshot: Snapshot, reason: IntentReason, quantity: Decimal) -> Intent:
    direction = snapshot.position.direction
    return Intent(
        leg=Leg.EXIT,
        side=direction.exit_side,
        quantity=quantity,
        reason=reason,
        direction=direction,
        reduces_only=snapshot.rules.market is Market.FUTURES,
    )


def _hold(snapshot: Snapshot, levels: Levels, checks: tuple[Check, ...]) -> Outcome:
    words, trouble = _holding(snapshot, levels), symbol_trouble(snapshot.rules)
    return Outcome(words=f"{words}; {trouble}" if trouble else words, checks=checks, levels=levels)


def _holding(snapshot: Snapshot, levels: Levels) -> str:
    names = {
        IntentReason.STOP_LOSS: "stop",
        IntentReason.TAKE_PROFIT: "target",
        IntentReason.TRAILING_STOP: "trailing stop",
    }
    distances = [
        f"{names[reason]} {distance_percent(price=_watched(snapshot, reason)[1], level=level)} away"
        for reason, level in _named(levels)
    ]
    return "holds: " + (", ".join(distances) or "waits for an exit signal")

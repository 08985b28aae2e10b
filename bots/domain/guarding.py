"""In position: leave by signal, stop-loss, take-profit or trailing stop, in this order."""

from __future__ import annotations

from decimal import Decimal

from bots.domain.decision import (
    Denial,
    DenialCode,
    Intent,
    IntentReason,
    Leg,
    Levels,
    Signal,
    SignalKind,
)
from bots.domain.exits import exit_levels, level_hit
from bots.domain.outcome import Outcome
from bots.domain.sizing import exit_quantity
from bots.domain.snapshot import Snapshot
from bots.domain.symbol import symbol_trouble
from bots.domain.wording import distance_percent, plain
from exchange.domain.types import Side


def guard_position(snapshot: Snapshot, signal: Signal) -> Outcome:
    """Sell what is held when something says so, else hold. No limit ever stops an exit.

    What the venue takes no order for at all is kept, with the exit that was wanted as a denial.
    """
    levels = exit_levels(
        position=snapshot.position,
        price=snapshot.price,
        klines=snapshot.klines,
        parameters=snapshot.parameters,
        price_increment=snapshot.rules.price_increment,
    )
    trouble = symbol_trouble(snapshot.rules)
    cause = _cause(snapshot.price, signal, levels)
    if cause is None:
        words = _holding(snapshot.price, levels)
        return Outcome(words=f"{words}; {trouble}" if trouble else words, levels=levels)
    reason, why = cause
    if not snapshot.rules.allows_exits:
        # An order would be refused like the one before it; the next tick looks again.
        detail = f"{trouble or 'the venue takes no orders'}; the position is kept until it is"
        denial = Denial(code=DenialCode.SYMBOL_NOT_TRADING, detail=detail)
        return Outcome(words=f"did not sell ({why}): {detail}", denial=denial, levels=levels)
    quantity = exit_quantity(
        rules=snapshot.rules,
        price=snapshot.price,
        position=snapshot.position.quantity,
        free_base=snapshot.free_base,
    )
    if isinstance(quantity, Denial):
        words = f"did not sell ({why}): {quantity.detail}"
        return Outcome(words=words, denial=quantity, levels=levels, lacks_size=True)
    intent = Intent(leg=Leg.EXIT, side=Side.SELL, quantity=quantity, reason=reason)
    words = f"sells {plain(quantity)} {snapshot.rules.base_asset}: {why}"
    return Outcome(words=words, intent=intent, levels=levels)


def _cause(price: Decimal, signal: Signal, levels: Levels) -> tuple[IntentReason, str] | None:
    if signal.kind is SignalKind.EXIT_LONG:
        return IntentReason.EXIT_SIGNAL, signal.detail
    hit = level_hit(levels, price)
    if hit is None:
        return None
    reason, level = hit
    return reason, f"price {plain(price)} reached the {reason.replace('_', ' ')} {plain(level)}"


def _holding(price: Decimal, levels: Levels) -> str:
    named = (
        ("stop", levels.stop_loss),
        ("target", levels.take_profit),
        ("trailing stop", levels.trailing_stop),
    )
    distances = [
        f"{name} {distance_percent(price=price, level=level)} away"
        for name, level in named
        if level is not None
    ]
    return "holds: " + (", ".join(distances) or "waits for an exit signal")

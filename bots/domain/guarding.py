"""In position: leave by signal, stop-loss, take-profit or trailing stop, in this order."""

from __future__ import annotations

from decimal import Decimal

from bots.domain.decision import Denial, Intent, IntentReason, Leg, Levels, Signal, SignalKind
from bots.domain.exits import exit_levels, level_hit
from bots.domain.outcome import Outcome
from bots.domain.sizing import exit_quantity
from bots.domain.snapshot import Snapshot
from bots.domain.wording import distance_percent, plain
from exchange.domain.types import Side


def guard_position(snapshot: Snapshot, signal: Signal) -> Outcome:
    """Sell what is held when something says so, else hold. No limit ever stops an exit."""
    levels = exit_levels(
        position=snapshot.position,
        price=snapshot.price,
        klines=snapshot.klines,
        parameters=snapshot.parameters,
        price_increment=snapshot.rules.price_increment,
    )
    cause = _cause(snapshot.price, signal, levels)
    if cause is None:
        return Outcome(words=_holding(snapshot.price, levels), levels=levels)
    reason, why = cause
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

"""Flat: enter when the strategy says so and nothing speaks against it."""

from __future__ import annotations

from bots.domain.decision import Denial, DenialCode, Intent, IntentReason, Leg, SignalKind
from bots.domain.limits import cooldown
from bots.domain.outcome import Outcome
from bots.domain.reading import Reading
from bots.domain.sizing import entry_quantity
from bots.domain.snapshot import Snapshot
from bots.domain.symbol import symbol_trouble
from bots.domain.wording import plain
from exchange.domain.types import Side


def seek_entry(snapshot: Snapshot, reading: Reading, *, limit: Denial | None) -> Outcome:
    """Buy on an entry signal, unless one of these refuses: block, limits, cooldown, trend, size.

    The size is worked out without a signal too, so that a bot that could not buy says so at once.
    """
    size = entry_quantity(
        parameters=snapshot.parameters,
        rules=snapshot.rules,
        price=snapshot.price,
        free_quote=snapshot.free_quote,
        total_realized_pnl=snapshot.total_realized_pnl,
    )
    lacks_size = isinstance(size, Denial)
    if reading.signal.kind is not SignalKind.ENTER_LONG:
        words = _idle(reading, limit, size, trouble=symbol_trouble(snapshot.rules))
        return Outcome(words=words, lacks_size=lacks_size)
    verdict = _blocked(snapshot) or limit or cooldown(snapshot) or reading.against_trend or size
    if isinstance(verdict, Denial):
        words = f"did not buy: {verdict.detail}"
        return Outcome(words=words, denial=verdict, lacks_size=lacks_size)
    intent = Intent(
        leg=Leg.ENTRY, side=Side.BUY, quantity=verdict, reason=IntentReason.ENTRY_SIGNAL
    )
    words = f"buys {plain(verdict)} {snapshot.rules.base_asset}: {reading.signal.detail}"
    return Outcome(words=words, intent=intent)


def _blocked(snapshot: Snapshot) -> Denial | None:
    if snapshot.entry_blocks:
        return snapshot.entry_blocks[0]
    trouble = symbol_trouble(snapshot.rules)
    if trouble is not None:
        return Denial(code=DenialCode.SYMBOL_NOT_TRADING, detail=trouble)
    return None


def _idle(reading: Reading, limit: Denial | None, size: object, *, trouble: str | None) -> str:
    if limit is not None:
        return f"paused until the next day (UTC): {limit.detail}"
    if trouble is not None:
        return f"waits: {trouble}"
    if isinstance(size, Denial):
        return f"waits: {size.detail}"
    return reading.signal.detail

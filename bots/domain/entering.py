"""Flat: enter when the strategy says so and nothing speaks against it."""

from __future__ import annotations

from typing import Final

from bots.domain.decision import Check, Denial, DenialCode
from bots.domain.direction import Direction
from bots.domain.entry_rules import SIGNAL, SIZE_CODES, Verdict, entry_verdicts
from bots.domain.limits import PAUSE_REASONS
from bots.domain.outcome import Outcome
from bots.domain.positions import is_dust
from bots.domain.reading import Reading
from bots.domain.snapshot import Snapshot
from bots.domain.stops import entry_intents
from bots.domain.symbol import symbol_trouble
from bots.domain.wording import did_not_enter, enters, plain

# What no signal would get past, and so what an idle bot is waiting for.
_LASTING: Final = (
    DenialCode.ENTRY_BLOCKED,
    DenialCode.HALTED,
    DenialCode.FOREIGN,
    DenialCode.INCIDENT,
    DenialCode.SYMBOL_TAKEN,
    DenialCode.CLOSE_REQUESTED,
    DenialCode.TRANSFER_PENDING,
    DenialCode.STOP_BEYOND_LIQUIDATION,
    *SIZE_CODES,
)


def seek_entry(snapshot: Snapshot, reading: Reading, *, limit: Denial | None) -> Outcome:
    """Open a position on an entry signal, unless a rule of `entry_rules` refuses.

    The first refusal is the reason; all rules are asked, and without a signal too, so that a bot
    that could not buy says so at once.
    """
    direction = reading.entry or _first_allowed(snapshot)
    verdicts, quantity = entry_verdicts(snapshot, reading, direction)
    refusal = next((each.refusal for each in verdicts if each.refusal), None)
    checks = (_signal(reading), *(each.check for each in verdicts))
    lacks_size = _lacks_size(verdicts)
    if reading.entry is None:
        words = _idle(snapshot, reading, limit, verdicts) + _residue(snapshot)
        return Outcome(words=words, checks=checks, lacks_size=lacks_size)
    if refusal is not None or quantity is None:
        words = f"{did_not_enter(direction)}: {refusal.detail if refusal else reading.trend}"
        return Outcome(words=words, checks=checks, denial=refusal, lacks_size=lacks_size)
    intents = entry_intents(snapshot, quantity=quantity, direction=direction)
    asset = snapshot.rules.base_asset
    words = f"{enters(direction)} {plain(intents[0].quantity)} {asset}: {reading.signal.detail}"
    return Outcome(words=words, checks=checks, intents=intents)


def _first_allowed(snapshot: Snapshot) -> Direction:
    return next(each for each in Direction if snapshot.parameters.directions.allows(each))


def _signal(reading: Reading) -> Check:
    return Check(code=SIGNAL, passed=reading.entry is not None, detail=reading.signal.detail)


def _lacks_size(verdicts: tuple[Verdict, ...]) -> bool:
    return any(each.refusal is not None and each.refusal.code in SIZE_CODES for each in verdicts)


def _idle(
    snapshot: Snapshot, reading: Reading, limit: Denial | None, verdicts: tuple[Verdict, ...]
) -> str:
    """Say what a bot without an entry signal waits for."""
    if limit is not None and limit.code in PAUSE_REASONS:
        return f"paused until the next day (UTC): {limit.detail}"
    trouble = symbol_trouble(snapshot.rules)
    if trouble is not None:
        return f"waits: {trouble}"
    for each in verdicts:
        if each.refusal is not None and each.refusal.code in _LASTING:
            return f"waits: {each.refusal.detail}"
    return reading.signal.detail


def _residue(snapshot: Snapshot) -> str:
    held, rules = snapshot.position.quantity, snapshot.rules
    if is_dust(held, rules.quantity_increment):
        return ""
    return f"; the {plain(held)} {rules.base_asset} that are held are worth too little to be sold"

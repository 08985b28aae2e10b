"""When two ticks in a row came to the same, so that the second is only counted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from bots.domain.codec import encode
from bots.domain.decision import Decision
from bots.domain.snapshot import Snapshot
from bots.domain.wording import plain

HALF: Final = 32  # characters of each half of a key: of the decision, and of how the tick ended


def decision_key(snapshot: Snapshot, decision: Decision) -> str:
    """Return what two decisions share when they are the same; empty when one stands alone.

    The same signal of the same kline, the same refusals, status, settings and position. Prices
    move between two such ticks: of what was read only the first of them keeps a record.
    """
    if decision.intents:
        return ""
    position = snapshot.position
    return _half(
        encode(decision.signal.kind),
        encode(decision.signal.kline_time),
        encode(decision.status),
        [denial.code.value for denial in decision.denials],
        [check.code for check in decision.checks if not check.passed],
        encode(snapshot.parameters),
        # As numbers: what was read back from the database is written with more zeros.
        plain(position.quantity),
        None if position.entry_price is None else plain(position.entry_price),
        encode(position.direction),
        snapshot.rules.status,
    )


def words_key(*words: str) -> str:
    """Return what two ticks share that decided nothing and said the same."""
    return _half(*words)


def whole_key(key: str, *, status: str, stops: Mapping[str, Any]) -> str:
    """Return the key of a tick that has ended; empty when it stands alone.

    key     of its decision
    stops   what it saw and did about the stops; whoever did something stands alone
    """
    plans = [each["plan"] for each in stops.get("rounds", ())]
    if not key or any(plan["actions"] for plan in plans):
        return ""
    return key[:HALF] + _half(status, *plans)


def acts_on_stops(stops: Mapping[str, Any]) -> bool:
    """Say whether a tick placed or canceled a stop or target."""
    return any(each["plan"]["actions"] for each in stops.get("rounds", ()))


def _half(*parts: object) -> str:
    text = json.dumps(parts, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:HALF]

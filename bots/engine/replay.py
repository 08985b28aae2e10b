"""Run a recorded tick again. A decision is a pure function of its inputs, and this proves it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bots.domain.decide import decide
from bots.domain.decision import Decision
from bots.domain.record import decision_from_record, snapshot_from_record
from bots.models import Tick
from exchange.domain.gateway import MarketDataGateway
from exchange.domain.intervals import interval_length
from exchange.domain.paging import read_klines


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What was decided, and what the same inputs decide now."""

    recorded: Decision
    again: Decision

    @property
    def differences(self) -> dict[str, tuple[Any, Any]]:
        """Return each part that differs, as (recorded, again); empty when the replay agrees."""
        return {
            name: (getattr(self.recorded, name), getattr(self.again, name))
            for name in Decision.__dataclass_fields__
            if getattr(self.recorded, name) != getattr(self.again, name)
        }


def replay_tick(tick: Tick, *, gateway: MarketDataGateway) -> Replay:
    """Decide a recorded tick again; its klines are read from the venue and checked by digest.

    ValueError when the tick ended before it could decide, or when the venue shows other klines.
    """
    if not tick.inputs or not tick.decision:
        raise ValueError(f"tick {tick.pk} decided nothing: {tick.error or 'no inputs recorded'}")
    reference = tick.inputs["klines"]
    klines = read_klines(
        gateway,
        tick.inputs["symbol"],
        reference["interval"],
        count=reference["count"],
        end_time=_closed_at(reference),
    )
    return Replay(
        recorded=decision_from_record(tick.decision),
        again=decide(snapshot_from_record(tick.inputs, klines)),
    )


def _closed_at(reference: Mapping[str, Any]) -> datetime:
    # A kline's last millisecond; one more would name the next kline.
    last_open = datetime.fromisoformat(reference["last"])
    return last_open + interval_length(reference["interval"]) - timedelta(milliseconds=1)

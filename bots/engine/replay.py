"""Run a recorded tick again. A decision is a pure function of its inputs, and this proves it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from bots.domain.decide import decide
from bots.domain.decision import Decision
from bots.domain.record import decision_from_record, snapshot_from_record
from bots.domain.stops import StopsPlan
from bots.domain.stops.record import replay_stops
from bots.models import Tick
from exchange.domain.gateway import MarketDataGateway
from exchange.domain.intervals import interval_length
from exchange.domain.paging import read_klines
from exchange.domain.types import Environment, Kline, Market


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What was decided, and what the same inputs decide now.

    recorded, again   None both for a turn that only watched
    stops             each plan for the stops, as it was recorded and as it is made now
    """

    recorded: Decision | None = None
    again: Decision | None = None
    stops: tuple[tuple[StopsPlan, StopsPlan], ...] = ()

    @property
    def differences(self) -> dict[str, tuple[Any, Any]]:
        """Return each part that differs, as (recorded, again); empty when the replay agrees."""
        found: dict[str, tuple[Any, Any]] = {}
        if self.recorded is not None and self.again is not None:
            found |= _differing(self.recorded, self.again)
        for number, (recorded, again) in enumerate(self.stops, start=1):
            for name, pair in _differing(recorded, again).items():
                found[f"stops, round {number}, {name}"] = pair
        return found


def replay_tick(tick: Tick, *, gateway: MarketDataGateway | None) -> Replay:
    """Decide a recorded tick again; its klines are read from the venue and checked by digest.

    gateway   of `venue_of`; None for a tick without inputs

    ValueError when the tick ended before it could decide, or when the venue shows other klines.
    """
    stops = replay_stops(tick.stops)
    if not tick.inputs or not tick.decision:
        if not stops:
            raise ValueError(
                f"tick {tick.pk} decided nothing: {tick.error or 'no inputs recorded'}"
            )
        return Replay(stops=stops)
    if gateway is None:
        raise ValueError(f"tick {tick.pk} cannot be replayed without its venue")
    klines = _klines(tick.inputs, gateway)
    return Replay(
        recorded=decision_from_record(tick.decision),
        again=decide(snapshot_from_record(tick.inputs, klines)),
        stops=stops,
    )


def venue_of(tick: Tick) -> tuple[Environment, Market] | None:
    """Return where the klines of a recorded tick came from; None when it read none."""
    if not tick.inputs:
        return None
    rules = tick.inputs.get("rules", {})
    market = rules.get("market", tick.bot.position_type)
    return Environment(tick.inputs["environment"]), Market(market)


def _differing(recorded: Any, again: Any) -> dict[str, tuple[Any, Any]]:
    names = [field.name for field in fields(recorded)]
    pairs = {name: (getattr(recorded, name), getattr(again, name)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _klines(inputs: Mapping[str, Any], gateway: MarketDataGateway) -> Sequence[Kline]:
    reference = inputs["klines"]
    if not reference["count"]:
        return ()
    return read_klines(
        gateway,
        inputs["symbol"],
        reference["interval"],
        count=reference["count"],
        end_time=_closed_at(reference),
    )


def _closed_at(reference: Mapping[str, Any]) -> datetime:
    # A kline's last millisecond; one more would name the next kline.
    last_open = datetime.fromisoformat(reference["last"])
    return last_open + interval_length(reference["interval"]) - timedelta(milliseconds=1)

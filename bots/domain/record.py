"""What a tick leaves behind, so that it can be explained and run again.

Klines are recorded by reference: which ones, and a digest that says whether those read again are
the same. Everything else is recorded in full.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Final

from bots.domain.codec import Record, decode, encode
from bots.domain.decision import Decision
from bots.domain.snapshot import Snapshot
from bots.domain.wording import plain
from exchange.domain.types import Kline

VERSION: Final = 3
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


def snapshot_to_record(snapshot: Snapshot) -> Record:
    """Return all of `snapshot` as JSON-able values, its klines by reference."""
    names = [field.name for field in fields(snapshot) if field.name != "klines"]
    record: Record = {name: encode(getattr(snapshot, name)) for name in names}
    record["klines"] = _reference(snapshot.klines, snapshot.parameters.timeframe)
    return {"version": VERSION, **record}


def snapshot_from_record(record: Mapping[str, object], klines: Sequence[Kline]) -> Snapshot:
    """Return the snapshot that was recorded; `klines` are those that its reference names.

    ValueError when they are not, or when the record is of another version or does not fit.
    """
    if record.get("version") != VERSION:
        raise ValueError(f"record version {record.get('version')!r} is not {VERSION}")
    rest = {name: value for name, value in record.items() if name not in ("version", "klines")}
    snapshot = decode(Snapshot, {**rest, "klines": []}, path="snapshot")
    _verify(record.get("klines"), _reference(klines, snapshot.parameters.timeframe))
    known = {field.name: getattr(snapshot, field.name) for field in fields(snapshot)}
    return Snapshot(**{**known, "klines": tuple(klines)})


def decision_to_record(decision: Decision) -> Record:
    """Return `decision` as JSON-able values."""
    return {field.name: encode(getattr(decision, field.name)) for field in fields(decision)}


def decision_from_record(record: Mapping[str, object]) -> Decision:
    """Return the decision that was recorded; ValueError when the record does not fit."""
    return decode(Decision, dict(record), path="decision")


def klines_digest(klines: Sequence[Kline]) -> str:
    """Return the SHA-256 of the klines' times (ms) and numbers, one line per kline.

    Numbers that are equal give the same digest however they are written (1.0 and 1.00).
    """
    return hashlib.sha256("".join(_line(kline) for kline in klines).encode()).hexdigest()


def _line(kline: Kline) -> str:
    times = ((each - _EPOCH) // _MILLISECOND for each in (kline.open_time, kline.close_time))
    numbers = (kline.open, kline.high, kline.low, kline.close, kline.volume)
    return ",".join([*map(str, times), *map(plain, numbers), str(int(kline.is_closed))]) + "\n"


def _reference(klines: Sequence[Kline], interval: str) -> Record:
    return {
        "interval": interval,
        "first": klines[0].open_time.isoformat() if klines else None,
        "last": klines[-1].open_time.isoformat() if klines else None,
        "count": len(klines),
        "digest": klines_digest(klines),
    }


def _verify(recorded: object, found: Record) -> None:
    if not isinstance(recorded, Mapping):
        raise ValueError("the record names no klines")
    for name, value in found.items():
        if recorded.get(name) != value:
            raise ValueError(
                f"these are not the recorded klines: {name} is {value!r}, "
                f"was {recorded.get(name)!r}"
            )

"""Hitches on demand: what becomes of conditional orders when they trigger."""

from __future__ import annotations

from typing import Any, Final

from exchange.demo.control.fields import Fields
from exchange.demo.futures.hitches import TAKES_SECONDS, Hitch, HitchKind
from exchange.demo.venue import Venue

_LONGEST_SECONDS: Final = 10.0**7


def all_hitches(venue: Venue) -> list[dict[str, Any]]:
    """Return every hitch since the last clearing, spent ones too."""
    return [one.as_json() for one in venue.futures.hitches.all()]


def add_hitch(venue: Venue, item: Any) -> dict[str, Any]:
    """Set a hitch for triggers from now on; what has triggered by now is not struck."""
    fields = Fields(item, ("symbol", "on_trigger", "seconds", "times"))
    hitch = Hitch(
        symbol=_symbol(venue, fields),
        kind=HitchKind(fields.word("on_trigger", tuple(HitchKind))),
        seconds=_seconds(fields),
        times=None if fields.is_null("times") else fields.whole("times", default=1, least=1),
    )
    venue.advance()
    return venue.futures.hitches.add(hitch).as_json()


def clear_hitches(venue: Venue) -> list[dict[str, Any]]:
    """Forget all hitches; the children that they have held back come now."""
    venue.futures.clear_hitches(at_ms=venue.advance())
    return []


def _symbol(venue: Venue, fields: Fields) -> str | None:
    if not fields.has("symbol") or fields.is_null("symbol"):
        return None
    return fields.word("symbol", tuple(venue.futures_market.symbols))


def _seconds(fields: Fields) -> float:
    kind = fields.word("on_trigger", tuple(HitchKind))
    if kind in TAKES_SECONDS:
        return fields.number("seconds", least=0.001, most=_LONGEST_SECONDS)
    if fields.has("seconds"):
        raise fields.wrong("seconds", f"belongs to {' and '.join(TAKES_SECONDS)} alone")
    return 0.0

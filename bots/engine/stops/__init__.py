"""Keep the stops of a position at the venue: the last step of every tick."""

from __future__ import annotations

from bots.engine.stops.fallback import fall_back_to_market
from bots.engine.stops.keeping import KeptStops, keep_stops
from bots.engine.stops.releasing import release_stops

__all__ = ["KeptStops", "fall_back_to_market", "keep_stops", "release_stops"]

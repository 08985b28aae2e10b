"""What goes wrong at a trigger because a person asked for it: late, stuck, missing, refused.

What waits to strike is forgotten when the exchange stops; what has struck is in the state.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from exchange.demo.state import State

_HELD: Final = "futures_held_algos"
_HIDDEN: Final = "futures_hidden_orders"


class HitchKind(StrEnum):
    """What happens instead of a child order at once."""

    LATE = "late"  # it comes some market time after the trigger; TRIGGERING until then
    STUCK = "stuck"  # it does not come; TRIGGERING until the hitches are cleared
    MISSING = "missing"  # it is there and trades, but is not shown for some market time
    REFUSE = "refuse"  # it is refused for margin; REJECTED


TAKES_SECONDS: Final = (HitchKind.LATE, HitchKind.MISSING)


@dataclass(slots=True, kw_only=True)
class Hitch:
    """One hitch. `times` None means without end; `hits` counts how often it struck.

    symbol    None for any
    seconds   of market time; 0 where the kind takes none
    """

    hitch_id: int = 0
    symbol: str | None
    kind: HitchKind
    seconds: float
    times: int | None
    hits: int = 0

    @property
    def delay_ms(self) -> int:
        """Return how long it holds something back, in ms of market time."""
        return int(self.seconds * 1000)

    def matches(self, symbol: str) -> bool:
        """Say whether it strikes an order of this symbol."""
        is_spent = self.times is not None and self.hits >= self.times
        return not is_spent and self.symbol in (None, symbol)

    def as_json(self) -> dict[str, Any]:
        """Return the hitch as the control door shows it."""
        return {
            "id": self.hitch_id,
            "symbol": self.symbol,
            "on_trigger": self.kind.value,
            "seconds": self.seconds,
            "times": self.times,
            "hits": self.hits,
        }


class Hitches:
    """The hitches that are set, and what those that struck hold back."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._hitches: list[Hitch] = []
        self._last_id = 0

    def add(self, hitch: Hitch) -> Hitch:
        """Set a hitch; it gets its id."""
        self._last_id += 1
        hitch.hitch_id = self._last_id
        self._hitches.append(hitch)
        return hitch

    def all(self) -> list[Hitch]:
        """Return every hitch since the last `clear`, spent ones too."""
        return list(self._hitches)

    def clear(self) -> None:
        """Forget all hitches, but not what they hold back."""
        self._hitches.clear()

    def strike(self, symbol: str) -> Hitch | None:
        """Return the first hitch that strikes a trigger of this symbol, counting the hit."""
        for hitch in self._hitches:
            if hitch.matches(symbol):
                hitch.hits += 1
                return hitch
        return None

    def hold(self, algo_id: int, due_ms: int) -> None:
        """Keep the child of an algo order back until a market time, as part of a step."""
        self._store(_HELD, self._load(_HELD) | {algo_id: due_ms})

    def let_go(self, algo_id: int) -> None:
        """Hold the child of an algo order back no longer, as part of a step."""
        held = self._load(_HELD)
        if held.pop(algo_id, None) is not None:
            self._store(_HELD, held)

    def due(self) -> dict[int, int]:
        """Return the market times at which held children are due, by algo order."""
        return self._load(_HELD)

    def hide(self, order_id: int, *, at_ms: int, until_ms: int) -> None:
        """Let nobody see an order up to a market time, as part of a step."""
        still = {known: until for known, until in self._load(_HIDDEN).items() if until > at_ms}
        self._store(_HIDDEN, still | {order_id: until_ms})

    def hides(self, order_id: int, at_ms: int) -> bool:
        """Say whether a query by id answers at this market time that there is no such order."""
        return self._load(_HIDDEN).get(order_id, at_ms) > at_ms

    def _load(self, name: str) -> dict[int, int]:
        stored = self._state.meta(name)
        return {} if stored is None else {int(key): at for key, at in json.loads(stored).items()}

    def _store(self, name: str, values: dict[int, int]) -> None:
        self._state.set_meta(name, json.dumps(values))

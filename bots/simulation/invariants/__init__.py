"""What must be true after every step, whatever went wrong in it. One small file each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bots.simulation.invariants.fills import check_fills
from bots.simulation.invariants.foreign import check_foreign
from bots.simulation.invariants.limits import check_limits
from bots.simulation.invariants.orders import check_orders
from bots.simulation.invariants.positions import check_positions
from bots.simulation.invariants.protection import check_protection
from bots.simulation.invariants.states import check_states
from bots.simulation.invariants.wallets import check_wallets
from bots.simulation.view import View

INVARIANTS: Final[tuple[Callable[[View], None], ...]] = (
    check_orders,
    check_fills,
    check_positions,
    check_wallets,
    check_limits,
    check_states,
    check_foreign,
    check_protection,
)


def check_all(view: View) -> None:
    """Raise InvariantError with the first thing that is not as it must be."""
    for check in INVARIANTS:
        check(view)

"""What is not ours is not touched."""

from __future__ import annotations

from bots.simulation.errors import InvariantError
from bots.simulation.view import View


def check_foreign(view: View) -> None:
    """Raise InvariantError where an order that somebody else placed does not rest any more."""
    placed = {one.client_id: one for one in view.truth.orders}
    for name in view.promises.foreign:
        if placed[name].status != "NEW":
            raise InvariantError(f"{name} is not ours, and it is {placed[name].status} now")

"""The end of a run: nothing goes wrong any more, and the books come to rest."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from bots.domain.orders import UNSETTLED
from bots.domain.status import State
from bots.models import BotState, Order
from bots.simulation.errors import InvariantError
from bots.simulation.people import lift_halts, start
from bots.simulation.perils import NO_PERILS
from bots.simulation.strangers import hold_prices
from bots.simulation.venue_events import resume_symbols
from bots.simulation.view import is_resting
from bots.simulation.world import World
from exchange.domain.clock import from_milliseconds

_QUIET_ROUNDS: Final = 12
_QUIET_SECONDS: Final = 31  # of signing time: more than an order that never arrived needs
# Market time around a full hour in which funding is due, or booked and not read yet.
_BEFORE_FUNDING: Final = timedelta(minutes=5)
_AFTER_FUNDING: Final = timedelta(minutes=2)


def calm_down(world: World) -> None:
    """Let nothing go wrong any more, and tick until the books stand still."""
    world.trace.note("from here on nothing goes wrong")
    world.perils.odds, world.drift = NO_PERILS, 0.0
    lift_halts(world)
    resume_symbols(world)
    hold_prices(world)
    for state in BotState.objects.select_related("bot").order_by("pk"):
        if not state.bot.is_active or state.state == State.ERROR:
            start(world, state.pk)
    for _ in range(_QUIET_ROUNDS):
        for bot in world.bots:
            world.tick(bot.pk)
        world.wire.pass_time(_QUIET_SECONDS)
        if not _unsettled():
            break
    else:
        raise InvariantError(
            f"not settled after {_QUIET_ROUNDS} quiet rounds: {[str(one) for one in _unsettled()]}"
        )
    _wait_for_funding(world)
    for bot in world.bots:
        world.tick(bot.pk)


def _wait_for_funding(world: World) -> None:
    hour = timedelta(hours=1)
    since = world.clock.market - from_milliseconds(0)
    past = (since + _BEFORE_FUNDING) % hour
    if past < _BEFORE_FUNDING + _AFTER_FUNDING:
        rest = _BEFORE_FUNDING + _AFTER_FUNDING - past
        world.wire.pass_time(rest.total_seconds() / world.clock.speed)


def _unsettled() -> list[Order]:
    rows = Order.objects.filter(status__in=UNSETTLED)
    return [one for one in rows if not is_resting(one)]

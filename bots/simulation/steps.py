"""What may happen in one step of a run, and how often."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Final

from bots.engine.reset import wake_daily_pauses
from bots.engine.schedule import claim_due_bots
from bots.simulation import people, strangers, venue_events
from bots.simulation.world import World

_PAUSES: Final = (2, 31, 61, 61, 61, 61, 61, 125)  # seconds of market time between rounds
_PAST_IS_KEPT: Final = 0.1
_WORST_DRIFT_SECONDS: Final = 8.0


def one_step(world: World) -> None:
    """Let one thing happen, drawn from the world's dice."""
    (step,) = world.dice.choices(list(_STEPS), weights=list(_STEPS.values()))
    step(world)


def open_house(world: World) -> None:
    """Let every bot's owner start it, and tell whom a request may meet on its way."""
    world.meanwhile = lambda: people.act_meanwhile(world)
    people.cap_accounts(world)
    for bot in world.bots:
        people.start(world, bot.pk)


def work_round(world: World) -> None:
    """Let some time pass, then tick every bot that is due."""
    pause = world.dice.choice(_PAUSES)
    world.wire.pass_time(pause / world.clock.speed)
    world.trace.note(f"{pause} s later")
    if world.dice.happens(_PAST_IS_KEPT):
        world.wire.keep_past()
    tick_due(world)


def tick_due(world: World) -> None:
    """Claim and tick every bot that is due, as dispatcher and worker do."""
    claims = claim_due_bots(lambda environment, market, _: world.market_time(environment, market))
    for claim in claims:
        world.tick(claim.bot_id)


def redeliver(world: World) -> None:
    """Deliver the same task twice, as a broker may."""
    bot = world.dice.choice(world.bots)
    world.trace.note(f"the task of bot {bot.pk} is delivered twice")
    for _ in range(2):
        world.tick(bot.pk)


def person_starts(world: World) -> None:
    """Let the owner of some bot start it."""
    people.start(world, world.dice.choice(world.bots).pk)


def person_stops(world: World) -> None:
    """Let the owner of some bot stop it."""
    bot = world.dice.choice(world.bots)
    people.stop(world, bot.pk, closes=world.dice.happens(0.5))


def person_closes(world: World) -> None:
    """Let the owner of some bot ask for its position to be closed."""
    people.close(world, world.dice.choice(world.bots).pk)


def person_edits(world: World) -> None:
    """Let the owner of some bot change its stop-loss."""
    people.edit(world, world.dice.choice(world.bots).pk, world.dice)


def operator_halts(world: World) -> None:
    """Let the operator halt something, or lift what is halted."""
    if world.promises.halted:
        people.lift_halts(world)
    else:
        people.halt(world, world.dice)


def operator_tidies_up(world: World) -> None:
    """Let the operator look at open incidents."""
    people.dismiss_incidents(world)


def day_begins(world: World) -> None:
    """Run what the schedule runs at midnight, whatever the time."""
    rolled = wake_daily_pauses(world.market_time)
    world.trace.note(f"the reset began the day of {rolled} bots")


def clock_drifts(world: World) -> None:
    """Let the venue's wall clock run away from the machine's."""
    world.drift = world.dice.uniform(-_WORST_DRIFT_SECONDS, _WORST_DRIFT_SECONDS)
    world.trace.note(f"the venue's clock is {world.drift:+.1f} s from ours")


_STEPS: Final = MappingProxyType[Callable[[World], None], int](
    {
        work_round: 70,
        redeliver: 5,
        strangers.shock: 10,
        strangers.place_foreign_order: 1,
        venue_events.crash: 1,
        venue_events.close_elsewhere: 2,
        venue_events.halt_symbol: 3,
        person_starts: 8,
        person_stops: 4,
        person_closes: 3,
        person_edits: 3,
        operator_halts: 4,
        operator_tidies_up: 2,
        day_begins: 2,
        clock_drifts: 2,
    }
)

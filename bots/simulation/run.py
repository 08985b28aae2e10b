"""Playing seeds: steps with everything that may go wrong, then quiet, then the strict checks."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Final

from bots.models import Order
from bots.simulation.errors import InvariantError
from bots.simulation.perils import Odds
from bots.simulation.quiet import calm_down
from bots.simulation.stage import Stage
from bots.simulation.steps import one_step, open_house
from bots.simulation.world import World
from exchange.domain.types import Market

DEFAULT_STEPS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How seeds are played. `odds` None: each seed draws its own mixture of perils."""

    steps: int = DEFAULT_STEPS
    most_bots: int = 3
    markets: tuple[Market, ...] = (Market.SPOT, Market.FUTURES)
    expects_stops: bool = True
    odds: Odds | None = None


@dataclass(slots=True, kw_only=True)
class SeedReport:
    """What came of one seed. `error` is empty when every invariant held."""

    seed: int
    error: str = ""
    step: int = 0
    ticks: int = 0
    requests: int = 0
    orders: int = 0
    perils: list[int] = field(default_factory=list)
    seconds: float = 0.0
    trace: list[str] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        """Say whether every invariant held."""
        return not self.error


def play(
    stage: Stage, seed: int, options: Options, *, suppressed: Collection[int] = ()
) -> SeedReport:
    """Play one seed to its end, or to the first invariant that does not hold."""
    began = time.perf_counter()
    world = World(
        stage,
        seed,
        markets=options.markets,
        bots=(2, options.most_bots),
        expects_stops=options.expects_stops,
        odds=options.odds,
        suppressed=suppressed,
    )
    report = SeedReport(seed=seed)
    try:
        with world.answering():
            _play(world, options.steps)
    except InvariantError as error:
        report.error = str(error)
    finally:
        world.close()
    report.step, report.ticks, report.requests = world.trace.step, world.ticks, world.wire.requests
    report.orders, report.perils = Order.objects.count(), list(world.perils.struck)
    report.trace = world.trace.lines()
    report.seconds = time.perf_counter() - began
    return report


def play_all(stage: Stage, seeds: Collection[int], options: Options) -> Iterator[SeedReport]:
    """Play seeds one after the other."""
    for seed in seeds:
        yield play(stage, seed, options)


def _play(world: World, steps: int) -> None:
    open_house(world)
    for step in range(1, steps + 1):
        world.trace.step = step
        before = world.ticks
        one_step(world)
        if world.ticks > before:
            world.check()
    world.trace.step = steps + 1
    calm_down(world)
    world.check(is_quiet=True)

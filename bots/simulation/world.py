"""One run: a venue, some bots, a worker that may die, and what people were promised."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final

from django.db import DatabaseError, InterfaceError

from bots.engine.tick import run_tick
from bots.models import BotConfig
from bots.simulation import database
from bots.simulation.cast import players_of
from bots.simulation.chance import Dice, dice_of
from bots.simulation.errors import InvariantError
from bots.simulation.invariants import check_all
from bots.simulation.line_up import make_bots
from bots.simulation.market import open_venue, some_start
from bots.simulation.perils import MIXTURES, Odds, Perils
from bots.simulation.stage import Stage
from bots.simulation.trace import Trace
from bots.simulation.truth import Truth
from bots.simulation.view import Promises, View
from bots.simulation.wire import Wire, answering
from bots.simulation.worker import Worker
from exchange.binance import retry
from exchange.domain.types import Environment, Market

_SIGNING_BEGAN: Final = datetime(2026, 1, 5, 12, tzinfo=UTC)
KILLED: Final = "killed"
DATABASE_LOST: Final = "lost the database"


class World:
    """Everything that a seed is about. Close it when it is over."""

    def __init__(
        self,
        stage: Stage,
        seed: int,
        *,
        markets: tuple[Market, ...],
        bots: tuple[int, int],
        expects_stops: bool = True,
        odds: Odds | None = None,
        people: int = 2,
        scale: int = 1,
        speed: int | None = None,
        timeframe: str = "1m",
        check_seconds: int = 30,
        suppressed: Collection[int] = (),
    ) -> None:
        self.stage, self.seed, self.clock = stage, seed, stage.clock
        self.dice = dice_of(seed, "steps")
        start = some_start(self.dice)
        self.clock.set(_SIGNING_BEGAN, market=start, speed=speed or self.dice.choice((1, 10, 60)))
        stage.clear()
        database.empty()
        retry._DICE.seed(f"{seed}/backoff")
        self.trace = Trace(self.clock)
        self.worker = Worker()
        self.perils = Perils(
            dice_of(seed, "perils"),
            odds or self.dice.choice(MIXTURES),
            self.trace,
            suppressed=suppressed,
        )
        self.drift = 0.0
        self.is_violent = False
        self.halted_symbols: list[tuple[str, Market]] = []
        self.venue = open_venue(
            seed=seed,
            start=start,
            wall_seconds=lambda: self.clock.time() + self.drift,
            people=people,
            scale=scale,
        )
        self.wire = Wire(
            self.venue,
            self.clock,
            worker=self.worker,
            second=stage.second_worker,
            perils=self.perils,
            dice=dice_of(seed, "wire"),
            trace=self.trace,
            meanwhile=self._somebody_acts,
        )
        self.somebody: Dice = dice_of(seed, "somebody")
        self.promises = Promises()
        self.expects_stops = expects_stops
        self.players = players_of(self.venue, people)
        self.bots = make_bots(
            self.players,
            self.dice,
            markets=markets,
            count=self.dice.randint(*bots),
            timeframe=timeframe,
            check_seconds=check_seconds,
        )
        self.promises.stopped = {bot.pk: self.clock.now() for bot in self.bots}
        self.meanwhile: Callable[[], None] = lambda: None
        self.ticks = 0

    def close(self) -> None:
        """Release the venue."""
        self.worker.start()
        self.wire.close()
        self.venue.close()

    def market_time(self, environment: Environment, market: Market) -> datetime:
        """Return market time as a dispatcher would have read it."""
        self.wire.catch_up()
        return self.clock.market

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Let this world's venue answer whatever is asked while the block runs."""
        with answering(self.wire):
            yield

    def tick(self, bot_id: int) -> str:
        """Let the worker run one tick in peril; it is alive again afterwards."""
        self.trace.note(f"  tick of bot {bot_id}")
        self.ticks += 1
        self.promises.ticked.pop(bot_id, None)
        self.perils.is_armed = True
        try:
            answer = self._tick(bot_id)
        finally:
            self.perils.is_armed = False
        if self.worker.is_unharmed:
            self.promises.ticked[bot_id] = answer
        self.worker.start()
        self.trace.note(f"  bot {bot_id}: {answer}")
        return answer

    def check(self, *, is_quiet: bool = False) -> None:
        """Raise InvariantError when something is not as it must be."""
        self.wire.catch_up()
        check_all(
            View(
                Truth(self.venue),
                self.promises,
                is_quiet=is_quiet,
                expects_stops=self.expects_stops,
                now=self.clock.now(),
            )
        )

    def bot(self, bot_id: int) -> BotConfig:
        """Return a bot as it is now."""
        return BotConfig.objects.get(pk=bot_id)

    def _tick(self, bot_id: int) -> str:
        try:
            with self.worker.in_peril(self.perils):
                return run_tick(bot_id)
        except (DatabaseError, InterfaceError) as error:
            if self.worker.is_unharmed:
                raise _unforeseen(bot_id, error) from error
        except Exception as error:
            if not self.worker.is_dead:
                raise _unforeseen(bot_id, error) from error
        except BaseException:
            if not self.worker.is_dead:
                raise
        return KILLED if self.worker.is_dead else DATABASE_LOST

    def _somebody_acts(self) -> None:
        self.stage.second_worker.run(self.meanwhile)


def _unforeseen(bot_id: int, error: Exception) -> InvariantError:
    return InvariantError(f"the tick of bot {bot_id} raised {type(error).__name__}: {error}")

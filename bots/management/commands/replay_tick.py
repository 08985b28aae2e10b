"""Run a recorded tick again."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bots.engine.replay import Replay, replay_tick, venue_of
from bots.models import Tick
from exchange.domain.budget import Priority, asking_for
from exchange.domain.errors import GatewayError
from exchange.registry import ClientInitError, market_data_gateway


class Command(BaseCommand):
    help = "Decide a recorded tick again from its recorded inputs and show any difference."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the tick's number."""
        parser.add_argument("tick_id", type=int, metavar="ID")

    def handle(self, *args: Any, tick_id: int, **options: Any) -> None:
        """Print what was decided; fail when the replay differs."""
        try:
            tick = Tick.objects.select_related("bot").get(pk=tick_id)
            replay = _replay(tick)
        except Tick.DoesNotExist:
            raise CommandError(f"There is no tick {tick_id}.") from None
        except (ValueError, GatewayError, ClientInitError) as error:
            raise CommandError(f"Tick {tick_id} cannot be replayed: {error}") from error
        self.stdout.write(tick.sentence)
        self._show(replay)
        if replay.differences:
            raise CommandError(f"Tick {tick_id} decides differently now.")
        self.stdout.write(self.style.SUCCESS(f"Tick {tick_id} decides the same again."))

    def _show(self, replay: Replay) -> None:
        for check in replay.recorded.checks if replay.recorded else ():
            word = "yes" if check.passed else "no"
            self.stdout.write(f"  {word:3} {check.code}: {check.detail}")
        for _, plan in replay.stops:
            steps = ", ".join(f"{each.step}: {each.why}" for each in plan.actions)
            self.stdout.write(f"  stops: {steps or plan.obstacle or 'nothing to do'}")
        for name, (recorded, again) in replay.differences.items():
            self.stdout.write(f"{name}: recorded {recorded}, now {again}")


def _replay(tick: Tick) -> Replay:
    venue = venue_of(tick)
    if venue is None:
        return replay_tick(tick, gateway=None)
    with asking_for(Priority.PAGE):
        return replay_tick(tick, gateway=market_data_gateway(*venue))

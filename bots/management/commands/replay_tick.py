"""Run a recorded tick again."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bots.engine.replay import replay_tick
from bots.models import Tick
from exchange.domain.budget import Priority, asking_for
from exchange.domain.errors import GatewayError
from exchange.domain.types import Environment, Market
from exchange.registry import ClientInitError, market_data_gateway


class Command(BaseCommand):
    help = "Decide a recorded tick again from its recorded inputs and show any difference."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the tick's number."""
        parser.add_argument("tick_id", type=int, metavar="ID")

    def handle(self, *args: Any, tick_id: int, **options: Any) -> None:
        """Print the decision; fail when the replay differs."""
        try:
            tick = Tick.objects.select_related("bot").get(pk=tick_id)
            gateway = market_data_gateway(
                Environment(tick.inputs.get("environment", Environment.DEMO)),
                Market(tick.bot.position_type),
            )
            with asking_for(Priority.PAGE):
                replay = replay_tick(tick, gateway=gateway)
        except Tick.DoesNotExist:
            raise CommandError(f"There is no tick {tick_id}.") from None
        except (ValueError, GatewayError, ClientInitError) as error:
            raise CommandError(f"Tick {tick_id} cannot be replayed: {error}") from error
        self.stdout.write(replay.recorded.sentence)
        for name, (recorded, again) in replay.differences.items():
            self.stdout.write(f"{name}: recorded {recorded}, now {again}")
        if replay.differences:
            raise CommandError(f"Tick {tick_id} decides differently now.")
        self.stdout.write(self.style.SUCCESS(f"Tick {tick_id} decides the same again."))

"""The dispatcher process."""

from __future__ import annotations

import signal
from typing import Any

import redis
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import InterfaceError, OperationalError
from kombu.exceptions import OperationalError as QueueAway

from bots.dispatch import dispatch_due_bots
from bots.dispatch.process import Dispatcher


class Command(BaseCommand):
    help = (
        "Put the ticks of due bots into the queue, until SIGTERM: at once when a kline has closed "
        "or an account event arrives, and by itself every second. Any number may run."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whether to make one round only."""
        parser.add_argument("--once", action="store_true", help="make one round, then end")

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        """Make one round, or run until told to stop."""
        if once:
            self._one_round()
            return
        dispatcher = Dispatcher(on_listening=self._say_listening)
        previous = {
            number: signal.signal(number, lambda *_: dispatcher.stop())
            for number in (signal.SIGTERM, signal.SIGINT)
        }
        try:
            dispatcher.run()
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _one_round(self) -> None:
        try:
            count = dispatch_due_bots()
        except (redis.RedisError, QueueAway) as error:
            raise CommandError(f"REDIS_URL: Redis cannot be reached: {error}") from error
        except (OperationalError, InterfaceError) as error:
            raise CommandError(f"DATABASE_URL: PostgreSQL cannot be reached: {error}") from error
        self.stdout.write(f"{count} {'bot was' if count == 1 else 'bots were'} due.")

    def _say_listening(self) -> None:
        self.stdout.write("dispatcher: listening")
        self.stdout.flush()

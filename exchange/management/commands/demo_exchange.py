"""`manage.py demo_exchange`: the thin door to the built-in exchange."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from exchange.demo import cli
from exchange.demo.errors import DemoExchangeError


class Command(BaseCommand):
    """Runs the exchange in the foreground; needs neither database nor Redis."""

    help = cli.HELP
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options that the exchange defines itself."""
        cli.add_arguments(parser)

    def handle(self, **options: Any) -> None:
        """Serve until SIGTERM or SIGINT."""
        try:
            cli.run(options, write=self._write)
        except DemoExchangeError as e:
            raise CommandError(str(e)) from e

    def _write(self, line: str) -> None:
        self.stdout.write(line, ending="")
        self.stdout.flush()

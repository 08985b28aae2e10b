"""Prove that the books balance."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bots.engine.answers import EXPECTED_FAILURES
from bots.engine.ledger import LedgerReport
from bots.engine.ledger_at_venue import verify_bot
from bots.locks import BotLockedError
from bots.models import BotConfig
from exchange.domain.budget import Priority, asking_for


class Command(BaseCommand):
    help = (
        "Compute every bot's position, profit and trades anew from its fills and funding and "
        "compare them, to the last digit, with what is stored. Changes nothing. "
        "Exit status 1 when something does not add up or could not be verified."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take which bot, all by default, and what to compare."""
        parser.add_argument("--bot", type=int, metavar="N", help="this bot only")
        parser.add_argument(
            "--venue", action="store_true", help="also compare with what the account holds"
        )
        parser.add_argument("--json", action="store_true", dest="as_json", help="for programs")

    def handle(self, *args: Any, as_json: bool, **options: Any) -> None:
        """Print each bot's figures and what differs; fail when something does."""
        bots = BotConfig.objects.order_by("pk")
        if options["bot"] is not None:
            bots = bots.filter(pk=options["bot"])
            if not bots:
                raise CommandError(f"--bot: there is no bot {options['bot']}.")
        reports, failures = _verify(list(bots), at_venue=options["venue"])
        if as_json:
            self.stdout.write(json.dumps(_as_json(reports, failures), indent=2))
        else:
            self._print(reports, failures)
        wrong = [str(report.bot_id) for report in reports if not report.is_balanced]
        if wrong or failures:
            unwell = ", ".join([*wrong, *map(str, failures)])
            raise CommandError(f"The books do not balance, or nobody could tell: bot {unwell}.")
        if not as_json:
            self.stdout.write(self.style.SUCCESS(f"The books of {len(reports)} bot(s) balance."))

    def _print(self, reports: list[LedgerReport], failures: dict[int, str]) -> None:
        for report in reports:
            figures = ", ".join(f"{name} {value}" for name, value in report.figures.items())
            self.stdout.write(f"Bot {report.bot_id}, {report.name}: {figures or 'nothing'}")
            for finding in report.findings:
                self.stdout.write(self.style.ERROR(f"  differs  {finding}"))
            for note in report.notes:
                self.stdout.write(f"  note     {note}")
        for bot_id, why in failures.items():
            self.stdout.write(self.style.ERROR(f"Bot {bot_id}: {why}"))


def _verify(bots: list[BotConfig], *, at_venue: bool) -> tuple[list[LedgerReport], dict[int, str]]:
    reports, failures = [], {}
    for bot in bots:
        try:
            with asking_for(Priority.PAGE):
                reports.append(verify_bot(bot, at_venue=at_venue))
        except BotLockedError:
            failures[bot.pk] = "a tick is under way; try again in a moment"
        except EXPECTED_FAILURES as error:
            failures[bot.pk] = f"could not be verified: {error}"
    return reports, failures


def _as_json(reports: list[LedgerReport], failures: dict[int, str]) -> dict[str, Any]:
    return {
        "balanced": not failures and all(report.is_balanced for report in reports),
        "bots": [asdict(report) for report in reports],
        "failures": {str(bot_id): why for bot_id, why in failures.items()},
    }

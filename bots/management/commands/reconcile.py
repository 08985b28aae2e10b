"""Compare bots with the venue."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import QuerySet

from bots.engine.comparison import Comparison, compare_with_venue
from bots.models import BotConfig
from exchange.domain.budget import Priority, asking_for
from exchange.models import ExchangeAccount


class Command(BaseCommand):
    help = (
        "Compare orders, fills, position, foreign orders and wallet of bots with the venue, repair "
        "what the venue proves, and leave the rest as incidents. Sends no orders. "
        "Exit status 1 when something is left for a person."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take which bots, all by default, and how to print."""
        parser.add_argument("--bot", type=int, metavar="N", help="this bot only")
        parser.add_argument("--account", type=int, metavar="N", help="bots of this account only")
        parser.add_argument("--json", action="store_true", dest="as_json", help="for programs")

    def handle(self, *args: Any, as_json: bool, **options: Any) -> None:
        """Print what was found of each bot; fail when something is left."""
        bots = _chosen(options["bot"], options["account"])
        found = []
        for bot in bots.order_by("pk"):
            with asking_for(Priority.PAGE):
                found.append(compare_with_venue(bot))
            if not as_json:
                self._print(found[-1])
        if as_json:
            self.stdout.write(json.dumps([one.as_json() for one in found], indent=2))
        unwell = [str(one.bot_id) for one in found if not one.is_well]
        if unwell:
            raise CommandError(f"Something is left for a person: bot {', '.join(unwell)}.")
        if not as_json:
            self.stdout.write(self.style.SUCCESS(f"{len(found)} bots agree with the venue."))

    def _print(self, found: Comparison) -> None:
        self.stdout.write(f"Bot {found.bot_id}, {found.name}")
        for title, lines in (
            ("same", found.same),
            ("repaired", found.repaired),
            ("left", found.left),
            ("failed", (found.failure,) if found.failure else ()),
        ):
            for line in lines:
                self.stdout.write(f"  {title:8}  {line}")


def _chosen(bot_id: int | None, account_id: int | None) -> QuerySet[BotConfig]:
    bots = BotConfig.objects.filter(deleted_at=None, api_key__isnull=False)
    if bot_id is not None:
        bots = bots.filter(pk=bot_id)
        if not bots.exists():
            raise CommandError(f"--bot: there is no bot {bot_id} with an API key.")
    if account_id is not None:
        if not ExchangeAccount.objects.filter(pk=account_id).exists():
            raise CommandError(f"--account: there is no account {account_id}.")
        bots = bots.filter(api_key__account_id=account_id)
    return bots

"""Re-encrypt every API key under the newest of FERNET_KEYS."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from exchange.credentials import CredentialsDecryptError, reseal
from exchange.models import APIKey

ROTATED, CURRENT, UNREADABLE = "rotated", "current", "unreadable"


class Command(BaseCommand):
    """Rotate row by row; safe to repeat, to interrupt and to run beside a working stack."""

    help = (
        "Re-encrypts every API key under the first of FERNET_KEYS. Put the new key first and keep "
        "the old one behind it, restart, run this, then drop the old key. Exit code 1 when a row "
        "does not open with any key."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take --json."""
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Rotate every row and say how many of each kind there were."""
        results = {pk: _rotate(pk) for pk in APIKey.objects.values_list("pk", flat=True)}
        counts = {
            kind: sum(result == kind for result in results.values())
            for kind in (ROTATED, CURRENT, UNREADABLE)
        }
        unreadable = [str(pk) for pk, result in results.items() if result == UNREADABLE]
        self.stdout.write(_as_json(counts, unreadable) if options["json"] else _as_text(counts))
        if unreadable:
            raise CommandError(f"No key of FERNET_KEYS opens: {', '.join(unreadable)}")


def _rotate(pk: UUID) -> str:
    with transaction.atomic():
        # NO KEY, so that ticks may go on inserting rows that point to this one.
        api_key = APIKey.objects.select_for_update(no_key=True, of=("self",)).filter(pk=pk).first()
        if api_key is None:
            return CURRENT  # deleted meanwhile
        try:
            was_old = reseal(api_key)
        except CredentialsDecryptError:
            return UNREADABLE
        if was_old:
            api_key.save(update_fields=["encrypted_key", "encrypted_secret", "key_hint"])
        return ROTATED if was_old else CURRENT


def _as_text(counts: dict[str, int]) -> str:
    return f"{counts[ROTATED]} rotated, {counts[CURRENT]} already current."


def _as_json(counts: dict[str, int], unreadable: list[str]) -> str:
    return json.dumps({**counts, "unreadable_ids": unreadable})

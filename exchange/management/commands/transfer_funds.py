"""Move money between the spot and the futures wallet of an account, and settle what is in doubt."""

from __future__ import annotations

import json
import re
from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from decimal import Decimal
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from accounts.models import User
from exchange.credentials import CredentialsDecryptError
from exchange.domain.budget import Priority, asking_for
from exchange.domain.errors import GatewayError
from exchange.domain.transfers import TransferDirection
from exchange.management.stored_keys import keys_named, only_one, usable_keys
from exchange.models import APIKey, Transfer, TransferStage, plain_amount
from exchange.registry import ClientInitError, KeyRevokedError, close_gateways
from exchange.transfers import (
    TransferPendingError,
    decide_transfer,
    reconcile_transfers,
    request_transfer,
)

NOT_DONE: Final = 1
USAGE: Final = 2
NONE: Final = "none"
DEFAULT_ASSET: Final = "USDT"
PLAIN_AMOUNT: Final = re.compile(r"[0-9]+(\.[0-9]+)?")
PLAIN_ID: Final = re.compile(r"[0-9]{1,18}")
DATABASE_WORDS: Final = (
    "the database failed: whether something was sent is not known here. Once it is back, run "
    "--reconcile before anything else."
)
DIRECTIONS: Final = {
    "futures": TransferDirection.TO_FUTURES,
    "spot": TransferDirection.TO_SPOT,
}

EPILOG: Final = """
Examples:
  transfer_funds --key main --to futures --amount 100
  transfer_funds --key main --reconcile
  transfer_funds --key main --decide 17 --transaction 11415955596 --user alice

The venue's transfer carries no name: what was sent and not answered is never sent again before
--reconcile has read the venue's history. What it does not show counts as never made about a
minute later, after two calls at least half a minute apart. Where several transfers of its history
can be the one, a person decides by --decide.

--json prints one object:
  transfers   list; of each: id, account, environment, direction, asset, amount, status (intended,
              sent, unknown, done, failed, rejected, never_made), transaction_id ("" when not
              known), message, purpose, requested_by (null when nobody), created_at, settled_at
  error       what went wrong besides, null when nothing did; wrong usage too

Exit codes: 0 done (--reconcile: nothing is left in doubt), 1 not done or unknown, 2 wrong usage.
"""


class Command(BaseCommand):
    """Send one transfer at most once, or ask what became of earlier ones."""

    help = (
        "Moves money between the spot and the futures wallet of the account that a key opens.\n"
        "Every transfer is written down before it is sent, and sent once."
    )

    def run_from_argv(self, argv: list[str]) -> None:
        """Say in the JSON too which arguments cannot be read; Django then says it its own way."""
        if "--json" in argv:
            try:
                self.create_parser(argv[0], argv[1]).parse_args(argv[2:])
            except CommandError as wrong:
                self.stdout.write(_as_json([], str(wrong)))
        super().run_from_argv(argv)

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the key and either a transfer, --reconcile or --decide."""
        parser.epilog = EPILOG
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.add_argument(
            "--key", required=True, metavar="LABEL", help="label or id of a stored key"
        )
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--to", choices=sorted(DIRECTIONS), help="the wallet that gets the money")
        what.add_argument(
            "--reconcile", action="store_true", help="ask what became of unsettled transfers"
        )
        what.add_argument(
            "--decide",
            type=_id,
            metavar="ID",
            help="settle a transfer by what you saw at the venue",
        )
        parser.add_argument("--amount", help="with --to: how much, like 100 or 0.5")
        parser.add_argument("--asset", help=f"with --to; default: {DEFAULT_ASSET}")
        parser.add_argument(
            "--transaction", help="with --decide: the venue's number of it, or 'none'"
        )
        parser.add_argument(
            "--user", metavar="NAME", help="who asks for it; also tells keys of one label apart"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what was asked, print it, and end with the exit code that fits."""
        try:
            rows, error = _outcome(options)
        except CommandError as wrong:
            if options["json"]:
                self.stdout.write(_as_json([], str(wrong)))
            raise
        text = _as_json(rows, error) if options["json"] else _as_text(rows, error)
        if text:
            self.stdout.write(text)
        if error or not all(_is_fine(row, options) for row in rows):
            raise CommandError(error or "not every transfer is done", returncode=NOT_DONE)


def _outcome(options: dict[str, Any]) -> tuple[list[Transfer], str | None]:
    """Return the transfers and what went wrong besides; CommandError for wrong usage."""
    _refuse_strangers(options)
    user = _user(options["user"])
    api_key = _key(options["key"], user)
    try:
        with asking_for(Priority.PAGE):
            return _act(api_key, user, options), None
    except (ValidationError, ClientInitError, KeyRevokedError) as problem:
        raise CommandError(_words(problem), returncode=USAGE) from None
    except TransferPendingError as pending:
        return [pending.transfer], str(pending)
    except (GatewayError, CredentialsDecryptError) as problem:
        return [], str(problem)
    except DatabaseError as problem:
        return [], f"{DATABASE_WORDS} {problem}".strip()
    finally:
        close_gateways()


def _refuse_strangers(options: dict[str, Any]) -> None:
    """Refuse what belongs to another wish: whoever typed it means something that is not done."""
    wish = next((one for one in ("to", "reconcile") if options[one]), "decide")
    belongs_to = {"amount": "to", "asset": "to", "transaction": "decide"}
    strangers = [
        name for name, its in belongs_to.items() if options[name] is not None and its != wish
    ]
    if strangers:
        names = " and ".join(f"--{name}" for name in strangers)
        raise CommandError(f"{names}: not allowed with --{wish}", returncode=USAGE)


def _act(api_key: APIKey, user: User | None, options: dict[str, Any]) -> list[Transfer]:
    if options["reconcile"]:
        return reconcile_transfers(api_key)
    if options["decide"] is not None:
        return [_decide(api_key, user, options)]
    return [
        request_transfer(
            api_key,
            direction=DIRECTIONS[options["to"]],
            asset=_asset(options["asset"]),
            amount=_amount(options["amount"]),
            requested_by=user,
            purpose="transfer_funds",
        )
    ]


def _decide(api_key: APIKey, user: User | None, options: dict[str, Any]) -> Transfer:
    if user is None:
        raise CommandError("--decide needs --user: who has looked at the venue", returncode=USAGE)
    if not options["transaction"]:
        raise CommandError("--decide needs --transaction NUMBER or none", returncode=USAGE)
    transfer = Transfer.objects.filter(pk=options["decide"], account=api_key.account).first()
    if transfer is None:
        words = f"--decide: the account has no transfer {options['decide']}"
        raise CommandError(words, returncode=USAGE)
    number = None if options["transaction"] == NONE else options["transaction"]
    return decide_transfer(transfer, transaction_id=number, decided_by=user, api_key=api_key)


def _is_fine(row: Transfer, options: dict[str, Any]) -> bool:
    return row.status == TransferStage.DONE if options["to"] else not row.is_unsettled


def _amount(text: str | None) -> Decimal:
    if text is None:
        raise CommandError("--to needs --amount", returncode=USAGE)
    # Decimal takes more than people mean: 1_000, 1e3, digits of other scripts.
    if PLAIN_AMOUNT.fullmatch(text) is None:
        words = f"--amount: {text!r} is not a plain number like 100 or 0.5"
        raise CommandError(words, returncode=USAGE)
    return Decimal(text)


def _asset(text: str | None) -> str:
    if text is None:
        return DEFAULT_ASSET
    return text.upper() if text.isascii() else text  # "ß" would become another coin's name


def _id(text: str) -> int:
    if PLAIN_ID.fullmatch(text) is None:
        raise ArgumentTypeError(f"{text!r} is not the number of a transfer")
    return int(text)


def _user(name: str | None) -> User | None:
    if name is None:
        return None
    user = User.objects.filter(username=name).first()
    if user is None:
        raise CommandError(f"--user: nobody is called {name!r}", returncode=USAGE)
    return user


def _key(name: str, user: User | None) -> APIKey:
    keys = usable_keys().filter(keys_named(name))
    # An operator may move another person's money.
    found = list(keys.filter(owner=user) if user else keys) or list(keys)
    try:
        return only_one(found, name)
    except ValueError as error:
        raise CommandError(f"--key: {error}", returncode=USAGE) from None


def _words(problem: Exception) -> str:
    if not isinstance(problem, ValidationError):
        return str(problem)
    by_field = problem.message_dict if hasattr(problem, "error_dict") else {"": problem.messages}
    return " ".join(
        f"{field}: {' '.join(words)}" if field else " ".join(words)
        for field, words in by_field.items()
    )


def _as_text(rows: list[Transfer], error: str | None) -> str:
    if not rows:
        return "" if error else "every transfer is settled"
    return "\n".join(f"{row}. {row.message}".rstrip() for row in rows)


def _as_json(rows: list[Transfer], error: str | None) -> str:
    return json.dumps({"transfers": [_row(row) for row in rows], "error": error})


def _row(row: Transfer) -> dict[str, Any]:
    return {
        "id": row.pk,
        "account": row.account.uid,
        "environment": row.account.environment,
        "direction": row.direction,
        "asset": row.asset,
        "amount": plain_amount(row.amount),
        "status": row.status,
        "transaction_id": row.transaction_id,
        "message": row.message,
        "purpose": row.purpose,
        "requested_by": row.requested_by.get_username() if row.requested_by else None,
        "created_at": row.created_at.isoformat(),
        "settled_at": row.settled_at.isoformat() if row.settled_at else None,
    }

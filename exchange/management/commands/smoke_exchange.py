"""Walk through everything a bot asks of a venue, and say how each step went."""

from __future__ import annotations

import json
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from exchange.domain.types import Environment, Market
from exchange.management.stored_keys import keys_named, only_one, usable_keys
from exchange.models import APIKey
from exchange.registry import ClientInitError, close_gateways
from exchange.smoke.report import SmokeReport, Step
from exchange.smoke.walk import walk_through

FINDINGS: Final = 1
USAGE: Final = 2

JSON_HELP: Final = """
--json prints one object:
  environment, market, symbol   what was asked
  key                           label of the API key, null without one
  is_fine                       false when a step failed or warned
  steps                         list, in order: name (connect, time, rules, price, klines,
                                account, permissions, commission, test_order; futures:
                                mode, symbol, tiers and mark as well, before the test order),
                                status (ok, warning, failed, skipped), detail, hint,
                                seconds (null when nothing was asked),
                                weight (null when the venue's counter began a new minute)

Exit codes: 0 fine, 1 a step failed or warned, 2 wrong usage.
"""


class Command(BaseCommand):
    """Read, and have one order checked that is never placed; safe on a live account."""

    # Wrapped by hand: the epilog's table needs a formatter that leaves lines as they are.
    help = (
        "Walks through what a bot asks of a venue: connection, clock, rules, price, klines,\n"
        "account, the key's permissions, commission rates and an order that the venue checks\n"
        "without placing it; for futures also position mode, margin type, leverage, its tiers\n"
        "and the mark price. Reports each step with its time and request weight, which counts\n"
        "whoever asks from this address. Steps that need a key are skipped when there is none.\n"
        "Never prints a key."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the venue, the symbol and the key."""
        parser.epilog = JSON_HELP
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.add_argument(
            "--environment", required=True, choices=[one.value for one in Environment]
        )
        parser.add_argument(
            "--market",
            default=Market.SPOT.value,
            choices=[one.value for one in Market],
            help="default: spot",
        )
        parser.add_argument("--symbol", default="BTCUSDT", help="default: BTCUSDT")
        parser.add_argument(
            "--key",
            metavar="LABEL",
            help="label or id of a stored key; default: the oldest usable of the environment",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Walk, print, and end with the exit code that fits."""
        environment = Environment(options["environment"])
        symbol = _symbol(options["symbol"])
        api_key = _chosen_key(environment, options["key"])
        try:
            report = walk_through(
                environment,
                symbol,
                api_key=api_key,
                market=Market(options["market"]),
            )
        except ClientInitError as error:
            raise CommandError(str(error), returncode=USAGE) from None
        finally:
            close_gateways()
        self.stdout.write(json.dumps(report.as_json()) if options["json"] else _as_text(report))
        if not report.is_fine:
            raise CommandError("not every step went well", returncode=FINDINGS)


def _symbol(text: str) -> str:
    symbol = text.strip().upper()
    if not symbol:
        raise CommandError("--symbol: give a symbol, like BTCUSDT", returncode=USAGE)
    return symbol


def _chosen_key(environment: Environment, name: str | None) -> APIKey | None:
    usable = usable_keys().filter(environment=environment.value)
    if name is None:
        return usable.first()
    try:
        return only_one(list(usable.filter(keys_named(name))), name, of=f" of {environment}")
    except ValueError as error:
        raise CommandError(str(error), returncode=USAGE) from None


def _as_text(report: SmokeReport) -> str:
    key = f"key {report.key}" if report.key is not None else "no key"
    lines = [f"{report.environment} {report.market}, {report.symbol}, {key}"]
    for step in report.steps:
        lines.append(_line(step))
        if step.hint:
            lines.append(f"{'':10}→ {step.hint}")
    return "\n".join(lines)


def _line(step: Step) -> str:
    seconds = "" if step.seconds is None else f"{step.seconds * 1000:.0f} ms"
    weight = "" if step.weight is None else f"weight {step.weight}"
    return f"{step.status:<9} {step.name:<12}{seconds:>8}  {weight:<10} {step.detail}".rstrip()

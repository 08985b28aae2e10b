"""Play seeds of the simulation, or a long quiet run, and tell what did not hold."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from bots.simulation.database import own_database
from bots.simulation.long_run import LongRun, LongRunReport, play_long
from bots.simulation.run import DEFAULT_STEPS, Options, SeedReport, play
from bots.simulation.shrinking import shrunk
from bots.simulation.stage import Stage, set_stage
from exchange.domain.types import Market

_LINES_SHOWN: Final = 120
_MARKETS: Final = {
    "spot": (Market.SPOT,),
    "futures": (Market.FUTURES,),
    "both": (Market.SPOT, Market.FUTURES),
}


class Command(BaseCommand):
    """`chaos --seeds 300`, `chaos --first 17 --seeds 1`, `chaos --no-faults --bots 50 --hours 24`.

    Works in a database of its own beside the configured one, whose role needs CREATEDB.
    """

    help = "Play the engine against the demo exchange under seeds, with everything that goes wrong."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--seeds", type=int, default=100, help="how many (default 100)")
        parser.add_argument("--first", type=int, default=1, help="the first seed (default 1)")
        parser.add_argument("--steps", type=int, default=DEFAULT_STEPS, help="steps of a seed")
        parser.add_argument("--markets", choices=sorted(_MARKETS), default="both")
        parser.add_argument("--no-faults", action="store_true", help="one long quiet run instead")
        parser.add_argument("--bots", type=int, default=50, help="of the long run (default 50)")
        parser.add_argument("--hours", type=float, default=24.0, help="of market time, long run")
        parser.add_argument("--timeframe", default="15m", help="of bots, long run")
        parser.add_argument("--check-seconds", type=int, default=900, help="of bots, long run")
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def handle(self, *_: Any, **options: Any) -> None:
        """Play, print, and raise CommandError (exit code 1) when an invariant did not hold."""
        began = time.perf_counter()
        with own_database(), set_stage() as stage:
            if options["no_faults"]:
                self._play_long(stage, options)
            else:
                self._play_seeds(stage, options, began)

    def _play_seeds(self, stage: Stage, options: dict[str, Any], began: float) -> None:
        how = Options(steps=options["steps"], markets=_MARKETS[options["markets"]])
        first, count = options["first"], options["seeds"]
        reports = [self._play(stage, seed, how, options) for seed in range(first, first + count)]
        failed = [one for one in reports if not one.is_sound]
        summary = {
            "seeds": count,
            "first": first,
            "failed": [one.seed for one in failed],
            "ticks": sum(one.ticks for one in reports),
            "requests": sum(one.requests for one in reports),
            "orders": sum(one.orders for one in reports),
            "perils": sum(len(one.perils) for one in reports),
            "seconds": round(time.perf_counter() - began, 1),
        }
        if options["json"]:
            self.stdout.write(json.dumps(summary | {"failures": [asdict(one) for one in failed]}))
        else:
            self.stdout.write(" ".join(f"{name}={value}" for name, value in summary.items()))
        if failed:
            raise CommandError(f"{len(failed)} of {count} seeds failed")

    def _play(self, stage: Stage, seed: int, how: Options, options: dict[str, Any]) -> SeedReport:
        report = play(stage, seed, how)
        if report.is_sound:
            return report
        report = shrunk(stage, report, how)
        if not options["json"]:
            self.stdout.write(f"seed {seed}, step {report.step}: {report.error}")
            self.stdout.write(f"perils that it takes: {report.perils or 'none'}")
            for line in report.trace[-_LINES_SHOWN:]:
                self.stdout.write(line)
        return report

    def _play_long(self, stage: Stage, options: dict[str, Any]) -> None:
        run = LongRun(
            seed=options["first"],
            bots=options["bots"],
            hours=options["hours"],
            timeframe=options["timeframe"],
            check_seconds=options["check_seconds"],
            markets=_MARKETS[options["markets"]],
        )
        report = play_long(stage, run, tell=self._tell(options))
        self._write_long(report, options)
        if report.error:
            raise CommandError(report.error)

    def _tell(self, options: dict[str, Any]) -> Any:
        return (lambda _: None) if options["json"] else self.stdout.write

    def _write_long(self, report: LongRunReport, options: dict[str, Any]) -> None:
        figures = asdict(report)
        if options["json"]:
            self.stdout.write(json.dumps(figures))
            return
        for name, value in figures.items():
            self.stdout.write(f"{name:>16}  {value}")

"""The command line of tradebotctl: parse, call, return an exit code.

0 fine, 1 findings or failed, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tradebot_site.embedded.checks import run_tests
from tradebot_site.embedded.console import Console
from tradebot_site.embedded.control import down, status
from tradebot_site.embedded.detached import run_detached
from tradebot_site.embedded.door import guarded
from tradebot_site.embedded.errors import FrontDoorError
from tradebot_site.embedded.layout import Layout, locate
from tradebot_site.embedded.log_reader import show_logs
from tradebot_site.embedded.management import manage
from tradebot_site.embedded.ports import HIGHEST_PORT
from tradebot_site.embedded.processes import forget_generated
from tradebot_site.embedded.startup import up

CHECKOUT = Path(__file__).resolve().parents[2]
# Everything after these words, and after their --data-dir, belongs to another program.
PASSING_ON = {"test": "pytest arguments", "manage": "a manage.py command and its arguments"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = build_parser()
    own, passed_on = split_passed_on(given)
    options = parser.parse_args(own)
    if options.command == "manage" and not passed_on:
        parser.error("manage: which command? For example: tradebotctl manage showmigrations")
    # `manage` leaves standard output to the command, `status --json` keeps it pure.
    quiet = options.command == "manage"
    forget_generated(os.environ)
    console = Console(sys.stderr if quiet else sys.stdout, errors=sys.stderr)
    return guarded(lambda: _run(options, passed_on, console), console)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of everything that is not passed on."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--data-dir", metavar="DIR", help="default: .tradebot in the checkout")
    parser = argparse.ArgumentParser(prog="tradebotctl", description="Install and run TradeBot.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    start = commands.add_parser("up", parents=[common], help="start everything")
    start.add_argument("--port", type=_port, help="default: 8000, or the next free one")
    start.add_argument("--detach", action="store_true", help="return when it is ready")
    commands.add_parser("down", parents=[common], help="stop everything")
    look = commands.add_parser("status", parents=[common], help="show what runs")
    look.add_argument("--json", action="store_true", help="for programs")
    read = commands.add_parser("logs", parents=[common], help="show what the processes wrote")
    read.add_argument("name", nargs="?", metavar="NAME", help="one process; default: all")
    read.add_argument("-f", "--follow", action="store_true", help="go on until Ctrl-C")
    for name, rest in PASSING_ON.items():
        text = "run every check" if name == "test" else "run manage.py against the running services"
        commands.add_parser(
            name, parents=[common], help=text, usage=f"tradebotctl {name} [--data-dir DIR] [{rest}]"
        )
    return parser


def split_passed_on(given: list[str]) -> tuple[list[str], list[str]]:
    """Split the command line into ours and what another program gets untouched."""
    if not given or given[0] not in PASSING_ON:
        return given, []
    end = 1
    while end < len(given):
        if given[end] in {"-h", "--help"} or given[end].startswith("--data-dir="):
            end += 1
        elif given[end] == "--data-dir":
            end += 2
        else:
            break
    rest = given[end:]
    return given[:end], rest[1:] if rest[:1] == ["--"] else rest


def _run(options: argparse.Namespace, passed_on: list[str], console: Console) -> int:
    _require_linux()
    layout = locate(CHECKOUT, options.data_dir)
    match options.command:
        case "up":
            return _up(layout, options.port, console, detach=options.detach)
        case "down":
            return down(layout, console=console)
        case "status":
            return status(layout, as_json=options.json, console=console)
        case "logs":
            return show_logs(layout, name=options.name, follow=options.follow, console=console)
        case "test":
            return run_tests(CHECKOUT, passed_on, data_dir=options.data_dir, console=console)
        case "manage":
            manage(layout, passed_on)
    raise ValueError(f"unknown command {options.command!r}")


def _up(layout: Layout, port: int | None, console: Console, *, detach: bool) -> int:
    if not detach:
        up(layout, port=port, console=console)
        return 0
    return run_detached(layout, port)


def _require_linux() -> None:
    if sys.platform != "linux":
        raise FrontDoorError("tradebotctl runs on Linux; elsewhere use the Docker image.")


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= HIGHEST_PORT:
        raise argparse.ArgumentTypeError(f"not a port number: {text!r}")
    return int(text)

"""`test`: everything that CI checks, on embedded services of its own."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tradebot_site.embedded.console import Console
from tradebot_site.embedded.credentials import load_or_create
from tradebot_site.embedded.environment import ensure_environment
from tradebot_site.embedded.instance import instance_lock
from tradebot_site.embedded.layout import Layout, prepare, remove_tree
from tradebot_site.embedded.ports import PortClaims
from tradebot_site.embedded.processes import product_environment
from tradebot_site.embedded.pytest_arguments import NOT_BROWSER, compose, has_browser
from tradebot_site.embedded.services import choose_ports, start_services
from tradebot_site.embedded.signals import StopSignals
from tradebot_site.embedded.supervisor import Supervisor
from tradebot_site.embedded.virtualenv import Virtualenv


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to run: its command line, shown as `title`."""

    title: str
    argv: tuple[str, ...]


def checks_before_pytest(venv: Virtualenv) -> list[Check]:
    """Return the checks of code and models, quickest first."""
    manage = (str(venv.python), "manage.py")
    return [
        Check("ruff check", (str(venv.program("ruff")), "check", ".")),
        Check("ruff format", (str(venv.program("ruff")), "format", "--check", ".")),
        Check("mypy", (str(venv.program("mypy")), ".")),
        Check("import contracts", (str(venv.program("lint-imports")),)),
        Check("system checks", (*manage, "check", "--fail-level", "WARNING")),
        Check("migrations complete", (*manage, "makemigrations", "--check", "--dry-run")),
    ]


def run_tests(
    checkout: Path, arguments: Sequence[str], *, data_dir: str | None, console: Console
) -> int:
    """Run all checks, or pytest alone when it is given arguments; 1 when anything failed.

    data_dir   keep the services' files there; without it they are thrown away afterwards
    """
    with _data_directory(data_dir) as data:
        layout = Layout(checkout=checkout, data=data)
        prepare(layout)
        with instance_lock(layout.lock_file):
            venv = ensure_environment(checkout, console=console, development=True)
            with StopSignals() as signals, closing(PortClaims()) as claims:
                supervisor = Supervisor(console=console, logs=layout.logs, signals=signals)
                try:
                    env = _start(supervisor, layout, venv, claims, console)
                    run = _Run(supervisor, env, checkout, console)
                    return run.everything(venv, arguments)
                finally:
                    supervisor.stop()


def _start(
    supervisor: Supervisor,
    layout: Layout,
    venv: Virtualenv,
    claims: PortClaims,
    console: Console,
) -> dict[str, str]:
    credentials = load_or_create(layout)
    ports = choose_ports(claims, {})
    urls = start_services(
        supervisor, layout, credentials, ports, venv=venv.path, console=console, durable=False
    )
    supervisor.settled = True
    generated = {**urls, "DEMO_EXCHANGE_PORT": str(ports.demo_exchange)}
    return product_environment(layout, venv, credentials, base=os.environ, generated=generated)


@dataclass(slots=True)
class _Run:
    supervisor: Supervisor
    env: Mapping[str, str]
    checkout: Path
    console: Console
    outcomes: list[tuple[str, bool, float]] = field(default_factory=list)

    def everything(self, venv: Virtualenv, arguments: Sequence[str]) -> int:
        if not arguments:
            for check in checks_before_pytest(venv):
                self.one(check)
            self.summarize()
        failed = [title for title, passed, _ in self.outcomes if not passed]
        # Last, so that pytest's closing line ends the run.
        if not self.pytest(venv, arguments):
            failed.append("pytest")
        if failed:
            self.console.say(f"Failed: {', '.join(failed)}")
        return 1 if failed else 0

    def one(self, check: Check) -> None:
        self.console.say(f"=== {check.title}")
        started = time.monotonic()
        code = self.supervisor.run_foreground(check.argv, env=self.env, cwd=self.checkout)
        self.outcomes.append((check.title, code == 0, time.monotonic() - started))

    def summarize(self) -> None:
        self.console.say("=== so far")
        for title, passed, seconds in self.outcomes:
            word = "passed" if passed else "FAILED"
            self.console.say(f"  {title:<22} {word}  {seconds:>6.1f} s")

    def pytest(self, venv: Virtualenv, arguments: Sequence[str]) -> bool:
        browser = has_browser()
        if not browser:
            self.console.say(
                f'No Chromium found: the checks marked "browser" are left out (-m "{NOT_BROWSER}").'
                " To run them too: sudo apt-get install chromium"
            )
        argv = [str(venv.python), "-m", "pytest", *compose(arguments, browser=browser)]
        return self.supervisor.run_foreground(argv, env=self.env, cwd=self.checkout) == 0


@contextmanager
def _data_directory(given: str | None) -> Iterator[Path]:
    if given:
        yield Path(given).absolute()
        return
    folder = Path(tempfile.mkdtemp(prefix="tradebot-test-"))
    try:
        yield folder
    finally:
        remove_tree(folder)

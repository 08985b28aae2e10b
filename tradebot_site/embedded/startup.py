"""`up`: from an empty data directory to `Ready`, and on until somebody stops it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict

from tradebot_site.embedded import runstate
from tradebot_site.embedded.child import Child, ChildSpec
from tradebot_site.embedded.console import Console
from tradebot_site.embedded.credentials import OPERATOR, TRADER, Credentials, load_or_create
from tradebot_site.embedded.environment import ensure_environment
from tradebot_site.embedded.instance import AlreadyRunningError, instance_lock
from tradebot_site.embedded.layout import Layout, prepare
from tradebot_site.embedded.leftovers import end_leftovers
from tradebot_site.embedded.loopback_http import post_json
from tradebot_site.embedded.ports import DEFAULT_WEB_PORT, LOOPBACK, PortClaims
from tradebot_site.embedded.processes import Processes, product_environment
from tradebot_site.embedded.procinfo import boot_id
from tradebot_site.embedded.rotation import RotatingLog
from tradebot_site.embedded.runstate import ChildRecord, RunState
from tradebot_site.embedded.services import choose_ports, start_services
from tradebot_site.embedded.signals import StopSignals
from tradebot_site.embedded.static_files import is_collected, mark_collected
from tradebot_site.embedded.supervisor import Supervisor
from tradebot_site.embedded.virtualenv import Virtualenv


def up(
    layout: Layout,
    *,
    port: int | None,
    console: Console,
    on_ready: Callable[[], None] = lambda: None,
) -> None:
    """Start everything, call `on_ready`, and supervise until Ctrl-C or SIGTERM.

    port     the port that the user insists on; None means 8000 or the next free one
    Raises FrontDoorError when the start fails; nothing is left running then.
    """
    prepare(layout)
    try:
        with instance_lock(layout.lock_file):
            _Up(layout, port=port, console=console).run(on_ready)
    except AlreadyRunningError as e:
        console.say(_already_running(layout, e.pid))


def _already_running(layout: Layout, pid: int) -> str:
    state = runstate.load(layout)
    if state.state == "ready":
        return f"TradeBot is already running: {state.address} (pid {pid}, {layout.data})"
    return f"TradeBot is already {state.state} (pid {pid}, {layout.data})"


class _Up:
    """One `up` that holds the lock of its data directory."""

    def __init__(self, layout: Layout, *, port: int | None, console: Console) -> None:
        self._layout = layout
        self._console = console
        self._state = self._clean_up()
        self._claims = PortClaims()
        self._web_port = self._claims.web(port)
        self._ports = choose_ports(self._claims, self._state.ports)
        self._credentials = load_or_create(layout)
        if port is None and self._web_port != DEFAULT_WEB_PORT:
            console.say(f"Port {DEFAULT_WEB_PORT} is taken; using {self._web_port}.")

    def run(self, on_ready: Callable[[], None]) -> None:
        self._state = RunState(
            state="starting",
            pid=os.getpid(),
            boot_id=boot_id(),
            address=f"http://{LOOPBACK}:{self._web_port}",
            ports={"web": self._web_port, **asdict(self._ports)},
        )
        self._save()
        log = RotatingLog(self._layout.log("up"))
        self._console.log_to(log)
        try:
            venv = ensure_environment(self._layout.checkout, console=self._console)
            with StopSignals() as signals:
                self._supervise(venv, signals, on_ready)
        finally:
            self._set_state("stopped")
            self._claims.close()
            self._console.log_to(None)
            log.close()

    def _supervise(
        self, venv: Virtualenv, signals: StopSignals, on_ready: Callable[[], None]
    ) -> None:
        supervisor = Supervisor(
            console=self._console,
            logs=self._layout.logs,
            signals=signals,
            on_change=self._record_children,
        )
        try:
            self._start_all(supervisor, venv)
            self._set_state("ready")
            announce(self._console, self._state.address, self._credentials)
            on_ready()
            supervisor.watch()
        finally:
            self._set_state("stopping")
            with self._console.step("Stopping"):
                supervisor.stop()

    def _start_all(self, supervisor: Supervisor, venv: Virtualenv) -> None:
        urls = start_services(
            supervisor,
            self._layout,
            self._credentials,
            self._ports,
            venv=venv.path,
            console=self._console,
        )
        self._state.own_services = sorted(urls)
        start_product(
            supervisor,
            self._processes(venv, urls),
            self._credentials,
            layout=self._layout,
            console=self._console,
        )

    def _processes(self, venv: Virtualenv, urls: dict[str, str]) -> Processes:
        env = product_environment(
            self._layout,
            venv,
            self._credentials,
            base=os.environ,
            generated={**urls, "DEMO_EXCHANGE_PORT": str(self._ports.demo_exchange)},
        )
        return Processes(
            layout=self._layout,
            python=venv.python,
            env=env,
            web_port=self._web_port,
            demo_port=self._ports.demo_exchange,
        )

    def _clean_up(self) -> RunState:
        state = runstate.load(self._layout)
        ended = end_leftovers(self._layout, state)
        if ended:
            names = ", ".join(ended)
            self._console.say(f"An earlier start was killed; ended what it left behind: {names}.")
        return state

    def _record_children(self, children: Sequence[Child]) -> None:
        self._state.children = [
            ChildRecord(
                name=child.spec.name,
                pid=child.pid,
                start_ticks=child.start_ticks,
                state=child.state,
                restarts=max(child.restarts, 0),
            )
            for child in children
        ]
        self._save()

    def _set_state(self, state: str) -> None:
        self._state.state = state
        self._save()

    def _save(self) -> None:
        try:
            runstate.save(self._layout, self._state)
        except OSError as e:  # a full disk must not take the supervisor down
            self._console.say(f"Cannot write {self._layout.run_file}: {e.strerror}")


def start_product(
    supervisor: Supervisor,
    processes: Processes,
    credentials: Credentials,
    *,
    layout: Layout,
    console: Console,
) -> None:
    """Start the product's own processes on running services, in the one order that works.

    The demo market stands still until everything is ready, so that no kline passes unseen.
    """
    with console.step("Database migrations"):
        supervisor.run(processes.manage("migrate", "--noinput"))
    if not is_collected(layout):
        with console.step("Static files"):
            supervisor.run(processes.manage("collectstatic", "--noinput"))
            mark_collected(layout)
    with console.step("Demo exchange"):
        demo = supervisor.start(processes.demo_exchange(credentials))
    with console.step("Demo data"):
        supervisor.run(processes.manage("seed_demo", extra_env=seed_environment(credentials)))
    for title, spec in _long_running(processes):
        with console.step(title):
            supervisor.start(spec)
    supervisor.wait_for(
        lambda: post_json(processes.demo_port, "/_control/clock", {"running": True}) == 200,  # noqa: PLR2004
        seconds=demo.spec.ready_seconds,
        child=demo,
    )


def _long_running(processes: Processes) -> list[tuple[str, ChildSpec]]:
    return [
        ("Web", processes.web()),
        ("Worker", processes.worker()),
        ("Beat", processes.beat()),
        ("Market feed", processes.market_feed()),
        ("Dispatcher", processes.dispatcher()),
    ]


def seed_environment(credentials: Credentials) -> dict[str, str]:
    """Return what the seeding alone is told: the generated passwords and the demo key."""
    return {
        "DEMO_TRADER_PASSWORD": credentials.demo_trader_password,
        "OPERATOR_PASSWORD": credentials.operator_password,
        "DEMO_API_KEY": credentials.demo_api_key,
        "DEMO_API_SECRET": credentials.demo_api_secret,
    }


def announce(console: Console, address: str, credentials: Credentials) -> None:
    """Print where the product is and who may sign in; passwords go to the screen alone."""
    console.say(f"Ready: {address}")
    console.say(f"  trader    {TRADER:<9} / {credentials.demo_trader_password}", private=True)
    console.say(
        f"  operator  {OPERATOR:<9} / {credentials.operator_password}   (admin: {address}/admin/)",
        private=True,
    )

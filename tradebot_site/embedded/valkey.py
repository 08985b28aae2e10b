"""The embedded Valkey: an append-only store on a loopback port, with a password."""

from __future__ import annotations

import os
import signal
import socket
from dataclasses import dataclass, field
from pathlib import Path

from tradebot_site.embedded.child import ChildSpec
from tradebot_site.embedded.layout import write_private
from tradebot_site.embedded.ports import LOOPBACK

ANSWER_SECONDS = 1.0


def redis_url(*, port: int, password: str) -> str:
    """Return the address of an embedded Valkey."""
    return f"redis://:{password}@{LOOPBACK}:{port}/0"


@dataclass(frozen=True, kw_only=True)
class Valkey:
    """One server; `data` holds its append-only files and its configuration."""

    server: Path
    data: Path
    port: int
    password: str = field(repr=False)

    @property
    def url(self) -> str:
        """The address for REDIS_URL; holds the password."""
        return redis_url(port=self.port, password=self.password)

    def configure(self) -> None:
        """Write the configuration; the password goes there and not on the command line."""
        folder = str(self.data).replace("\\", "\\\\").replace('"', '\\"')
        write_private(
            self.data / "valkey.conf",
            f"""bind {LOOPBACK}
port {self.port}
requirepass {self.password}
dir "{folder}"
daemonize no
save ""
appendonly yes
appendfsync everysec
maxmemory-policy noeviction
""",
        )

    def spec(self) -> ChildSpec:
        """Return how to run the server."""
        return ChildSpec(
            name="valkey",
            argv=(str(self.server), str(self.data / "valkey.conf")),
            env={
                "PATH": os.environ.get("PATH", os.defpath),
                "LC_ALL": "C.UTF-8",
                "TRADEBOT_DATA_DIR": str(self.data.parent),
            },
            cwd=self.data,
            is_ready=self.is_ready,
            stop_seconds=30,
            death_signal=signal.SIGTERM,
        )

    def is_ready(self) -> bool:
        """Tell whether it answers; while it reads its files in, it does not yet."""
        request = f"AUTH {self.password}\r\nPING\r\nQUIT\r\n".encode()
        try:
            with socket.create_connection((LOOPBACK, self.port), ANSWER_SECONDS) as connection:
                connection.sendall(request)
                answer = b""
                while data := connection.recv(1024):
                    answer += data
        except OSError:
            return False
        return b"+PONG" in answer

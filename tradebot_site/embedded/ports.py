"""Free TCP ports on the loopback address."""

from __future__ import annotations

import errno
import random
import socket

from tradebot_site.embedded.errors import FrontDoorError

LOOPBACK = "127.0.0.1"
DEFAULT_WEB_PORT = 8000
HIGHEST_PORT = 65535
# Below the kernel's ephemeral range: no outgoing connection takes one between two starts.
SERVICE_PORTS = range(20_000, 30_000)


def is_free(port: int) -> bool:
    """Tell whether a server could listen on `port` now.

    Raises FrontDoorError when this user may not use the port at all (below 1024).
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do it: a port whose last connections are in TIME_WAIT counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except PermissionError as e:
            raise FrontDoorError(f"Port {port} needs root; choose one above 1023.") from e
        except OSError as e:
            if e.errno != errno.EADDRINUSE:
                raise
            return False
        return True


class PortClaims:
    """Ports that this process has chosen for its children.

    Between the choice and the moment when a child listens lie an installation and migrations.
    A name in the kernel keeps every other tradebotctl away meanwhile; it goes with the process.
    """

    def __init__(self) -> None:
        self._claims: dict[int, socket.socket] = {}

    def claim(self, port: int) -> bool:
        """Take a port unless somebody listens there or has claimed it, this process included."""
        name = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            name.bind(f"\0tradebot-port-{port}")
            free = is_free(port)
        except OSError:
            free = False
        except FrontDoorError:
            name.close()
            raise
        if free:
            self._claims[port] = name
        else:
            name.close()
        return free

    def web(self, wanted: int | None) -> int:
        """Return the port for the pages: the wanted one, or the first free one from 8000 on.

        Raises FrontDoorError when a port was asked for by number and is taken.
        """
        if wanted is not None:
            if not self.claim(wanted):
                raise FrontDoorError(
                    f"Port {wanted} is taken by another program; nothing was started. "
                    "Give another --port, or none to use the next free one."
                )
            return wanted
        for port in range(DEFAULT_WEB_PORT, HIGHEST_PORT + 1):
            if self.claim(port):
                return port
        raise FrontDoorError(f"No free port from {DEFAULT_WEB_PORT} on.")

    def service(self, kept: int | None) -> int:
        """Return `kept` when it is still free, else another free port."""
        if kept is not None and self.claim(kept):
            return kept
        candidates = list(SERVICE_PORTS)
        random.shuffle(candidates)
        for port in candidates:
            if self.claim(port):
                return port
        raise FrontDoorError("No free port between 20000 and 29999 on 127.0.0.1.")

    def close(self) -> None:
        """Give up every claim."""
        for name in self._claims.values():
            name.close()
        self._claims.clear()

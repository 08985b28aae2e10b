"""One WebSocket to one origin, without detours."""

from __future__ import annotations

import logging
from typing import Final
from urllib.parse import urlsplit

from websockets.asyncio.client import connect

from exchange.binance.client import LOOPBACK_HOSTS
from exchange.binance.streams.settings import StreamSettings

_WIRE: Final = logging.getLogger("exchange.binance.streams.wire")
MAX_MESSAGE_BYTES: Final = 2**20


class _Direct(connect):
    # A redirect could lead to a host that the environment does not name.
    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


def dial(origin: str, path: str, settings: StreamSettings) -> connect:
    """Return what opens `origin` + `path` when it is entered; its pings are its own.

    Raises, once entered, one of `losses.DIAL_ERRORS`.
    """
    # Below it the library logs every frame, and ours hold API keys and signatures. Set here,
    # because a logging configuration that comes after the import would take it back.
    _WIRE.setLevel(logging.WARNING)
    # A proxy of the machine cannot reach our own loopback.
    is_loopback = urlsplit(origin).hostname in LOOPBACK_HOSTS
    return _Direct(
        origin + path,
        compression=None,  # small messages: it would cost more time than it saves bytes
        proxy=None if is_loopback else True,
        open_timeout=settings.open_seconds,
        ping_interval=settings.ping_seconds,
        ping_timeout=settings.pong_seconds,
        close_timeout=settings.close_seconds,
        max_size=MAX_MESSAGE_BYTES,
        logger=_WIRE,
    )

"""What a path of the WebSocket side asks for. One port stands for all hosts of the venue.

Source: "General WSS information" of the spot streams, "Websocket Market Streams" of USD-M futures.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, unquote

from exchange.domain.types import Market

SPOT_API_PATH: Final = "/ws-api/v3"


class Category(StrEnum):
    """Which of the venue's hosts or routes a connection reached."""

    SPOT = "spot"
    SPOT_API = "spot_api"
    FUTURES_MARKET = "market"
    FUTURES_PUBLIC = "public"
    FUTURES_PRIVATE = "private"

    @property
    def market(self) -> Market:
        """Return the market that the category belongs to."""
        is_spot = self in (Category.SPOT, Category.SPOT_API)
        return Market.SPOT if is_spot else Market.FUTURES


class Target(NamedTuple):
    """A path that is answered by a WebSocket.

    path, query   as they were sent
    streams       names in the path or in `streams`, decoded, in the order of the request
    is_combined   whether events are wrapped with the name of their stream
    """

    category: Category
    path: str
    query: str
    streams: tuple[str, ...] = ()
    is_combined: bool = False


_ROUTES: Final = (
    ("/market", Category.FUTURES_MARKET),
    ("/public", Category.FUTURES_PUBLIC),
    ("/private", Category.FUTURES_PRIVATE),
    ("", Category.SPOT),
)


def target_of(path: str, query: str) -> Target | None:
    """Return what a path asks for; None when it is no path of the WebSocket side."""
    if path.rstrip("/") == SPOT_API_PATH:
        return Target(Category.SPOT_API, path, query)
    for prefix, category in _ROUTES:
        rest = path.removeprefix(prefix)
        if prefix and rest == path:
            continue
        if rest == "/ws" or rest.startswith("/ws/"):
            return Target(category, path, query, _names(rest.removeprefix("/ws")))
        if rest.rstrip("/") == "/stream":
            named = dict(parse_qsl(query, keep_blank_values=True)).get("streams", "")
            return Target(category, path, query, _names(named), is_combined=True)
    return None


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(unquote(one) for one in text.split("/") if one))

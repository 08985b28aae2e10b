"""Who talks on which path, and who writes the account events of which market."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from exchange.demo.streams import futures_events, spot_events
from exchange.demo.streams.conversation import Conversation, Socket
from exchange.demo.streams.private import PrivateStream
from exchange.demo.streams.spot_api import SpotApi
from exchange.demo.streams.targets import Category, Target
from exchange.demo.streams.users import Payloads, UserHub
from exchange.demo.venue import Venue
from exchange.domain.types import Market

# Begins a conversation on a socket that was opened at a path.
Converse = Callable[[Socket, Venue, UserHub, Target], Conversation]

PAYLOADS: Final[Mapping[Market, Payloads]] = {
    Market.SPOT: spot_events.payloads,
    Market.FUTURES: futures_events.payloads,
}
CONVERSATIONS: Final[Mapping[Category, Converse]] = {
    Category.SPOT_API: lambda socket, venue, users, target: SpotApi(
        socket, venue, users, query=target.query
    ),
    Category.FUTURES_PRIVATE: PrivateStream,
}

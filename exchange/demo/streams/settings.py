"""How the WebSocket side treats its clients: the venue's figures, which tests may shorten."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

_DAY: Final = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How one host of the venue keeps its connections, in seconds of wall time.

    ping_every    between two pings of the server
    pong_within   a ping without a pong for so long ends the connection
    incoming      messages of a client in a second, pings and pongs included; None for no limit
    any_pong      whether a pong that answers no ping keeps a connection, too
    """

    ping_every: float
    pong_within: float
    incoming: int | None
    any_pong: bool = False


SPOT_PACE: Final = Pace(ping_every=20.0, pong_within=60.0, incoming=5)
# The WebSocket API counts the weight of requests instead.
SPOT_API_PACE: Final = Pace(ping_every=20.0, pong_within=60.0, incoming=None)
FUTURES_PACE: Final = Pace(ping_every=180.0, pong_within=600.0, incoming=10, any_pong=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSettings:
    """What holds for every socket of one exchange.

    longest_life    wall seconds after which a connection is ended
    patience        wall seconds that one message may wait for a client that does not read
    most_waiting    messages that may wait for a client
    connections     handshakes of one address in `connections_in` wall seconds
    """

    spot: Pace = field(default=SPOT_PACE)
    spot_api: Pace = field(default=SPOT_API_PACE)
    futures: Pace = field(default=FUTURES_PACE)
    longest_life: float = _DAY
    patience: float = 10.0
    most_waiting: int = 50_000
    connections: int = 300
    connections_in: int = 300

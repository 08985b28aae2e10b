"""How patient a stream is; the defaults keep within what the venue allows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSettings:
    """Times and sizes of one kind of stream. All times are wall time, floats in seconds.

    ping_seconds            between our pings; the venue's own come besides
    pong_seconds            without an answer to a ping until the connection counts as dead
    open_seconds            for the handshake, name and TLS included
    reply_seconds           for the answer to a request
    close_seconds           for the other side's part of a close
    oldest                  age at which a connection is replaced; the venue cuts it at 24 hours
    first_delay             ceiling of the wait before a connection is tried again, doubled ...
    longest_delay           ... up to this one
    first_refused_delay     the same where the venue refused the key, the country or every name ...
    longest_refused_delay   ... which rarely changes without a human
    healthy_seconds         a connection this old has ended the row of failures before it
    message_seconds         between two requests: spot cuts whoever sends more than 5 messages a
                            second, pings and pongs included
    names_per_message       stream names in one request; the venue reads up to 4096 bytes
    refused_again_seconds   until a name that the venue refused is asked for again
    streams_per_connection  the venue allows 1024
    keep_seconds            between two prolongations of a listen key, which lives 60 minutes
    keep_again_seconds      ... and after one that the venue did not answer
    recv_window_ms          how old a signed request may be when the venue reads it (signing time)
    """

    ping_seconds: float = 20.0
    pong_seconds: float = 20.0
    open_seconds: float = 10.0
    reply_seconds: float = 10.0
    close_seconds: float = 1.0
    oldest: timedelta = timedelta(hours=23, minutes=45)
    first_delay: float = 0.5
    longest_delay: float = 30.0
    first_refused_delay: float = 10.0
    longest_refused_delay: float = 300.0
    healthy_seconds: float = 60.0
    message_seconds: float = 0.5
    names_per_message: int = 100
    refused_again_seconds: float = 300.0
    streams_per_connection: int = 1000
    keep_seconds: float = 1800.0
    keep_again_seconds: float = 60.0
    recv_window_ms: int = 5000


DEFAULT_SETTINGS = StreamSettings()

"""How patient the feed is; the defaults suit the venue, tests shorten them."""

from __future__ import annotations

from dataclasses import dataclass, field

from exchange.binance.streams.settings import StreamSettings
from exchange.feed.filling import FIRST_KLINES
from exchange.feed.inbox import CALM_SECONDS
from exchange.feed.silence import SilenceSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedSettings:
    """Wall times in seconds.

    wanted_seconds      between two looks at what is in use; a revoked key is let go within two
    look_seconds        between two looks for silence
    clock_seconds       between two looks at the market time that other processes have seen
    status_seconds      between two reports of what the feed does
    ready_seconds       until the feed calls itself ready although something is not up yet
    subscribed_seconds  that a new series waits for its stream before it is read by REST alone
    subscribed_again_seconds  between two readings of a series because its stream was opened anew;
                        a gap that the stream itself shows is filled at once all the same
    deaf_again_seconds  between two new connections for deafness: one more must not cost all others
    failed_seconds      until REST is asked again after an error, doubled up to ...
    longest_failed      ... this
    refused_seconds     until a key or a symbol that cannot be used is tried again
    calm_seconds        that running klines wait for company
    first_klines        that are read of a series of which nothing is stored
    """

    wanted_seconds: float = 2.0
    look_seconds: float = 0.25
    clock_seconds: float = 1.0
    status_seconds: float = 2.0
    ready_seconds: float = 10.0
    subscribed_seconds: float = 2.0
    subscribed_again_seconds: float = 30.0
    deaf_again_seconds: float = 60.0
    failed_seconds: float = 0.5
    longest_failed: float = 30.0
    refused_seconds: float = 60.0
    calm_seconds: float = CALM_SECONDS
    first_klines: int = FIRST_KLINES
    silence: SilenceSettings = field(default_factory=SilenceSettings)
    streams: StreamSettings = field(default_factory=StreamSettings)


DEFAULT_SETTINGS = FeedSettings()

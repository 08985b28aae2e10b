"""What a venue's market shows everybody, shared by all processes through Redis."""

from exchange.market_data.announcements import ClosedKline, announcement
from exchange.market_data.clock import (
    RESTARTED_AFTER,
    market_time,
    note_market_time,
    refresh_market_time,
)
from exchange.market_data.feed import (
    FeedStatus,
    account_link,
    feed_statuses,
    market_link,
    write_feed_statuses,
)
from exchange.market_data.kept import Added, Cached, Filled, Seen, Source
from exchange.market_data.reading import SharedKlines, not_shared, read_shared, shared_klines
from exchange.market_data.store import SeriesStore
from exchange.market_data.wanted import note_wanted, wanted_by_pages

__all__ = [
    "RESTARTED_AFTER",
    "Added",
    "Cached",
    "ClosedKline",
    "FeedStatus",
    "Filled",
    "Seen",
    "SeriesStore",
    "SharedKlines",
    "Source",
    "account_link",
    "announcement",
    "feed_statuses",
    "market_link",
    "market_time",
    "not_shared",
    "note_market_time",
    "note_wanted",
    "read_shared",
    "refresh_market_time",
    "shared_klines",
    "wanted_by_pages",
    "write_feed_statuses",
]

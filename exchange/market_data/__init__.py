"""What a venue's market shows everybody, shared by all processes through Redis."""

from exchange.market_data.clock import (
    KEY_PREFIX,
    RESTARTED_AFTER,
    market_time,
    note_market_time,
    refresh_market_time,
)

__all__ = [
    "KEY_PREFIX",
    "RESTARTED_AFTER",
    "market_time",
    "note_market_time",
    "refresh_market_time",
]

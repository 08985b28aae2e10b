"""The only writer of Tick, Order, Fill, Trade, BotEvent and what else a tick writes down for good.

Everything here goes over the connection `journal`, which commits at once: what is written
survives the tick's own transaction, a killed worker included.
"""

from __future__ import annotations

from bots.journal.connection import JOURNAL
from bots.journal.events import record_event
from bots.journal.fills import TradeIdReusedError, apply_report, record_trade
from bots.journal.orders import (
    close_never_placed,
    close_never_sent,
    close_rate_limited,
    close_set_up_refused,
    mark_resigned,
    mark_sent,
    move_order,
    note_not_found,
    record_intents,
)
from bots.journal.ticks import finish_tick, prune_ticks, record_tick

__all__ = [
    "JOURNAL",
    "TradeIdReusedError",
    "apply_report",
    "close_never_placed",
    "close_never_sent",
    "close_rate_limited",
    "close_set_up_refused",
    "finish_tick",
    "mark_resigned",
    "mark_sent",
    "move_order",
    "note_not_found",
    "prune_ticks",
    "record_event",
    "record_intents",
    "record_tick",
    "record_trade",
]

"""The only writer of Tick, Order, Fill, Trade, BotEvent and what else a tick writes down for good.

Everything here goes over the connection `journal`, which commits at once: what is written
survives the tick's own transaction, a killed worker included.
"""

from __future__ import annotations

from bots.journal.closing import (
    close_given_up,
    close_halted,
    close_malformed,
    close_never_placed,
    close_never_sent,
    close_rate_limited,
    close_superseded,
)
from bots.journal.commissions import set_commission_quote
from bots.journal.connection import JOURNAL
from bots.journal.entry_locks import lift_lock, move_lock_end, record_lock
from bots.journal.events import record_event
from bots.journal.external import (
    External,
    book_external,
    book_made_up,
    external_name,
    follow_external,
)
from bots.journal.fills import TradeIdReusedError, apply_report, filled_as_known, record_trade
from bots.journal.funding import CLEARANCE, record_funding
from bots.journal.incidents import close_gone, close_incident, open_incident
from bots.journal.orders import (
    move_order,
    note_cancel,
    note_found,
    note_message,
    note_not_found,
    note_triggering,
    record_intents,
)
from bots.journal.sending import Leave, Sent, mark_resigned, mark_sent
from bots.journal.ticks import finish_tick, prune_ticks, record_tick

__all__ = [
    "CLEARANCE",
    "JOURNAL",
    "External",
    "Leave",
    "Sent",
    "TradeIdReusedError",
    "apply_report",
    "book_external",
    "book_made_up",
    "close_given_up",
    "close_gone",
    "close_halted",
    "close_incident",
    "close_malformed",
    "close_never_placed",
    "close_never_sent",
    "close_rate_limited",
    "close_superseded",
    "external_name",
    "filled_as_known",
    "finish_tick",
    "follow_external",
    "lift_lock",
    "mark_resigned",
    "mark_sent",
    "move_lock_end",
    "move_order",
    "note_cancel",
    "note_found",
    "note_message",
    "note_not_found",
    "note_triggering",
    "open_incident",
    "prune_ticks",
    "record_event",
    "record_funding",
    "record_intents",
    "record_lock",
    "record_tick",
    "record_trade",
    "set_commission_quote",
]

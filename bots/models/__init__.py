"""What is remembered about bots. BotState is a projection; orders and fills are the facts."""

from __future__ import annotations

from bots.models.bot import BotConfig, PositionType
from bots.models.entry_lock import LOCK_KINDS, EntryLock
from bots.models.event import BotEvent, EventKind
from bots.models.funding import FundingPayment
from bots.models.halt import Halt, HaltChange
from bots.models.incident import Incident, IncidentKind, Resolution
from bots.models.order import Fill, Order, OrderSource
from bots.models.state import BotState
from bots.models.tick import Tick
from bots.models.trade import Trade

__all__ = [
    "LOCK_KINDS",
    "BotConfig",
    "BotEvent",
    "BotState",
    "EntryLock",
    "EventKind",
    "Fill",
    "FundingPayment",
    "Halt",
    "HaltChange",
    "Incident",
    "IncidentKind",
    "Order",
    "OrderSource",
    "PositionType",
    "Resolution",
    "Tick",
    "Trade",
]

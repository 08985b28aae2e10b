"""What is remembered about bots. BotState is a projection; orders and fills are the facts."""

from __future__ import annotations

from bots.models.bot import BotConfig, PositionType
from bots.models.event import BotEvent, EventKind
from bots.models.order import Fill, Order, OrderSource
from bots.models.state import BotState
from bots.models.tick import Tick
from bots.models.trade import Trade

__all__ = [
    "BotConfig",
    "BotEvent",
    "BotState",
    "EventKind",
    "Fill",
    "Order",
    "OrderSource",
    "PositionType",
    "Tick",
    "Trade",
]

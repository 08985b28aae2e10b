"""What a person may do with a bot."""

from __future__ import annotations

from bots.services.closing import close_position
from bots.services.deleting import delete_bot
from bots.services.entry_locks import lift_lock
from bots.services.errors import BotError
from bots.services.halts import lift_halt, set_halt
from bots.services.handing_over import hand_over
from bots.services.incidents import adopt_incident, dismiss_incident
from bots.services.life import start_bot, stop_bot
from bots.services.saving import create_bot, update_bot, when_it_applies
from bots.services.transfers import return_transfer

__all__ = [
    "BotError",
    "adopt_incident",
    "close_position",
    "create_bot",
    "delete_bot",
    "dismiss_incident",
    "hand_over",
    "lift_halt",
    "lift_lock",
    "return_transfer",
    "set_halt",
    "start_bot",
    "stop_bot",
    "update_bot",
    "when_it_applies",
]

"""What a person may do with a bot."""

from __future__ import annotations

from bots.services.errors import BotError
from bots.services.life import start_bot, stop_bot
from bots.services.saving import create_bot, update_bot

__all__ = ["BotError", "create_bot", "start_bot", "stop_bot", "update_bot"]

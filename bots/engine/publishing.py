"""What a tick tells open pages."""

from __future__ import annotations

from typing import Final

from bots.feed import publish
from bots.models import BotState, Trade
from bots.selectors.status import kline_data, state_data, trade_data
from exchange.domain.types import Kline

KLINES_PER_FRAME: Final = 3  # the open one, the one that has just closed, and one for safety


def publish_state(state: BotState) -> None:
    """Tell pages the bot's state as it is about to be saved."""
    publish(state, "bot.state", state_data(state))


def publish_trades(state: BotState, trades: list[Trade]) -> None:
    """Tell pages about trades that are new."""
    for trade in trades:
        publish(state, "bot.trade", trade_data(trade))


def publish_klines(state: BotState, klines: list[Kline]) -> None:
    """Tell the bot's chart about the newest klines, oldest first."""
    rows = [kline_data(kline) for kline in klines[-KLINES_PER_FRAME:]]
    publish(state, "bot.kline", {"klines": rows})

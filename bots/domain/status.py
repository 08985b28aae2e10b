"""A bot's status, composed in this one place."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from exchange.domain.types import Environment


class State(StrEnum):
    """Where a bot is in its life; the table of legal moves is in docs/architecture.md."""

    STOPPED = "stopped"
    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    PAUSED = "paused"
    ERROR = "error"


class Reason(StrEnum):
    """The words in brackets behind a state."""

    NONE = ""
    QUANTITY_BELOW_FILTERS = "qty below filters"
    MAX_DAILY_TRADES = "max_daily_trades reached"
    MAX_DAILY_LOSS = "max_daily_loss_perc reached"
    DAILY_TARGET = "daily_target_perc reached"
    KEY_DECRYPT_FAILED = "api key decrypt failed"
    CLIENT_INIT_FAILED = "binance client init"
    PRICE_DATA = "price data"


@dataclass(frozen=True, slots=True)
class Status:
    """State and reason; `words` gives the exact text that every door shows."""

    state: State
    reason: Reason = Reason.NONE

    def words(self, environment: Environment) -> str:
        """Return the status text, for example `paused (max_daily_trades reached)`."""
        if self.state is State.RUNNING and environment is Environment.DEMO:
            return "running (demo mode)"
        return f"{self.state} ({self.reason})" if self.reason else str(self.state)

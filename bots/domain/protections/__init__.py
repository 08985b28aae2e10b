"""Reasons to open no position for a while, one small file each. Pure: facts in, a lock out.

A lock is known by its cause, so whoever looks at the same facts again, late or after a restart,
comes to the same lock. Which facts they are is read in `bots.engine.entry_locks`.
"""

from __future__ import annotations

from bots.domain.protections.account_caps import NO_CAPS, AccountCaps, Exposure, account_caps
from bots.domain.protections.cooldown import cooldown
from bots.domain.protections.exchange_errors import Errors, exchange_errors
from bots.domain.protections.lock import Asking, Lock
from bots.domain.protections.max_drawdown import ClosedTrade, max_drawdown
from bots.domain.protections.stale_data import missing_klines, standing_market
from bots.domain.protections.stop_loss_guard import stop_loss_guard

__all__ = [
    "NO_CAPS",
    "AccountCaps",
    "Asking",
    "ClosedTrade",
    "Errors",
    "Exposure",
    "Lock",
    "account_caps",
    "cooldown",
    "exchange_errors",
    "max_drawdown",
    "missing_klines",
    "standing_market",
    "stop_loss_guard",
]

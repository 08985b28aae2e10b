"""Limits that stop entries. Exits never ask them."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from bots.domain.decision import Denial, DenialCode
from bots.domain.snapshot import PositionState, Snapshot
from bots.domain.status import Reason
from bots.domain.wording import money
from exchange.domain.types import ZERO

PAUSE_REASONS: Final = MappingProxyType(
    {
        DenialCode.MAX_DAILY_LOSS: Reason.MAX_DAILY_LOSS,
        DenialCode.DAILY_TARGET: Reason.DAILY_TARGET,
        DenialCode.MAX_DAILY_TRADES: Reason.MAX_DAILY_TRADES,
    }
)


def unrealized_pnl(position: PositionState, price: Decimal) -> Decimal:
    """Return what selling everything at `price` would gain, in quote, before the fee of that sale.

    Fees of the buys count when the position's cost is known.
    """
    if position.cost is not None:
        return position.quantity * price - position.cost
    if position.entry_price is not None:
        return position.quantity * (price - position.entry_price)
    return ZERO


def daily_limit(snapshot: Snapshot) -> Denial | None:
    """Return the daily limit that stops entries now: loss before target before trades.

    Profit and loss are realized today plus unrealized now, against the equity at the start of
    the day. A limit that an earlier tick of this day reached stays.
    """
    parameters, day = snapshot.parameters, snapshot.day
    pnl = day.realized_pnl + unrealized_pnl(snapshot.position, snapshot.price)
    percent = max(day.start_equity, ZERO) / 100
    asset = snapshot.rules.quote_asset
    loss, target = parameters.max_daily_loss_perc, parameters.daily_target_perc
    trades = parameters.max_daily_trades
    if loss is not None and pnl <= -loss * percent:
        detail = f"{money(pnl)} {asset} today, the limit is {money(-loss * percent)}"
        return Denial(code=DenialCode.MAX_DAILY_LOSS, detail=detail)
    if target is not None and pnl >= target * percent:
        detail = f"{money(pnl)} {asset} today, the target is {money(target * percent)}"
        return Denial(code=DenialCode.DAILY_TARGET, detail=detail)
    if trades is not None and day.trades_count >= trades:
        detail = f"{day.trades_count} of {trades} trades today"
        return Denial(code=DenialCode.MAX_DAILY_TRADES, detail=detail)
    return _reached_earlier(snapshot)


def cooldown(snapshot: Snapshot) -> Denial | None:
    """Return the refusal of an entry too soon (market time) after the bot's newest fill."""
    seconds = snapshot.parameters.order_cooldown_seconds
    if snapshot.last_order_time is None:
        return None
    left = snapshot.last_order_time + timedelta(seconds=seconds) - snapshot.market_time
    if left <= timedelta(0):
        return None
    detail = f"{left.total_seconds():.0f} s of the {seconds} s after the last order are left"
    return Denial(code=DenialCode.COOLDOWN, detail=detail)


def _reached_earlier(snapshot: Snapshot) -> Denial | None:
    for code, reason in PAUSE_REASONS.items():
        if reason is snapshot.day.limit_hit:
            return Denial(code=code, detail=f"{reason} earlier today")
    return None

"""Limits that stop entries. Exits never ask them."""

from __future__ import annotations

from decimal import Decimal
from types import MappingProxyType
from typing import Final

from bots.domain.decision import Denial, DenialCode, IntentReason
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
    """Return what closing everything at `price` would gain, in quote, before that order's fee.

    Fees of the entries count when the position's cost is known: what a long position has cost with
    them, or what a short one has brought after them.
    """
    if position.cost is not None:
        return position.direction.sign * (position.quantity * price - position.cost)
    if position.entry_price is not None:
        return position.direction.sign * position.quantity * (price - position.entry_price)
    return ZERO


def daily_limit(snapshot: Snapshot) -> Denial | None:
    """Return the daily limit that stops entries now: loss before target before trades.

    Profit and loss are realized today, net of fees and funding, plus unrealized now, against the
    equity at the start of the day. A loss or a target that an earlier tick of this day reached
    stays until the day ends, a person starts the bot anew or switches the limit off.
    """
    return _profit_limit(snapshot) or _trades_limit(snapshot)


def daily_exit(snapshot: Snapshot) -> IntentReason | None:
    """Return the reason to close the position now because a daily limit has been reached.

    None unless the bot is set to close then. The number of trades closes nothing: the last entry
    that it allows would be closed by itself.
    """
    if not snapshot.parameters.closes_at_daily_limit or _profit_limit(snapshot) is None:
        return None
    return IntentReason.DAILY_LIMIT


def _profit_limit(snapshot: Snapshot) -> Denial | None:
    return _loss_limit(snapshot) or _target_limit(snapshot)


def _loss_limit(snapshot: Snapshot) -> Denial | None:
    loss = snapshot.parameters.max_daily_loss_perc
    if loss is None:
        return None
    pnl, most = _pnl_today(snapshot), ZERO - loss * _percent_of_equity(snapshot)
    if pnl > most:
        return _reached_earlier(snapshot, DenialCode.MAX_DAILY_LOSS)
    detail = f"{money(pnl)} {snapshot.rules.quote_asset} today, the limit is {money(most)}"
    return Denial(code=DenialCode.MAX_DAILY_LOSS, detail=detail)


def _target_limit(snapshot: Snapshot) -> Denial | None:
    target = snapshot.parameters.daily_target_perc
    if target is None:
        return None
    pnl, wanted = _pnl_today(snapshot), target * _percent_of_equity(snapshot)
    if pnl < wanted:
        return _reached_earlier(snapshot, DenialCode.DAILY_TARGET)
    detail = f"{money(pnl)} {snapshot.rules.quote_asset} today, the target is {money(wanted)}"
    return Denial(code=DenialCode.DAILY_TARGET, detail=detail)


def _trades_limit(snapshot: Snapshot) -> Denial | None:
    # The count only rises within a day: there is nothing to remember.
    trades, done = snapshot.parameters.max_daily_trades, snapshot.day.trades_count
    if trades is None or done < trades:
        return None
    return Denial(code=DenialCode.MAX_DAILY_TRADES, detail=f"{done} of {trades} trades today")


def _pnl_today(snapshot: Snapshot) -> Decimal:
    return snapshot.day.realized_pnl + unrealized_pnl(snapshot.position, snapshot.price)


def _percent_of_equity(snapshot: Snapshot) -> Decimal:
    return max(snapshot.day.start_equity, ZERO) / 100


def _reached_earlier(snapshot: Snapshot, code: DenialCode) -> Denial | None:
    reason = PAUSE_REASONS[code]
    if snapshot.day.limit_hit is not reason:
        return None
    return Denial(code=code, detail=f"{reason} earlier today")

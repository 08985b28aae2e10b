"""Everything outside the market that speaks against an entry, gathered for the decision."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings

from bots.domain.decision import Denial, DenialCode, Leg
from bots.engine.entry_locks import entry_locks
from bots.engine.incidents import entry_blocks_of_account
from bots.engine.stops.viewing import unsettled_orders
from bots.engine.transfers import transfer_block
from bots.models import BotState, Order
from bots.selectors.halts import halt_blocks
from exchange.domain.types import Environment


def entry_blocks(
    state: BotState, *, environment: Environment, now: datetime, market_time: datetime
) -> tuple[Denial, ...]:
    """Return why no position may be opened now, the weightiest first; empty when one may.

    now   wall time
    """
    return (
        *_live_trading(environment),
        *halt_blocks(state),
        *entry_blocks_of_account(state),
        *transfer_block(state),
        *entry_locks(state, now=now, market_time=market_time),
        *_orders_open(state),
    )


def _live_trading(environment: Environment) -> tuple[Denial, ...]:
    if environment is not Environment.LIVE or settings.LIVE_TRADING_ENABLED:
        return ()
    detail = "live trading is switched off on this installation (LIVE_TRADING_ENABLED)"
    return (Denial(code=DenialCode.ENTRY_BLOCKED, detail=detail),)


def _orders_open(state: BotState) -> tuple[Denial, ...]:
    # A stop of the last position that still rests would close part of the next one, and an entry
    # that was adopted opens a position of its own; what is held may be too little to be one.
    return tuple(
        Denial(code=DenialCode.ORDERS_OPEN, detail=_still_open(order))
        for order in unsettled_orders(state.bot)
        if order.leg == Leg.ENTRY or not state.in_position
    )


def _still_open(order: Order) -> str:
    if order.leg == Leg.ENTRY:
        return f"{order.client_order_id} still waits to be filled"
    return f"{order.client_order_id} of the last position is still {order.status}"

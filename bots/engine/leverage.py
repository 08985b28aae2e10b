"""Before a futures bot opens a position: isolated margin, one-way mode and its leverage.

The venue's answer is what counts. What it reports is kept on the bot's state; where it is more than
was configured, or the margin is not the position's own, the entry is denied and never sent.
"""

from __future__ import annotations

from bots import journal
from bots.domain.decision import Leg
from bots.domain.orders import OrderStatus
from bots.models import BotState, EventKind, Order
from exchange.domain.budget import Priority, asking_for
from exchange.domain.errors import GatewayError, RateLimitedError
from exchange.domain.futures_setup import SymbolSetup, set_up_symbol
from exchange.domain.types import Market
from exchange.registry import futures_gateway_for


def set_up_leverage(state: BotState, orders: list[Order]) -> None:
    """Set the symbol up for the entries among `orders`, and deny them when it cannot be.

    Spot bots and exits pass untouched. Where the venue does not say how the symbol is set up, the
    entries are closed with its words and the error passes.
    """
    entries = [order for order in orders if _is_futures_entry(order)]
    if not entries or state.bot.api_key is None:
        return
    gateway = futures_gateway_for(state.bot.api_key)
    try:
        with asking_for(Priority.ENTRY):
            setup = set_up_symbol(gateway, state.bot.symbol, leverage=state.bot.leverage)
    except GatewayError as error:
        for order in entries:
            _close(order, error)
        raise
    _note(state, setup)
    if setup.entry_block is not None:
        for order in entries:
            journal.close_set_up_refused(order, setup.entry_block)


def _is_futures_entry(order: Order) -> bool:
    is_unsent = order.status == OrderStatus.INTENDED
    return is_unsent and order.leg == Leg.ENTRY and order.market == Market.FUTURES


def _close(order: Order, error: GatewayError) -> None:
    if isinstance(error, RateLimitedError):
        journal.close_rate_limited(order, str(error))
    else:
        words = f"the venue did not say how {order.symbol} is set up: {error}"
        journal.close_set_up_refused(order, words)


def _note(state: BotState, setup: SymbolSetup) -> None:
    is_news = state.leverage_reported != setup.leverage or bool(setup.problems)
    state.leverage_reported = setup.leverage
    if not is_news:
        return
    problems = "".join(f" {problem}." for problem in setup.problems)
    journal.record_event(
        state.pk,
        EventKind.LEVERAGE,
        f"{setup.symbol}: leverage {setup.leverage} at the venue, {setup.wanted_leverage} wanted,"
        f" {setup.margin_type} margin.{problems}",
        data={
            "symbol": setup.symbol,
            "leverage": setup.leverage,
            "wanted": setup.wanted_leverage,
            "margin_type": setup.margin_type.value,
            "hedge_mode": setup.is_hedge_mode,
        },
    )

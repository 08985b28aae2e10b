"""What a bot says that it holds is what its executions come to, and what the venue has."""

from __future__ import annotations

from decimal import Decimal

from bots.models import BotState, Fill
from bots.simulation.errors import InvariantError
from bots.simulation.market import PAIRS
from bots.simulation.view import View
from exchange.domain.types import Market


def check_positions(view: View) -> None:
    """Raise InvariantError where a position is not the sum of its executions."""
    by_bot: dict[int, list[Fill]] = {}
    for fill in view.fills:
        by_bot.setdefault(fill.bot_id, []).append(fill)
    for bot_id, state in view.states.items():
        fills = by_bot.get(bot_id, [])
        newest = max((one.pk for one in fills), default=0)
        is_folded = newest == max(state.last_folded_fill_id, 0)
        if view.is_quiet and not is_folded:
            raise InvariantError(f"bot {bot_id} has executions that its books do not hold")
        if is_folded and not view.has_unsettled(bot_id):
            _check_sum(state, fills)
    if view.is_quiet:
        _check_futures(view)


def held(fills: list[Fill]) -> Decimal:
    """Return what executions come to in base currency, fees in it taken off; negative when short.

    The commission of a spot purchase may be taken out of what was bought.
    """
    total = Decimal(0)
    for one in fills:
        total += one.quantity if one.side == "BUY" else -one.quantity
        if one.market == Market.SPOT and one.commission_asset == one.symbol.removesuffix("USDT"):
            total -= one.commission
    return total


def signed(state: BotState) -> Decimal:
    """Return a bot's position with its sign."""
    quantity: Decimal = state.current_position_size_coins
    return -quantity if state.direction == "short" else quantity


def _check_sum(state: BotState, fills: list[Fill]) -> None:
    expected = held(fills)
    if signed(state) != expected:
        raise InvariantError(
            f"bot {state.pk} says it holds {signed(state)}, its executions come to {expected}"
        )


def _check_futures(view: View) -> None:
    ours: dict[tuple[int, str], Decimal] = {}
    for bot_id, state in view.states.items():
        if view.market_of(bot_id) is Market.FUTURES:
            place = (view.uids[view.account_of(bot_id)], state.bot.symbol)
            ours[place] = ours.get(place, Decimal(0)) + signed(state)
    books = view.truth.venue.futures.books
    for uid in view.uids.values():
        for symbol in PAIRS:
            amount = sum((one.amount for one in books.positions(uid, symbol)), Decimal(0))
            if amount != ours.get((uid, symbol), Decimal(0)):
                raise InvariantError(
                    f"the venue holds {amount} {symbol} of account {uid}, the bots say "
                    f"{ours.get((uid, symbol), Decimal(0))}"
                )

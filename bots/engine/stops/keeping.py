"""Compare what rests at the venue with what should rest, and act until they agree."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from bots.domain.codec import Record
from bots.domain.decision import Leg
from bots.domain.direction import Direction
from bots.domain.stops import (
    MAX_FAILURES,
    Protection,
    StopsPlan,
    StopsView,
    plan_stops,
    protection_of,
    rests_as_wanted,
)
from bots.domain.stops.record import stops_to_record
from bots.engine.books import fold_books
from bots.engine.showing import RETRY_AFTER
from bots.engine.stops.acting import Acted, act
from bots.engine.stops.clock import note_end, note_flat, note_start, raise_incident
from bots.engine.stops.context import Keeping
from bots.engine.stops.viewing import basis_of, levels_of, read_view, unsettled_orders
from bots.engine.venue import VenueGateway
from bots.models import BotState, Order, OrderSource, Trade
from exchange.domain.budget import Priority, asking_for
from exchange.domain.rules import TradingRules

# One to cut an entry short, one to place, one to clear away; what is left waits for the next tick.
MAX_ROUNDS: Final = 3


@dataclass(slots=True, kw_only=True)
class KeptStops:
    """What was done.

    orders   that were written down
    trades   that were folded meanwhile; the caller tells pages and counts the day
    rounds   each view with its plan; the last one is how it stands, and is acted upon no more
    """

    orders: list[Order] = field(default_factory=list)
    trades: list[Trade] = field(default_factory=list)
    rounds: list[tuple[StopsView, StopsPlan]] = field(default_factory=list)

    @property
    def record(self) -> Record:
        """Return what the tick keeps of it."""
        return stops_to_record(tuple(self.rounds))


def keep_stops(
    state: BotState,
    *,
    gateway: VenueGateway,
    rules: TradingRules,
    price: Decimal,
    mark_price: Decimal | None = None,
    slot: int,
    source: OrderSource = OrderSource.TICK,
) -> KeptStops:
    """Bring the stops at the venue in line with the position; the last step of every tick.

    The caller holds the bot's lock, and orders were reconciled and folded before. Writes on
    `state` what rests and since when it does not, and makes the bot due at once when there is more
    to do. Safe to repeat. GatewayError when the venue could not be asked to cancel.
    """
    keeping = Keeping(
        state=state,
        gateway=gateway,
        rules=rules,
        price=price,
        mark_price=mark_price,
        slot=slot,
        source=source,
    )
    kept = KeptStops()
    with asking_for(Priority.EXIT):
        refusal = _act_until_they_agree(keeping, kept)
    _conclude(keeping, kept, refusal)
    return kept


def _act_until_they_agree(keeping: Keeping, kept: KeptStops) -> str:
    """Return why the last step failed, empty when none did."""
    for _ in range(MAX_ROUNDS):
        orders = unsettled_orders(keeping.state.bot)
        if not orders and not keeping.state.in_position:
            return ""
        plan = _look(keeping, kept, orders)
        note_start(keeping.state, protection_of(kept.rounds[-1][0]))
        if not plan.actions:
            return ""
        for action in plan.actions:
            acted = act(keeping, action, orders)
            kept.orders += acted.orders
            if not acted.is_done:
                return _give_up(keeping, kept, acted)
        kept.trades += fold_books(keeping.state, rules=keeping.rules)
    return ""


def _look(keeping: Keeping, kept: KeptStops, orders: list[Order]) -> StopsPlan:
    view = read_view(keeping, orders)
    plan = plan_stops(view)
    kept.rounds.append((view, plan))
    return plan


def _give_up(keeping: Keeping, kept: KeptStops, acted: Acted) -> str:
    kept.trades += fold_books(keeping.state, rules=keeping.rules)
    if not acted.is_refused:
        keeping.state.next_due_at = None
    elif any(order.leg != Leg.TARGET for order in acted.orders):
        keeping.state.stop_failures += 1
    return acted.words or "the venue has not said yet what became of it"


def _conclude(keeping: Keeping, kept: KeptStops, refusal: str) -> None:
    state = keeping.state
    orders = unsettled_orders(state.bot)
    if not orders and not state.in_position:
        state.resting_stop_price = state.resting_target_price = None
        note_flat(state)
        return
    if not kept.rounds or kept.rounds[-1][1].actions:
        _look(keeping, kept, orders)
    view, plan = kept.rounds[-1]
    found = protection_of(view)
    why = refusal or plan.obstacle or found.why
    note_end(state, found, why=why)
    if view.quantity < state.current_position_size_coins:
        # The wallet lacks coins. Forgotten, the stop over what is there would be taken down for
        # one over what is not.
        state.stop_failures = max(state.stop_failures, 1)
    _show(keeping, view, plan, found)
    if plan.needs_person:
        raise_incident(state, why)
    if not state.in_position:
        note_flat(state)
    elif found.is_needed and not found.is_there:
        _hurry(state, needs_person=plan.needs_person)
    elif refusal:
        _retry_soon(state)


def _hurry(state: BotState, *, needs_person: bool) -> None:
    """Do not wait for the check interval while naked; after the limits not every second either."""
    if needs_person or state.stop_failures > MAX_FAILURES:
        _retry_soon(state)
    else:
        state.next_due_at = None


def _retry_soon(state: BotState) -> None:
    # The venue counts orders, and it would say the same a second later.
    if state.next_due_at is not None and state.last_market_time is not None:
        state.next_due_at = min(state.next_due_at, state.last_market_time + RETRY_AFTER)


def _show(keeping: Keeping, view: StopsView, plan: StopsPlan, found: Protection) -> None:
    state = keeping.state
    stops, targets = view.waiting(Leg.STOP), view.waiting(Leg.TARGET)
    state.resting_stop_price = stops[0].level if stops else None
    state.resting_target_price = targets[0].level if targets else None
    if not state.in_position:
        return
    levels = levels_of(state, keeping.rules)
    state.stop_loss_price, state.take_profit_price = levels.stop_loss, levels.take_profit
    state.trailing_stop_price = levels.trailing_stop
    # A plan without a step may also mean doubt, a halt or rules: an edit then has yet to come.
    is_settled = not plan.actions and not (view.basis_changed and not rests_as_wanted(view))
    if is_settled and (found.is_there or not found.is_needed):
        state.stop_basis = basis_of(state, keeping.rules)
        _remember_trailing(state, view)


def _remember_trailing(state: BotState, view: StopsView) -> None:
    """Take the trailing stop from the venue when the state has forgotten how far it had come."""
    trailing, stops = state.trailing_stop_price, view.waiting(Leg.STOP)
    if trailing is None or not stops:
        return
    rests, is_long = stops[0].level, view.direction is Direction.LONG
    fixed = state.stop_loss_price
    beyond_fixed = fixed is None or (rests > fixed if is_long else rests < fixed)
    if beyond_fixed and view.tighter(rests, trailing) == rests:
        state.trailing_stop_price = rests

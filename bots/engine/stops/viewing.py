"""From the bot's state and its orders to what a plan is made of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from django.utils import timezone

from bots import journal
from bots.domain.decision import RESTING_LEGS, Leg, Levels, Route
from bots.domain.direction import Direction
from bots.domain.exits import exit_levels
from bots.domain.halting import HaltLevel
from bots.domain.orders import UNSETTLED, ClosedReason, OrderStatus
from bots.domain.positions import is_dust
from bots.domain.residue import is_residue
from bots.domain.stops import EntryInFlight, RestingOrder, Standing, StopsView
from bots.domain.wording import plain
from bots.engine.books import position_state
from bots.engine.stops.context import Keeping
from bots.models import BotConfig, BotState, Order
from bots.models.bot import UnprotectedPolicy
from bots.selectors.halts import level_over
from exchange.domain.rules import TradingRules
from exchange.domain.types import ZERO

HANGS_AFTER: Final = timedelta(seconds=10)  # wall time between a trigger and its order
# Wall time before a target that was refused is tried again. On spot that leaves the position naked
# for a moment; the bot itself watches the target meanwhile.
TARGET_RESTS_FOR: Final = timedelta(minutes=15)
# Neither of these is a word of the venue against an order.
NOT_REFUSED: Final = (ClosedReason.RATE_LIMITED, ClosedReason.NOT_DELIVERED)
_AT_VENUE: Final = (OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED)


def unsettled_orders(bot: BotConfig) -> list[Order]:
    """Return the bot's orders that have not ended, oldest first."""
    orders = Order.objects.using(journal.JOURNAL).filter(bot_id=bot.pk, status__in=UNSETTLED)
    return list(orders.order_by("pk"))


def read_view(keeping: Keeping, orders: Sequence[Order]) -> StopsView:
    """Return what is known now; asks the venue only after a stop was refused."""
    state, bot, rules = keeping.state, keeping.state.bot, keeping.rules
    levels = levels_of(state, rules)
    now = timezone.now()
    entry = entry_in_flight(orders, now=now)
    # The exits of an entry that is not filled rest nowhere yet.
    resting = () if entry else tuple(_resting(each, now) for each in orders if _rests(each))
    return StopsView(
        rules=rules,
        direction=Direction(state.direction),
        quantity=_sellable(keeping, resting),
        price=keeping.price,
        mark_price=keeping.mark_price,
        stop_loss=levels.stop_loss,
        trailing_stop=levels.trailing_stop,
        take_profit=levels.take_profit,
        resting=resting,
        entry=entry,
        refused_target=(None if levels.take_profit is None else _refused_target(bot, now=now)),
        exit_in_doubt=any(each.leg == Leg.EXIT for each in orders),
        is_halted=level_over(bot) is HaltLevel.EVERYTHING,
        basis_changed=bool(state.stop_basis) and state.stop_basis != basis_of(state, rules),
        failures=state.stop_failures,
        naked_seconds=_seconds_since(state.unprotected_since, now=now),
        closes_unprotected=bot.unprotected_policy == UnprotectedPolicy.CLOSE,
    )


def levels_of(state: BotState, rules: TradingRules) -> Levels:
    """Return the levels that hold now: settings of this moment, trailing as far as it has come.

    Only a decision lets the trailing stop follow the price; here it is what the best price that
    was remembered makes it.
    """
    if not state.in_position or state.entry_price is None:
        return Levels()
    position = position_state(state)
    is_long = position.direction is Direction.LONG
    best = position.max_price_since_entry if is_long else position.min_price_since_entry
    return exit_levels(
        position=position,
        price=best or state.entry_price,
        klines=(),
        parameters=state.bot.parameters,
        price_increment=rules.price_increment,
    )


def basis_of(state: BotState, rules: TradingRules) -> str:
    """Return what the levels follow from, apart from the course of the price."""
    settings = state.bot.parameters
    parts = (
        state.entry_price,
        settings.stop_loss_perc,
        settings.trailing_stop_perc,
        settings.take_profit_perc,
        rules.price_increment,
    )
    return " ".join("-" if each is None else plain(each) for each in parts)


def entry_in_flight(orders: Sequence[Order], *, now: datetime) -> EntryInFlight | None:
    """Return the order list whose entry is not done; None when there is none."""
    for entry in orders:
        if entry.leg != Leg.ENTRY or entry.route != Route.LIST:
            continue
        of_list = [e for e in orders if e.list_client_order_id == entry.list_client_order_id]
        return EntryInFlight(
            order_ids=tuple(each.pk for each in of_list),
            age_seconds=_seconds_since(entry.sent_at, now=now),
            # Filled, but not all of its executions are known: its exits rest, and are left alone.
            is_certain=_is_certain(entry) and entry.filled_quantity < entry.quantity,
        )
    return None


def _rests(order: Order) -> bool:
    return order.leg in RESTING_LEGS


def _resting(order: Order, now: datetime) -> RestingOrder:
    level = order.trigger_price if order.trigger_price is not None else order.price
    if level is None:
        raise ValueError(f"{order.client_order_id} is a {order.leg} without a price")
    return RestingOrder(
        order_id=order.pk,
        leg=Leg(order.leg),
        route=Route(order.route),
        quantity=_tidy(order.quantity - order.filled_quantity),
        level=_tidy(level),
        list_id=order.list_client_order_id,
        standing=_standing(order, now),
    )


def _standing(order: Order, now: datetime) -> Standing:
    if not _is_certain(order):
        return Standing.UNKNOWN
    if order.child_venue_order_id or order.status == OrderStatus.PARTIALLY_FILLED:
        return Standing.ACTS
    if order.triggering_since is None:
        return Standing.WAITS
    return Standing.HANGS if now - order.triggering_since >= HANGS_AFTER else Standing.ACTS


def _is_certain(order: Order) -> bool:
    # What the venue showed once and does not find any more may have done anything.
    return order.status in _AT_VENUE and not order.not_found_looks


def _sellable(keeping: Keeping, resting: Sequence[RestingOrder]) -> Decimal:
    """Return what is held; after a refusal on spot no more than what the wallet can give."""
    state, rules = keeping.state, keeping.rules
    held = state.current_position_size_coins if state.in_position else ZERO
    if not held or not state.stop_failures or state.bot.is_futures:
        return _tidy(held)
    locked = max((each.quantity for each in resting), default=ZERO)
    there = min(held, keeping.gateway.account().free(rules.base_asset) + locked)
    # A wallet that can give nothing does not make the position flat: it stays to be protected.
    is_nothing = is_dust(there, rules.quantity_increment) or is_residue(there, keeping.price, rules)
    return _tidy(held if is_nothing else there)


def _refused_target(bot: BotConfig, *, now: datetime) -> Decimal | None:
    """Return the level of the newest target when the venue has refused it not long ago."""
    targets = Order.objects.using(journal.JOURNAL).filter(bot_id=bot.pk, leg=Leg.TARGET)
    newest = targets.order_by("-pk").first()
    if newest is None or newest.status != OrderStatus.REJECTED:
        return None
    is_old = now - newest.created_at >= TARGET_RESTS_FOR
    if is_old or newest.closed_reason in NOT_REFUSED:
        return None
    level = newest.trigger_price if newest.trigger_price is not None else newest.price
    return None if level is None else _tidy(level)


def _tidy(value: Decimal) -> Decimal:
    return Decimal(plain(value))  # the column pads with zeros


def _seconds_since(moment: datetime | None, *, now: datetime) -> Decimal:
    return ZERO if moment is None else Decimal(str((now - moment).total_seconds()))

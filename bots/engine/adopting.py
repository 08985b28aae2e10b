"""Take what somebody else has done into a bot's books, after another look at the venue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from bots import journal
from bots.domain.decision import IntentReason, Leg, Route
from bots.domain.direction import Direction, Directions
from bots.domain.wording import plain
from bots.engine.taking_over import take_over, take_over_algo
from bots.engine.venue import VenueGateway, is_futures
from bots.journal import External
from bots.models import BotState, Incident, Order
from exchange.domain.algo_orders import AlgoOrderReport, AlgoOrderType
from exchange.domain.reports import OrderReport
from exchange.domain.rules import TradingRules
from exchange.domain.types import ZERO, Side

_STOPS: Final = frozenset({"STOP_LOSS", "STOP_LOSS_LIMIT", "STOP_MARKET", "STOP"})
_LATER: Final = timedelta(milliseconds=1)  # as exact as the venue's times are
_STOPS_THAT_TRAIL: Final = frozenset({AlgoOrderType.TRAILING_STOP_MARKET.value})


class NotAdoptableError(Exception):
    """Why a thing does not fit into the bot, in words for its owner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """What brings the books in line: signed quantity and the price it is booked at."""

    signed: Decimal
    price: Decimal
    at: datetime


def adopt_position(
    state: BotState,
    incident: Incident,
    *,
    gateway: VenueGateway,
    rules: TradingRules,
    actor_id: int | None,
) -> None:
    """Book the difference between the venue's futures position and the books as the bot's.

    More at the venue joins at the price that makes the bot's average entry the venue's; less
    leaves at the bot's own entry price, without a profit or loss, because nobody knows what it
    was sold for. NotAdoptableError when it has changed since, or turns the position around.
    """
    if not is_futures(gateway):
        raise NotAdoptableError("Only futures have positions at the venue.")
    reports = gateway.positions(state.bot.symbol)
    venue = sum((report.quantity for report in reports), ZERO)
    if plain(venue) != incident.data["venue"] or plain(_held(state)) != incident.data["books"]:
        raise NotAdoptableError(
            f"Meanwhile the venue has {plain(venue)} and the books {plain(_held(state))}; "
            "look at the newest incident."
        )
    now = state.last_market_time or incident.opened_at
    at = max((report.market_time for report in reports), default=now)
    entry_price = reports[0].entry_price if reports else None
    change = _position_change(state, venue, entry_price, at=at)
    _book(state, incident, change, quote_asset=rules.quote_asset, actor_id=actor_id)


def _held(state: BotState) -> Decimal:
    quantity: Decimal = state.current_position_size_coins
    return quantity * Direction(state.direction).sign


def _position_change(
    state: BotState, venue: Decimal, entry_price: Decimal | None, *, at: datetime
) -> _Change:
    held = _held(state)
    if held * venue < 0:
        raise NotAdoptableError(
            "The venue's position is the other way round than the bot's; close one of them first."
        )
    if abs(venue) < abs(held):
        return _Change(signed=venue - held, price=state.entry_price or ZERO, at=at)
    if entry_price is None:
        raise NotAdoptableError("The venue has no position any more.")
    if not held and not Directions(state.bot.direction).allows(Direction.of(venue)):
        raise NotAdoptableError(
            f"The position is {Direction.of(venue)}, and this bot opens only "
            f"{state.bot.direction} ones."
        )
    paid = abs(venue) * entry_price - abs(held) * (state.entry_price or ZERO)
    price = paid / abs(venue - held)
    if price <= ZERO:
        raise NotAdoptableError("The venue's entry price does not go together with the bot's.")
    return _Change(signed=venue - held, price=price, at=at)


def write_off_coins(
    state: BotState, incident: Incident, *, rules: TradingRules, actor_id: int | None
) -> None:
    """Book the coins that the wallet lacks as gone from this bot, at its own entry price.

    No more than it holds: the rest is another bot's, whose own incident stays.
    """
    missing = min(Decimal(incident.data["missing"]), state.current_position_size_coins)
    if missing <= ZERO or state.entry_price is None:
        raise NotAdoptableError(
            f"This bot holds no {rules.base_asset}; adopt it at a bot that does."
        )
    at = state.last_market_time or incident.opened_at
    change = _Change(signed=-missing, price=state.entry_price, at=at)
    _book(state, incident, change, quote_asset=rules.quote_asset, actor_id=actor_id)


def _book(
    state: BotState,
    incident: Incident,
    change: _Change,
    *,
    quote_asset: str,
    actor_id: int | None,
) -> None:
    side = Side.BUY if change.signed > 0 else Side.SELL
    grows = not state.in_position or change.signed * Direction(state.direction).sign > 0
    direction = Direction(state.direction) if state.in_position else Direction.of(change.signed)
    opened = f"{incident.opened_at.timestamp():.0f}"
    external = External(
        name=f"i{incident.pk}-{opened}",  # one that comes back is another one
        side=side,
        leg=Leg.ENTRY if grows else Leg.EXIT,
        reason=IntentReason.ADOPTED,
        direction=direction,
        quantity=abs(change.signed),
        message=f"Adopted: {incident.message}",
        actor_id=actor_id,
    )
    # After all that the bot did itself, or the fold would put it before that.
    newest = state.last_order_time
    at = change.at if newest is None else max(change.at, newest + _LATER)
    booked = journal.book_made_up(
        state.bot, external, price=change.price, at=at, quote_asset=quote_asset
    )
    if booked is None:
        raise NotAdoptableError("It was adopted before.")


def adopt_order(
    state: BotState, incident: Incident, *, gateway: VenueGateway, actor_id: int | None
) -> Order:
    """Take an open order of somebody else for the bot's own, so that it is followed from now on.

    One that opens a position needs a flat bot; one that closes becomes the bot's stop or target
    and must not be larger than what is held. NotAdoptableError when it does not fit or is gone.
    """
    report = _order_there(state, incident.data, gateway=gateway)
    external = _external_of(state, report, incident.data, actor_id=actor_id)
    order = journal.follow_external(state.bot, external)
    if order is None:
        raise NotAdoptableError(f"The books know an order {external.name} already.")
    if isinstance(report, AlgoOrderReport):
        take_over_algo(order, report, gateway=gateway)
    else:
        take_over(order, report, gateway=gateway)
    return order


def _order_there(
    state: BotState, data: Mapping[str, Any], *, gateway: VenueGateway
) -> OrderReport | AlgoOrderReport:
    report: OrderReport | AlgoOrderReport | None
    if data["route"] == Route.ALGO and is_futures(gateway):
        report = gateway.algo_order_by_client_id(data["client_order_id"])
        is_open = report is not None and report.is_open
    else:
        report = gateway.order_by_client_id(state.bot.symbol, data["client_order_id"])
        is_open = report is not None and not report.status.is_final
    if report is None or not is_open:
        raise NotAdoptableError("The order is not open at the venue any more.")
    return report


def _external_of(
    state: BotState,
    report: OrderReport | AlgoOrderReport,
    data: Mapping[str, Any],
    *,
    actor_id: int | None,
) -> External:
    leg, direction = _leg(state, report, reduces_only=bool(data["reduces_only"]))
    is_algo = isinstance(report, AlgoOrderReport)
    trigger = report.trigger_price if isinstance(report, AlgoOrderReport) else report.stop_price
    quantity = report.quantity or state.current_position_size_coins
    if leg is not Leg.ENTRY and quantity > state.current_position_size_coins:
        raise NotAdoptableError(
            f"The order is over {plain(quantity)}, and the bot holds "
            f"{plain(state.current_position_size_coins)}."
        )
    if not trigger and not report.price:
        raise NotAdoptableError(
            "The order trails by itself and has no price yet; cancel it instead."
        )
    return External(
        name=report.client_order_id,
        side=report.side,
        leg=leg,
        reason=IntentReason.ADOPTED,
        direction=direction,
        quantity=quantity,
        order_type=report.type.value,
        # Of a list only this order is the bot's: it is asked for and canceled by its own name.
        route=Route.ALGO if is_algo else Route.ORDER,
        price=report.price or None,
        trigger_price=trigger or None,
        reserve=quantity * (report.price or trigger) if leg is Leg.ENTRY else ZERO,
        venue_order_id=data["venue_order_id"],
        message="Adopted.",
        actor_id=actor_id,
    )


def _leg(
    state: BotState, report: OrderReport | AlgoOrderReport, *, reduces_only: bool
) -> tuple[Leg, Direction]:
    direction = Direction(state.direction)
    if state.in_position and report.side is direction.exit_side:
        is_stop = report.type.value in _STOPS | _STOPS_THAT_TRAIL
        return (Leg.STOP if is_stop else Leg.TARGET), direction
    if state.in_position:
        raise NotAdoptableError("The order would enlarge the bot's position; cancel it instead.")
    opened = Direction.LONG if report.side is Side.BUY else Direction.SHORT
    can_open = Directions(state.bot.direction).allows(opened) and not reduces_only
    if not can_open or (opened is Direction.SHORT and not state.bot.is_futures):
        raise NotAdoptableError("The bot holds nothing that the order could close; cancel it.")
    return Leg.ENTRY, opened

"""Look at what sits on the bot's symbol at the venue beside the bot, as seldom as is safe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone

from bots.domain.decision import Denial
from bots.domain.orders import UNSETTLED, OrderStatus
from bots.engine.foreign import note_foreign_orders
from bots.engine.incidents import entry_blocks_of_account
from bots.engine.position_look import look_at_position
from bots.engine.reconciliation import VenueView
from bots.engine.venue import VenueGateway, is_futures
from bots.engine.wallet_look import look_at_wallet
from bots.journal import JOURNAL
from bots.models import BotConfig, BotState, Order
from exchange.domain.rules import TradingRules

LOOK_EVERY: Final = timedelta(minutes=5)  # wall time
_RESTS: Final = (OrderStatus.OPEN,)


def is_look_due(state: BotState, *, now: datetime | None = None) -> bool:
    """Say whether the last whole look is five minutes (wall time) old, or left a suspicion.

    What `reconcile_orders` wants as its `look`: its answer then holds what this look needs.
    """
    if state.account_look.get("suspicions"):
        return True  # the second look decides, and until then no position is opened
    checked = state.foreign_checked_at
    # One that lies far ahead was taken before the wall clock was put back.
    return checked is None or abs((now or timezone.now()) - checked) >= LOOK_EVERY


def watch_account(
    state: BotState,
    view: VenueView,
    *,
    gateway: VenueGateway,
    rules: TradingRules,
    is_forced: bool = False,
) -> bool:
    """Note what is foreign, and book what the venue's history proves; True: fold the books anew.

    state       with its books folded and the tick's market time; the caller saves it
    view        what this tick's reconciliation has seen
    is_forced   look at everything, whenever the last look was

    Orders are compared whenever `view` holds them, a futures position in every tick that holds
    one, everything when a look is due.
    """
    is_due = is_forced or is_look_due(state)
    if is_due or view.open_orders is not None:
        note_foreign_orders(state.bot, gateway=gateway, view=view)
    is_booked = False
    if is_futures(gateway):
        if is_due or state.in_position:
            is_booked = look_at_position(state, gateway=gateway, is_settled=view.settled)
    elif is_due:
        look_at_wallet(state, _with_orders(state.bot, view, gateway), gateway=gateway, rules=rules)
    if is_due:
        state.foreign_checked_at = timezone.now()
    return is_booked


def look_before_entry(
    state: BotState, view: VenueView, *, gateway: VenueGateway
) -> tuple[Denial, ...]:
    """Look at orders and position right before an entry; return all that the account has against.

    For a tick whose decision wants to enter: when something new comes up, decide again with it.
    A difference that is seen for the first time is reason enough to wait for the next tick.
    """
    if view.open_orders is None:
        note_foreign_orders(state.bot, gateway=gateway, view=view)
    if is_futures(gateway):
        look_at_position(state, gateway=gateway, is_settled=view.settled)
    return entry_blocks_of_account(state)


def look_at_start(state: BotState, *, gateway: VenueGateway) -> tuple[Denial, ...]:
    """Look for everything foreign on the symbol before a bot starts; writes incidents only.

    Returns why it had better not start: open incidents, what this one look has found, and the
    other bot that trades the symbol. `state` is not to be saved for it.
    """
    view = VenueView(settled=_is_settled(state))
    note_foreign_orders(state.bot, gateway=gateway, view=view)
    if is_futures(gateway):
        look_at_position(state, gateway=gateway, is_settled=view.settled)
    return entry_blocks_of_account(state)


def _is_settled(state: BotState) -> bool:
    doubtful: Sequence[OrderStatus] = [each for each in UNSETTLED if each not in _RESTS]
    rows = Order.objects.using(JOURNAL).filter(bot_id=state.pk, status__in=doubtful)
    return not rows.exists()


def _with_orders(bot: BotConfig, view: VenueView, gateway: VenueGateway) -> VenueView:
    if view.open_orders is not None:
        return view
    return replace(view, open_orders=tuple(gateway.open_orders(bot.symbol)))

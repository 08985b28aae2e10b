"""The wish to close a position, as the tick reads it and as it is forgotten."""

from __future__ import annotations

from decimal import Decimal

from bots import journal
from bots.domain.decision import IntentReason
from bots.domain.residue import is_residue
from bots.domain.snapshot import CloseRequest
from bots.engine.reconciliation import VenueView
from bots.models import BotState, Order
from exchange.domain.rules import TradingRules


def close_request_of(state: BotState) -> CloseRequest | None:
    """Return the wish that waits to be carried out; None when nobody wants the position closed."""
    if state.close_requested_at is None or not state.in_position:
        return None
    who = state.close_requested_by
    asked = f"{who.get_username()} asked for it" if who else "it was asked for"
    return CloseRequest(source=state.close_source, reason=state.close_reason or asked)


def may_close(state: BotState, view: VenueView) -> bool:
    """Say whether the wish may be carried out although an order is in doubt; False without a wish.

    A stop of which the venue does not tell may be in doubt until a person dismisses it. On futures
    an order that can only reduce is safe beside it, and is tried once for each wish: when it is
    refused, the stop has closed the position already.
    """
    if not view.may_reduce or close_request_of(state) is None:
        return False
    tried = Order.objects.using(journal.JOURNAL).filter(
        bot_id=state.pk,
        intent_reason=IntentReason.CLOSE_REQUEST,
        created_at__gte=state.close_requested_at,
    )
    return not tried.exists()


def note_closed(
    state: BotState, *, rules: TradingRules | None = None, price: Decimal | None = None
) -> bool:
    """Forget the wish once the position is gone; True when there was one to forget.

    rules, price   with them what is too little to be sold counts as gone

    Call it whenever fills were folded. An exit that filled partly leaves the wish in place.
    """
    if state.in_position and not _is_residue(state, rules, price):
        return False
    state.entry_settings = {}  # what waited for the next entry may be in force from now on
    if state.close_requested_at is None:
        return False
    state.close_requested_at = None
    state.close_requested_by = None
    state.close_source = state.close_reason = ""
    return True


def _is_residue(state: BotState, rules: TradingRules | None, price: Decimal | None) -> bool:
    if rules is None or price is None:
        return False
    return is_residue(state.current_position_size_coins, price, rules)

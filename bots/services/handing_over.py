"""Giving a position to another bot, so that its bot can be deleted.

The fills stay facts of the bot that had them. Two made-up executions move the position: one takes
it out of the old books at its average entry, one puts it into the new books at the same price. In
sum they are nothing, to the last digit.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.db import transaction

from accounts.models import User
from bots import journal
from bots.domain.decision import RESTING_LEGS, IntentReason, Leg
from bots.domain.direction import Direction, Directions
from bots.domain.orders import UNSETTLED
from bots.engine.answers import EXPECTED_FAILURES
from bots.engine.books import fold_books
from bots.engine.publishing import publish_state, publish_trades
from bots.engine.reconciliation import reconcile_orders
from bots.engine.schedule import make_due
from bots.engine.stops.releasing import release
from bots.engine.stops.viewing import unsettled_orders
from bots.engine.venue import VenueGateway, open_gateway
from bots.locks import BotLockedError, lock_state
from bots.models import BotConfig, BotState, EventKind
from bots.services.errors import BotError
from exchange.domain.budget import Priority, asking_for
from exchange.domain.rules import TradingRules

_WAITS_SECONDS: Final = 10
_LATER: Final = timedelta(milliseconds=1)  # after every execution that the books hold


def hand_over(*, bot_id: int, heir_id: int, actor: User | None) -> None:
    """Move the whole position of a stopped bot to a flat one of the same account and symbol.

    Cancels the old bot's stops; the heir's next turn, which is due at once, places its own. A
    crash in between leaves the position with the old bot, whose watch round places them again.
    BotError says why it cannot be done, and nothing has been moved then.
    """
    if bot_id == heir_id:
        raise BotError("A bot cannot hand over to itself.")
    try:
        with transaction.atomic(), asking_for(Priority.PAGE):
            # Always in the same order: two that hand over to each other must not wait for ever.
            states = {
                pk: lock_state(pk, wait_seconds=_WAITS_SECONDS) for pk in sorted((bot_id, heir_id))
            }
            _hand_over(states[bot_id], states[heir_id], actor)
    except BotLockedError as error:
        raise BotError("A tick of one of the bots is under way. Try again in a moment.") from error
    except EXPECTED_FAILURES as error:
        raise BotError(f"The venue could not be asked: {error}") from error


def _hand_over(giver: BotState, heir: BotState, actor: User | None) -> None:
    _refuse(giver, heir)
    gateway = open_gateway(giver.bot)
    rules = gateway.rules(giver.bot.symbol)
    if not reconcile_orders(giver.bot, gateway=gateway).settled:
        raise BotError("An order of the bot is not settled yet. Try again in a moment.")
    # Those of futures too, which an exit would leave to the stops' own keeping.
    resting = [order for order in unsettled_orders(giver.bot) if order.leg in RESTING_LEGS]
    released = release(resting, gateway=gateway)
    trades = fold_books(giver, rules=rules, gateway=gateway)
    publish_trades(giver, trades)
    if not released or not giver.in_position:
        raise BotError("Its stops could not be canceled, or one has just filled. Look again.")
    best = giver.max_price_since_entry, giver.min_price_since_entry
    _move(giver, heir, rules=rules, gateway=gateway, actor=actor)
    for state in (giver, heir):
        publish_trades(state, fold_books(state, rules=rules, gateway=gateway))
    # How far the price has come for the position is not forgotten: a trailing stop goes one way.
    heir.max_price_since_entry, heir.min_price_since_entry = best
    giver.resting_stop_price = giver.resting_target_price = None
    giver.last_sentence = f"Stopped. {heir.bot.name} has its position now."
    heir.last_sentence = f"Has the position of {giver.bot.name}; its stops are placed next."
    for state in (giver, heir):
        make_due(state)  # the heir's stops are due
        publish_state(state)
        state.save()


def _refuse(giver: BotState, heir: BotState) -> None:
    old, new = giver.bot, heir.bot
    if old.is_active or not giver.in_position:
        raise BotError("Only a stopped bot with a position can hand it over. Stop it first.")
    if giver.close_requested_at is not None:
        raise BotError("The position is being closed already.")
    if old.user_id != new.user_id or new.deleted_at is not None or _books_of(old) != _books_of(new):
        raise BotError("Choose a bot of the same owner, account, market and symbol.")
    if heir.in_position or new.orders.filter(status__in=UNSETTLED).exists():
        raise BotError(f"{new.name} is not flat: it holds a position, or an order of it is open.")
    if not Directions(new.direction).allows(Direction(giver.direction)):
        raise BotError(f"{new.name} may not hold {giver.direction} positions.")


def _books_of(bot: BotConfig) -> tuple[int | None, str, str]:
    return bot.api_key.account_id if bot.api_key else None, bot.position_type, bot.symbol


def _move(
    giver: BotState,
    heir: BotState,
    *,
    rules: TradingRules,
    gateway: VenueGateway,
    actor: User | None,
) -> None:
    direction, price = Direction(giver.direction), giver.entry_price
    if price is None:
        raise BotError("The position has no entry price.")
    newest = giver.last_order_time
    seen = gateway.ticker(giver.bot.symbol).market_time
    at = max(seen, newest or seen) + _LATER
    number = f"h{giver.pk}-{heir.pk}-{giver.last_folded_fill_id}"
    parts = (
        (giver, Leg.EXIT, direction.exit_side, "o"),
        (heir, Leg.ENTRY, direction.entry_side, "i"),
    )
    # Both or neither: a position that nobody has would be watched by nobody.
    with transaction.atomic(using=journal.JOURNAL):
        for state, leg, side, letter in parts:
            external = journal.External(
                name=f"{number}-{letter}",
                side=side,
                leg=leg,
                reason=IntentReason.ADOPTED,
                direction=direction,
                quantity=giver.current_position_size_coins,
                message=f"Handed over from {giver.bot.name} to {heir.bot.name}.",
                actor_id=actor.pk if actor else None,
            )
            journal.book_made_up(
                state.bot, external, price=price, at=at, quote_asset=rules.quote_asset
            )
            journal.record_event(
                state.pk,
                EventKind.HANDED_OVER,
                f"{external.message} {external.quantity.normalize():f} {rules.base_asset}.",
                actor_id=external.actor_id,
                data={"from": giver.pk, "to": heir.pk, "price": f"{price:f}"},
            )

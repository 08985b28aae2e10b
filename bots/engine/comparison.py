"""Bring one bot in line with the venue outside its ticks, and say what was found. Sends nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.utils import timezone

from bots import journal
from bots.domain.orders import UNSETTLED
from bots.domain.wording import plain
from bots.engine.account_watch import watch_account
from bots.engine.answers import EXPECTED_FAILURES
from bots.engine.books import fold_books, mark_to_market
from bots.engine.funding import read_funding
from bots.engine.publishing import publish_state, publish_trades
from bots.engine.reconciliation import VenueView, reconcile_orders
from bots.engine.venue import VenueGateway, open_gateway
from bots.locks import BotLockedError, bot_lock, heal_missing_state
from bots.models import BotConfig, BotState, EventKind, Fill, Order
from bots.selectors.incidents import open_incidents

_LOOKS: Final = 2  # what differs once may be an answer that was on its way


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What one bot's comparison with the venue came to, in sentences.

    same       what agreed
    repaired   what the books took over from the venue
    left       what only a person can settle
    failure    why it could not be compared; empty when it was
    """

    bot_id: int
    name: str
    same: tuple[str, ...] = ()
    repaired: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    failure: str = ""

    @property
    def is_well(self) -> bool:
        """Say whether nothing waits for a person."""
        return not self.left and not self.failure

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "bot": self.bot_id,
            "name": self.name,
            "same": list(self.same),
            "repaired": list(self.repaired),
            "left": list(self.left),
            "failure": self.failure,
        }


WAITS_SECONDS: Final = 10  # for a tick that is under way


def compare_with_venue(bot: BotConfig) -> Comparison:
    """Reconcile orders, fills, position, foreign orders and wallet of one bot under its lock.

    Whatever the venue proves is written down; for the rest there is an incident. Places and
    cancels nothing, and decides nothing. Safe to repeat and beside the bot's ticks.
    """
    heal_missing_state(bot.pk)
    try:
        with bot_lock(bot.pk, wait_seconds=WAITS_SECONDS) as state:
            return _locked(state)
    except BotLockedError:
        return Comparison(
            bot_id=bot.pk, name=bot.name, failure="A tick is under way. Try again in a moment."
        )
    except EXPECTED_FAILURES as error:
        return Comparison(bot_id=bot.pk, name=bot.name, failure=f"{error}.")


def _locked(state: BotState) -> Comparison:
    gateway = open_gateway(state.bot)
    before = _figures(state)
    for _ in range(_LOOKS):
        view = _reconcile_once(state, gateway=gateway)
        if view.settled and not state.account_look.get("suspicions"):
            break
    after = _figures(state)
    repaired = _repaired(before, after)
    if repaired:
        journal.record_event(state.pk, EventKind.RECONCILED, " ".join(repaired))
    publish_state(state)
    state.save()
    left = [incident.message for incident in open_incidents(state.pk).using(journal.JOURNAL)]
    if not view.settled:
        left.append("An order is of unknown outcome: the venue has not said yet what became of it.")
    return Comparison(
        bot_id=state.pk,
        name=state.bot.name,
        same=_same(before, after, view),
        repaired=repaired,
        left=tuple(left),
    )


def _reconcile_once(state: BotState, *, gateway: VenueGateway) -> VenueView:
    view = reconcile_orders(state.bot, gateway=gateway, look=True)
    rules = gateway.rules(state.bot.symbol)
    publish_trades(state, fold_books(state, rules=rules, gateway=gateway))
    ticker = gateway.ticker(state.bot.symbol)
    state.last_market_time = ticker.market_time
    is_new = view.settled and read_funding(state, gateway=gateway) > 0
    if watch_account(state, view, gateway=gateway, rules=rules, is_forced=True) or is_new:
        publish_trades(state, fold_books(state, rules=rules, gateway=gateway))
    mark_to_market(state, ticker.price)
    state.last_run_at = timezone.now()
    return view


def _figures(state: BotState) -> dict[str, str]:
    unsettled = Order.objects.using(journal.JOURNAL).filter(bot_id=state.pk, status__in=UNSETTLED)
    fills = Fill.objects.using(journal.JOURNAL).filter(bot_id=state.pk)
    held = plain(state.current_position_size_coins)
    return {
        "open orders": ", ".join(str(order) for order in unsettled.order_by("pk")) or "none",
        "fills": str(fills.count()),
        "position": f"{state.direction} {held}" if state.in_position else held,
        "realized result": plain(state.total_realized_pnl),
    }


def _repaired(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    changed = (name for name in before if before[name] != after[name])
    return tuple(f"{name.capitalize()}: was {before[name]}, is {after[name]}." for name in changed)


def _same(before: Mapping[str, str], after: Mapping[str, str], view: VenueView) -> tuple[str, ...]:
    agreed = [
        f"{name.capitalize()}: {after[name]}." for name in after if before[name] == after[name]
    ]
    if view.open_orders is not None:
        resting = len(view.open_orders) + len(view.open_algo_orders or ())
        agreed.append(f"At the venue {resting} orders rest on the symbol.")
    return tuple(agreed)

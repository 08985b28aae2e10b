"""Account events as reasons to look: whom they concern, and whether anything is left to look at.

Nothing that an event says is ever booked. It is compared with the order's row, and where the two
differ the bot is made due: its tick reads the truth by REST. An event that lies costs one tick.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from bots.domain.orders import OrderStatus
from bots.engine.schedule import claimable_bots, is_claimed, make_due
from bots.locks import lock_due_states
from bots.models import BotState, Order
from exchange.domain.streams import AccountEvent, AccountEventKind
from exchange.domain.types import Environment, Market
from exchange.feed.announcing import AccountNews

# About an account, a market and a symbol; None is every symbol.
_Scope = tuple[int, str, str | None]

# PostgreSQL proves of no more words than these that the index of lists has them all.
_NAMES_AT_ONCE: Final = 100
_RESTS: Final = (OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED)
_ENDED: Final = (
    OrderStatus.FILLED,
    OrderStatus.CANCELED,
    OrderStatus.REJECTED,
    OrderStatus.EXPIRED,
)
# What a row may say when the venue's word is no news. A word that is missing here always is.
_NO_NEWS: Final = MappingProxyType(
    {
        "": (OrderStatus.PARTIALLY_FILLED, *_ENDED),  # a fill; how much follows in another event
        "PENDING_NEW": (*_RESTS, *_ENDED),
        "NEW": (*_RESTS, *_ENDED),
        "PARTIALLY_FILLED": (OrderStatus.PARTIALLY_FILLED, *_ENDED),
        "FILLED": (OrderStatus.FILLED,),
        "CANCELED": (OrderStatus.CANCELED,),
        "REJECTED": (OrderStatus.REJECTED,),
        "EXPIRED": (OrderStatus.EXPIRED,),
        "EXPIRED_IN_MATCH": (OrderStatus.EXPIRED,),
        # Of a list, about all its orders.
        "EXECUTING": (*_RESTS, *_ENDED),
        "ALL_DONE": _ENDED,
        # Of an algo order: the order that it became has to be read, and ends it.
        "TRIGGERING": _ENDED,
        "TRIGGERED": _ENDED,
        "FINISHED": _ENDED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What an event said about one order of ours, or one list of them.

    status            the venue's word; empty when it did not say
    filled_quantity   base currency, cumulative; None when it did not say
    """

    name: str
    status: str
    filled_quantity: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """A reason to tick one bot.

    told       what is to be compared with the rows of orders; None when there are none of ours
    is_echo    told of the account as a whole: what changed it is told by another event as well
    heard_at   wall time
    """

    bot_id: int
    environment: Environment
    market: Market
    told: Told | None
    is_echo: bool = False
    heard_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Woken:
    """What became of hints, by bot. Who is in neither set is to be looked at again.

    due    made due just now
    done   had nothing left to look at, or are ticked by nobody
    """

    due: frozenset[int]
    done: frozenset[int]


def hints_of(news: Iterable[tuple[AccountNews, datetime]]) -> list[Hint]:
    """Return whom events concern: the order's bot, else all bots on the symbol.

    news   events, each with the wall time at which it was heard

    After a stream was away these are all bots of the account in that market. Balances that changed
    without a symbol concern nobody: whatever changed them is told by itself.
    """
    hints: list[Hint] = []
    unowned: dict[tuple[_Scope, bool], tuple[AccountNews, datetime]] = {}
    heard = list(news)
    owners = _owners({one.event.client_order_id for one, _ in heard if one.event.client_order_id})
    for one, heard_at in heard:
        owner = owners.get((one.account_id, one.event.client_order_id or ""))
        if owner is None:
            # The newest of those that concern the same bots stands for all of them.
            unowned[_scope(one), one.event.kind is AccountEventKind.ACCOUNT] = (one, heard_at)
        else:
            hints.append(_hint(owner, one, heard_at, told=_told(one.event)))
    bots = _bots_by_scope({scope for scope, _ in unowned})
    for (scope, _), (one, heard_at) in unowned.items():
        hints += [_hint(bot_id, one, heard_at, told=None) for bot_id in bots[scope]]
    return hints


def wake(hints: Mapping[int, Collection[Hint]]) -> Woken:
    """Make those bots due that still have a reason to look; `hints` by bot. Safe to repeat.

    A bot that a tick holds, or whose tick is on its way, is left for another time: what that tick
    finds may answer the hint.
    """
    done = _answered(hints)
    asking = hints.keys() - done
    claimable = list(claimable_bots().filter(pk__in=asking).order_by("pk"))
    done |= asking - {state.pk for state in claimable}
    now, due = timezone.now(), set[int]()
    # A tick that begins while its row is locked here leaves, and its bot waits for the next one:
    # locked for the blink of an eye, and never where a tick is about to begin.
    idle = [state.pk for state in claimable if not is_claimed(state, now=now)]
    with transaction.atomic():
        free = lock_due_states(idle) if idle else []
        done |= _answered({state.pk: hints[state.pk] for state in free})
        for state in free:
            if state.pk not in done and not is_claimed(state, now=now):
                make_due(state)
                state.save(update_fields=["next_due_at", "claimed_at"])
                due.add(state.pk)
    return Woken(due=frozenset(due), done=frozenset(done))


def _told(event: AccountEvent) -> Told:
    return Told(
        name=event.client_order_id or "",
        status=event.status or "",
        filled_quantity=event.filled_quantity,
    )


def _hint(bot_id: int, news: AccountNews, heard_at: datetime, *, told: Told | None) -> Hint:
    return Hint(
        bot_id=bot_id,
        environment=news.environment,
        market=news.market,
        told=told,
        is_echo=news.event.kind is AccountEventKind.ACCOUNT,
        heard_at=heard_at,
    )


def _owners(names: Collection[str]) -> dict[tuple[int, str], int]:
    """Return the bot by account and name of an order or a list."""
    return {
        (order.account_id, name): order.bot_id
        for order in _orders(names)
        for name in (order.client_order_id, order.list_client_order_id)
        if name  # most orders are in no list, and most events about an account name no order
    }


def _scope(news: AccountNews) -> _Scope:
    is_about_all = news.event.kind is AccountEventKind.RESYNC
    return news.account_id, news.market.value, None if is_about_all else news.event.symbol or ""


def _bots_by_scope(scopes: Collection[_Scope]) -> dict[_Scope, list[int]]:
    """Return the bots by what an event may be about, with one query for all of them."""
    found: dict[_Scope, list[int]] = defaultdict(list)
    if scopes:
        accounts = {account_id for account_id, _, _ in scopes}
        bots = claimable_bots().filter(bot__api_key__account_id__in=accounts).order_by("pk")
        of_bot = ("bot__api_key__account_id", "bot__position_type", "bot__symbol")
        for bot_id, account_id, market, symbol in bots.values_list("pk", *of_bot):
            found[account_id, market, symbol].append(bot_id)
            found[account_id, market, None].append(bot_id)
    return found


def _answered(hints: Mapping[int, Collection[Hint]]) -> set[int]:
    """Return the bots whose hints say nothing that has not been looked at."""
    rows: dict[str, list[Order]] = defaultdict(list)
    for order in _orders({hint.told.name for of in hints.values() for hint in of if hint.told}):
        rows[order.client_order_id].append(order)
        rows[order.list_client_order_id].append(order)
    states = BotState.objects.in_bulk(list(hints))
    return {
        bot_id
        for bot_id, of_bot in hints.items()
        if bot_id not in states
        or all(
            _say_so(rows[hint.told.name], hint.told)
            if hint.told
            else _has_looked(states[bot_id], hint)
            for hint in of_bot
        )
    }


def _orders(names: Collection[str]) -> Iterator[Order]:
    asked = sorted(names)
    for start in range(0, len(asked), _NAMES_AT_ONCE):
        some = asked[start : start + _NAMES_AT_ONCE]
        yield from Order.objects.filter(
            Q(client_order_id__in=some) | Q(list_client_order_id__in=some)
        )


def _has_looked(state: BotState, hint: Hint) -> bool:
    # What a tick has done itself echoes while it is still at work. Anything else may have
    # happened after it had read: only a tick that began later has looked.
    looked_at = state.last_updated_at if hint.is_echo else state.last_run_at
    return looked_at is not None and looked_at >= hint.heard_at


def _say_so(orders: Collection[Order], told: Told) -> bool:
    """Say whether the rows are as far as the event, or further."""
    return bool(orders) and all(
        order.venue_order_id  # else we never saw it at the venue, and the venue speaks of it
        and order.status in _NO_NEWS.get(told.status, ())
        and (told.filled_quantity is None or told.filled_quantity <= order.filled_quantity)
        for order in orders
    )

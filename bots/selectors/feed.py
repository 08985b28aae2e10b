"""What the market feed has to listen to for the bots."""

from __future__ import annotations

import hashlib
from typing import Final
from uuid import UUID

import redis
from django.db.models import Exists, OuterRef, Q, QuerySet

from bots.domain.orders import UNSETTLED
from bots.domain.status import State
from bots.models import BotConfig, Order
from exchange.domain.streams import Series
from exchange.domain.types import Environment, Market
from exchange.feed.wanted import AccountLine, Wanted
from exchange.market_data import wanted_by_pages
from exchange.models import APIKey

_FINGERPRINT_DIGITS: Final = 12


def wanted_streams() -> Wanted:
    """Return the series and accounts of every bot at work, and the series that pages show.

    At work is a bot that trades, that a tick has yet to bring to rest, or that still holds
    something. One key listens for an account in each market: the oldest that works for a bot there.
    """
    bots = _at_work()
    rows = bots.values_list("api_key__environment", "position_type", "symbol", "timeframe")
    series = {Series(Environment(row[0]), Market(row[1]), *row[2:]) for row in rows.distinct()}
    return Wanted(series=frozenset(series) | _of_pages(), accounts=_accounts(bots))


def _at_work() -> QuerySet[BotConfig]:
    unsettled = Order.objects.filter(bot_id=OuterRef("pk"), status__in=UNSETTLED)
    resting = Q(is_active=False) & (Q(state=None) | Q(state__state=State.STOPPED))
    holds = Q(state__in_position=True) | Q(Exists(unsettled))
    return BotConfig.objects.filter(~resting | holds, deleted_at=None, api_key__isnull=False)


def _of_pages() -> frozenset[Series]:
    try:
        return wanted_by_pages()
    except redis.RedisError:
        return frozenset()  # they ask again


def _accounts(bots: QuerySet[BotConfig]) -> frozenset[AccountLine]:
    usable = bots.filter(api_key__revoked_at=None).order_by("api_key__created_at", "api_key_id")
    chosen: dict[tuple[int, Market], UUID] = {}
    for key, account, market in usable.values_list(
        "api_key_id", "api_key__account_id", "position_type"
    ):
        chosen.setdefault((account, Market(market)), key)
    keys = APIKey.objects.in_bulk(set(chosen.values()))
    return frozenset(_line(keys[key], market) for (_, market), key in chosen.items() if key in keys)


def _line(api_key: APIKey, market: Market) -> AccountLine:
    stored = api_key.encrypted_key.token + api_key.encrypted_secret.token
    return AccountLine(
        environment=Environment(api_key.environment),
        market=market,
        account_id=api_key.account_id,
        api_key_id=api_key.pk,
        fingerprint=hashlib.sha256(stored).hexdigest()[:_FINGERPRINT_DIGITS],
    )

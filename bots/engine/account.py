"""What bots that share an account owe each other: money in flight, and symbols of futures."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Q, QuerySet, Sum

from bots.domain.decision import Decision, Denial, DenialCode, Leg
from bots.domain.orders import UNSETTLED, OrderStatus
from bots.domain.protections import NO_CAPS, AccountCaps, account_caps
from bots.domain.snapshot import Snapshot
from bots.domain.wording import money
from bots.journal import JOURNAL
from bots.locks import account_for_update
from bots.models import BotConfig, BotState, Order, PositionType
from bots.selectors.exposure import exposure_of
from exchange.domain.types import ZERO
from exchange.models import ExchangeAccount

# No order that was sent so long ago can have settled since the account was read.
_SETTLES_WITHIN: Final = timedelta(days=1)
_TOOK_NOTHING: Final = (OrderStatus.DENIED, OrderStatus.REJECTED)
_TOOK_WHAT_FILLED: Final = (OrderStatus.CANCELED, OrderStatus.EXPIRED)


def reserve_or_deny(
    state: BotState, decision: Decision, *, snapshot: Snapshot, account_read_at: datetime
) -> Denial | None:
    """Return why the entry of `decision` may not be committed; None when its money is there.

    snapshot          what was decided from
    account_read_at   wall time just before the venue was asked for the balances in it

    Call it inside the journal's transaction that commits the orders, and commit none of them
    after a denial: from here to its end the account is locked, so that two bots cannot both
    take the last of its money, nor the last place under its caps. Decisions without an entry
    lock nothing.
    """
    entries = [intent for intent in decision.intents if intent.leg is Leg.ENTRY]
    if not entries:
        return None
    account = account_for_update(_account_id(state.bot), using=JOURNAL)
    quote_asset = snapshot.rules.quote_asset
    reserved = reserved_by_others(
        state.bot, quote_asset=quote_asset, account_read_at=account_read_at
    )
    needed = sum((intent.reserve for intent in entries), ZERO)
    free = snapshot.free_quote + snapshot.reserved_quote  # as the venue told it
    if needed and free - reserved < needed:
        detail = _short_of_money(needed, free, reserved, quote_asset)
        return Denial(code=DenialCode.INSUFFICIENT_BALANCE, detail=detail)
    value = sum((intent.quantity * (intent.price or snapshot.price) for intent in entries), ZERO)
    return _above_caps(state, account, notional=value, asset=quote_asset)


def _above_caps(
    state: BotState, account: ExchangeAccount, *, notional: Decimal, asset: str
) -> Denial | None:
    caps = AccountCaps(
        max_exposure=account.max_exposure, max_open_positions=account.max_open_positions
    )
    if caps == NO_CAPS:
        return None
    exposure = exposure_of(account.pk, leaving_out=state.pk, using=JOURNAL)
    return account_caps(exposure, caps, notional=notional, asset=asset)


def _short_of_money(needed: Decimal, free: Decimal, reserved: Decimal, asset: str) -> str:
    way_out = f"add {asset} or lower the position size"
    if not reserved:
        return f"needs {money(needed)} {asset}, but {money(free)} {asset} is free; {way_out}"
    return (
        f"needs {money(needed)} {asset}, but of {money(free)} {asset} free "
        f"{money(reserved)} is reserved for entries of other bots of this account that are under "
        f"way; the next tick tries again; if it stays so, {way_out}"
    )


def reserved_by_others(bot: BotConfig, *, quote_asset: str, account_read_at: datetime) -> Decimal:
    """Return the quote currency that entries of the account's other bots may still take.

    Those whose end is not known, and those that ended only after the account was read (wall
    time): what the venue told then may not show them. Rather too much than too little.
    """
    entries = (
        Order.objects.using(JOURNAL)
        .filter(
            account_id=_account_id(bot),
            market=bot.position_type,
            symbol__endswith=quote_asset,
            reserve__gt=0,
        )
        .exclude(bot_id=bot.pk)
    )
    ended_since = (
        entries.filter(
            updated_at__gte=account_read_at, sent_at__gte=account_read_at - _SETTLES_WITHIN
        )
        .exclude(status__in=(*UNSETTLED, *_TOOK_NOTHING))
        .exclude(status__in=_TOOK_WHAT_FILLED, filled_quantity=0)
    )
    # Two questions, because each has an index of its own.
    return _reserves(entries.filter(status__in=UNSETTLED)) + _reserves(ended_since)


def _reserves(orders: QuerySet[Order]) -> Decimal:
    return orders.aggregate(total=Sum("reserve"))["total"] or ZERO


def symbol_taken_by(bot: BotConfig) -> BotConfig | None:
    """Return the other bot of the account that trades this bot's futures symbol; None on spot.

    One-way mode nets all positions of a symbol into one, which could belong to one bot only. A
    stopped bot has it too as long as it holds a position or has an order whose end is not known.
    """
    if not bot.is_futures or bot.api_key is None:
        return None
    has_it = Q(is_active=True) | Q(state__in_position=True) | Q(orders__status__in=UNSETTLED)
    return (
        BotConfig.objects.filter(
            has_it,
            api_key__account_id=bot.api_key.account_id,
            position_type=PositionType.FUTURES,
            symbol=bot.symbol,
            deleted_at=None,
        )
        .exclude(pk=bot.pk)
        .order_by("pk")
        .first()
    )


def claim_symbol(bot: BotConfig) -> BotConfig | None:
    """Lock the account, then say who has the symbol: of two bots that start at once one wins.

    Call it inside the transaction that makes the bot active; None means that it may.
    """
    if not bot.is_futures or bot.api_key is None:
        return None
    account_for_update(bot.api_key.account_id, using=DEFAULT_DB_ALIAS)
    return symbol_taken_by(bot)


def taken_in_words(bot: BotConfig, holder: BotConfig) -> str:
    """Return why `bot` may not trade the symbol that `holder` has, and what to do about it."""
    return (
        f"{holder.name} trades {bot.symbol} futures on this account, and the venue nets all "
        f"positions of a symbol into one; stop {holder.name} and close its position, or give "
        "this bot another symbol or account"
    )


def _account_id(bot: BotConfig) -> int:
    if bot.api_key is None:
        raise ValueError(f"bot {bot.pk} has no API key")
    return bot.api_key.account_id

"""Does the spot wallet still hold what the account's bots have bought?"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Final

from django.db.models import F
from django.utils import timezone

from bots import journal
from bots.domain.orders import UNSETTLED
from bots.domain.wording import plain
from bots.engine.incidents import Look, was_dismissed
from bots.engine.reconciliation import VenueView
from bots.models import BotState, IncidentKind, Order, PositionType
from exchange.domain.gateway import ExchangeGateway
from exchange.domain.reports import OrderReport
from exchange.domain.rules import TradingRules
from exchange.domain.types import ZERO, AccountInfo, Side

_FOLDED_WITHIN: Final = timedelta(days=1)  # a fill is in its bot's state long before


def look_at_wallet(
    state: BotState, view: VenueView, *, gateway: ExchangeGateway, rules: TradingRules
) -> None:
    """Compare the base asset's total, locked coins included, with what the bots say they hold.

    More than that is a person's own. Less, by an increment or more, and not explained by sales of
    other bots that their books do not know yet: a second look that finds the same opens an
    incident, at every bot of the asset. Weight 20.
    """
    if not view.settled:
        return
    asset = rules.base_asset
    held = state.current_position_size_coins + _held_by_others(state, rules, gateway=gateway)
    total = _total(gateway.account(), asset) if held else ZERO
    missing = held - total
    look = Look.of(state)
    key = f"{asset}:{plain(missing)}"
    is_short = missing >= rules.quantity_increment and missing > _being_sold(state, view, rules)
    if not is_short or was_dismissed(state.pk, (IncidentKind.WALLET_SHORT,), key):
        look.forget(f"{asset}:")
        journal.close_gone(state.pk, IncidentKind.WALLET_SHORT, still_there=())
    else:
        look.forget(f"{asset}:", but=key)
        words = (
            f"The account holds {plain(total)} {asset}, but its bots have bought {plain(held)}: "
            f"{plain(missing)} {asset} were sold, moved or withdrawn past them"
        )
        if look.is_confirmed(key, words):
            data = {"asset": asset, "wallet": plain(total), "books": plain(held)}
            _open(state, key, f"{words}.", data | {"missing": plain(missing)})
    look.keep(state)


def _open(state: BotState, key: str, words: str, data: dict[str, str]) -> None:
    account_id = state.bot.api_key.account_id if state.bot.api_key else None
    kind = IncidentKind.WALLET_SHORT
    journal.open_incident(state.pk, kind, key, words, data=data, account_id=account_id)
    journal.close_gone(state.pk, kind, still_there=(key,))


def _total(account: AccountInfo, asset: str) -> Decimal:
    balance = account.balances.get(asset)
    return balance.free + balance.locked if balance else ZERO


def _held_by_others(state: BotState, rules: TradingRules, *, gateway: ExchangeGateway) -> Decimal:
    account_id = state.bot.api_key.account_id if state.bot.api_key else None
    others = BotState.objects.filter(
        bot__api_key__account_id=account_id,
        bot__position_type=PositionType.SPOT,
        bot__symbol__startswith=rules.base_asset,
        in_position=True,
    )
    held = others.exclude(pk=state.pk).values_list("bot__symbol", "current_position_size_coins")
    return sum(
        (
            quantity
            for symbol, quantity in held
            if symbol == state.bot.symbol
            or gateway.rules(symbol).base_asset == rules.base_asset  # ETH begins ETHFIUSDT too
        ),
        ZERO,
    )


def _being_sold(state: BotState, view: VenueView, rules: TradingRules) -> Decimal:
    """Return what other bots may have sold without their states showing it yet.

    Orders of theirs that nobody has asked for since, but for those that are seen to rest; and
    fills that came after their states were saved.
    """
    account_id = state.bot.api_key.account_id if state.bot.api_key else None
    sales = Order.objects.using(journal.JOURNAL).filter(
        account_id=account_id,
        market=PositionType.SPOT,
        symbol__startswith=rules.base_asset,
        side=Side.SELL,
    )
    not_folded = sales.exclude(status__in=UNSETTLED).filter(
        filled_quantity__gt=0,
        updated_at__gte=F("bot__state__last_updated_at"),
        sent_at__gte=timezone.now() - _FOLDED_WITHIN,
    )
    resting = {report.client_order_id: report for report in view.open_orders or ()}
    sold: dict[str, Decimal] = {}
    for order in [*sales.filter(status__in=UNSETTLED), *not_folded]:
        if order.bot_id == state.pk:
            continue
        # Of the orders of one list only one can fill.
        name = order.list_client_order_id or order.client_order_id
        sold[name] = max(sold.get(name, ZERO), _may_be_sold(order, resting))
    return sum(sold.values(), ZERO)


def _may_be_sold(order: Order, resting: dict[str, OrderReport]) -> Decimal:
    report = resting.get(order.client_order_id)
    if report is not None:
        return report.filled_quantity
    is_over = order.status not in UNSETTLED
    quantity: Decimal = order.filled_quantity if is_over else order.quantity
    return quantity

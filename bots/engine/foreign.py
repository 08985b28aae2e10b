"""Open orders on the bot's symbol that are not of this installation: noted, never touched."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet

from bots import journal
from bots.domain.client_order_id import is_ours
from bots.domain.decision import Route
from bots.domain.foreign import is_forced
from bots.domain.wording import plain
from bots.engine.reconciliation import VenueView
from bots.engine.venue import VenueGateway, is_futures
from bots.models import BotConfig, IncidentKind, Order
from exchange.domain.algo_orders import AlgoOrderReport
from exchange.domain.reports import OrderReport


def note_foreign_orders(bot: BotConfig, *, gateway: VenueGateway, view: VenueView) -> int:
    """Open an incident for each order of somebody else, close those of orders that are gone.

    Ours is what has a row in these books: an id that only looks like ours (of a database that
    was restored, of another installation) is foreign too. What `view` does not hold is asked
    for: weight 6 on spot, 2 on futures. Returns how many there are.
    """
    foreign = [
        *_foreign_orders(bot, _orders(bot, gateway, view)),
        *_foreign_algos(bot, _algo_orders(bot, gateway, view)),
    ]
    account_id = bot.api_key.account_id if bot.api_key else None
    for key, data in foreign:
        journal.open_incident(
            bot.pk,
            IncidentKind.FOREIGN_ORDER,
            key,
            _words(data),
            data=data,
            account_id=account_id,
        )
    keys = [key for key, _ in foreign]
    journal.close_gone(bot.pk, IncidentKind.FOREIGN_ORDER, still_there=keys)
    return len(foreign)


def _orders(bot: BotConfig, gateway: VenueGateway, view: VenueView) -> Sequence[OrderReport]:
    return gateway.open_orders(bot.symbol) if view.open_orders is None else view.open_orders


def _algo_orders(
    bot: BotConfig, gateway: VenueGateway, view: VenueView
) -> Sequence[AlgoOrderReport]:
    if view.open_algo_orders is not None:
        return view.open_algo_orders
    return gateway.open_algo_orders(bot.symbol) if is_futures(gateway) else ()


def _foreign_orders(
    bot: BotConfig, reports: Sequence[OrderReport]
) -> Iterable[tuple[str, dict[str, Any]]]:
    if not reports:
        return
    names, numbers = _known(bot, reports)
    for report in reports:
        # The venue closing a position by force is no order that anybody could adopt.
        is_known = report.client_order_id in names or report.venue_order_id in numbers
        if not is_known and not is_forced(report.client_order_id):
            yield f"order:{report.venue_order_id}", _order_data(report)


def _known(bot: BotConfig, reports: Sequence[OrderReport]) -> tuple[set[str], set[str]]:
    """Return client ids and venue ids among the reports that our rows have."""
    names = [report.client_order_id for report in reports]
    numbers = [report.venue_order_id for report in reports]
    # A conditional order has a number of its own, which may be that of somebody else's order.
    by_number = Q(child_venue_order_id__in=numbers) | Q(
        venue_order_id__in=numbers, route__in=(Route.ORDER.value, Route.LIST.value)
    )
    of_symbol = Q(market=bot.position_type, symbol=bot.symbol)
    rows = _rows(bot).filter(Q(client_order_id__in=names) | by_number & of_symbol)
    known = list(rows.values_list("client_order_id", "venue_order_id", "child_venue_order_id"))
    return {row[0] for row in known}, {number for row in known for number in row[1:] if number}


def _rows(bot: BotConfig) -> QuerySet[Order]:
    account_id = bot.api_key.account_id if bot.api_key else None
    return Order.objects.using(journal.JOURNAL).filter(account_id=account_id)


def _foreign_algos(
    bot: BotConfig, reports: Sequence[AlgoOrderReport]
) -> Iterable[tuple[str, dict[str, Any]]]:
    if not reports:
        return
    names = [report.client_order_id for report in reports]
    rows = _rows(bot).filter(client_order_id__in=names)
    known = set(rows.values_list("client_order_id", flat=True))
    for report in reports:
        if report.client_order_id not in known:
            yield f"algo:{report.algo_id}", _algo_data(report)


def _order_data(report: OrderReport) -> dict[str, Any]:
    return {
        "route": (Route.LIST if report.order_list_id else Route.ORDER).value,
        "symbol": report.symbol,
        "client_order_id": report.client_order_id,
        "venue_order_id": report.venue_order_id,
        "side": report.side.value,
        "type": report.type.value,
        "quantity": plain(report.quantity),
        "filled_quantity": plain(report.filled_quantity),
        "price": plain(report.price),
        "trigger_price": plain(report.stop_price),
        "reduces_only": report.reduces_only,
        "looks_like_ours": is_ours(report.client_order_id, installation=settings.INSTALLATION_ID),
    }


def _algo_data(report: AlgoOrderReport) -> dict[str, Any]:
    return {
        "route": Route.ALGO.value,
        "symbol": report.symbol,
        "client_order_id": report.client_order_id,
        "venue_order_id": report.algo_id,
        "side": report.side.value,
        "type": report.type.value,
        "quantity": plain(report.quantity),
        "filled_quantity": plain(report.filled_quantity),
        "price": plain(report.price),
        "trigger_price": plain(report.trigger_price),
        "reduces_only": report.reduces_only or report.closes_position,
        "looks_like_ours": is_ours(report.client_order_id, installation=settings.INSTALLATION_ID),
    }


def _words(data: dict[str, Any]) -> str:
    size = data["quantity"] if data["quantity"] != "0" else "all"
    where = next(
        (f" at {data[name]}" for name in ("trigger_price", "price") if data[name] != "0"), ""
    )
    whose = "has an id like ours but no row" if data["looks_like_ours"] else "is not the bot's"
    return (
        f"An open order on {data['symbol']} {whose}: {data['side']} {size} "
        f"{data['type']}{where} ({data['client_order_id']})."
    )

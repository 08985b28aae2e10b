"""From the orders of one request, as they were written down, to the venue's reply to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Final, cast

from bots.domain.decision import Leg, Route
from bots.engine.venue import VenueGateway, is_futures
from bots.models import Order
from exchange.domain.algo_orders import (
    AlgoOrderReport,
    AlgoOrderRequest,
    AlgoOrderType,
    WorkingPrice,
)
from exchange.domain.budget import OrderPermit
from exchange.domain.futures_gateway import FuturesGateway
from exchange.domain.order_lists import EntryListRequest, OcoRequest, StopLeg, TargetLeg
from exchange.domain.orders import (
    LimitOrderRequest,
    MarketOrderRequest,
    OrderType,
    SingleOrderRequest,
    StopKind,
    StopOrderRequest,
    TimeInForce,
)
from exchange.domain.reports import OrderListReport, OrderReport
from exchange.domain.spot_gateway import SpotGateway
from exchange.domain.types import Market, Side

Request = SingleOrderRequest | OcoRequest | EntryListRequest | AlgoOrderRequest
Reply = OrderReport | OrderListReport | AlgoOrderReport
_STOP_KINDS: Final = {
    OrderType.STOP_LOSS: StopKind.STOP_LOSS,
    OrderType.STOP_LOSS_LIMIT: StopKind.STOP_LOSS,
    OrderType.TAKE_PROFIT: StopKind.TAKE_PROFIT,
    OrderType.TAKE_PROFIT_LIMIT: StopKind.TAKE_PROFIT,
}


def by_request(orders: Iterable[Order]) -> list[list[Order]]:
    """Group orders as they are sent and canceled: those of a list together, others alone."""
    ordered = sorted(orders, key=lambda order: (order.list_client_order_id, order.pk))
    groups = groupby(ordered, key=lambda order: order.list_client_order_id or order.client_order_id)
    return sorted((list(group) for _, group in groups), key=lambda group: group[0].pk)


def request_of(orders: Sequence[Order]) -> Request:
    """Return the orders of one request as they will be signed.

    ValueError, which names what is wrong, when the market of the orders takes no such request.
    """
    request = _request(orders)
    is_of_futures = orders[0].market == Market.FUTURES
    if is_of_futures and isinstance(request, StopOrderRequest | OcoRequest | EntryListRequest):
        raise ValueError("route: the futures market knows neither order lists nor stops of a book")
    if not is_of_futures and isinstance(request, AlgoOrderRequest):
        raise ValueError("route: the spot market knows no algo orders")
    return request


def _request(orders: Sequence[Order]) -> Request:
    route = Route(orders[0].route)
    if route is Route.LIST:
        return _list(orders)
    (order,) = orders
    return _algo(order) if route is Route.ALGO else single_order_request(order)


def place(orders: Sequence[Order], *, gateway: VenueGateway, permit: OrderPermit) -> Reply:
    """Send one request, once; errors as of the gateway's methods."""
    request = request_of(orders)
    match request:
        case MarketOrderRequest():
            return gateway.place_market_order(request, permit=permit)
        case LimitOrderRequest():
            return gateway.place_limit_order(request, permit=permit)
        case AlgoOrderRequest():
            return futures(gateway).place_algo_order(request, permit=permit)
        case StopOrderRequest():
            return spot(gateway).place_stop_order(request, permit=permit)
        case OcoRequest():
            return spot(gateway).place_oco(request, permit=permit)
        case EntryListRequest():
            return spot(gateway).place_entry_list(request, permit=permit)


def spot(gateway: VenueGateway) -> SpotGateway:
    """Return the gateway as that of the spot market; ValueError when it is not."""
    if is_futures(gateway):
        raise ValueError("a spot gateway is needed, not one of futures")
    return cast("SpotGateway", gateway)


def futures(gateway: VenueGateway) -> FuturesGateway:
    """Return the gateway as that of the futures market; ValueError when it is not."""
    if not is_futures(gateway):
        raise ValueError("a futures gateway is needed, not one of spot")
    return gateway


def single_order_request(order: Order) -> SingleOrderRequest:
    """Return an order that is placed alone in the book; ValueError when it is no such order."""
    type_ = OrderType(order.order_type)
    if type_ is OrderType.MARKET:
        return _market(order)
    if type_ in (OrderType.LIMIT, OrderType.LIMIT_MAKER):
        return _limit(order, is_maker=type_ is OrderType.LIMIT_MAKER)
    return StopOrderRequest(
        symbol=order.symbol,
        side=Side(order.side),
        kind=_STOP_KINDS[type_],
        quantity=_plain(order.quantity),
        stop_price=_needed(order, "trigger_price"),
        price=_optional(order.price),
        time_in_force=_time_in_force(order),
        client_order_id=order.client_order_id,
        signed_at_ms=order.signed_at_ms,
        recv_window_ms=order.recv_window_ms,
    )


def _market(order: Order) -> MarketOrderRequest:
    return MarketOrderRequest(
        symbol=order.symbol,
        side=Side(order.side),
        quantity=_plain(order.quantity),
        client_order_id=order.client_order_id,
        signed_at_ms=order.signed_at_ms,
        recv_window_ms=order.recv_window_ms,
        reduces_only=order.reduces_only,
    )


def _limit(order: Order, *, is_maker: bool) -> LimitOrderRequest:
    return LimitOrderRequest(
        symbol=order.symbol,
        side=Side(order.side),
        quantity=_plain(order.quantity),
        price=_needed(order, "price"),
        time_in_force=_time_in_force(order),
        post_only=is_maker,
        client_order_id=order.client_order_id,
        signed_at_ms=order.signed_at_ms,
        recv_window_ms=order.recv_window_ms,
        reduces_only=order.reduces_only,
    )


def _algo(order: Order) -> AlgoOrderRequest:
    return AlgoOrderRequest(
        symbol=order.symbol,
        side=Side(order.side),
        type=AlgoOrderType(order.order_type),
        client_order_id=order.client_order_id,
        signed_at_ms=order.signed_at_ms,
        recv_window_ms=order.recv_window_ms,
        quantity=_plain(order.quantity),
        reduces_only=order.reduces_only,
        trigger_price=_needed(order, "trigger_price"),
        price=_optional(order.price),
        time_in_force=_time_in_force(order),
        # A stop goes by the price that also liquidates; a target by the one that it is sold at.
        working_price=WorkingPrice.LAST if order.leg == Leg.TARGET else WorkingPrice.MARK,
    )


def _list(orders: Sequence[Order]) -> OcoRequest | EntryListRequest:
    legs = {Leg(order.leg): order for order in orders}
    stop = _stop_leg(legs[Leg.STOP]) if Leg.STOP in legs else None
    target = _target_leg(legs[Leg.TARGET]) if Leg.TARGET in legs else None
    first = orders[0]
    if Leg.ENTRY in legs:
        return _entry_list(legs[Leg.ENTRY], stop=stop, target=target)
    if stop is None or target is None:
        raise ValueError("leg: a list without an entry needs a stop and a target")
    return OcoRequest(
        symbol=first.symbol,
        side=Side(first.side),
        quantity=_plain(first.quantity),
        client_order_id=first.list_client_order_id,
        stop=stop,
        target=target,
        signed_at_ms=first.signed_at_ms,
        recv_window_ms=first.recv_window_ms,
    )


def _entry_list(
    entry: Order, *, stop: StopLeg | None, target: TargetLeg | None
) -> EntryListRequest:
    return EntryListRequest(
        symbol=entry.symbol,
        quantity=_plain(entry.quantity),
        price=_needed(entry, "price"),
        client_order_id=entry.list_client_order_id,
        entry_client_order_id=entry.client_order_id,
        signed_at_ms=entry.signed_at_ms,
        recv_window_ms=entry.recv_window_ms,
        stop=stop,
        target=target,
        time_in_force=_time_in_force(entry),
        post_only=entry.order_type == OrderType.LIMIT_MAKER,
    )


def _stop_leg(order: Order) -> StopLeg:
    return StopLeg(
        client_order_id=order.client_order_id,
        stop_price=_needed(order, "trigger_price"),
        price=_optional(order.price),
    )


def _target_leg(order: Order) -> TargetLeg:
    return TargetLeg(
        client_order_id=order.client_order_id,
        price=_optional(order.price),
        stop_price=_optional(order.trigger_price),
    )


def _time_in_force(order: Order) -> TimeInForce:
    return TimeInForce(order.time_in_force or TimeInForce.GTC)


def _needed(order: Order, name: str) -> Decimal:
    value = _optional(getattr(order, name))
    if value is None:
        raise ValueError(f"{name} is needed for {order.order_type} ({order.client_order_id})")
    return value


def _optional(value: Decimal | None) -> Decimal | None:
    return None if value is None else _plain(value)


def _plain(value: Decimal) -> Decimal:
    return value.normalize()  # the column pads with zeros; the venue counts them

"""Orders, lists and replacements against the built-in exchange; its ledger is the truth.

The market stands at 100000 and moves only where a test moves it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from exchange.binance.spot import BinanceSpotGateway
from exchange.demo.testing import RunningExchange
from exchange.domain.errors import OrderRejectedError, OutcomeUnknownError
from exchange.domain.order_lists import EntryListRequest, OcoRequest, StopLeg, TargetLeg
from exchange.domain.orders import (
    CancelReplaceMode,
    CancelReplaceRequest,
    LimitOrderRequest,
    MarketOrderRequest,
    OrderType,
    SingleOrderRequest,
    StopKind,
    StopOrderRequest,
    TimeInForce,
)
from exchange.domain.reports import (
    CancelReplaceReport,
    Contingency,
    ExpiryReason,
    OrderListReport,
    OrderReport,
    PartOutcome,
    VenueOrderStatus,
)
from exchange.domain.types import Side
from exchange.tests.contract import opened

SYMBOL = "BTCUSDT"
SIZE = Decimal("0.001")
NEVER = Decimal(50000)  # far below the market


@pytest.fixture
def demo() -> Iterator[RunningExchange]:
    """Run an exchange of its own, whose price stands still."""
    with RunningExchange(is_paused=True) as exchange:
        exchange.set_price(SYMBOL, "100000")
        yield exchange


@pytest.fixture
def gateway(demo: RunningExchange) -> Iterator[BinanceSpotGateway]:
    """Open the account of the exchange."""
    gateway = opened(demo)
    yield gateway
    gateway.close()


def signed(gateway: BinanceSpotGateway) -> dict[str, Any]:
    return {"symbol": SYMBOL, "signed_at_ms": gateway.signing_time_ms(), "recv_window_ms": 5000}


def market(gateway: BinanceSpotGateway, name: str, **amount: Decimal) -> MarketOrderRequest:
    sizes: dict[str, Any] = {**amount} or {"quantity": SIZE}
    return MarketOrderRequest(side=Side.BUY, client_order_id=name, **sizes, **signed(gateway))


def limit(gateway: BinanceSpotGateway, name: str, **changes: Any) -> LimitOrderRequest:
    values: dict[str, Any] = {
        "side": Side.BUY,
        "quantity": SIZE,
        "price": NEVER,
        "client_order_id": name,
    }
    return LimitOrderRequest(**(values | changes), **signed(gateway))


def stop(gateway: BinanceSpotGateway, name: str, **changes: Any) -> StopOrderRequest:
    values: dict[str, Any] = {
        "side": Side.SELL,
        "kind": StopKind.STOP_LOSS,
        "quantity": SIZE,
        "stop_price": Decimal(98000),
        "client_order_id": name,
    }
    return StopOrderRequest(**(values | changes), **signed(gateway))


def stop_leg(name: str) -> StopLeg:
    return StopLeg(client_order_id=f"{name}-s", stop_price=Decimal(98000))


def target_leg(name: str) -> TargetLeg:
    return TargetLeg(client_order_id=f"{name}-t", price=Decimal(104000))


def exits(gateway: BinanceSpotGateway, name: str, **changes: Any) -> OcoRequest:
    values: dict[str, Any] = {
        "side": Side.SELL,
        "quantity": SIZE,
        "client_order_id": name,
        "stop": stop_leg(name),
        "target": target_leg(name),
    }
    return OcoRequest(**(values | changes), **signed(gateway))


def entry(gateway: BinanceSpotGateway, name: str, **changes: Any) -> EntryListRequest:
    values: dict[str, Any] = {
        "quantity": SIZE,
        "price": Decimal(99000),
        "client_order_id": name,
        "entry_client_order_id": f"{name}-e",
        "stop": stop_leg(name),
        "target": target_leg(name),
    }
    return EntryListRequest(**(values | changes), **signed(gateway))


def place(gateway: BinanceSpotGateway, request: SingleOrderRequest) -> OrderReport:
    permit = gateway.permit_orders()
    if isinstance(request, MarketOrderRequest):
        return gateway.place_market_order(request, permit=permit)
    if isinstance(request, LimitOrderRequest):
        return gateway.place_limit_order(request, permit=permit)
    return gateway.place_stop_order(request, permit=permit)


def place_exits(gateway: BinanceSpotGateway, name: str) -> OrderListReport:
    return gateway.place_oco(
        exits(gateway, name), permit=gateway.permit_orders(OcoRequest.order_count)
    )


def place_entry(gateway: BinanceSpotGateway, request: EntryListRequest) -> OrderListReport:
    permit = gateway.permit_orders(request.order_count)
    return gateway.place_entry_list(request, permit=permit)


def replace(
    gateway: BinanceSpotGateway, old: str, request: SingleOrderRequest, **mode: CancelReplaceMode
) -> CancelReplaceReport:
    asked = CancelReplaceRequest(canceled_client_order_id=old, order=request, **mode)
    return gateway.cancel_replace(asked, permit=gateway.permit_orders())


def move_price(demo: RunningExchange, price: int) -> None:
    """Let the price jump and a minute of market time pass."""
    demo.set_price(SYMBOL, str(price))
    later = demo.market_time() + timedelta(minutes=1)
    demo.set_clock(market_time=later.isoformat())


def found(gateway: BinanceSpotGateway, name: str) -> OrderReport:
    order = gateway.order_by_client_id(SYMBOL, name)
    assert order is not None
    return order


def names_in_ledger(demo: RunningExchange) -> list[str]:
    return [order["clientOrderId"] for order in demo.ledger()["orders"]]


def test_a_market_order_spends_an_amount_of_the_quote_currency(
    gateway: BinanceSpotGateway,
) -> None:
    before = gateway.account().free("USDT")

    order = place(gateway, market(gateway, "spend", quote_quantity=Decimal(250)))

    spent = before - gateway.account().free("USDT")
    assert order.status is VenueOrderStatus.FILLED
    assert order.type is OrderType.MARKET
    assert spent == order.filled_quote_quantity
    assert Decimal(248) < spent <= Decimal(250)


def test_a_checked_order_is_not_placed(demo: RunningExchange, gateway: BinanceSpotGateway) -> None:
    gateway.check_order(market(gateway, "checked"))
    with pytest.raises(OrderRejectedError) as caught:
        gateway.check_order(market(gateway, "refused", quantity=Decimal("0.00001")))

    assert caught.value.code == -1013
    assert names_in_ledger(demo) == []


def test_a_limit_order_rests_until_it_is_canceled(
    demo: RunningExchange, gateway: BinanceSpotGateway
) -> None:
    placed = place(gateway, limit(gateway, "rests"))
    (resting,) = gateway.open_orders(SYMBOL)

    canceled = gateway.cancel_order(SYMBOL, "rests")

    assert (placed.status, placed.is_working) == (VenueOrderStatus.NEW, True)
    assert (placed.price, placed.time_in_force) == (NEVER, TimeInForce.GTC)
    assert (placed.order_list_id, placed.trades) == (None, ())
    assert resting.client_order_id == "rests"
    assert canceled.client_order_id == "rests"
    assert canceled.venue_order_id == placed.venue_order_id
    assert canceled.status is VenueOrderStatus.CANCELED
    assert gateway.open_orders(None) == []
    assert found(gateway, "rests").status is VenueOrderStatus.CANCELED
    with pytest.raises(OrderRejectedError) as caught:
        gateway.cancel_order(SYMBOL, "rests")
    assert caught.value.code == -2011
    assert names_in_ledger(demo) == ["rests"]


def test_a_limit_order_fills_when_the_price_comes(
    demo: RunningExchange, gateway: BinanceSpotGateway
) -> None:
    placed = place(gateway, limit(gateway, "comes", price=Decimal(99000)))

    move_price(demo, 98500)

    filled = found(gateway, "comes")
    trades = gateway.trades_of_order(SYMBOL, placed.venue_order_id)
    assert filled.status is VenueOrderStatus.FILLED
    assert {trade.price for trade in trades} == {Decimal(99000)}
    assert sum(trade.quantity for trade in trades) == SIZE


def test_an_order_that_may_not_take_is_refused_when_it_would(gateway: BinanceSpotGateway) -> None:
    resting = place(gateway, limit(gateway, "maker", post_only=True))
    assert resting.type is OrderType.LIMIT_MAKER

    with pytest.raises(OrderRejectedError, match="immediately match and take") as caught:
        place(gateway, limit(gateway, "taker", post_only=True, price=Decimal(101000)))

    assert caught.value.code == -2010


@pytest.mark.parametrize(
    ("lasting", "reason"),
    [
        (TimeInForce.IOC, ExpiryReason.UNFILLED_IOC_QUANTITY_EXPIRED),
        (TimeInForce.FOK, ExpiryReason.UNFILLED_FOK_ORDER_EXPIRED),
    ],
)
def test_an_order_that_does_not_wait_expires_and_says_why(
    gateway: BinanceSpotGateway, lasting: TimeInForce, reason: ExpiryReason
) -> None:
    placed = place(gateway, limit(gateway, "no-wait", time_in_force=lasting))

    assert placed.status is VenueOrderStatus.EXPIRED
    assert placed.time_in_force is lasting
    assert found(gateway, "no-wait").expiry_reason is reason


@pytest.mark.parametrize(
    ("kind", "trigger", "price"),
    [(StopKind.STOP_LOSS, 98000, 97500), (StopKind.TAKE_PROFIT, 103000, 103500)],
)
def test_a_stop_waits_outside_of_the_book_for_its_price(
    demo: RunningExchange,
    gateway: BinanceSpotGateway,
    kind: StopKind,
    trigger: int,
    price: int,
) -> None:
    placed = place(gateway, stop(gateway, "waits", kind=kind, stop_price=Decimal(trigger)))
    waiting = found(gateway, "waits")

    move_price(demo, price)

    assert placed.type is OrderType(kind.value)
    assert (waiting.status, waiting.is_working) == (VenueOrderStatus.NEW, False)
    assert waiting.stop_price == trigger
    triggered = found(gateway, "waits")
    assert (triggered.status, triggered.is_working) == (VenueOrderStatus.FILLED, True)
    assert triggered.filled_quantity == SIZE


def test_a_stop_with_a_limit_rests_in_the_book_once_triggered(
    demo: RunningExchange, gateway: BinanceSpotGateway
) -> None:
    request = stop(gateway, "limited", price=Decimal(99000))
    assert place(gateway, request).type is OrderType.STOP_LOSS_LIMIT

    move_price(demo, 97500)

    triggered = found(gateway, "limited")
    assert (triggered.status, triggered.is_working) == (VenueOrderStatus.NEW, True)
    assert triggered.price == Decimal(99000)


def test_a_stop_that_the_price_has_passed_is_refused(gateway: BinanceSpotGateway) -> None:
    with pytest.raises(OrderRejectedError, match="trigger immediately") as caught:
        place(gateway, stop(gateway, "passed", stop_price=Decimal(101000)))

    assert caught.value.code == -2010


def test_of_two_exits_the_one_that_fills_ends_the_other(
    demo: RunningExchange, gateway: BinanceSpotGateway
) -> None:
    placed = place_exits(gateway, "exits")
    (listed,) = gateway.open_lists()
    open_ones = {order.client_order_id: order for order in gateway.open_orders(SYMBOL)}

    move_price(demo, 105000)

    assert placed.contingency is Contingency.OCO
    assert placed.client_order_id == "exits"
    assert {leg.client_order_id for leg in placed.legs} == {"exits-s", "exits-t"}
    assert listed.list_id == placed.list_id
    assert {order.order_list_id for order in open_ones.values()} == {placed.list_id}
    assert open_ones["exits-t"].is_working is True
    assert open_ones["exits-s"].is_working is False
    assert found(gateway, "exits-t").status is VenueOrderStatus.FILLED
    ended = found(gateway, "exits-s")
    assert ended.status is VenueOrderStatus.EXPIRED
    assert ended.expiry_reason is ExpiryReason.OCO_TRIGGER
    assert ended.filled_quantity == 0
    done = gateway.list_by_client_id("exits")
    assert done
    assert done.is_done
    assert gateway.open_lists() == []


def test_the_exits_of_a_short_purchase_lie_the_other_way_round(
    demo: RunningExchange, gateway: BinanceSpotGateway
) -> None:
    request = exits(
        gateway,
        "buyback",
        side=Side.BUY,
        stop=StopLeg(
            client_order_id="buyback-s", stop_price=Decimal(103000), price=Decimal(103500)
        ),
        target=TargetLeg(client_order_id="buyback-t", stop_price=Decimal(97000)),
    )
    gateway.place_oco(request, permit=gateway.permit_orders(2))

    move_price(demo, 96500)

    bought = found(gateway, "buyback-t")
    assert (bought.type, bought.status) == (OrderType.TAKE_PROFIT, VenueOrderStatus.FILLED)
    assert found(gateway, "buyback-s").status is VenueOrderStatus.EXPIRED


def test_canceling_one_leg_cancels_the_list(gateway: BinanceSpotGateway) -> None:
    place_exits(gateway, "whole")

    canceled = gateway.cancel_order(SYMBOL, "whole-s")

    assert canceled.client_order_id == "whole-s"
    assert canceled.status is VenueOrderStatus.CANCELED
    assert found(gateway, "whole-t").status is VenueOrderStatus.CANCELED
    with pytest.raises(OrderRejectedError) as caught:
        gateway.cancel_list(SYMBOL, "whole")
    assert caught.value.code == -2011


def test_a_list_is_canceled_as_a_whole(gateway: BinanceSpotGateway) -> None:
    free = gateway.account().free("BTC")
    place_exits(gateway, "gone")
    assert gateway.account().free("BTC") == free - SIZE  # one exit at most will fill

    canceled = gateway.cancel_list(SYMBOL, "gone")

    assert canceled.is_done
    assert canceled.client_order_id == "gone"
    assert {order.client_order_id for order in canceled.orders} == {"gone-s", "gone-t"}
    assert {order.status for order in canceled.orders} == {VenueOrderStatus.CANCELED}
    assert gateway.account().free("BTC") == free


def test_a_list_nobody_placed_is_not_there(gateway: BinanceSpotGateway) -> None:
    assert gateway.list_by_client_id("never-placed") is None


@pytest.mark.parametrize("without", ["stop", "target", "none"])
def test_an_entry_brings_its_exits_once_it_is_filled(
    demo: RunningExchange, gateway: BinanceSpotGateway, without: str
) -> None:
    request = entry(gateway, "both", **({} if without == "none" else {without: None}))
    names = {"both-s", "both-t"} - {f"both-{without[0]}"}
    placed = place_entry(gateway, request)
    pending = {name: found(gateway, name) for name in names}

    move_price(demo, 98900)

    assert placed.contingency is Contingency.OTO
    assert {leg.client_order_id for leg in placed.legs} == {"both-e"} | names
    for name in names:
        told = placed.order(name)
        assert told
        assert told.status is VenueOrderStatus.PENDING_NEW
        assert told.quantity == 0
        assert pending[name].status is VenueOrderStatus.PENDING_NEW
        exit_order = found(gateway, name)
        assert exit_order.status is VenueOrderStatus.NEW
        assert 0 < exit_order.quantity <= SIZE
    assert found(gateway, "both-e").status is VenueOrderStatus.FILLED


def test_an_entry_that_never_fills_takes_its_exits_along_when_it_is_canceled(
    gateway: BinanceSpotGateway,
) -> None:
    place_entry(gateway, entry(gateway, "unmet"))

    gateway.cancel_list(SYMBOL, "unmet")

    for name in ("unmet-e", "unmet-s", "unmet-t"):
        assert found(gateway, name).status.is_final
    assert gateway.open_orders(SYMBOL) == []


def test_a_stop_is_replaced_by_another_at_once(gateway: BinanceSpotGateway) -> None:
    place(gateway, stop(gateway, "first"))

    report = replace(gateway, "first", stop(gateway, "second", stop_price=Decimal(99000)))

    assert report.is_complete
    assert report.canceled
    assert report.canceled.client_order_id == "first"
    assert report.placed
    assert report.placed.client_order_id == "second"
    assert found(gateway, "first").status is VenueOrderStatus.CANCELED
    assert [order.client_order_id for order in gateway.open_orders(SYMBOL)] == ["second"]


def test_what_is_gone_is_not_replaced(demo: RunningExchange, gateway: BinanceSpotGateway) -> None:
    report = replace(gateway, "gone", stop(gateway, "instead"))

    assert (report.cancel, report.order) == (PartOutcome.REFUSED, PartOutcome.NOT_ATTEMPTED)
    assert report.cancel_refusal
    assert report.cancel_refusal.code == -2011
    assert names_in_ledger(demo) == []


def test_what_is_gone_may_be_followed_by_a_new_order_all_the_same(
    gateway: BinanceSpotGateway,
) -> None:
    report = replace(
        gateway, "gone", stop(gateway, "instead"), mode=CancelReplaceMode.ALLOW_FAILURE
    )

    assert (report.cancel, report.order) == (PartOutcome.REFUSED, PartOutcome.DONE)
    assert report.placed
    assert found(gateway, "instead").status is VenueOrderStatus.NEW


def test_a_new_order_that_is_refused_leaves_the_old_one_canceled(
    gateway: BinanceSpotGateway,
) -> None:
    place(gateway, stop(gateway, "old"))

    report = replace(gateway, "old", stop(gateway, "bad", stop_price=Decimal(101000)))

    assert (report.cancel, report.order) == (PartOutcome.DONE, PartOutcome.REFUSED)
    assert report.order_refusal
    assert report.order_refusal.code == -2010
    assert gateway.open_orders(SYMBOL) == []


def test_a_list_whose_reply_is_lost_is_found_by_its_name(
    demo: RunningExchange, gateway: BinanceSpotGateway
) -> None:
    demo.set_fault(endpoint="POST /api/v3/orderList/oco", when="after", action="drop")

    with pytest.raises(OutcomeUnknownError):
        place_exits(gateway, "lost")

    listed = gateway.list_by_client_id("lost")
    assert listed
    assert not listed.is_done
    assert sorted(names_in_ledger(demo)) == ["lost-s", "lost-t"]


def test_a_list_that_never_arrived_is_not_there(
    demo: RunningExchange, gateway: BinanceSpotGateway
) -> None:
    demo.set_fault(endpoint="POST /api/v3/orderList/opoco", when="before", action="drop")

    with pytest.raises(OutcomeUnknownError):
        place_entry(gateway, entry(gateway, "unheard"))

    assert gateway.list_by_client_id("unheard") is None
    assert names_in_ledger(demo) == []


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_cancel_whose_reply_is_lost_is_answered_by_the_order_itself(
    demo: RunningExchange, gateway: BinanceSpotGateway, when: str
) -> None:
    place(gateway, limit(gateway, "asked"))
    demo.set_fault(endpoint="DELETE /api/v3/order", when=when, action="drop")

    with pytest.raises(OutcomeUnknownError):
        gateway.cancel_order(SYMBOL, "asked")

    expected = VenueOrderStatus.NEW if when == "before" else VenueOrderStatus.CANCELED
    assert found(gateway, "asked").status is expected


def test_a_cancel_that_the_clock_made_late_is_signed_anew(
    demo: RunningExchange, gateway: BinanceSpotGateway
) -> None:
    place(gateway, limit(gateway, "late"))
    demo.set_fault(
        endpoint="DELETE /api/v3/order",
        when="before",
        action="error",
        code=-1021,
        message="Timestamp for this request is outside of the recvWindow.",
        times=1,
    )

    assert gateway.cancel_order(SYMBOL, "late").status is VenueOrderStatus.CANCELED


def test_a_replacement_that_breaks_a_filter_is_refused_and_the_old_order_stays(
    gateway: BinanceSpotGateway,
) -> None:
    place(gateway, stop(gateway, "before"))

    with pytest.raises(OrderRejectedError) as refused:
        replace(gateway, "before", stop(gateway, "after", quantity=Decimal("0.00001")))

    assert refused.value.code == -1013
    assert found(gateway, "before").status is VenueOrderStatus.NEW
    assert gateway.order_by_client_id(SYMBOL, "after") is None


def test_a_replacement_whose_reply_is_lost_is_answered_by_both_orders(
    demo: RunningExchange, gateway: BinanceSpotGateway
) -> None:
    place(gateway, stop(gateway, "before"))
    demo.set_fault(endpoint="POST /api/v3/order/cancelReplace", when="after", action="drop")

    with pytest.raises(OutcomeUnknownError):
        replace(gateway, "before", stop(gateway, "after"))

    assert found(gateway, "before").status is VenueOrderStatus.CANCELED
    assert found(gateway, "after").status is VenueOrderStatus.NEW


def test_a_key_and_its_account_say_what_they_may_do_and_pay(gateway: BinanceSpotGateway) -> None:
    permissions = gateway.key_permissions()
    rates = gateway.commission_rates(SYMBOL)
    order = place(gateway, market(gateway, "paid"))

    assert permissions.can_trade
    assert permissions.can_read
    assert permissions.can_withdraw is False
    commission = sum(trade.commission for trade in order.trades)
    assert commission == order.filled_quantity * rates.of(Side.BUY, is_maker=False)
    assert abs(gateway.server_time_ms() - gateway.signing_time_ms()) < 2000

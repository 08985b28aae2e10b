"""Orders and algo orders of futures against the built-in exchange; its ledger is the truth.

The market stands at 100000 and moves only where a test moves it: a buy at the market pays 100005.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

import pytest

from exchange.binance.futures import BinanceFuturesGateway
from exchange.binance.tests.conftest import loopback_urls
from exchange.demo.testing import TEST_KEY, TEST_SECRET, RunningExchange
from exchange.domain.algo_children import child_of
from exchange.domain.algo_orders import (
    AlgoOrderType,
    AlgoStatus,
)
from exchange.domain.errors import (
    OrderRejectedError,
    OutcomeUnknownError,
    RateLimitedError,
    TimestampError,
    UnavailableError,
)
from exchange.domain.futures import MarginType
from exchange.domain.orders import LimitOrderRequest, MarketOrderRequest, OrderType, TimeInForce
from exchange.domain.reports import OrderReport, VenueOrderStatus
from exchange.domain.types import ZERO, Environment, Side
from exchange.tests.futures_steps import (
    SIZE,
    SYMBOL,
    held,
    market,
    move_price,
    pass_time,
    signed,
    stop,
    waiting,
)

TAKER: Final = Decimal("0.0005")
BOUGHT_AT: Final = Decimal(100_005)
SOLD_AT: Final = Decimal(99_995)
NEVER: Final = Decimal(96_000)  # below the market, and near enough for a limit price
LOST: Final = {"when": "after", "action": "drop", "times": 1}


@pytest.fixture
def demo() -> Iterator[RunningExchange]:
    """Run an exchange of its own, whose price stands still."""
    with RunningExchange(is_paused=True) as exchange:
        exchange.set_price(SYMBOL, "100000")
        yield exchange


@pytest.fixture
def gateway(demo: RunningExchange) -> Iterator[BinanceFuturesGateway]:
    """Open the account of the exchange, with its symbol isolated at 10x."""
    gateway = BinanceFuturesGateway(
        environment=Environment.DEMO,
        urls=loopback_urls(demo.url),
        key=TEST_KEY,
        secret=TEST_SECRET,
        timeout=(1.0, 0.6),
    )
    gateway.set_margin_type(SYMBOL, MarginType.ISOLATED)
    gateway.set_leverage(SYMBOL, 10)
    yield gateway
    gateway.close()


def limit(gateway: BinanceFuturesGateway, name: str, **changes: Any) -> OrderReport:
    values: dict[str, Any] = {
        "side": Side.BUY,
        "quantity": SIZE,
        "price": NEVER,
        "client_order_id": name,
    }
    request = LimitOrderRequest(**(values | changes), **signed(gateway))
    return gateway.place_limit_order(request, permit=gateway.permit_orders())


def hitch(demo: RunningExchange, what: str, **changes: Any) -> None:
    """Let something go wrong at the next trigger."""
    demo.control("algo", {"symbol": SYMBOL, "on_trigger": what, **changes})


def found(gateway: BinanceFuturesGateway, name: str) -> OrderReport:
    order = gateway.order_by_client_id(SYMBOL, name)
    assert order is not None
    return order


def wallet(gateway: BinanceFuturesGateway) -> Decimal:
    return gateway.futures_account().balances["USDT"].wallet


def names_in_ledger(demo: RunningExchange) -> list[str]:
    return [order["clientOrderId"] for order in demo.ledger()["futures_orders"]]


def algos_in_ledger(demo: RunningExchange) -> list[str]:
    return [order["clientAlgoId"] for order in demo.ledger()["algo_orders"]]


def test_a_round_trip_at_the_market_is_worth_what_its_executions_say(
    demo: RunningExchange, gateway: BinanceFuturesGateway
) -> None:
    before, began = wallet(gateway), demo.market_time()
    bought = market(gateway, "in")
    (entry,) = gateway.trades_of_order(SYMBOL, bought.venue_order_id)
    pass_time(demo, minutes=1)
    sold = market(gateway, "out", side=Side.SELL, reduces_only=True)
    (closing,) = gateway.trades_of_order(SYMBOL, sold.venue_order_id)

    assert (bought.status, sold.status) == (VenueOrderStatus.FILLED, VenueOrderStatus.FILLED)
    assert (bought.filled_quantity, bought.filled_quote_quantity) == (SIZE, None)
    assert (bought.reduces_only, sold.reduces_only) == (False, True)
    assert (entry.price, closing.price) == (BOUGHT_AT, SOLD_AT)
    assert (entry.commission, closing.commission) == (
        BOUGHT_AT * SIZE * TAKER,
        SOLD_AT * SIZE * TAKER,
    )
    assert (entry.commission_asset, closing.commission_asset) == ("USDT", "USDT")
    pnl = (SOLD_AT - BOUGHT_AT) * SIZE
    assert (entry.realized_pnl, closing.realized_pnl) == (ZERO, pnl)
    assert (entry.side, closing.side) == (Side.BUY, Side.SELL)
    assert (entry.is_maker, closing.is_maker) == (False, False)
    assert wallet(gateway) - before == pnl - entry.commission - closing.commission
    assert found(gateway, "in").filled_quote_quantity == entry.quote_quantity == BOUGHT_AT * SIZE
    assert held(gateway) == 0
    assert gateway.trades(SYMBOL, start=began) == [entry, closing]
    assert names_in_ledger(demo) == ["in", "out"]


def test_an_order_that_can_only_reduce_never_opens_or_turns_a_position(
    demo: RunningExchange, gateway: BinanceFuturesGateway
) -> None:
    with pytest.raises(OrderRejectedError) as refused:
        market(gateway, "nothing-there", side=Side.SELL, reduces_only=True)
    assert refused.value.code == -2022
    market(gateway, "in")

    with pytest.raises(OrderRejectedError) as refused:
        market(gateway, "grows", reduces_only=True)
    assert refused.value.code == -2022

    half = market(gateway, "half", side=Side.SELL, reduces_only=True, quantity=SIZE / 2)
    assert half.filled_quantity == SIZE / 2
    assert held(gateway) == SIZE / 2
    assert names_in_ledger(demo) == ["in", "half"]


def test_a_limit_order_rests_until_it_is_canceled(
    demo: RunningExchange, gateway: BinanceFuturesGateway
) -> None:
    placed = limit(gateway, "rests", post_only=True)
    (resting,) = gateway.open_orders(SYMBOL)

    canceled = gateway.cancel_order(SYMBOL, "rests")

    assert (placed.status, placed.type) == (VenueOrderStatus.NEW, OrderType.LIMIT)
    assert (placed.price, placed.time_in_force) == (NEVER, TimeInForce.GTX)
    assert resting.venue_order_id == canceled.venue_order_id == placed.venue_order_id
    assert canceled.client_order_id == "rests"
    assert canceled.status is VenueOrderStatus.CANCELED
    assert gateway.open_orders(None) == []
    assert gateway.trades_of_order(SYMBOL, placed.venue_order_id) == []
    with pytest.raises(OrderRejectedError) as refused:
        gateway.cancel_order(SYMBOL, "rests")
    assert refused.value.code == -2011
    assert names_in_ledger(demo) == ["rests"]


def test_a_limit_order_fills_as_maker_when_the_price_comes(
    demo: RunningExchange, gateway: BinanceFuturesGateway
) -> None:
    placed = limit(gateway, "waits")

    move_price(demo, 95_000)

    assert found(gateway, "waits").status is VenueOrderStatus.FILLED
    (trade,) = gateway.trades_of_order(SYMBOL, placed.venue_order_id)
    assert (trade.price, trade.is_maker) == (NEVER, True)
    assert trade.commission == NEVER * SIZE * Decimal("0.0002")


def test_a_post_only_order_that_would_take_is_not_placed(
    demo: RunningExchange, gateway: BinanceFuturesGateway
) -> None:
    with pytest.raises(OrderRejectedError) as refused:
        limit(gateway, "takes", price=Decimal(101_000), post_only=True)

    assert refused.value.code == -5022
    assert gateway.open_orders(SYMBOL) == []
    assert held(gateway) == 0
    assert not [order for order in demo.ledger()["futures_orders"] if order["status"] != "EXPIRED"]


def test_a_checked_order_is_not_placed(
    demo: RunningExchange, gateway: BinanceFuturesGateway
) -> None:
    def asked(quantity: str) -> MarketOrderRequest:
        return MarketOrderRequest(
            side=Side.BUY,
            quantity=Decimal(quantity),
            client_order_id="checked",
            **signed(gateway),
        )

    gateway.check_order(asked("0.01"))
    with pytest.raises(OrderRejectedError) as refused:
        gateway.check_order(asked("0.0001"))

    assert refused.value.code in (-1111, -4004, -4023)
    assert names_in_ledger(demo) == []


def test_an_order_without_the_margin_for_it_is_refused(
    demo: RunningExchange, gateway: BinanceFuturesGateway
) -> None:
    with pytest.raises(OrderRejectedError, match="margin is too small") as refused:
        market(gateway, "too-much", quantity=Decimal(2))

    assert refused.value.code == -2019
    assert names_in_ledger(demo) == []


def test_a_stop_that_triggers_is_finished_by_its_child(
    demo: RunningExchange, gateway: BinanceFuturesGateway
) -> None:
    market(gateway, "in")
    placed = stop(gateway, "guard")
    assert gateway.open_algo_orders(SYMBOL) == [waiting(gateway, "guard")]
    assert (placed.protects, placed.child_order_id) == (True, None)
    assert child_of(gateway, placed) is None

    move_price(demo, 98_000)

    done = waiting(gateway, "guard")
    child = child_of(gateway, done)
    assert child is not None
    assert (done.status, done.protects, done.is_open) == (AlgoStatus.FINISHED, False, False)
    assert (child.status, child.type) == (VenueOrderStatus.FILLED, OrderType.MARKET)
    assert (child.side, child.filled_quantity) == (Side.SELL, SIZE)
    (trade,) = gateway.trades_of_order(SYMBOL, child.venue_order_id)
    assert trade.quantity == SIZE
    assert trade.realized_pnl == (trade.price - BOUGHT_AT) * SIZE
    assert trade.commission == trade.price * SIZE * TAKER
    assert held(gateway) == 0
    assert gateway.open_algo_orders(None) == []
    assert algos_in_ledger(demo) == ["guard"]
    assert len(names_in_ledger(demo)) == 2


def test_a_stop_over_the_whole_position_closes_what_is_there(
    demo: RunningExchange, gateway: BinanceFuturesGateway
) -> None:
    market(gateway, "in")
    placed = stop(gateway, "all", quantity=None, closes_position=True)
    market(gateway, "more", quantity=2 * SIZE)

    move_price(demo, 98_000)

    assert (placed.quantity, placed.closes_position) == (ZERO, True)
    child = child_of(gateway, waiting(gateway, "all"))
    assert child is not None
    assert child.filled_quantity == 3 * SIZE
    assert held(gateway) == 0


def test_a_trailing_stop_follows_the_price_and_triggers_at_its_distance(
    demo: RunningExchange, gateway: BinanceFuturesGateway
) -> None:
    market(gateway, "in")
    placed = stop(
        gateway,
        "trails",
        type=AlgoOrderType.TRAILING_STOP_MARKET,
        trigger_price=None,
        callback_percent=Decimal(2),
    )
    assert placed.callback_percent == 2

    for price, status in ((103_000, AlgoStatus.NEW), (101_500, AlgoStatus.NEW)):
        move_price(demo, price)
        assert waiting(gateway, "trails").status is status
    move_price(demo, 100_500)  # more than 2 % below 103000

    assert waiting(gateway, "trails").status is AlgoStatus.FINISHED
    assert held(gateway) == 0


def test_a_canceled_stop_never_triggers(
    demo: RunningExchange, gateway: BinanceFuturesGateway
) -> None:
    market(gateway, "in")
    stop(gateway, "guard")

    gateway.cancel_algo_order("guard")
    move_price(demo, 98_000)

    assert waiting(gateway, "guard").status is AlgoStatus.CANCELED
    assert held(gateway) == SIZE
    with pytest.raises(OrderRejectedError) as refused:
        gateway.cancel_algo_order("guard")
    assert refused.value.code == -2011


def test_a_stop_on_the_wrong_side_of_the_price_is_refused(
    demo: RunningExchange, gateway: BinanceFuturesGateway
) -> None:
    market(gateway, "in")

    with pytest.raises(OrderRejectedError, match="passed already") as refused:
        stop(gateway, "late", trigger_price=Decimal(101_000))

    assert refused.value.code == -2021
    assert algos_in_ledger(demo) == []


def test_all_orders_of_a_symbol_are_canceled(
    demo: RunningExchange, gateway: BinanceFuturesGateway
) -> None:
    market(gateway, "in")
    limit(gateway, "rests")
    stop(gateway, "guard")
    demo.set_fault(endpoint="DELETE /fapi/v1/allOpenOrders", **LOST)

    with pytest.raises(OutcomeUnknownError):
        gateway.cancel_all_orders(SYMBOL)

    assert gateway.open_orders(SYMBOL) == []
    assert gateway.open_algo_orders(SYMBOL) == []
    assert held(gateway) == SIZE
    gateway.cancel_all_orders(SYMBOL)  # nothing left is no failure


def test_an_order_whose_reply_is_lost_is_found_by_its_name_and_there_once(
    demo: RunningExchange, gateway: BinanceFuturesGateway
) -> None:
    demo.set_fault(endpoint="POST /fapi/v1/order", **LOST)

    with pytest.raises(OutcomeUnknownError):
        market(gateway, "lost")

    adopted = found(gateway, "lost")
    assert (adopted.status, adopted.filled_quantity) == (VenueOrderStatus.FILLED, SIZE)
    assert held(gateway) == SIZE
    assert names_in_ledger(demo) == ["lost"]


def test_an_algo_order_whose_reply_is_lost_is_found_by_its_name_and_there_once(
    demo: RunningExchange, gateway: BinanceFuturesGateway
) -> None:
    market(gateway, "in")
    demo.set_fault(endpoint="POST /fapi/v1/algoOrder", **LOST)

    with pytest.raises(OutcomeUnknownError):
        stop(gateway, "lost")

    assert waiting(gateway, "lost").protects
    assert algos_in_ledger(demo) == ["lost"]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"action": "error", "code": -1021, "message": "Too late."}, TimestampError),
        ({"action": "error", "code": -5028, "message": "Too late."}, TimestampError),
        ({"action": "error", "code": -1008}, UnavailableError),
        (
            {"action": "status", "status": 503, "body": '{"code":-1,"msg":"Service Unavailable."}'},
            UnavailableError,
        ),
        ({"action": "error", "code": -1015, "seconds": 30, "status": 429}, RateLimitedError),
        (
            {
                "action": "status",
                "status": 503,
                "body": '{"code":-1,"msg":"Unknown error, please check your request."}',
            },
            OutcomeUnknownError,
        ),
        ({"action": "drop"}, OutcomeUnknownError),
        ({"action": "html"}, OutcomeUnknownError),
    ],
)
def test_what_failed_before_the_engine_saw_it_was_never_placed(
    demo: RunningExchange,
    gateway: BinanceFuturesGateway,
    fault: dict[str, Any],
    expected: type[Exception],
) -> None:
    demo.set_fault(endpoint="POST /fapi/v1/order", when="before", times=1, **fault)

    with pytest.raises(expected):
        market(gateway, "never")

    assert gateway.order_by_client_id(SYMBOL, "never") is None
    assert names_in_ledger(demo) == []


def test_a_name_that_is_open_already_is_no_refusal_but_a_question(
    demo: RunningExchange, gateway: BinanceFuturesGateway
) -> None:
    limit(gateway, "twice")
    with pytest.raises(OutcomeUnknownError) as unknown:
        limit(gateway, "twice")
    assert unknown.value.code == -4116
    market(gateway, "in")
    stop(gateway, "stop-twice")
    with pytest.raises(OutcomeUnknownError) as unknown:
        stop(gateway, "stop-twice")
    assert unknown.value.code == -4116

    assert found(gateway, "twice").status is VenueOrderStatus.NEW
    assert waiting(gateway, "stop-twice").protects
    assert names_in_ledger(demo) == ["twice", "in"]
    assert algos_in_ledger(demo) == ["stop-twice"]


def test_a_query_that_lags_behind_is_no_proof_that_there_is_no_order(
    demo: RunningExchange, gateway: BinanceFuturesGateway
) -> None:
    demo.set_fault(
        endpoint="GET /fapi/v1/order", when="before", action="stale", seconds=60, times=1
    )
    pass_time(demo, minutes=2)
    placed = market(gateway, "fresh")

    assert gateway.order_by_client_id(SYMBOL, "fresh") is None
    assert found(gateway, "fresh").venue_order_id == placed.venue_order_id


def test_a_stop_that_is_triggering_is_not_there_to_be_canceled(
    demo: RunningExchange, gateway: BinanceFuturesGateway
) -> None:
    market(gateway, "in")
    stop(gateway, "guard")
    hitch(demo, "late", seconds=600)

    move_price(demo, 98_000)
    triggering = waiting(gateway, "guard")
    with pytest.raises(OrderRejectedError) as refused:
        gateway.cancel_algo_order("guard")

    assert (triggering.status, triggering.protects) == (AlgoStatus.TRIGGERING, False)
    assert triggering.child_order_id is None
    assert refused.value.code == -2011
    assert held(gateway) == SIZE
    pass_time(demo, minutes=15)
    child = child_of(gateway, waiting(gateway, "guard"))
    assert child is not None
    assert child.filled_quantity == SIZE
    assert held(gateway) == 0
    assert len(names_in_ledger(demo)) == 2


def test_a_stop_that_hangs_in_its_trigger_protects_nothing_and_leaves_the_way_out_open(
    demo: RunningExchange, gateway: BinanceFuturesGateway
) -> None:
    market(gateway, "in")
    stop(gateway, "guard")
    hitch(demo, "stuck")

    move_price(demo, 98_000)
    pass_time(demo, hours=6)

    hanging = waiting(gateway, "guard")
    assert (hanging.status, hanging.is_open, hanging.protects) == (
        AlgoStatus.TRIGGERING,
        True,
        False,
    )
    assert gateway.open_algo_orders(SYMBOL) == [hanging]
    with pytest.raises(OrderRejectedError) as refused:
        gateway.cancel_algo_order("guard")
    assert refused.value.code == -2011
    assert market(gateway, "out", side=Side.SELL, reduces_only=True).filled_quantity == SIZE
    assert held(gateway) == 0


def test_a_child_that_shows_late_is_no_proof_that_nothing_was_filled(
    demo: RunningExchange, gateway: BinanceFuturesGateway
) -> None:
    market(gateway, "in")
    stop(gateway, "guard")
    hitch(demo, "missing", seconds=600)

    move_price(demo, 98_000)

    triggered = waiting(gateway, "guard")
    assert triggered.child_order_id is not None
    assert child_of(gateway, triggered) is None
    assert held(gateway) == 0  # it has filled all the same
    pass_time(demo, minutes=15)
    child = child_of(gateway, waiting(gateway, "guard"))
    assert child is not None
    assert child.status is VenueOrderStatus.FILLED


def test_an_algo_order_that_finds_no_margin_at_its_trigger_is_rejected(
    demo: RunningExchange, gateway: BinanceFuturesGateway
) -> None:
    placed = stop(
        gateway,
        "too-much",
        side=Side.BUY,
        quantity=Decimal(2),
        reduces_only=False,
        trigger_price=Decimal(101_000),
    )
    assert placed.status is AlgoStatus.NEW  # nobody has looked at the margin yet

    move_price(demo, 102_000)

    refused = waiting(gateway, "too-much")
    assert (refused.status, refused.protects, refused.is_open) == (
        AlgoStatus.REJECTED,
        False,
        False,
    )
    assert refused.filled_quantity == 0
    assert child_of(gateway, refused) is None
    assert held(gateway) == 0


def test_a_protection_that_is_refused_at_its_trigger_says_so(
    demo: RunningExchange, gateway: BinanceFuturesGateway
) -> None:
    market(gateway, "in")
    stop(gateway, "guard")
    hitch(demo, "refuse")

    move_price(demo, 98_000)

    assert waiting(gateway, "guard").status is AlgoStatus.REJECTED
    assert held(gateway) == SIZE
    assert gateway.open_algo_orders(SYMBOL) == []


def test_an_exit_from_a_position_that_somebody_else_has_closed_is_refused(
    demo: RunningExchange, gateway: BinanceFuturesGateway
) -> None:
    market(gateway, "in")
    (uid,) = demo.ledger()["balances"]
    demo.control("positions", {"uid": int(uid), "symbol": SYMBOL, "amount": f"-{SIZE}"})

    with pytest.raises(OrderRejectedError, match="no position") as refused:
        market(gateway, "out", side=Side.SELL, reduces_only=True)

    assert refused.value.code == -2022
    assert held(gateway) == 0
    ours, theirs = demo.ledger()["futures_orders"]
    assert ours["clientOrderId"] == "in"
    assert theirs["clientOrderId"].startswith("web_")


def test_nobody_knows_an_order_that_was_never_placed(gateway: BinanceFuturesGateway) -> None:
    assert gateway.order_by_client_id(SYMBOL, "never") is None
    assert gateway.order_by_venue_id(SYMBOL, "999999") is None
    assert gateway.algo_order_by_client_id("never") is None
    assert gateway.open_orders(None) == []
    assert gateway.open_algo_orders(None) == []


def test_an_order_that_fills_over_more_than_a_week_loses_no_execution(
    demo: RunningExchange, gateway: BinanceFuturesGateway
) -> None:
    (uid,) = demo.ledger()["balances"]
    deposit = {"uid": int(uid), "asset": "USDT", "amount": "9000000", "wallet": "um"}
    demo.control("deposits", deposit)
    size = Decimal(500)  # more than a share of some minutes' volume
    limit(gateway, "tb-slow", quantity=size, price=Decimal(99_000))
    move_price(demo, 99_000)
    demo.set_price(SYMBOL, "100000")
    pass_time(demo, days=8)
    move_price(demo, 99_000)

    order = found(gateway, "tb-slow")
    trades = gateway.trades_of_order(
        SYMBOL, order.venue_order_id, filled_quantity=order.filled_quantity
    )

    assert order.status is VenueOrderStatus.PARTIALLY_FILLED
    assert trades[-1].market_time - trades[0].market_time > timedelta(days=7)
    assert sum(trade.quantity for trade in trades) == order.filled_quantity < size

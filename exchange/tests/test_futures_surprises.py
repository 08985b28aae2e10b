"""What happens at the futures venue past the one who trades: at the trigger, by another hand.

Of each is asked what the gateway says, that nothing is at the venue twice, and that a position is
never turned over by an exit from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, Final

import pytest

from exchange.binance.futures import BinanceFuturesGateway
from exchange.binance.listing_cache import drop_listing_caches
from exchange.demo.testing import RunningExchange
from exchange.domain.algo_children import child_of
from exchange.domain.algo_orders import AlgoStatus
from exchange.domain.errors import OrderRejectedError, OutcomeUnknownError
from exchange.domain.futures_setup import set_up_symbol
from exchange.domain.reports import VenueOrderStatus
from exchange.domain.types import ZERO
from exchange.tests.futures_steps import (
    ACCOUNT,
    SIZE,
    SYMBOL,
    held,
    leave,
    market,
    move_price,
    opened,
    orders_named,
    pass_time,
    set_symbol,
    stop,
    trade_elsewhere,
    waiting,
)

Place = Callable[[BinanceFuturesGateway, str], object]
NAME: Final = "tb-1"
ENTRY: Final = "tb-1-in"


@pytest.fixture
def demo() -> Iterator[RunningExchange]:
    """Run an exchange of its own, whose price stands still."""
    drop_listing_caches()
    with RunningExchange(is_paused=True, accounts=[ACCOUNT]) as exchange:
        exchange.set_price(SYMBOL, "100000")
        yield exchange


@pytest.fixture
def gateway(demo: RunningExchange) -> Iterator[BinanceFuturesGateway]:
    """Open the account with its symbol isolated at 10x."""
    with opened(demo) as gateway:
        set_up_symbol(gateway, SYMBOL, leverage=10)
        yield gateway


# what strikes; status, held and whether the child shows: at the trigger, and 15 minutes later
HITCHES: Final[list[tuple[dict[str, Any], tuple[Any, ...], tuple[Any, ...]]]] = [
    (
        {"on_trigger": "late", "seconds": 600},
        (AlgoStatus.TRIGGERING, SIZE, False),
        (AlgoStatus.FINISHED, ZERO, True),
    ),
    (
        {"on_trigger": "missing", "seconds": 600},
        (AlgoStatus.FINISHED, ZERO, False),
        (AlgoStatus.FINISHED, ZERO, True),
    ),
    (
        {"on_trigger": "stuck"},
        (AlgoStatus.TRIGGERING, SIZE, False),
        (AlgoStatus.TRIGGERING, SIZE, False),
    ),
    (
        {"on_trigger": "refuse"},
        (AlgoStatus.REJECTED, SIZE, False),
        (AlgoStatus.REJECTED, SIZE, False),
    ),
]


@pytest.mark.parametrize(("hitch", "at_once", "later"), HITCHES)
def test_a_stop_that_went_wrong_at_its_trigger_is_told_by_its_name_and_its_child(
    demo: RunningExchange,
    gateway: BinanceFuturesGateway,
    hitch: dict[str, Any],
    at_once: tuple[Any, ...],
    later: tuple[Any, ...],
) -> None:
    market(gateway, ENTRY)
    stop(gateway, NAME)
    demo.control("algo", {"symbol": SYMBOL, **hitch})

    move_price(demo, 98_000)
    seen = [state(gateway, NAME)]
    with pytest.raises(OrderRejectedError) as refused:
        gateway.cancel_algo_order(NAME)
    pass_time(demo, minutes=15)
    seen.append(state(gateway, NAME))

    assert seen == [at_once, later]
    assert refused.value.code == -2011
    assert not waiting(gateway, NAME).protects
    # The algo order, and its child under the same NAME, if there was one.
    assert len(orders_named(demo, NAME)) == (2 if later[2] else 1)
    if later[1]:  # nothing protects, and nothing keeps anybody from leaving
        assert leave(gateway, "tb-1-out").filled_quantity == SIZE
    assert held(gateway) == 0


def state(gateway: BinanceFuturesGateway, name: str) -> tuple[AlgoStatus, Decimal, bool]:
    algo = waiting(gateway, name)
    return algo.status, held(gateway), child_of(gateway, algo) is not None


# traded elsewhere; what a sale of all that was bought fills, and what is held then
ELSEWHERE: Final = [
    ("0.010", SIZE, SIZE),
    ("-0.004", Decimal("0.006"), ZERO),
    ("-0.010", None, ZERO),
    ("-0.025", None, Decimal("-0.015")),
]


@pytest.mark.parametrize(("amount", "filled", "left"), ELSEWHERE)
def test_an_exit_takes_no_more_than_somebody_else_has_left(
    demo: RunningExchange,
    gateway: BinanceFuturesGateway,
    amount: str,
    filled: Decimal | None,
    left: Decimal,
) -> None:
    market(gateway, ENTRY)
    trade_elsewhere(demo, Decimal(amount))

    if filled is None:
        with pytest.raises(OrderRejectedError) as refused:
            leave(gateway, NAME)
        assert refused.value.code == -2022
        assert gateway.order_by_client_id(SYMBOL, NAME) is None
    else:
        report = leave(gateway, NAME)
        assert report.filled_quantity == filled
        ended = VenueOrderStatus.FILLED if filled == SIZE else VenueOrderStatus.EXPIRED
        assert report.status is ended

    assert held(gateway) == left


@pytest.mark.parametrize(("amount", "filled", "left"), ELSEWHERE)
def test_a_stop_takes_no_more_than_somebody_else_has_left(
    demo: RunningExchange,
    gateway: BinanceFuturesGateway,
    amount: str,
    filled: Decimal | None,
    left: Decimal,
) -> None:
    market(gateway, ENTRY)
    stop(gateway, NAME)
    trade_elsewhere(demo, Decimal(amount))

    move_price(demo, 98_000)

    done = waiting(gateway, NAME)
    child = child_of(gateway, done)
    assert done.status is (AlgoStatus.FINISHED if filled else AlgoStatus.REJECTED)
    assert (child.filled_quantity if child else None) == filled
    assert held(gateway) == left


@pytest.mark.parametrize(
    ("place", "code"),
    [
        (market, -4061),
        (lambda gateway, name: stop(gateway, name, reduces_only=False), -4061),
        (lambda gateway, name: stop(gateway, name, quantity=None, closes_position=True), -4061),
        (leave, -1106),
        (stop, -1106),
    ],
)
def test_in_an_account_that_somebody_has_switched_to_hedge_mode_nothing_is_placed(
    demo: RunningExchange, gateway: BinanceFuturesGateway, place: Place, code: int
) -> None:
    with opened(demo) as other:
        other.set_hedge_mode(is_on=True)

    with pytest.raises(OrderRejectedError, match="switched") as refused:
        place(gateway, NAME)

    assert refused.value.code == code
    assert orders_named(demo, NAME) == []
    assert gateway.is_hedge_mode()
    assert "hedge mode" in (set_up_symbol(gateway, SYMBOL, leverage=10).entry_block or "")


def test_a_leverage_that_somebody_else_has_raised_is_seen_before_an_entry_and_brought_back(
    demo: RunningExchange, gateway: BinanceFuturesGateway
) -> None:
    with opened(demo) as other:
        other.set_leverage(SYMBOL, 50)
        assert gateway.symbol_config(SYMBOL).leverage == 50
        assert set_up_symbol(gateway, SYMBOL, leverage=10).entry_block is None
        assert gateway.symbol_config(SYMBOL).leverage == 10
        market(gateway, NAME)
        other.set_leverage(SYMBOL, 50)

    setup = set_up_symbol(gateway, SYMBOL, leverage=10)  # it cannot be lowered under a position

    assert setup.leverage == 50
    assert "above the 10 configured" in (setup.entry_block or "")
    assert held(gateway) == SIZE


@pytest.mark.parametrize("status", ["TRADING_HALT", "SETTLING", "CLOSE"])
def test_a_halted_symbol_takes_nothing_and_the_rules_say_so_from_then_on(
    demo: RunningExchange, gateway: BinanceFuturesGateway, status: str
) -> None:
    market(gateway, ENTRY)
    stop(gateway, "tb-1-s")
    assert gateway.rules(SYMBOL).allows_entries
    set_symbol(demo, status=status)
    assert gateway.rules(SYMBOL).allows_entries  # as they were told last

    for place in (market, leave, stop):
        with pytest.raises(OrderRejectedError) as refused:
            place(gateway, NAME)
        assert refused.value.code == -4140

    assert not gateway.rules(SYMBOL).allows_entries
    assert gateway.rules(SYMBOL).status == status
    assert orders_named(demo, NAME) == []
    assert waiting(gateway, "tb-1-s").protects
    assert held(gateway) == SIZE
    set_symbol(demo, status="TRADING")
    assert leave(gateway, NAME).filled_quantity == SIZE


def test_a_name_whose_order_has_ended_names_a_second_one(
    demo: RunningExchange, gateway: BinanceFuturesGateway
) -> None:
    """The danger behind "one intent, one NAME, sent once": the venue does not refuse it."""
    first = market(gateway, NAME)
    second = market(gateway, NAME)

    found = gateway.order_by_client_id(SYMBOL, NAME)
    assert found is not None
    assert found.venue_order_id == second.venue_order_id != first.venue_order_id
    assert held(gateway) == 2 * SIZE


def test_a_stops_name_is_its_own_while_it_is_open_and_free_again_after_its_end(
    demo: RunningExchange, gateway: BinanceFuturesGateway
) -> None:
    market(gateway, ENTRY)
    first = stop(gateway, NAME)
    with pytest.raises(OutcomeUnknownError) as unknown:
        stop(gateway, NAME, trigger_price=Decimal(98_500))

    assert unknown.value.code == -4116
    assert waiting(gateway, NAME).algo_id == first.algo_id
    assert waiting(gateway, NAME).trigger_price == 99_000
    assert len(orders_named(demo, NAME)) == 1

    gateway.cancel_algo_order(NAME)
    second = stop(gateway, NAME, trigger_price=Decimal(98_500))
    assert waiting(gateway, NAME).algo_id == second.algo_id != first.algo_id
    assert [one["algoStatus"] for one in orders_named(demo, NAME)] == ["CANCELED", "NEW"]

"""Every fault of the futures venue on everything that matters, over HTTP at the built-in exchange.

Of each is asked which error the gateway raises, how often the request was sent, whether the venue's
ledger has exactly one order (or none), and what somebody learns who looks later.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

import pytest

from exchange.binance.futures import BinanceFuturesGateway
from exchange.binance.listing_cache import drop_listing_caches
from exchange.demo.testing import RunningExchange
from exchange.domain.budget import Priority, asking_for
from exchange.domain.errors import (
    CredentialsError,
    GatewayError,
    OutcomeUnknownError,
    RateLimitedError,
    TimestampError,
    UnavailableError,
)
from exchange.domain.futures_setup import set_up_symbol
from exchange.tests.futures_steps import (
    ACCOUNT,
    SIZE,
    SYMBOL,
    clean_up,
    held,
    market,
    opened,
    orders_named,
    stop,
    waiting,
)

ORDER: Final = "POST /fapi/v1/order"
ALGO: Final = "POST /fapi/v1/algoOrder"
CANCEL_ALGO: Final = "DELETE /fapi/v1/algoOrder"
LEVERAGE: Final = "POST /fapi/v1/leverage"
GET_ORDER: Final = "GET /fapi/v1/order"
GET_ALGO: Final = "GET /fapi/v1/algoOrder"
PAUSE: Final = 0.7  # longer than the gateway waits for an answer
BAN: Final = 0.3
_numbers: Final = count(1)


@pytest.fixture(scope="module")
def venue() -> Iterator[RunningExchange]:
    """Run one exchange for all tests."""
    drop_listing_caches()
    with RunningExchange(is_paused=True, accounts=[ACCOUNT]) as exchange:
        exchange.set_price(SYMBOL, "100000")
        yield exchange


@pytest.fixture
def demo(venue: RunningExchange) -> Iterator[RunningExchange]:
    """Lend the exchange and clean up behind the test."""
    yield venue
    clean_up(venue)


@pytest.fixture
def gateway(demo: RunningExchange) -> Iterator[BinanceFuturesGateway]:
    """Open the account with its clock measured and its symbol isolated at 10x."""
    with opened(demo) as gateway:
        set_up_symbol(gateway, SYMBOL, leverage=10)
        yield gateway


@pytest.fixture
def onlooker(demo: RunningExchange) -> Iterator[BinanceFuturesGateway]:
    """Open the account once more, knowing nothing of what the first gateway has met."""
    with opened(demo) as gateway:
        yield gateway


@pytest.fixture
def name() -> str:
    """Return a client id that no other test uses."""
    return f"fault-{next(_numbers)}"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What goes wrong, and what a write may say about it.

    happens   whether the engine acts all the same
    most      seconds that a RateLimitedError may name
    pause     seconds after which the venue is itself again
    """

    what: str
    door: dict[str, Any]
    error: type[GatewayError]
    when: str = "before"
    happens: bool = False
    most: float = 0.0
    pause: float = 0.0

    def set(self, demo: RunningExchange, endpoint: str, *, times: int | None) -> None:
        demo.set_fault(endpoint=endpoint, when=self.when, times=times, **self.door)

    def __str__(self) -> str:
        return f"{self.when}: {self.what}"


def error(code: int, **changes: Any) -> dict[str, Any]:
    return {"action": "error", "code": code, **changes}


def http_503(text: str) -> dict[str, Any]:
    return {"action": "status", "status": 503, "body": f'{{"code":-1,"msg":"{text}"}}'}


MAYBE: Final[dict[str, dict[str, Any]]] = {
    "drop": {"action": "drop"},
    "502 with HTML": {"action": "html"},
    "503 unknown error": http_503("Unknown error, please check your request or try again later."),
    "200 with half a text": {"action": "garbage"},
    "200 with an empty list": {"action": "status", "status": 200, "body": "[]"},
    "-1000": error(-1000),
    "-1001": error(-1001),
    "-1006": error(-1006),
    "-1007": error(-1007),
}
NOT_DONE: Final[list[Fault]] = [
    Fault(what=what, door=door, error=UnavailableError)
    for what, door in {
        "503 service unavailable": http_503("Service Unavailable."),
        "503 internal error": http_503(
            "Internal error; unable to process your request. Please try again."
        ),
        "-1008": error(-1008),
    }.items()
]
LIMITED: Final[list[Fault]] = [
    Fault(what=what, door=door, error=RateLimitedError, most=most, pause=pause)
    for what, door, most, pause in (
        ("429", error(-1003, seconds=30), 30, 0.0),
        ("418", {"action": "ban", "seconds": BAN}, 1, BAN),
        ("403", {"action": "status", "status": 403, "body": "<html>"}, 60, 0.0),
    )
]
ORDERS_LIMITED: Final[list[Fault]] = [
    Fault(what=what, door=door, error=RateLimitedError, most=most)
    for what, door, most in (
        ("-1015 of ten seconds", error(-1015, seconds=0), 10),
        (
            "-1015 of a minute",
            error(
                -1015,
                seconds=0,
                message="Too many new orders; current limit is 1200 orders per MINUTE.",
            ),
            60,
        ),
        ("-1015 that says how long", error(-1015, seconds=7), 7),
    )
]
LATE: Final[list[Fault]] = [
    Fault(what=str(code), door=error(code), error=TimestampError) for code in (-1021, -5028)
]
LOCKED_OUT: Final = Fault(what="-2015", door=error(-2015), error=CredentialsError)
SLOW: Final[list[Fault]] = [
    Fault(
        what="delay",
        when=when,
        door={"action": "delay", "seconds": PAUSE},
        error=OutcomeUnknownError,
        happens=True,
        pause=PAUSE,
    )
    for when in ("before", "after")
]
UNKNOWN: Final[list[Fault]] = [
    *(
        Fault(what=what, when=when, door=door, error=OutcomeUnknownError, happens=when == "after")
        for when in ("before", "after")
        for what, door in MAYBE.items()
    ),
    *SLOW,
]
FOR_ANY_WRITE: Final = [*UNKNOWN, *NOT_DONE, *LIMITED, LOCKED_OUT]
FOR_ORDERS: Final = [*FOR_ANY_WRITE, *ORDERS_LIMITED, *LATE]


def cases(faults: list[Fault]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("fault", faults, ids=str)


def suffer(demo: RunningExchange, fault: Fault, endpoint: str, ask: Callable[[], object]) -> None:
    """Let `ask` meet the fault, once and with its error; return when the venue is well again."""
    fault.set(demo, endpoint, times=None)
    with pytest.raises(GatewayError) as raised:
        ask()
    hits = sum(one["hits"] for one in demo.faults())
    demo.clear_faults()
    time.sleep(fault.pause)
    assert type(raised.value) is fault.error
    assert hits == 1  # whatever happens, it was sent once
    if isinstance(raised.value, RateLimitedError):
        assert 0 < raised.value.retry_after <= fault.most


@cases(FOR_ORDERS)
def test_an_order_is_at_the_venue_once_or_not_at_all_and_its_name_tells(
    demo: RunningExchange,
    gateway: BinanceFuturesGateway,
    onlooker: BinanceFuturesGateway,
    fault: Fault,
    name: str,
) -> None:
    suffer(demo, fault, ORDER, lambda: market(gateway, name))

    seen = onlooker.order_by_client_id(SYMBOL, name)
    assert len(orders_named(demo, name)) == (1 if fault.happens else 0)
    assert (seen is not None) is fault.happens
    assert held(onlooker) == (SIZE if fault.happens else 0)
    if seen:
        trades = onlooker.trades_of_order(SYMBOL, seen.venue_order_id)
        assert sum(trade.quantity for trade in trades) == seen.filled_quantity == SIZE


@cases(FOR_ORDERS)
def test_a_stop_is_at_the_venue_once_or_not_at_all_and_its_name_tells(
    demo: RunningExchange,
    gateway: BinanceFuturesGateway,
    onlooker: BinanceFuturesGateway,
    fault: Fault,
    name: str,
) -> None:
    market(gateway, f"{name}-e")

    suffer(demo, fault, ALGO, lambda: stop(gateway, name))

    seen = onlooker.algo_order_by_client_id(name)
    assert len(orders_named(demo, name)) == (1 if fault.happens else 0)
    assert (seen is not None and seen.protects) is fault.happens
    assert len(onlooker.open_algo_orders(SYMBOL)) == (1 if fault.happens else 0)
    assert held(onlooker) == SIZE


@cases(FOR_ANY_WRITE)
def test_a_canceled_stop_is_gone_or_still_protects_and_its_name_tells(
    demo: RunningExchange,
    gateway: BinanceFuturesGateway,
    onlooker: BinanceFuturesGateway,
    fault: Fault,
    name: str,
) -> None:
    market(gateway, f"{name}-e")
    stop(gateway, name)

    suffer(demo, fault, CANCEL_ALGO, lambda: gateway.cancel_algo_order(name))

    assert waiting(onlooker, name).protects is not fault.happens
    assert len(onlooker.open_algo_orders(SYMBOL)) == (0 if fault.happens else 1)
    assert held(onlooker) == SIZE


@cases(FOR_ANY_WRITE)
def test_a_leverage_was_set_or_not_and_the_venues_configuration_tells(
    demo: RunningExchange,
    gateway: BinanceFuturesGateway,
    onlooker: BinanceFuturesGateway,
    fault: Fault,
) -> None:
    suffer(demo, fault, LEVERAGE, lambda: gateway.set_leverage(SYMBOL, 7))

    assert onlooker.symbol_config(SYMBOL).leverage == (7 if fault.happens else 10)


@cases(LATE)
def test_what_can_be_sent_again_is_signed_anew_once_and_no_more(
    demo: RunningExchange, gateway: BinanceFuturesGateway, fault: Fault, name: str
) -> None:
    market(gateway, f"{name}-e")
    stop(gateway, name)
    writes: list[tuple[str, Callable[[], object]]] = [
        (LEVERAGE, lambda: gateway.set_leverage(SYMBOL, 20)),
        (CANCEL_ALGO, lambda: gateway.cancel_algo_order(name)),
    ]
    for endpoint, write in writes:
        fault.set(demo, endpoint, times=None)
        with pytest.raises(TimestampError):
            write()
        assert demo.faults()[-1]["hits"] == 2
        demo.clear_faults()
        fault.set(demo, endpoint, times=1)
        write()
        demo.clear_faults()

    assert not waiting(gateway, name).is_open
    assert gateway.symbol_config(SYMBOL).leverage == 20


@pytest.mark.parametrize("endpoint", [GET_ORDER, GET_ALGO])
@cases([fault for fault in (*UNKNOWN, *NOT_DONE) if fault.when == "before" and not fault.pause])
def test_a_look_that_fails_is_repeated_and_never_says_that_there_is_nothing(
    demo: RunningExchange, gateway: BinanceFuturesGateway, fault: Fault, endpoint: str, name: str
) -> None:
    look = placed_and_looked_for(gateway, endpoint, name)
    fault.set(demo, endpoint, times=1)

    assert look() is not None
    assert demo.faults()[0]["hits"] == 1

    demo.clear_faults()
    fault.set(demo, endpoint, times=None)
    with pytest.raises(UnavailableError):
        look()


@pytest.mark.parametrize("endpoint", [GET_ORDER, GET_ALGO])
@cases([*LIMITED, LOCKED_OUT])
def test_a_look_that_is_not_allowed_is_made_once_and_says_why(
    demo: RunningExchange, gateway: BinanceFuturesGateway, fault: Fault, endpoint: str, name: str
) -> None:
    look = placed_and_looked_for(gateway, endpoint, name)

    with asking_for(Priority.EXIT, patience=0.0):
        suffer(demo, fault, endpoint, look)
        if fault.most > 1:
            with pytest.raises(RateLimitedError, match="not asked"):
                look()

    with opened(demo) as onlooker:
        assert looked_for(onlooker, endpoint, name)() is not None


@pytest.mark.parametrize("endpoint", [GET_ORDER, GET_ALGO])
@cases(LATE)
def test_a_look_heals_a_clock_that_was_wrong_once(
    demo: RunningExchange, gateway: BinanceFuturesGateway, fault: Fault, endpoint: str, name: str
) -> None:
    look = placed_and_looked_for(gateway, endpoint, name)
    fault.set(demo, endpoint, times=1)
    assert look() is not None
    demo.clear_faults()

    fault.set(demo, endpoint, times=None)
    with pytest.raises(TimestampError):
        look()
    assert demo.faults()[0]["hits"] == 2


@pytest.mark.parametrize("endpoint", [GET_ORDER, GET_ALGO])
def test_a_look_that_lags_behind_finds_nothing_and_the_next_one_does(
    demo: RunningExchange, gateway: BinanceFuturesGateway, endpoint: str, name: str
) -> None:
    demo.set_fault(endpoint=endpoint, when="before", action="stale", seconds=60, times=1)

    look = placed_and_looked_for(gateway, endpoint, name)

    assert look() is None
    assert look() is not None
    assert len(orders_named(demo, name)) == 1


def placed_and_looked_for(
    gateway: BinanceFuturesGateway, endpoint: str, name: str
) -> Callable[[], object]:
    place = market if endpoint == GET_ORDER else stop
    place(gateway, name)
    return looked_for(gateway, endpoint, name)


def looked_for(gateway: BinanceFuturesGateway, endpoint: str, name: str) -> Callable[[], object]:
    if endpoint == GET_ORDER:
        return lambda: gateway.order_by_client_id(SYMBOL, name)
    return lambda: gateway.algo_order_by_client_id(name)

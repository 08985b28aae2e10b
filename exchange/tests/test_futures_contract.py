"""The futures gateway but for its orders against the built-in exchange; its ledger is the truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final

import pytest

from exchange.binance.futures import BinanceFuturesGateway
from exchange.binance.listing_cache import drop_listing_caches
from exchange.binance.tests.conftest import loopback_urls
from exchange.demo.testing import TEST_KEY, TEST_SECRET, RunningExchange
from exchange.domain.errors import (
    CredentialsError,
    OrderRejectedError,
    OutcomeUnknownError,
    RateLimitedError,
    UnavailableError,
    UnknownSymbolError,
)
from exchange.domain.futures import IncomeType, MarginType, PositionReport
from exchange.domain.futures_gateway import FuturesGateway
from exchange.domain.futures_setup import set_up_symbol
from exchange.domain.margin import initial_margin, liquidation_price
from exchange.domain.orders import LimitOrderRequest, MarketOrderRequest
from exchange.domain.types import Environment, Market, Side

SYMBOL: Final = "BTCUSDT"
SIZE: Final = Decimal("0.010")
CENT: Final = Decimal("0.01")
SET_LEVERAGE: Final = "POST /fapi/v1/leverage"
SET_MARGIN: Final = "POST /fapi/v1/marginType"
PASSING_FAULTS: list[dict[str, Any]] = [
    {"action": "drop"},
    {"action": "html"},
    {"action": "garbage"},
    {"action": "error", "code": -1007, "message": "Timeout."},
]


@pytest.fixture
def demo() -> Iterator[RunningExchange]:
    """Run an exchange of its own, whose price stands still."""
    drop_listing_caches()
    with RunningExchange(is_paused=True) as exchange:
        exchange.set_price(SYMBOL, "100000")
        yield exchange


@pytest.fixture
def gateway(demo: RunningExchange) -> Iterator[BinanceFuturesGateway]:
    """Open the account of the exchange, whose symbols are as those of any new account."""
    gateway = opened(demo)
    yield gateway
    gateway.close()


def opened(demo: RunningExchange, **changes: Any) -> BinanceFuturesGateway:
    values: dict[str, Any] = {
        "environment": Environment.DEMO,
        "urls": loopback_urls(demo.url),
        "key": TEST_KEY,
        "secret": TEST_SECRET,
        "timeout": (1.0, 0.6),
    }
    return BinanceFuturesGateway(**(values | changes))


def trade(gateway: FuturesGateway, side: Side, quantity: Decimal = SIZE) -> None:
    signed_at_ms = gateway.signing_time_ms()
    request = MarketOrderRequest(
        symbol=SYMBOL,
        side=side,
        quantity=quantity,
        client_order_id=f"t-{signed_at_ms}-{side}",
        signed_at_ms=signed_at_ms,
        recv_window_ms=5000,
    )
    gateway.place_market_order(request, permit=gateway.permit_orders())


def rest(gateway: FuturesGateway) -> None:
    request = LimitOrderRequest(
        symbol=SYMBOL,
        side=Side.BUY,
        quantity=SIZE,
        price=Decimal(96_000),
        client_order_id="rests",
        signed_at_ms=gateway.signing_time_ms(),
        recv_window_ms=5000,
    )
    gateway.place_limit_order(request, permit=gateway.permit_orders())


def pass_time(demo: RunningExchange, **time: float) -> None:
    demo.set_clock(market_time=(demo.market_time() + timedelta(**time)).isoformat())


def position(gateway: FuturesGateway) -> PositionReport:
    (found,) = gateway.positions(SYMBOL)
    return found


def asked(demo: RunningExchange, endpoint: str) -> int:
    """Return how often the exchange heard a request since a fault that does nothing was set."""
    return sum(fault["hits"] for fault in demo.faults() if fault["endpoint"] == endpoint)


def listen(demo: RunningExchange, endpoint: str) -> None:
    demo.set_fault(endpoint=endpoint, when="before", action="delay", seconds=0, times=None)


def test_prices_are_those_of_the_futures_market(
    demo: RunningExchange, gateway: BinanceFuturesGateway
) -> None:
    demo.set_price(SYMBOL, "90000", of="futures")
    demo.set_price(SYMBOL, "90100", of="mark")

    ticker, mark = gateway.ticker(SYMBOL), gateway.mark_price(SYMBOL)

    assert (ticker.price, ticker.market_time) == (Decimal(90_000), demo.market_time())
    assert (mark.mark_price, mark.market_time) == (Decimal(90_100), demo.market_time())
    assert mark.index_price == 100_000
    assert mark.market_time < mark.next_funding_time
    assert mark.next_funding_time.hour in {0, 8, 16}


def test_klines_are_those_that_were_asked_for(
    demo: RunningExchange, gateway: BinanceFuturesGateway
) -> None:
    now = demo.market_time()

    klines = gateway.klines(SYMBOL, "5m", limit=12)
    earlier = gateway.klines(SYMBOL, "5m", limit=3, end_time=now - timedelta(hours=1))

    assert [kline.is_closed for kline in klines] == [True] * 11 + [False]
    assert klines[-1].open_time <= now <= klines[-1].close_time
    assert all(kline.low <= kline.open <= kline.high for kline in klines)
    assert earlier[-1].open_time <= now - timedelta(hours=1) <= earlier[-1].close_time
    assert len(earlier) == 3


def test_rules_are_those_of_the_contract(gateway: BinanceFuturesGateway) -> None:
    rules = gateway.rules(SYMBOL)

    assert (rules.market, rules.contract_type) == (Market.FUTURES, "PERPETUAL")
    assert rules.allows_entries
    assert (rules.price_increment, rules.quantity_increment) == (Decimal("0.1"), Decimal("0.001"))
    assert rules.min_notional == 50
    with pytest.raises(UnknownSymbolError):
        gateway.rules("MOONUSDT")


@pytest.mark.parametrize(
    "ask",
    [
        lambda gateway: gateway.ticker("MOONUSDT"),
        lambda gateway: gateway.klines("MOONUSDT", "1m", limit=1),
        lambda gateway: gateway.mark_price("MOONUSDT"),
        lambda gateway: gateway.symbol_config("MOONUSDT"),
        lambda gateway: gateway.leverage_brackets("MOONUSDT"),
        lambda gateway: gateway.commission_rates("MOONUSDT"),
        lambda gateway: gateway.set_leverage("MOONUSDT", 5),
        lambda gateway: gateway.positions("MOONUSDT"),
    ],
)
def test_an_unknown_symbol_is_named_as_such(gateway: BinanceFuturesGateway, ask: Any) -> None:
    with pytest.raises(UnknownSymbolError):
        ask(gateway)


def test_funding_is_told_for_every_stamp(
    demo: RunningExchange, gateway: BinanceFuturesGateway
) -> None:
    start = demo.market_time()
    pass_time(demo, days=2)

    rates = gateway.funding_rates(SYMBOL, start=start)
    one = gateway.funding_rates(SYMBOL, start=rates[2].market_time, end=rates[2].market_time)

    assert len(rates) == 6
    for before, after in pairwise(rates):
        assert after.market_time - before.market_time == timedelta(hours=8)
    assert all(abs(rate.rate) < CENT and rate.mark_price for rate in rates)
    assert one == [rates[2]]


def test_a_new_account_is_crossed_and_in_one_way_mode(gateway: BinanceFuturesGateway) -> None:
    config = gateway.symbol_config(SYMBOL)

    assert (config.margin_type, config.leverage) == (MarginType.CROSSED, 20)
    assert config.max_notional == gateway.leverage_brackets(SYMBOL).max_notional(20)
    assert gateway.is_hedge_mode() is False
    assert gateway.positions() == []
    assert gateway.key_permissions().can_use_futures
    assert gateway.account().can_trade


def test_a_symbol_is_set_up_once(demo: RunningExchange, gateway: BinanceFuturesGateway) -> None:
    for endpoint in (SET_LEVERAGE, SET_MARGIN):
        listen(demo, endpoint)

    first = set_up_symbol(gateway, SYMBOL, leverage=10)
    again = set_up_symbol(gateway, SYMBOL, leverage=10)

    assert first == again
    assert (first.leverage, first.margin_type) == (10, MarginType.ISOLATED)
    assert (first.entry_block, first.problems) == (None, ())
    assert gateway.symbol_config(SYMBOL).leverage == 10
    assert (asked(demo, SET_LEVERAGE), asked(demo, SET_MARGIN)) == (1, 1)


def test_what_is_so_already_is_no_error(gateway: BinanceFuturesGateway) -> None:
    for _ in range(2):
        gateway.set_margin_type(SYMBOL, MarginType.ISOLATED)
        gateway.set_hedge_mode(is_on=False)

    assert gateway.symbol_config(SYMBOL).margin_type is MarginType.ISOLATED


def test_an_account_in_hedge_mode_opens_nothing_and_stays_so(
    gateway: BinanceFuturesGateway,
) -> None:
    gateway.set_hedge_mode(is_on=True)

    setup = set_up_symbol(gateway, SYMBOL, leverage=10)

    assert setup.entry_block is not None
    assert "hedge mode" in setup.entry_block
    assert gateway.is_hedge_mode()
    assert gateway.symbol_config(SYMBOL).leverage == 20


def test_a_leverage_that_a_position_holds_up_blocks_entries(
    gateway: BinanceFuturesGateway, caplog: pytest.LogCaptureFixture
) -> None:
    set_up_symbol(gateway, SYMBOL, leverage=10)
    trade(gateway, Side.BUY)

    setup = set_up_symbol(gateway, SYMBOL, leverage=5)

    assert setup.leverage == 10
    assert setup.entry_block == "BTCUSDT has leverage 10 at the venue, above the 5 configured"
    assert len(setup.problems) == 1
    assert "code -4161" in setup.problems[0]
    assert "wanted leverage 5, has 10" in caplog.text


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("endpoint", [SET_LEVERAGE, SET_MARGIN])
@pytest.mark.parametrize("fault", PASSING_FAULTS)
def test_a_setting_without_a_clear_answer_is_sent_once_and_looked_up(
    demo: RunningExchange,
    gateway: BinanceFuturesGateway,
    endpoint: str,
    when: str,
    fault: dict[str, Any],
) -> None:
    demo.set_fault(endpoint=endpoint, when=when, times=None, **fault)

    setup = set_up_symbol(gateway, SYMBOL, leverage=10)

    assert asked(demo, endpoint) == 1
    assert len(setup.problems) == 1
    config = gateway.symbol_config(SYMBOL)
    assert (setup.leverage, setup.margin_type) == (config.leverage, config.margin_type)
    assert (setup.entry_block is None) is (when == "after")


def test_a_setting_whose_answer_is_lost_is_unknown(
    demo: RunningExchange, gateway: BinanceFuturesGateway
) -> None:
    demo.set_fault(endpoint="POST /fapi/v1/positionSide/dual", when="after", action="drop")

    with pytest.raises(OutcomeUnknownError):
        gateway.set_hedge_mode(is_on=True)

    assert gateway.is_hedge_mode()


def test_settings_are_refused_while_there_are_orders_or_positions(
    gateway: BinanceFuturesGateway,
) -> None:
    set_up_symbol(gateway, SYMBOL, leverage=10)
    rest(gateway)
    changes: list[tuple[Callable[[], object], int, int]] = [
        (lambda: gateway.set_margin_type(SYMBOL, MarginType.CROSSED), -4047, -4048),
        (lambda: gateway.set_hedge_mode(is_on=True), -4067, -4068),
    ]
    for change, with_order, _ in changes:
        with pytest.raises(OrderRejectedError) as caught:
            change()
        assert caught.value.code == with_order

    gateway.cancel_order(SYMBOL, "rests")
    trade(gateway, Side.SELL)
    for change, _, with_position in changes:
        with pytest.raises(OrderRejectedError) as caught:
            change()
        assert caught.value.code == with_position

    assert not gateway.is_hedge_mode()


def test_a_leverage_is_given_with_the_largest_position_that_may_have_it(
    gateway: BinanceFuturesGateway,
) -> None:
    brackets = gateway.leverage_brackets(SYMBOL)

    for leverage in (1, 7, 50, brackets.brackets[0].max_leverage):
        report = gateway.set_leverage(SYMBOL, leverage)
        assert (report.leverage, report.max_notional) == (leverage, brackets.max_notional(leverage))


@pytest.mark.parametrize("side", list(Side))
def test_what_a_position_reports_follows_from_the_tiers(
    gateway: BinanceFuturesGateway, side: Side
) -> None:
    set_up_symbol(gateway, SYMBOL, leverage=10)
    trade(gateway, side)

    held, brackets = position(gateway), gateway.leverage_brackets(SYMBOL)

    sign = 1 if side is Side.BUY else -1
    assert held.quantity == SIZE * sign
    assert held.notional == held.quantity * held.mark_price
    assert held.unrealized_pnl == held.quantity * (held.mark_price - held.entry_price)
    assert held.isolated_wallet == initial_margin(SIZE * held.entry_price, 10)
    assert held.initial_margin == initial_margin(held.notional, 10)
    assert held.maintenance_margin == brackets.maintenance_margin(held.notional)
    ours = liquidation_price(held.quantity, held.entry_price, held.isolated_wallet, brackets)
    assert ours is not None
    assert held.liquidation_price is not None
    assert abs(held.liquidation_price - ours) < CENT


def test_a_position_is_liquidated_where_the_tiers_say(
    demo: RunningExchange, gateway: BinanceFuturesGateway
) -> None:
    set_up_symbol(gateway, SYMBOL, leverage=20)
    trade(gateway, Side.BUY)
    held, brackets = position(gateway), gateway.leverage_brackets(SYMBOL)
    price = liquidation_price(held.quantity, held.entry_price, held.isolated_wallet, brackets)
    assert price is not None

    demo.set_price(SYMBOL, f"{price + 1:.1f}")
    pass_time(demo, minutes=2)
    assert position(gateway).quantity == SIZE

    before = demo.market_time()
    demo.set_price(SYMBOL, f"{price - 1:.1f}")
    pass_time(demo, minutes=2)
    assert gateway.positions(SYMBOL) == []
    kinds = {one.type for one in gateway.income(start=before)}
    assert {IncomeType.REALIZED_PNL, IncomeType.INSURANCE_CLEAR} <= kinds


def test_a_wallet_is_what_was_paid_in_and_every_income_since(
    demo: RunningExchange, gateway: BinanceFuturesGateway
) -> None:
    begun = demo.market_time()
    paid_in = gateway.futures_account().balances["USDT"].wallet
    set_up_symbol(gateway, SYMBOL, leverage=10)
    trade(gateway, Side.BUY)
    demo.set_price(SYMBOL, "101000")
    pass_time(demo, hours=9)
    trade(gateway, Side.SELL, SIZE / 2)

    held, wallet = position(gateway), gateway.futures_account().balances["USDT"]
    rows = gateway.income(start=begun)

    assert {row.type for row in rows} == {
        *(IncomeType.COMMISSION, IncomeType.FUNDING_FEE, IncomeType.REALIZED_PNL)
    }
    assert wallet.wallet == paid_in + sum(row.amount for row in rows)
    assert wallet.margin == wallet.wallet + wallet.unrealized_pnl
    assert wallet.unrealized_pnl == held.unrealized_pnl
    assert wallet.available == wallet.wallet - held.isolated_wallet
    account = gateway.account()
    assert account.free("USDT") == wallet.available
    assert account.balances["USDT"].locked == held.isolated_wallet
    assert sorted(row.market_time for row in rows) == [row.market_time for row in rows]
    assert len({(row.type, row.transaction_id) for row in rows}) == len(rows)
    commissions = gateway.income(start=begun, symbol=SYMBOL, type=IncomeType.COMMISSION)
    assert commissions == [row for row in rows if row.type is IncomeType.COMMISSION]
    assert all(row.trade_id for row in commissions)
    assert gateway.income(start=begun, symbol="ETHUSDT") == []


def test_commission_rates_are_what_a_fill_costs(
    demo: RunningExchange, gateway: BinanceFuturesGateway
) -> None:
    set_up_symbol(gateway, SYMBOL, leverage=10)
    begun = demo.market_time()
    trade(gateway, Side.BUY)

    rate = gateway.commission_rates(SYMBOL).of(Side.BUY, is_maker=False)

    (cost,) = gateway.income(start=begun, type=IncomeType.COMMISSION)
    assert cost.amount == -SIZE * position(gateway).entry_price * rate


def test_history_ends_where_it_was_asked_to(
    demo: RunningExchange, gateway: BinanceFuturesGateway
) -> None:
    set_up_symbol(gateway, SYMBOL, leverage=10)
    trade(gateway, Side.BUY)
    begun = demo.market_time()
    pass_time(demo, minutes=5)
    trade(gateway, Side.SELL)

    first = gateway.income(start=begun, end=begun)
    both = gateway.income(start=begun, end=demo.market_time())

    assert {row.market_time for row in first} == {begun}
    assert len(both) > len(first) > 0
    assert gateway.income(start=demo.market_time() + timedelta(seconds=1)) == []


@pytest.mark.parametrize("fault", PASSING_FAULTS)
def test_a_read_is_repeated_by_itself_until_it_is_answered(
    demo: RunningExchange, gateway: BinanceFuturesGateway, fault: dict[str, Any]
) -> None:
    demo.set_fault(endpoint="GET /fapi/v3/positionRisk", when="after", times=2, **fault)

    assert gateway.positions() == []

    assert asked(demo, "GET /fapi/v3/positionRisk") == 2


def test_a_venue_that_asks_to_slow_down_is_left_alone(
    demo: RunningExchange, gateway: BinanceFuturesGateway
) -> None:
    fault = {"action": "error", "status": 429, "code": -1003, "message": "Slow down."}
    demo.set_fault(endpoint="GET /fapi/v3/account", when="after", times=None, **fault)

    for _ in range(2):
        with pytest.raises(RateLimitedError):
            gateway.account()

    assert asked(demo, "GET /fapi/v3/account") == 1


def test_a_read_heals_one_timestamp_error_by_itself(
    demo: RunningExchange, gateway: BinanceFuturesGateway
) -> None:
    fault = {"action": "error", "code": -1021, "message": "Outside of the recvWindow."}
    demo.set_fault(endpoint="GET /fapi/v1/symbolConfig", when="before", times=1, **fault)

    assert gateway.symbol_config(SYMBOL).leverage == 20


def test_a_silent_venue_is_unavailable(
    demo: RunningExchange, gateway: BinanceFuturesGateway
) -> None:
    demo.set_fault(endpoint="GET /fapi/v2/ticker/price", when="after", action="drop", times=None)

    with pytest.raises(UnavailableError):
        gateway.ticker(SYMBOL)


@pytest.mark.parametrize(
    ("changes", "code"), [({"secret": "x" * 64}, -1022), ({"key": "x" * 64}, -2015)]
)
def test_a_wrong_secret_and_a_wrong_key_are_refused(
    demo: RunningExchange, changes: dict[str, str], code: int
) -> None:
    gateway = opened(demo, **changes)

    with pytest.raises(CredentialsError) as caught:
        gateway.futures_account()

    assert caught.value.code == code
    gateway.close()


def test_the_account_has_no_number_here(gateway: BinanceFuturesGateway) -> None:
    assert gateway.account().uid == ""
    assert datetime.now(UTC) - datetime.fromtimestamp(
        gateway.server_time_ms() / 1000, UTC
    ) < timedelta(seconds=5)

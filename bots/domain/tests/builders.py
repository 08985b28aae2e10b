"""Small worlds for tests: one hour of real market per kline, rules, parameters, snapshots.

`ENTRY`, `EXIT` and `QUIET` are klines of the recorded slice `btc_1h`: EMA 9 crosses above EMA 21
(RSI 55.3), crosses below it (RSI 45.8), and does neither.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Final

from bots.domain.direction import Direction, Directions
from bots.domain.snapshot import DayState, FuturesView, Parameters, PositionState, Snapshot
from exchange.domain.margin import LeverageBracket, LeverageBrackets
from exchange.domain.rules import TradingRules
from exchange.domain.types import Environment, Kline, Market

D = Decimal
HOUR: Final = timedelta(hours=1)
START: Final = datetime(2023, 1, 1, tzinfo=UTC)
ENTRY: Final = 376
EXIT: Final = 371
QUIET: Final = 380

RULES: Final = TradingRules(
    symbol="BTCUSDT",
    base_asset="BTC",
    quote_asset="USDT",
    is_trading=True,
    price_increment=D("0.01"),
    quantity_increment=D("0.00001"),
    min_quantity=D("0.00001"),
    max_quantity=D("9000"),
    min_notional=D("5"),
    max_notional=D("0"),
)

PARAMETERS: Final = Parameters(
    strategy="ema",
    timeframe="1h",
    ema_fast=9,
    ema_slow=21,
    ema_period=None,
    rsi_period=14,
    rsi_oversold=D(30),
    rsi_overbought=D(70),
    stop_loss_perc=D(2),
    take_profit_perc=D(4),
    trailing_stop_perc=None,
    initial_capital=D(1000),
    position_size_perc=None,
    position_size_fixed=D(500),
    daily_target_perc=None,
    max_daily_loss_perc=None,
    max_daily_trades=None,
    order_cooldown_seconds=0,
)

# Up to leverage 20 with 1 % maintenance margin, above a notional of 50,000 up to 5 with 2 %.
BRACKETS: Final = LeverageBrackets(
    symbol="BTCUSDT",
    brackets=(
        LeverageBracket(
            floor=D(0),
            cap=D(50_000),
            max_leverage=20,
            maintenance_rate=D("0.01"),
            maintenance_amount=D(0),
        ),
        LeverageBracket(
            floor=D(50_000),
            cap=D(1_000_000),
            max_leverage=5,
            maintenance_rate=D("0.02"),
            maintenance_amount=D(500),
        ),
    ),
)

FLAT: Final = PositionState(quantity=D(0))
DAY: Final = DayState(start_equity=D(1000), realized_pnl=D(0), trades_count=0)


@cache
def reference() -> dict[str, Any]:
    path = Path(__file__).parent / "data" / "indicators.json.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        content: dict[str, Any] = json.load(lines)
    return content


@cache
def market_closes() -> tuple[Decimal, ...]:
    return tuple(D(str(close)) for close in reference()["slices"][0]["closes"])


def kline(index: int, close: Decimal, *, high: Decimal | None = None) -> Kline:
    opened = START + index * HOUR
    return Kline(
        open_time=opened,
        close_time=opened + HOUR - timedelta(milliseconds=1),
        open=close,
        high=close if high is None else high,
        low=close,
        close=close,
        volume=D(1),
        is_closed=True,
    )


def market_klines(last: int, *, first: int = 0) -> tuple[Kline, ...]:
    """Return the klines `first` to `last` of the recorded slice, both included."""
    return tuple(kline(i, market_closes()[i]) for i in range(first, last + 1))


def parameters(**changes: Any) -> Parameters:
    return replace(PARAMETERS, **changes)


def rules(**changes: Any) -> TradingRules:
    return replace(RULES, **changes)


def holding(**changes: Any) -> PositionState:
    """Return a position of 0.02 BTC bought at 21,000 twenty klines before `EXIT`."""
    held = PositionState(
        quantity=D("0.02"), entry_price=D(21000), opened_at=START + (EXIT - 20) * HOUR
    )
    return replace(held, **changes)


def snapshot(last: int, **changes: Any) -> Snapshot:
    """Return what a tick reads a minute after kline `last` has closed; flat unless told."""
    klines = market_klines(last)
    default = Snapshot(
        bot_id=7,
        symbol="BTCUSDT",
        environment=Environment.DEMO,
        market_time=klines[-1].open_time + HOUR + timedelta(minutes=1),
        price=klines[-1].close,
        klines=klines,
        last_seen_kline=klines[-2].open_time,
        last_order_time=None,
        rules=RULES,
        parameters=PARAMETERS,
        position=FLAT,
        day=DAY,
        total_realized_pnl=D(0),
        free_quote=D(10000),
        free_base=D(1),
    )
    return replace(default, **changes)


def short(**changes: Any) -> PositionState:
    """Return a short position of 0.02 BTC sold at 21,000 twenty klines before `ENTRY`."""
    held = PositionState(
        quantity=D("0.02"),
        entry_price=D(21000),
        opened_at=START + (ENTRY - 20) * HOUR,
        direction=Direction.SHORT,
    )
    return replace(held, **changes)


def futures_view(mark_price: Decimal, **changes: Any) -> FuturesView:
    return replace(FuturesView(mark_price=mark_price, brackets=BRACKETS), **changes)


def futures_snapshot(last: int, **changes: Any) -> Snapshot:
    """Return what a tick of a futures bot reads that goes both ways with leverage 10; flat."""
    price = changes.get("price", market_closes()[last])
    default = snapshot(
        last,
        rules=rules(market=Market.FUTURES, quantity_increment=D("0.001"), min_notional=D(100)),
        parameters=parameters(directions=Directions.BOTH, leverage=10, position_size_fixed=D(100)),
        futures=futures_view(price),
        free_base=D(0),
    )
    return replace(default, **changes)

"""What a tick reads, frozen. `decide` sees nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bots.domain.status import Reason
from exchange.domain.rules import TradingRules
from exchange.domain.types import Environment, Kline


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """A bot's settings after its custom values have overridden the plain ones.

    Percentages are given as 2 for 2 %; None switches the rule off. Money is in quote currency.
    """

    strategy: str
    timeframe: str
    ema_fast: int
    ema_slow: int
    ema_period: int | None  # trend filter
    rsi_period: int
    rsi_oversold: Decimal
    rsi_overbought: Decimal
    stop_loss_perc: Decimal | None
    take_profit_perc: Decimal | None
    trailing_stop_perc: Decimal | None  # None also when the trailing stop is switched off
    initial_capital: Decimal
    position_size_perc: Decimal | None
    position_size_fixed: Decimal | None  # wins over the percentage
    daily_target_perc: Decimal | None
    max_daily_loss_perc: Decimal | None
    max_daily_trades: int | None
    order_cooldown_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionState:
    """What the bot holds and what it remembers about it.

    quantity                base currency, after fees; dust below the increment counts as flat
    entry_price             average price of the buys, without fees
    max_price_since_entry   ratchets up only
    trailing_stop_price     ratchets up only
    opened_at               market time of the fill that opened it; klines that had closed by then
                            cannot end it. None: every kline that was not seen yet counts
    cost                    quote paid for what is held, fees included; None: not known
    """

    quantity: Decimal
    entry_price: Decimal | None = None
    max_price_since_entry: Decimal | None = None
    trailing_stop_price: Decimal | None = None
    opened_at: datetime | None = None
    cost: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DayState:
    """The bot's trading day (UTC day of market time).

    start_equity   quote; what the daily percentages are percentages of
    realized_pnl   quote, net of fees, of this day
    trades_count   entry orders of this day that were filled
    limit_hit      a daily limit that an earlier tick of this day reached and nobody has lifted;
                   entries stay off although unrealized profit or loss may have moved back since
    """

    start_equity: Decimal
    realized_pnl: Decimal
    trades_count: int
    limit_hit: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All inputs of one decision.

    klines                oldest first, closed ones only
    last_seen_kline       `seen_until` of the decision before this one; None after a start
    last_order_time       market time of the newest fill of this bot
    total_realized_pnl    quote, net of fees, since the bot exists
    free_quote            free balance of the account in the quote currency
    free_base             free balance of the account in the base currency
    entry_block           why no entry may be sent, whatever the strategy says; None when one may
    """

    bot_id: int
    symbol: str
    environment: Environment
    market_time: datetime
    price: Decimal
    klines: tuple[Kline, ...]
    last_seen_kline: datetime | None
    last_order_time: datetime | None
    rules: TradingRules
    parameters: Parameters
    position: PositionState
    day: DayState
    total_realized_pnl: Decimal
    free_quote: Decimal
    free_base: Decimal
    entry_block: str | None = None

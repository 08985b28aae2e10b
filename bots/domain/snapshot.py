"""What a tick reads, frozen. `decide` sees nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from bots.domain.decision import Denial
from bots.domain.direction import Direction, Directions
from bots.domain.protections.account_caps import NO_CAPS, AccountCaps, Exposure
from bots.domain.status import Reason
from exchange.domain.margin import LeverageBrackets
from exchange.domain.rules import TradingRules
from exchange.domain.types import ZERO, Environment, Kline

NO_EXPOSURE: Final = Exposure()


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
    directions: Directions = Directions.LONG
    leverage: int = 1  # futures: what is asked of the venue; size x leverage is the notional
    entry_slippage_perc: Decimal | None = None  # worst price of an entry list; None: at the market
    closes_at_daily_limit: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionState:
    """What the bot holds and what it remembers about it.

    quantity                base currency, after fees, never negative; `direction` says which way;
                            dust below the increment counts as flat
    entry_price             average price of the entries, without fees
    max_price_since_entry   ratchets up only
    min_price_since_entry   ratchets down only
    trailing_stop_price     ratchets towards the gain only
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
    direction: Direction = Direction.LONG
    min_price_since_entry: Decimal | None = None


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
class FuturesView:
    """What a futures bot knows beside the price.

    mark_price          what liquidations and funding go by
    brackets            maintenance margin by notional, as it holds for this account
    liquidation_price   of the open position, as the venue reports it; None without one
    """

    mark_price: Decimal
    brackets: LeverageBrackets | None = None
    liquidation_price: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseRequest:
    """A position is to be closed at the market, whatever the strategy says.

    source   one letter of the client order id: `m` a person, `w` a webhook, `e` an emergency
    """

    source: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All inputs of one decision.

    klines                oldest first, closed ones only
    last_seen_kline       `seen_until` of the decision before this one; None after a start
    last_order_time       market time at which an order of this bot was last filled, or came to
                          nothing; what spends an entry signal
    last_entry_time       market time of the newest entry order, filled or not
    last_close_time       market time of the fill that last ended a position
    last_close_direction  which way that position went; None where it is not known
    total_realized_pnl    quote, net of fees and funding, since the bot exists
    free_quote            free balance of the account in the quote currency, less what entries of
                          other bots that are in flight will take (`reserved_quote`)
    exposure, caps        what all bots of the account hold, and the most that they may
    free_base             free balance of the account in the base currency, and on spot what the
                          bot's own resting stops hold locked
    entry_blocks          why no entry may be sent, whatever the strategy says: the installation,
                          halts, locks, foreign orders, open incidents; empty when one may
    exit_block            why no ordinary exit may be sent (a halt of everything); None when one may
    close_request         somebody wants the position closed; goes before everything else
    futures               None on spot
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
    entry_blocks: tuple[Denial, ...] = ()
    exit_block: str | None = None
    close_request: CloseRequest | None = None
    futures: FuturesView | None = None
    reserved_quote: Decimal = ZERO
    last_entry_time: datetime | None = None
    last_close_time: datetime | None = None
    last_close_direction: Direction | None = None
    exposure: Exposure = NO_EXPOSURE
    caps: AccountCaps = NO_CAPS

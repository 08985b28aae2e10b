"""Read everything that a decision needs, once, into one frozen object."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bots.domain.decision import Denial
from bots.domain.indicators import klines_needed
from bots.domain.snapshot import DayState, Snapshot
from bots.domain.status import Reason
from bots.engine.books import position_state
from bots.models import BotState
from exchange.domain.errors import UnavailableError
from exchange.domain.gateway import ExchangeGateway
from exchange.domain.intervals import closed_only, interval_length
from exchange.domain.paging import read_klines
from exchange.domain.rules import TradingRules
from exchange.domain.types import Environment, Kline, Ticker


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketView:
    """What the venue shows everybody at the moment of a tick."""

    ticker: Ticker
    klines: list[Kline]  # oldest first, the last one still open


def read_market(state: BotState, *, gateway: ExchangeGateway) -> MarketView:
    """Ask for price and klines; enough klines for the indicators and for all missed since."""
    bot = state.bot
    ticker = gateway.ticker(bot.symbol)
    unseen = _unseen(state, ticker.market_time)
    wanted = klines_needed(bot.parameters, unseen=unseen) + 1  # the open one
    klines = read_klines(gateway, bot.symbol, bot.timeframe, count=wanted)
    if not klines:
        raise UnavailableError(f"the venue has no klines of {bot.symbol} {bot.timeframe}")
    return MarketView(ticker=ticker, klines=klines)


def _unseen(state: BotState, market_time: datetime) -> int:
    if state.last_seen_kline is None:
        return 0
    return max(0, (market_time - state.last_seen_kline) // interval_length(state.bot.timeframe))


def take_snapshot(
    state: BotState,
    view: MarketView,
    *,
    gateway: ExchangeGateway,
    rules: TradingRules,
    entry_blocks: tuple[Denial, ...],
) -> Snapshot:
    """Freeze market, account, position and parameters; `state` has its books folded already."""
    bot = state.bot
    account = gateway.account()
    return Snapshot(
        bot_id=bot.pk,
        symbol=bot.symbol,
        environment=Environment(gateway.environment),
        market_time=view.ticker.market_time,
        price=view.ticker.price,
        klines=closed_only(view.klines),
        last_seen_kline=state.last_seen_kline,
        last_order_time=state.last_order_time,
        rules=rules,
        parameters=bot.parameters,
        position=position_state(state),
        day=day_state(state),
        total_realized_pnl=state.total_realized_pnl,
        free_quote=account.free(rules.quote_asset),
        free_base=account.free(rules.base_asset),
        entry_blocks=entry_blocks,
        last_entry_time=state.last_entry_time,
        last_close_time=state.last_close_time,
    )


def day_state(state: BotState) -> DayState:
    """Return the bot's trading day as the decision wants it; call after the day was rolled."""
    if state.day_start_equity is None:
        raise ValueError(f"bot {state.pk} has no trading day yet")
    return DayState(
        start_equity=state.day_start_equity,
        # Against the baseline, which already counts what a position held overnight had gained.
        realized_pnl=state.daily_pnl - state.unrealized_pnl,
        trades_count=state.daily_trades_count,
        limit_hit=Reason(state.daily_limit_reason) if state.daily_limit_reason else None,
    )


def newest_closed(view: MarketView) -> datetime | None:
    """Return the open time of the newest closed kline."""
    closed = closed_only(view.klines)
    return closed[-1].open_time if closed else None

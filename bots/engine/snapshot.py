"""Read everything that a decision needs, once, into one frozen object."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from bots import journal
from bots.domain.decision import RESTING_LEGS, Denial, Leg
from bots.domain.direction import Direction, Directions
from bots.domain.edits import parameters_in_force
from bots.domain.indicators import klines_needed
from bots.domain.orders import UNSETTLED, OrderStatus
from bots.domain.protections import NO_CAPS, AccountCaps, Exposure
from bots.domain.snapshot import (
    NO_EXPOSURE,
    CloseRequest,
    DayState,
    FuturesView,
    Parameters,
    Snapshot,
)
from bots.domain.status import Reason
from bots.engine.books import position_state
from bots.engine.brackets import brackets_of
from bots.engine.venue import VenueGateway, is_futures
from bots.models import BotState, Order
from bots.selectors.exposure import exposure_of
from exchange.domain.errors import UnavailableError
from exchange.domain.gateway import MarketDataGateway
from exchange.domain.intervals import closed_only, interval_length
from exchange.domain.rules import TradingRules
from exchange.domain.types import ZERO, Environment, Kline, Side, Ticker
from exchange.market_data import shared_klines

_NOT_AT_THE_VENUE: Final = (OrderStatus.INTENDED.value,)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketView:
    """What the venue shows everybody at the moment of a tick."""

    ticker: Ticker
    klines: list[Kline]  # oldest first, the last one still open


def parameters_of(state: BotState) -> Parameters:
    """Return the settings that this tick goes by: of an open position partly those of its entry."""
    return parameters_in_force(state.bot, state)


def read_market(state: BotState, *, gateway: MarketDataGateway) -> MarketView:
    """Ask for the price, and read the klines that all bots share, proven by the price's time.

    Enough klines for the indicators and for all missed since.
    """
    bot, parameters = state.bot, parameters_of(state)
    ticker = gateway.ticker(bot.symbol)
    unseen = _unseen(state, ticker.market_time, parameters.timeframe)
    wanted = klines_needed(parameters, unseen=unseen) + 1  # the open one
    klines = shared_klines(
        gateway,
        bot.symbol,
        parameters.timeframe,
        count=wanted,
        market_time=ticker.market_time,
        price=ticker.price,
    )
    if not klines:
        raise UnavailableError(f"the venue has no klines of {bot.symbol} {parameters.timeframe}")
    return MarketView(ticker=ticker, klines=klines)


def _unseen(state: BotState, market_time: datetime, timeframe: str) -> int:
    if state.last_seen_kline is None:
        return 0
    return max(0, (market_time - state.last_seen_kline) // interval_length(timeframe))


def read_futures(state: BotState, *, gateway: VenueGateway) -> FuturesView | None:
    """Ask for the mark price, noted on the state too; None on spot.

    The liquidation price is the one that the look at the position has noted in this tick.
    """
    if not is_futures(gateway):
        return None
    mark_price = gateway.mark_price(state.bot.symbol).mark_price
    state.mark_price = mark_price
    return FuturesView(
        mark_price=mark_price,
        brackets=brackets_of(state.bot.symbol, gateway=gateway),
        liquidation_price=state.liquidation_price if state.in_position else None,
    )


def take_snapshot(
    state: BotState,
    view: MarketView,
    *,
    gateway: VenueGateway,
    rules: TradingRules,
    entry_blocks: tuple[Denial, ...] = (),
    exit_block: str | None = None,
    close_request: CloseRequest | None = None,
    futures: FuturesView | None = None,
) -> Snapshot:
    """Freeze market, account, position and parameters; `state` has its books folded already.

    futures   as of `read_futures`, which is asked when it is not given
    """
    if futures is None:
        futures = read_futures(state, gateway=gateway)
    exposure, caps = _account(state)
    account = gateway.account()
    return Snapshot(
        bot_id=state.pk,
        symbol=state.bot.symbol,
        environment=Environment(gateway.environment),
        market_time=view.ticker.market_time,
        price=view.ticker.price,
        klines=closed_only(view.klines),
        last_seen_kline=state.last_seen_kline,
        last_order_time=state.last_order_time,
        rules=rules,
        parameters=parameters_of(state),
        position=position_state(state),
        day=day_state(state),
        total_realized_pnl=state.total_realized_pnl,
        free_quote=account.free(rules.quote_asset),
        free_base=account.free(rules.base_asset) + _locked_by_own_stops(state),
        entry_blocks=entry_blocks,
        exit_block=exit_block,
        close_request=close_request,
        futures=futures,
        last_entry_time=state.last_entry_time,
        last_close_time=state.last_close_time,
        last_close_direction=_last_close_direction(state),
        exposure=exposure,
        caps=caps,
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


def _account(state: BotState) -> tuple[Exposure, AccountCaps]:
    key = state.bot.api_key
    if key is None:
        return NO_EXPOSURE, NO_CAPS
    caps = AccountCaps(
        max_exposure=key.account.max_exposure, max_open_positions=key.account.max_open_positions
    )
    if caps == NO_CAPS:
        return NO_EXPOSURE, NO_CAPS  # nobody asks, so nobody counts
    return exposure_of(key.account_id, leaving_out=state.pk), caps


def _locked_by_own_stops(state: BotState) -> Decimal:
    """Return the coins that the bot's own stops hold; an exit cancels them first."""
    if state.bot.is_futures or not state.in_position:
        return ZERO
    rows = (
        Order.objects.using(journal.JOURNAL)
        .filter(
            bot_id=state.pk,
            symbol=state.bot.symbol,
            side=Side.SELL.value,
            leg__in=[leg.value for leg in RESTING_LEGS],
            status__in=UNSETTLED,
        )
        .exclude(status__in=_NOT_AT_THE_VENUE)
    )
    locked: dict[str, Decimal] = {}
    for row in rows:
        # Stop and target of one list lock the same coins.
        name, open_quantity = row.list_client_order_id or row.client_order_id, row.quantity
        open_quantity -= row.filled_quantity
        locked[name] = max(locked.get(name, ZERO), open_quantity)
    return sum(locked.values(), ZERO)


def _last_close_direction(state: BotState) -> Direction | None:
    """Return which way the last position went; asked only of bots that may turn around."""
    if state.in_position or Directions(state.bot.direction) is not Directions.BOTH:
        return None
    closing = Order.objects.using(journal.JOURNAL).filter(
        bot_id=state.pk, symbol=state.bot.symbol, filled_quantity__gt=0
    )
    newest = (
        closing.exclude(leg=Leg.ENTRY.value)
        .order_by("-id")
        .values_list("direction", flat=True)
        .first()
    )
    return None if newest is None else Direction(newest)

"""All that a tick finds out before it decides: orders, books, market, account, in this order."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from bots.domain.snapshot import FuturesView
from bots.engine.account_watch import is_look_due, watch_account
from bots.engine.books import fold_books, mark_to_market
from bots.engine.closing import note_closed
from bots.engine.day import roll_day
from bots.engine.entry_locks import note_locks, note_market_time
from bots.engine.funding import read_funding
from bots.engine.publishing import publish_klines
from bots.engine.reconciliation import VenueView, reconcile_orders
from bots.engine.schedule import next_due
from bots.engine.snapshot import (
    MarketView,
    newest_closed,
    parameters_of,
    read_futures,
    read_market,
)
from bots.engine.symbol import note_symbol, read_rules
from bots.engine.venue import VenueGateway
from bots.models import BotState, Trade
from exchange.domain.budget import Priority, asking_for
from exchange.domain.rules import TradingRules


@dataclass(slots=True, kw_only=True)
class Observed:
    """What was found, and the trades that were folded on the way."""

    venue: VenueView
    rules: TradingRules
    market: MarketView
    futures: FuturesView | None
    trades: list[Trade] = field(default_factory=list)


def observe(state: BotState, *, gateway: VenueGateway, started: datetime) -> Observed:
    """Ask the venue for everything once and bring the books and the day in line with it.

    started   wall time

    Sends nothing. Raises `GatewayError` when the venue does not answer: then nothing is decided.
    Safe to repeat.
    """
    with asking_for(Priority.EXIT):
        venue = reconcile_orders(state.bot, gateway=gateway, look=is_look_due(state, now=started))
    rules = read_rules(state, gateway=gateway)
    trades = fold_books(state, rules=rules, gateway=gateway)
    market = read_market(state, gateway=gateway)
    note_symbol(state, rules)
    _take_market(state, market, now=started)
    futures = read_futures(state, gateway=gateway)
    if _more_facts(state, venue, gateway=gateway, rules=rules):
        trades += fold_books(state, rules=rules, gateway=gateway)
        mark_to_market(state, market.ticker.price)
    _take_day(state, market, gateway=gateway, rules=rules)
    note_closed(state, rules=rules, price=market.ticker.price)
    note_locks(
        state,
        now=started,
        market_time=market.ticker.market_time,
        newest_kline=newest_closed(market),
    )
    publish_klines(state, market.klines)
    return Observed(venue=venue, rules=rules, market=market, futures=futures, trades=trades)


def _more_facts(
    state: BotState, venue: VenueView, *, gateway: VenueGateway, rules: TradingRules
) -> bool:
    is_new = venue.settled and read_funding(state, gateway=gateway) > 0
    return watch_account(state, venue, gateway=gateway, rules=rules) or is_new


def _take_day(
    state: BotState, market: MarketView, *, gateway: VenueGateway, rules: TradingRules
) -> None:
    # After all facts are there: funding of yesterday that was read late is yesterday's.
    if roll_day(
        state,
        market_time=market.ticker.market_time,
        environment=gateway.environment,
        rules=rules,
        klines=market.klines,
    ):
        mark_to_market(state, market.ticker.price)  # against the new baseline


def _take_market(state: BotState, market: MarketView, *, now: datetime) -> None:
    market_time = market.ticker.market_time
    mark_to_market(state, market.ticker.price)
    note_market_time(state, now=now, market_time=market_time)
    if state.last_seen_kline is not None and state.last_seen_kline > market_time:
        state.last_seen_kline = None  # a recording that has been started anew
    state.next_due_at = next_due(
        market_time=market_time,
        newest_kline=newest_closed(market),
        timeframe=parameters_of(state).timeframe,
        check_seconds=state.bot.check_interval_seconds,
    )

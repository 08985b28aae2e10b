"""Verify one bot's books under its lock, and the venue's sums with them when asked."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from bots import journal
from bots.domain.direction import Direction
from bots.domain.orders import OrderStatus
from bots.engine.ledger import LedgerReport, verify_books, verify_orders
from bots.engine.venue import VenueGateway, is_futures, open_gateway
from bots.locks import bot_lock, heal_missing_state
from bots.models import BotConfig, BotState, Order, PositionType
from exchange.domain.futures_gateway import FuturesGateway
from exchange.domain.rules import TradingRules
from exchange.domain.types import ZERO, Environment, Market
from exchange.registry import market_data_gateway

WAITS_SECONDS: Final = 10  # for a tick that is under way
# What may have filled at the venue without the books knowing it yet.
_MOVING: Final = (
    OrderStatus.SENT.value,
    OrderStatus.UNKNOWN.value,
    OrderStatus.PARTIALLY_FILLED.value,
)


def verify_bot(bot: BotConfig, *, at_venue: bool = False) -> LedgerReport:
    """Verify a bot's books; changes nothing.

    at_venue   also that the account holds what the books say: weight 20 on spot, 5 on futures

    BotLockedError when a tick does not end in time; `GatewayError` or what `open_gateway` raises
    when the venue cannot be asked for the symbol's rules, or for the account.
    """
    heal_missing_state(bot.pk)
    with bot_lock(bot.pk, wait_seconds=WAITS_SECONDS) as state:
        if state.bot.api_key is None:
            report = LedgerReport(bot.pk, bot.name, "")
            report.notes.append("it has no API key, so only its orders were compared")
            verify_orders(report)
            return report
        environment = Environment(state.bot.api_key.environment)
        public = market_data_gateway(environment, Market(state.bot.position_type))
        rules = public.rules(state.bot.symbol)
        report = verify_books(state, rules=rules)
        if at_venue:
            _verify_venue(report, state, gateway=open_gateway(state.bot), rules=rules)
        return report


def _verify_venue(
    report: LedgerReport, state: BotState, *, gateway: VenueGateway, rules: TradingRules
) -> None:
    orders = Order.objects.using(journal.JOURNAL).filter(bot_id=state.pk, status__in=_MOVING)
    if orders.exists():
        report.notes.append("the venue was not compared: an order may have filled further")
    elif is_futures(gateway):
        report.compare(
            f"position in {rules.symbol} at the venue",
            expected=_position(gateway, rules.symbol),
            found=_net_of_all(state),
        )
    else:
        _verify_wallet(report, state, gateway=gateway, rules=rules)


def _position(gateway: FuturesGateway, symbol: str) -> Decimal:
    return sum((position.quantity for position in gateway.positions(symbol)), ZERO)


def _net_of_all(state: BotState) -> Decimal:
    """Return what all bots of the account hold of the symbol: the venue nets them."""
    account_id = state.bot.api_key.account_id if state.bot.api_key else None
    rows = BotState.objects.filter(
        bot__api_key__account_id=account_id,
        bot__position_type=PositionType.FUTURES,
        bot__symbol=state.bot.symbol,
    ).values_list("direction", "current_position_size_coins")
    return sum((Direction(way).sign * quantity for way, quantity in rows), ZERO)


def _verify_wallet(
    report: LedgerReport, state: BotState, *, gateway: VenueGateway, rules: TradingRules
) -> None:
    asset = rules.base_asset
    held, balance = _held_by_all(state, asset, gateway=gateway), gateway.account().balances
    total = balance[asset].free + balance[asset].locked if asset in balance else ZERO
    report.figures |= {f"wallet {asset}": f"{total:f}", f"bots' {asset}": f"{held:f}"}
    if total < held:
        report.compare(f"{asset} in the wallet, at least", expected=held, found=total)


def _held_by_all(state: BotState, asset: str, *, gateway: VenueGateway) -> Decimal:
    account_id = state.bot.api_key.account_id if state.bot.api_key else None
    states = BotState.objects.filter(
        bot__api_key__account_id=account_id,
        bot__position_type=PositionType.SPOT,
        bot__symbol__startswith=asset,
        current_position_size_coins__gt=0,
    )
    held = states.values_list("bot__symbol", "current_position_size_coins")
    # The symbols of other assets may begin with the same letters.
    return sum((coins for symbol, coins in held if gateway.rules(symbol).base_asset == asset), ZERO)

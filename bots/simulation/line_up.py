"""The bots of one seed: quick strategies and tight exits, for many trades in a few minutes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from bots.models import BotConfig, BotState
from bots.simulation.cast import Player
from bots.simulation.chance import Dice
from bots.simulation.market import PAIRS
from exchange.domain.types import Market

_LOOSEST: Final = Decimal(100)


def make_bots(
    players: list[Player],
    dice: Dice,
    *,
    markets: tuple[Market, ...],
    count: int,
    timeframe: str,
    check_seconds: int,
) -> list[BotConfig]:
    """Create so many bots, stopped, each of one of the players.

    On futures a symbol belongs to one bot of an account, so there they differ in account or symbol.
    """
    taken: set[tuple[int, str]] = set()
    bots = []
    for number in range(1, count + 1):
        player, symbol = dice.choice(players), dice.choice(list(PAIRS))
        market = dice.choice(markets)
        if market is Market.FUTURES and (player.uid, symbol) in taken:
            market = Market.SPOT
        if market not in markets:
            continue
        if market is Market.FUTURES:
            taken.add((player.uid, symbol))
        bot = _bot(number, player, symbol, market=market, dice=dice)
        bot.timeframe, bot.check_interval_seconds = timeframe, check_seconds
        bot.save(force_insert=True)
        BotState.objects.create(bot=bot)
        bots.append(bot)
    return bots


def _bot(number: int, player: Player, symbol: str, *, market: Market, dice: Dice) -> BotConfig:
    bot = BotConfig(
        pk=number,
        user=player.user,
        api_key=player.api_key,
        name=f"bot {number}",
        symbol=symbol,
        position_type=market.value,
        strategy="ema",
        initial_capital=Decimal(5000),
        **_quick_strategy(dice),
        **_exits(dice),
        **_limits(dice),
    )
    if market is Market.FUTURES:
        bot.direction = dice.choice(("long", "short", "both"))
        bot.leverage = dice.choice((1, 2, 5, 10))
    return bot


def _quick_strategy(dice: Dice) -> dict[str, Any]:
    return {
        "ema_fast": 2,
        "ema_slow": dice.randint(3, 5),  # a crossing every few klines
        "rsi_period": 2,
        "rsi_oversold": Decimal(0),
        "rsi_overbought": _LOOSEST,
    }


def _exits(dice: Dice) -> dict[str, Any]:
    def distance(least: int, most: int) -> Decimal:
        return Decimal(dice.randint(least, most)) / 10

    exits: dict[str, Any] = {}
    if dice.happens(0.8):
        exits["stop_loss_perc"] = distance(2, 15)
    if dice.happens(0.5):
        exits["take_profit_perc"] = distance(2, 15)
    if dice.happens(0.3):
        exits |= {"trailing_stop_active": True, "trailing_stop_perc": distance(2, 10)}
    return exits


def _limits(dice: Dice) -> dict[str, Any]:
    limits: dict[str, Any] = {
        "position_size_fixed": Decimal(dice.choice((20, 150, 1000, 6000))),
        "entry_slippage_perc": dice.choice((None, Decimal("0.5"))),
        # Faults are what is tested: a bot that locks itself after five of them would sleep.
        "exchange_error_count": dice.choice((None, None, 5)),
    }
    if dice.happens(0.2):
        limits["max_daily_trades"] = dice.randint(1, 5)
    if dice.happens(0.15):
        limits["max_daily_loss_perc"] = Decimal(dice.randint(1, 20)) / 10
    if dice.happens(0.15):
        limits["daily_target_perc"] = Decimal(dice.randint(1, 20)) / 10
    if limits.keys() & {"max_daily_loss_perc", "daily_target_perc"}:
        limits["close_at_daily_limit"] = dice.happens(0.5)
    if dice.happens(0.15):
        limits["order_cooldown_seconds"] = dice.choice((60, 600))
    return limits

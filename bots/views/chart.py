"""The data of a bot's chart."""

from __future__ import annotations

import logging
from typing import Any, Final

import numpy as np
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from bots.domain.indicators import MAX_KLINES, WARMUP_FACTOR, ema
from bots.models import BotConfig, Trade
from bots.models.fields import plain
from bots.selectors.access import state_of
from bots.selectors.history import trades_of
from bots.views.access import bot_or_404
from exchange.domain.budget import Priority, asking_for
from exchange.domain.errors import GatewayError
from exchange.domain.intervals import interval_length
from exchange.domain.types import Environment, Kline, Market, Side
from exchange.market_data import SharedKlines, read_shared
from exchange.registry import ClientInitError, market_data_gateway

logger = logging.getLogger(__name__)

KLINES_SHOWN: Final = 600
MARKERS_SHOWN: Final = 200
NO_KEY: Final = (
    "This bot has no API key, so it is not known which venue's prices to show. "
    "Choose a key in the bot's settings."
)
UNREACHABLE: Final = (
    "The venue does not answer, so there are no prices to show. "
    "The bot does not trade without prices either. The chart comes back by itself."
)


@require_safe
@login_required
def chart(request: HttpRequest, pk: int) -> JsonResponse:
    """Answer klines, both EMA lines, trade markers and price levels; 503 says why there are none.

    klines       [open time in s, open, high, low, close, volume], oldest first, floats to draw
    ema_*        one value per kline, null while the average warms up
    seen_at      when the klines were seen, wall time; source: by stream or by request
    """
    bot = bot_or_404(request, pk)
    if bot.api_key is None:
        return _unavailable(NO_KEY, retry=False)
    try:
        shared = _klines(bot, Environment(bot.api_key.environment))
    except ClientInitError as error:
        return _unavailable(f"No prices can be read: {error}.", retry=False)
    except GatewayError as error:
        logger.warning("no klines for the chart of bot %s: %s", pk, error)
        return _unavailable(UNREACHABLE, retry=True)
    chart_data = _chart(bot, shared.klines)
    return JsonResponse(
        chart_data | {"seen_at": shared.seen_at.isoformat(), "source": shared.source}
    )


def _klines(bot: BotConfig, environment: Environment) -> SharedKlines:
    slowest = max(bot.parameters.ema_fast, bot.parameters.ema_slow)
    limit = min(KLINES_SHOWN + WARMUP_FACTOR * slowest, MAX_KLINES)
    gateway = market_data_gateway(environment, Market(bot.position_type))
    with asking_for(Priority.PAGE):
        return read_shared(gateway, bot.symbol, bot.timeframe, count=limit, market_time=None)


def _chart(bot: BotConfig, klines: list[Kline]) -> dict[str, Any]:
    state, parameters = state_of(bot), bot.parameters
    return {
        "symbol": bot.symbol,
        "timeframe": bot.timeframe,
        "seconds": int(interval_length(bot.timeframe).total_seconds()),
        "periods": {"fast": parameters.ema_fast, "slow": parameters.ema_slow},
        "klines": [_row(kline) for kline in klines[-KLINES_SHOWN:]],
        "ema_fast": _line(klines, parameters.ema_fast),
        "ema_slow": _line(klines, parameters.ema_slow),
        "markers": _markers(trades_of(bot, limit=MARKERS_SHOWN)),
        "levels": {
            "entry": plain(state.entry_price),
            "stop": plain(state.stop_loss_price),
            "target": plain(state.take_profit_price),
            "trail": plain(state.trailing_stop_price),
        },
    }


def _row(kline: Kline) -> list[float]:
    prices = (kline.open, kline.high, kline.low, kline.close, kline.volume)
    return [int(kline.open_time.timestamp()), *map(float, prices)]


def _line(klines: list[Kline], period: int) -> list[float | None]:
    if not klines:
        return []
    values = ema(np.array([float(kline.close) for kline in klines]), period)
    return [None if np.isnan(value) else float(value) for value in values[-KLINES_SHOWN:]]


def _markers(trades: list[Trade]) -> list[dict[str, Any]]:
    return [
        {
            "time": int(trade.market_time.timestamp()),
            "side": Side(trade.side),
            "price": plain(trade.price),
            "reason": trade.reason,
            "realized_pnl": plain(trade.realized_pnl),
        }
        for trade in reversed(trades)
    ]


def _unavailable(message: str, *, retry: bool) -> JsonResponse:
    return JsonResponse({"message": message, "retry": retry}, status=503)

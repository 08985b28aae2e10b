"""A bot's state as every door shows it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bots.models import BotState, Trade
from bots.models.fields import plain
from exchange.domain.types import Kline


def state_data(state: BotState) -> dict[str, Any]:
    """Return the state as JSON: amounts as plain decimal strings, times as ISO 8601 UTC.

    Pages, sockets and, later, the API show exactly this.
    """
    return {
        "bot_id": state.pk,
        "status": state.status,
        "state": state.state,
        "reason": state.reason,
        "is_active": state.bot.is_active,
        "in_position": state.in_position,
        "direction": state.direction,
        "entry_price": plain(state.entry_price),
        "current_position_size_coins": plain(state.current_position_size_coins),
        "trailing_stop_price": plain(state.trailing_stop_price),
        "max_price_since_entry": plain(state.max_price_since_entry),
        "take_profit_price": plain(state.take_profit_price),
        "stop_loss_price": plain(state.stop_loss_price),
        "last_price": plain(state.last_price),
        "mark_price": plain(state.mark_price),
        "liquidation_price": plain(state.liquidation_price if state.in_position else None),
        "resting_stop_price": plain(state.resting_stop_price),
        "resting_target_price": plain(state.resting_target_price),
        "unprotected_since": _iso(state.unprotected_since),
        "unprotected_reason": state.unprotected_reason,
        "unprotected_seconds": plain(state.unprotected_seconds),
        "close_requested_at": _iso(state.close_requested_at),
        "unrealized_pnl": plain(state.unrealized_pnl),
        "total_realized_pnl": plain(state.total_realized_pnl),
        "total_funding": plain(state.total_funding),
        "daily_pnl": plain(state.daily_pnl),
        "daily_trades_count": state.daily_trades_count,
        "last_sentence": state.last_sentence,
        "last_error_message": state.last_error_message,
        "market_time": _iso(state.last_market_time),
        "last_run_at": _iso(state.last_run_at),
        "last_updated_at": _iso(state.last_updated_at),
    }


def trade_data(trade: Trade) -> dict[str, Any]:
    """Return one trade as JSON, in the same notation as `state_data`."""
    return {
        "id": trade.pk,
        "symbol": trade.symbol,
        "side": trade.side,
        "price": plain(trade.price),
        "quantity_filled": plain(trade.quantity_filled),
        "quote_quantity_filled": plain(trade.quote_quantity_filled),
        "commission_amount": plain(trade.commission_amount),
        "commission_asset": trade.commission_asset,
        "pnl": plain(trade.pnl),
        "realized_pnl": plain(trade.realized_pnl),
        "reason": trade.reason,
        "market_time": _iso(trade.market_time),
        "created_at": _iso(trade.created_at),
    }


def kline_data(kline: Kline) -> dict[str, Any]:
    """Return one kline as JSON, in the same notation as `state_data`."""
    return {
        "open_time": kline.open_time.isoformat(),
        "open": plain(kline.open),
        "high": plain(kline.high),
        "low": plain(kline.low),
        "close": plain(kline.close),
        "volume": plain(kline.volume),
        "is_closed": kline.is_closed,
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None

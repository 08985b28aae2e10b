"""Positions of every account, and trades that somebody makes elsewhere, past the bot."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final

from exchange.demo.amounts import DECIMALS, UNIT, text
from exchange.demo.control.fields import FieldError, Fields
from exchange.demo.control.whose import WHOSE, chosen_account
from exchange.demo.errors import VenueError
from exchange.demo.futures.figures import PositionFigures
from exchange.demo.venue import Venue

_SIGNED: Final = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?")


def all_positions(venue: Venue) -> list[dict[str, Any]]:
    """Return every position that is not zero, at the mark price of now."""
    now_ms = venue.advance()
    uids = sorted({one.uid for one in venue.futures.books.all_positions()})
    figures = [one for uid in uids for one in venue.futures.figures(uid, now_ms).positions]
    return [_row(one) for one in figures]


def trade_elsewhere(venue: Venue, item: Any) -> dict[str, Any]:
    """Change a position at the market, as its holder does on the venue's web site.

    What the venue refuses is a FieldError with its code and text.
    """
    fields = Fields(item, (*WHOSE, "symbol", "amount"))
    account = chosen_account(venue, fields)
    symbol = fields.word("symbol", tuple(venue.futures_market.symbols))
    amount = _signed(fields)
    try:
        placed = venue.futures.trade_elsewhere(account.uid, symbol, amount, at_ms=venue.advance())
    except VenueError as e:
        raise FieldError(f"amount: refused by the venue: {e.code} {e.message}") from e
    return {
        "uid": account.uid,
        "order_id": placed.order.order_id,
        "client_order_id": placed.order.client_order_id,
        "executed": text(placed.order.executed),
        "positions": [one for one in all_positions(venue) if one["uid"] == account.uid],
    }


def _signed(fields: Fields) -> Decimal:
    value = fields.text("amount")
    if _SIGNED.fullmatch(value) is None:
        raise fields.wrong("amount", "must be a decimal number in a string, below 0 to sell")
    amount = Decimal(value)
    if not amount or amount % UNIT:
        raise fields.wrong("amount", f"must not be 0 and have at most {DECIMALS} decimals")
    return amount


def _row(figures: PositionFigures) -> dict[str, Any]:
    position, price = figures.position, figures.liquidation_price
    return {
        "uid": position.uid,
        "symbol": position.symbol,
        "side": position.side,
        "amount": text(position.amount),
        "entry_price": text(position.entry_price),
        "mark_price": text(figures.mark),
        "unrealized": text(figures.unrealized),
        "isolated_wallet": text(position.isolated_wallet),
        "maintenance": text(figures.maintenance),
        "liquidation_price": None if price is None else text(price),
    }

"""Fills and funding for tests, a minute apart by their numbers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from bots.domain.folding import fold
from bots.domain.positions import Fill, Funding, Position
from bots.domain.tests.builders import START, D
from exchange.domain.types import Market, Side

INCREMENT: Final = D("0.00001")


def fill(
    side: Side,
    price: str,
    quantity: str,
    number: int,
    *,
    fee: str = "0",
    asset: str = "USDT",
    minute: int | None = None,
    worth: str | None = None,
) -> Fill:
    return Fill(
        side=side,
        price=D(price),
        quantity=D(quantity),
        commission=D(fee),
        commission_asset=asset,
        trade_id=str(number),
        market_time=START + timedelta(minutes=number if minute is None else minute),
        commission_quote=None if worth is None else D(worth),
    )


def bought(price: str, quantity: str, number: int, **more: Any) -> Fill:
    return fill(Side.BUY, price, quantity, number, **more)


def sold(price: str, quantity: str, number: int, **more: Any) -> Fill:
    return fill(Side.SELL, price, quantity, number, **more)


def paid(amount: str, number: int, *, minute: int | None = None) -> Funding:
    at = START + timedelta(minutes=number if minute is None else minute)
    return Funding(amount=D(amount), transaction_id=str(number), market_time=at)


def folded(*facts: Fill | Funding, **changes: Any) -> Position:
    """Return the spot position of these facts."""
    fills = [fact for fact in facts if isinstance(fact, Fill)]
    funding = [fact for fact in facts if isinstance(fact, Funding)]
    options: dict[str, Any] = {
        "base_asset": "BTC",
        "quote_asset": "USDT",
        "quantity_increment": INCREMENT,
    }
    return fold(fills, funding, **(options | changes))


def on_futures(*facts: Fill | Funding) -> Position:
    """Return the futures position of these facts."""
    return folded(*facts, market=Market.FUTURES)

"""What an account is worth by the books that a query reads, which may be old ones."""

from __future__ import annotations

from decimal import Decimal

from exchange.demo.accounts import FUTURES
from exchange.demo.amounts import from_units
from exchange.demo.futures.desk import MARGIN_ASSET
from exchange.demo.futures.figures import AccountFigures, account_figures, position_figures
from exchange.demo.futures.margin import order_margin
from exchange.demo.http.endpoint import Call


def account_standing(call: Call) -> AccountFigures:
    """Return the figures of the account that asks, at the mark prices of now."""
    books, uid = call.books.futures, call.uid
    market = call.venue.futures_market
    positions = [
        position_figures(
            one,
            mark=from_units(market.marks[one.symbol].price(call.now_ms)),
            leverage=books.settings(uid, one.symbol).leverage,
            brackets=market.brackets[one.symbol],
        )
        for one in books.positions(uid, None)
    ]
    wallet = call.books.ledger.free(uid, MARGIN_ASSET, wallet=FUTURES)
    return account_figures(wallet, positions, _order_margins(call))


def position_places(call: Call) -> list[str]:
    """Return the sides that positions of the account have: one, or two in hedge mode."""
    return ["LONG", "SHORT"] if call.books.futures.is_hedge_mode(call.uid) else ["BOTH"]


def updated_ms(call: Call) -> int:
    """Return the market time of the wallet's newest change."""
    books = call.books
    return books.futures.last_update_ms(call.uid) or books.ledger.created_ms(call.uid)


def _order_margins(call: Call) -> dict[tuple[str, str], Decimal]:
    books, uid = call.books.futures, call.uid
    orders = books.open_orders(uid, None)
    places = sorted({(one.symbol, one.position_side) for one in orders})
    return {
        (symbol, side): order_margin(
            books.position(uid, symbol, side),
            [one for one in orders if (one.symbol, one.position_side) == (symbol, side)],
            books.settings(uid, symbol).leverage,
        )
        for symbol, side in places
    }

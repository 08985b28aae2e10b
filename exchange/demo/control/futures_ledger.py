"""The futures half of the truth: every order, position and payment of every account."""

from __future__ import annotations

from typing import Any

from exchange.demo.amounts import text
from exchange.demo.fapi.replies import Symbols, algo_row, order_row, plain, trade_row
from exchange.demo.futures.values import AlgoOrder, Income, Order, Position, Transfer
from exchange.demo.venue import Venue


def futures_ledger(venue: Venue) -> dict[str, list[dict[str, Any]]]:
    """Return all that was ever booked in the futures market, each row with its account.

    Beyond what the REST API shows, orders tell whose child they are, those that expired why, and
    algo orders that were rejected why.
    """
    books, symbols = venue.futures.books, venue.futures_market.symbols
    orders = {one.order_id: one for one in books.all_orders()}
    return {
        "futures_orders": [_order(one, symbols) for one in orders.values()],
        "algo_orders": [_algo(one, orders.get(one.child_id), symbols) for one in books.all_algos()],
        "futures_fills": [trade_row(one, symbols) | {"uid": one.uid} for one in books.all_fills()],
        "positions": [_position(one) for one in books.all_positions()],
        "incomes": [_income(one) for one in books.all_incomes()],
        "transfers": [_transfer(one) for one in books.all_transfers()],
    }


def _order(order: Order, symbols: Symbols) -> dict[str, Any]:
    own = {"uid": order.uid, "algoId": order.algo_id, "expiryReason": order.expiry_reason}
    return order_row(order, symbols) | own


def _algo(algo: AlgoOrder, child: Order | None, symbols: Symbols) -> dict[str, Any]:
    own = {"uid": algo.uid, "rejectReason": algo.reject_reason}
    return algo_row(algo, child, symbols) | own


def _position(position: Position) -> dict[str, Any]:
    return {
        "uid": position.uid,
        "symbol": position.symbol,
        "positionSide": position.side,
        "positionAmt": plain(position.amount),
        "cost": text(position.cost),
        "isolatedWallet": text(position.isolated_wallet),
        "updateTime": position.updated_ms,
    }


def _income(income: Income) -> dict[str, Any]:
    return {
        "uid": income.uid,
        "tranId": income.income_id,
        "symbol": income.symbol,
        "incomeType": income.type,
        "income": text(income.amount),
        "asset": income.asset,
        "info": income.info,
        "tradeId": income.trade_id,
        "time": income.at_ms,
    }


def _transfer(transfer: Transfer) -> dict[str, Any]:
    return {
        "uid": transfer.uid,
        "tranId": transfer.transfer_id,
        "type": transfer.type,
        "asset": transfer.asset,
        "amount": text(transfer.amount),
        "timestamp": transfer.at_ms,
    }

"""No money is made or lost: wallets at the venue are deposits plus what our executions moved."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

from bots.models import Fill
from bots.simulation.errors import InvariantError
from bots.simulation.view import View
from exchange.demo.accounts import FUTURES, SPOT
from exchange.demo.trading.ledger import TO_FUTURES, TO_SPOT
from exchange.domain.types import Market

_QUOTE = "USDT"


def check_wallets(view: View) -> None:
    """Raise InvariantError where a wallet is not, to the last digit, what the books explain.

    Everything is compared when it is quiet; before, orders may be filled that we do not know of.
    """
    if not view.is_quiet:
        return
    view.truth.venue.engine.ledger.check_conservation()
    for account, uid in view.uids.items():
        fills = [one for one in view.fills if one.account_id == account]
        _compare(view, uid, SPOT, _spot_moves(fills))
        _compare(view, uid, FUTURES, _futures_moves(view, account, uid, fills))


def _compare(view: View, uid: int, wallet: str, moves: dict[str, Decimal]) -> None:
    explained = defaultdict(Decimal, view.truth.deposits(uid, wallet))
    for asset, amount in moves.items():
        explained[asset] += amount
    for sign, sent in _transfers(view, uid, wallet):
        explained[sent[0]] += sign * sent[1]
    owned = view.truth.wallet(uid, wallet)
    for asset in sorted(explained.keys() | owned.keys()):
        if explained[asset] != owned.get(asset, Decimal(0)):
            raise InvariantError(
                f"account {uid} owns {owned.get(asset, Decimal(0))} {asset} in its {wallet} "
                f"wallet, our books explain {explained[asset]}"
            )


def _spot_moves(fills: list[Fill]) -> dict[str, Decimal]:
    moves: dict[str, Decimal] = defaultdict(Decimal)
    for one in fills:
        if one.market != Market.SPOT:
            continue
        sign = 1 if one.side == "BUY" else -1
        moves[one.symbol.removesuffix(_QUOTE)] += sign * one.quantity
        moves[_QUOTE] -= sign * one.quote_quantity
        moves[one.commission_asset] -= one.commission
    return moves


def _futures_moves(view: View, account: int, uid: int, fills: list[Fill]) -> dict[str, Decimal]:
    """Return what executions and funding did to a futures wallet.

    Buying takes nothing out of it and selling brings nothing in until a position is closed: what
    is open counts with what it cost, as the venue books it.
    """
    moves: dict[str, Decimal] = defaultdict(Decimal)
    for one in fills:
        if one.market == Market.FUTURES:
            moves[_QUOTE] += one.quote_quantity * (1 if one.side == "SELL" else -1)
            moves[one.commission_asset] -= one.commission
    for position in view.truth.venue.futures.books.positions(uid, None):
        moves[_QUOTE] += position.cost
    for payment in view.funding:
        if payment.account_id == account:
            moves[payment.asset] += payment.amount
    return moves


def _transfers(view: View, uid: int, wallet: str) -> list[tuple[int, tuple[str, Decimal]]]:
    leaves = {SPOT: TO_FUTURES, FUTURES: TO_SPOT}[wallet]
    return [
        (-1 if one.type == leaves else 1, (one.asset, one.amount))
        for one in view.truth.venue.futures.books.all_transfers()
        if one.uid == uid
    ]

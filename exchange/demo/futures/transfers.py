"""Moving money between the spot and the futures wallet of an account.

Source: documentation of `POST /sapi/v1/asset/transfer`.
"""

from __future__ import annotations

from decimal import Decimal

from exchange.demo.amounts import ZERO
from exchange.demo.errors import VenueError
from exchange.demo.futures.changes import BY_DEPOSIT, BY_WITHDRAWAL
from exchange.demo.futures.desk import MARGIN_ASSET, Desk
from exchange.demo.futures.refusals import INSUFFICIENT_FOR_TRANSFER, UNSUPPORTED_ASSET
from exchange.demo.futures.values import Income, Transfer
from exchange.demo.market.symbols import check_precision
from exchange.demo.trading.ledger import TO_FUTURES


def transfer(
    desk: Desk,
    uid: int,
    type: str,
    asset: str,
    amount: Decimal,
    *,
    at_ms: int,
    wall_ms: int,
) -> Transfer:
    """Move free spot money to the futures wallet, or what is available there back.

    The transfer is stamped with wall time, its income with market time. -1126 for any asset but the
    margin asset, -5013 for more than may be moved.
    """
    if asset != MARGIN_ASSET:
        raise VenueError(*UNSUPPORTED_ASSET)
    check_precision("amount", amount)
    if amount > _movable(desk, uid, type):
        raise VenueError(*INSUFFICIENT_FOR_TRANSFER)
    change = amount if type == TO_FUTURES else -amount
    with desk.step(at_ms):
        desk.add_income(
            Income(
                uid=uid,
                type="TRANSFER",
                amount=change,
                asset=asset,
                info="TRANSFER",
                at_ms=at_ms,
            )
        )
        asked = Transfer(uid=uid, type=type, asset=asset, amount=amount, at_ms=wall_ms)
        made = desk.add_transfer(asked)
        reason = BY_DEPOSIT if change > 0 else BY_WITHDRAWAL
        desk.note_account(uid, reason, at_ms, change=change)
    return made


def _movable(desk: Desk, uid: int, type: str) -> Decimal:
    if type == TO_FUTURES:
        return desk.ledger.free(uid, MARGIN_ASSET)
    return max(desk.available(uid), ZERO)

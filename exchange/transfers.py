"""Moving money between the wallets of an account, at most once for each wish.

The venue's transfer carries no id of ours: sent twice it moves twice. So the wish is written down
before it is sent, it is sent once, and whoever does not know the end reads the venue's history
before anything else of the same kind may be asked for.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.core.exceptions import ValidationError

from exchange import transfer_history, transfer_journal
from exchange.credentials import CredentialsDecryptError
from exchange.domain.clock import from_milliseconds
from exchange.domain.errors import (
    CredentialsError,
    GatewayError,
    OrderRejectedError,
    TimestampError,
    UnavailableError,
)
from exchange.domain.spot_gateway import SpotGateway
from exchange.domain.transfers import TransferDirection, TransferRequest
from exchange.models import APIKey, ExchangeAccount, Transfer, TransferStage, plain_amount
from exchange.registry import spot_gateway_for
from exchange.transfer_evidence import BEFORE_MS
from exchange.transfer_history import FREE_BEFORE, KNOWN_BEFORE
from exchange.transfer_journal import TransferPendingError

if TYPE_CHECKING:
    from accounts.models import User

logger = logging.getLogger(__name__)

__all__ = [
    "TransferPendingError",
    "decide_transfer",
    "reconcile_transfers",
    "request_transfer",
]

AMOUNT_PLACES: Final = 8  # of every balance at the venue
AMOUNT_LIMIT: Final = Decimal(10) ** 18
PURPOSE_LENGTH: Final = 200
ASSET: Final = re.compile(r"[A-Z0-9]{1,20}")


def request_transfer(
    api_key: APIKey,
    *,
    direction: TransferDirection,
    asset: str,
    amount: Decimal,
    requested_by: User | None = None,
    purpose: str = "",
) -> Transfer:
    """Move money between the wallets of the key's account; the row's `status` says what came of it.

    done         the venue has given it a number
    rejected     the venue refused it, for example -5013 for lack of money; `message` has its words
    never_made   nothing was sent (no connection, no budget)
    unknown      it may have moved: `reconcile_transfers` before anything else

    Raises, with nothing written and nothing sent: ValidationError by field for what cannot be
    meant, TransferPendingError while an earlier one of the same kind is unsettled, GatewayError
    when the venue does not show its history (lasting UnavailableError where it has none), and
    what `spot_gateway_for` raises about the key. Any other exception leaves `unknown` behind.

    Every row is committed at once, over a connection of its own: what an open transaction of the
    caller has not committed (a new account, a new key) cannot be used yet. RuntimeError, with
    nothing sent, inside of a transaction of the connection `journal` itself.
    """
    _check(api_key, asset=asset, amount=amount, purpose=purpose)
    account = api_key.account
    transfer_journal.refuse_second(account, asset=asset, direction=direction)
    gateway = spot_gateway_for(api_key)
    signed_at_ms = gateway.signing_time_ms()
    row = transfer_journal.record_intent(
        account,
        direction=direction,
        asset=asset,
        amount=amount,
        signed_at_ms=signed_at_ms,
        recv_window_ms=settings.BINANCE_RECV_WINDOW,
        requested_by=requested_by,
        purpose=purpose,
        evidence=_evidence(gateway, direction, asset, since_ms=signed_at_ms - BEFORE_MS),
    )
    return _send(row, gateway)


def reconcile_transfers(whose: APIKey | ExchangeAccount) -> list[Transfer]:
    """Ask the venue what became of every unsettled transfer of an account; return them as they are.

    whose   a key of the account, or the account: then its keys ask, the oldest first, until the
            venue takes one

    Sends nothing, safe to repeat and to run twice at once. One that is not found needs several
    calls, some time apart, before it counts as never made. GatewayError when the venue does not
    answer; ValidationError when the account has no usable key.
    """
    account = whose if isinstance(whose, ExchangeAccount) else whose.account

    def ask(gateway: SpotGateway) -> None:
        for row in in_doubt:
            transfer_history.resolve(row, gateway=gateway)

    rows = list(transfer_journal.unsettled(account))
    for row in rows:
        if row.status == TransferStage.INTENDED:
            transfer_history.close_unsent(row)
    in_doubt = [row for row in rows if row.is_unsettled]
    if in_doubt:
        _with_a_key(_keys_of(whose), ask)
    return rows


def decide_transfer(
    transfer: Transfer,
    *,
    transaction_id: str | None,
    decided_by: User,
    api_key: APIKey | None = None,
) -> Transfer:
    """Settle by a person's word what the history leaves open; errors as of `decide`, GatewayError.

    transaction_id   the venue's number of this transfer; None: the venue never made it
    api_key          of the transfer's account, to ask with; without one, as `reconcile_transfers`
    """
    if api_key is not None and api_key.account_id != transfer.account_id:
        raise ValidationError({"api_key": f"The key {api_key.label} opens another account."})

    def ask(gateway: SpotGateway) -> None:
        transfer_history.decide(
            transfer,
            transaction_id=transaction_id,
            decided_by=decided_by.get_username(),
            gateway=gateway,
        )

    _with_a_key(_keys_of(api_key or transfer.account), ask)
    return transfer


def _send(row: Transfer, gateway: SpotGateway) -> Transfer:
    if not transfer_journal.mark_sent(row, signed_at_ms=gateway.signing_time_ms()):
        return row
    try:
        return _deliver(row, gateway)
    except BaseException:
        transfer_journal.note_unknown(
            row, "The process was interrupted between sending it and writing down the answer."
        )
        raise


def _deliver(row: Transfer, gateway: SpotGateway) -> Transfer:
    try:
        number = _ask(row, gateway)
    except (OrderRejectedError, CredentialsError, TimestampError) as error:
        transfer_journal.settle(row, TransferStage.REJECTED, str(error))
    except UnavailableError as error:
        transfer_journal.settle(row, TransferStage.NEVER_MADE, f"Nothing was sent: {error}")
    except GatewayError as error:  # OutcomeUnknownError, and whatever proves nothing
        transfer_journal.note_unknown(row, f"Only the venue's history tells: {error}")
    else:
        words = f"The venue has given it the number {number}."
        transfer_journal.settle(row, TransferStage.DONE, words, transaction_id=number)
    return row


def _ask(row: Transfer, gateway: SpotGateway) -> str:
    try:
        return gateway.transfer(_request(row))
    except TimestampError:
        # Refused before anything was done; with the clocks in line it may be signed anew, once.
        gateway.resync_clock()
        if not transfer_journal.mark_resigned(row, signed_at_ms=gateway.signing_time_ms()):
            raise
    return gateway.transfer(_request(row))


def _request(row: Transfer) -> TransferRequest:
    return TransferRequest(
        direction=TransferDirection(row.direction),
        asset=row.asset,
        amount=Decimal(plain_amount(row.amount)),  # not the 18 places of the column
        signed_at_ms=row.signed_at_ms,
        recv_window_ms=row.recv_window_ms,
    )


def _evidence(
    gateway: SpotGateway, direction: TransferDirection, asset: str, *, since_ms: int
) -> dict[str, Any]:
    # The history first: where it cannot be read, nothing may be sent that only it could explain.
    known = gateway.transfers(direction, start=from_milliseconds(since_ms))
    facts: dict[str, Any] = {KNOWN_BEFORE: [report.transaction_id for report in known]}
    try:
        facts[FREE_BEFORE] = str(transfer_history.free_amount(gateway, asset))
    except GatewayError as error:
        logger.warning("the free amount before a transfer is not known: %s", error)
    return facts


def _keys_of(whose: APIKey | ExchangeAccount) -> list[APIKey]:
    if isinstance(whose, APIKey):
        return [whose]
    usable = whose.api_keys.filter(revoked_at__isnull=True).select_related("account")
    keys = list(usable.order_by("created_at", "pk"))
    if not keys:
        words = f"{whose} has no usable key to ask the venue with. Add one of this account."
        raise ValidationError({"account": words})
    return keys


def _with_a_key(keys: list[APIKey], ask: Callable[[SpotGateway], None]) -> None:
    """Let each key ask until the venue takes one; what the last one meets is raised."""
    *others, last = keys
    for key in others:
        try:
            ask(spot_gateway_for(key))
        except (CredentialsError, CredentialsDecryptError) as error:
            logger.warning("%s cannot ask about transfers, the next key will: %s", key, error)
        else:
            return
    ask(spot_gateway_for(last))


def _check(api_key: APIKey, *, asset: str, amount: Decimal, purpose: str) -> None:
    problems: dict[str, str] = {}
    if api_key.permissions.get("can_transfer") is False:
        problems["api_key"] = (
            f"The key {api_key.label} may not move money between wallets. Allow universal "
            "transfers for it at the venue, then check its permissions again."
        )
    if ASSET.fullmatch(asset) is None:
        problems["asset"] = "Give the asset in capital letters and digits, like USDT."
    if problem := _amount_problem(amount):
        problems["amount"] = f"The amount {problem}."
    if len(purpose) > PURPOSE_LENGTH:
        problems["purpose"] = f"The purpose is longer than {PURPOSE_LENGTH} characters."
    if problems:
        raise ValidationError(problems)


def _amount_problem(amount: Decimal) -> str | None:
    if not amount.is_finite():
        return "is not a decimal number"
    if amount <= 0:
        return "must be greater than zero"
    if amount >= AMOUNT_LIMIT:
        return "is larger than any wallet"
    if amount != round(amount, AMOUNT_PLACES):
        return f"has more than {AMOUNT_PLACES} decimal places"
    return None

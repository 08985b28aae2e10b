"""Money for a futures bot: from spot when it starts, and back when it is stopped and flat."""

from __future__ import annotations

import logging
from decimal import ROUND_DOWN, Decimal
from typing import Final

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import User
from bots import journal
from bots.domain.status import State
from bots.locks import BotLockedError, lock_state
from bots.models import BotConfig, EventKind
from bots.models.fields import plain
from bots.selectors.transfers import moved_by, purpose_of
from bots.services.errors import BotError
from exchange.credentials import CredentialsDecryptError
from exchange.domain.budget import Priority, asking_for
from exchange.domain.errors import GatewayError
from exchange.domain.transfers import TransferDirection
from exchange.domain.types import ZERO
from exchange.models import APIKey, Transfer, TransferStage
from exchange.registry import ClientInitError, KeyRevokedError, futures_gateway_for
from exchange.transfers import TransferPendingError, reconcile_transfers, request_transfer

logger = logging.getLogger(__name__)

_PLACES: Final = Decimal("1E-8")  # of every balance at the venue
_WAITS_SECONDS: Final = 5
_CANNOT_ASK: Final = (GatewayError, ClientInitError, KeyRevokedError, CredentialsDecryptError)


def transfer_at_start(bot: BotConfig, *, actor: User | None) -> str:
    """Move what the futures wallet lacks of `transfer_amount`, once; return what came of it.

    Empty when there is nothing to move. Nothing that goes wrong here keeps the bot from starting:
    while a transfer is not settled its entries are blocked, and without money it waits. The caller
    holds the bot's lock, so that of two starts at once only one moves money.
    """
    key = bot.api_key
    if key is None or not (bot.is_futures and bot.auto_transfer_funds and bot.transfer_amount):
        return ""
    try:
        with asking_for(Priority.PAGE):
            reconcile_transfers(key)
            asset, free = _free(bot, key)
            amount = _whole(bot.transfer_amount - free)
            if amount <= ZERO:
                return f"The futures wallet holds {plain(free)} {asset} already."
            made = _request(
                bot,
                key,
                direction=TransferDirection.TO_FUTURES,
                asset=asset,
                amount=amount,
                actor=actor,
            )
    except TransferPendingError as error:
        return f"{error}"
    except ValidationError as error:
        return f"Nothing was transferred: {' '.join(error.messages)}"
    except _CANNOT_ASK as error:
        logger.warning("bot %s: no transfer at its start: %s", bot.pk, error)
        return f"Nothing was transferred: {error}"
    return _words(made)


def return_transfer(*, bot_id: int, actor: User | None) -> Transfer:
    """Move what the bot had brought to the futures wallet back, or what is left free of it.

    BotError unless the bot is stopped and flat, has brought something, and the venue moves it.
    """
    bot = BotConfig.objects.select_related("api_key__account").get(pk=bot_id, deleted_at=None)
    if bot.api_key is None or bot.api_key.is_revoked:
        raise BotError("The bot has no usable API key to transfer with.")
    try:
        with transaction.atomic():
            state = lock_state(bot_id, wait_seconds=_WAITS_SECONDS)
            if state.bot.is_active or state.current.state is not State.STOPPED or bot.is_engaged:
                raise BotError("Stop the bot and close its position first.")
            return _return(bot, bot.api_key, actor)
    except BotLockedError as error:
        raise BotError("A tick of this bot is under way. Try again in a moment.") from error


def _return(bot: BotConfig, key: APIKey, actor: User | None) -> Transfer:
    try:
        with asking_for(Priority.PAGE):
            reconcile_transfers(key)
            brought = moved_by(bot)
            asset, free = _free(bot, key)
            amount = _whole(min(brought, free))
            if amount <= ZERO:
                raise BotError("There is nothing of this bot's left to move back.")
            made = _request(
                bot,
                key,
                direction=TransferDirection.TO_SPOT,
                asset=asset,
                amount=amount,
                actor=actor,
            )
    except (TransferPendingError, *_CANNOT_ASK) as error:
        raise BotError(str(error)) from error
    except ValidationError as error:
        raise BotError(" ".join(error.messages)) from error
    if made.status != TransferStage.DONE:
        raise BotError(_words(made))
    return made


def _free(bot: BotConfig, key: APIKey) -> tuple[str, Decimal]:
    gateway = futures_gateway_for(key)
    asset = gateway.rules(bot.symbol).quote_asset
    return asset, gateway.account().free(asset)


def _whole(amount: Decimal) -> Decimal:
    return amount.quantize(_PLACES, rounding=ROUND_DOWN)


def _request(
    bot: BotConfig,
    key: APIKey,
    *,
    direction: TransferDirection,
    asset: str,
    amount: Decimal,
    actor: User | None,
) -> Transfer:
    made = request_transfer(
        key,
        direction=direction,
        asset=asset,
        amount=amount,
        requested_by=actor,
        purpose=purpose_of(bot),
    )
    journal.record_event(
        bot.pk,
        EventKind.TRANSFER,
        _words(made),
        actor_id=actor.pk if actor else None,
        data={"transfer": made.pk, "status": made.status},
    )
    return made


def _words(made: Transfer) -> str:
    what = f"{plain(made.amount)} {made.asset} from {made.get_direction_display()}"
    if made.status == TransferStage.DONE:
        return f"Transferred {what}."
    return f"A transfer of {what} is {made.get_status_display()}: {made.message}"

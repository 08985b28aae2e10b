"""Money that may be on its way to the futures wallet: until it is settled no entry counts on it."""

from __future__ import annotations

import logging

from django.core.exceptions import ValidationError

from bots import journal
from bots.domain.decision import Denial, DenialCode
from bots.models import BotState, EventKind
from bots.selectors.transfers import unsettled_to_futures
from exchange.credentials import CredentialsDecryptError
from exchange.domain.errors import GatewayError
from exchange.models import APIKey
from exchange.registry import ClientInitError, KeyRevokedError
from exchange.transfers import reconcile_transfers

logger = logging.getLogger(__name__)

_CANNOT_ASK = (
    GatewayError,
    ClientInitError,
    KeyRevokedError,
    CredentialsDecryptError,
    ValidationError,
)


def transfer_block(state: BotState) -> tuple[Denial, ...]:
    """Return why entries wait for a transfer, after asking the venue what became of it.

    Empty on spot, for bots that transfer nothing by themselves, and once it is settled: the
    balance then tells whether the money is there.
    """
    bot = state.bot
    if not (bot.is_futures and bot.auto_transfer_funds and bot.api_key is not None):
        return ()
    if unsettled_to_futures(bot) is None:
        return ()
    _ask(state, bot.api_key)
    pending = unsettled_to_futures(bot)
    if pending is None:
        return ()
    detail = f"nobody knows yet what became of {pending}"
    return (Denial(code=DenialCode.TRANSFER_PENDING, detail=detail),)


def _ask(state: BotState, key: APIKey) -> None:
    try:
        found = reconcile_transfers(key)
    except _CANNOT_ASK as error:
        # Not knowing is what blocks the entry; the tick itself can go on.
        logger.warning("bot %s: the transfer cannot be asked about: %s", state.pk, error)
        return
    for transfer in found:
        if not transfer.is_unsettled:
            words = f"The {transfer}. {transfer.message}"
            journal.record_event(state.pk, EventKind.TRANSFER, words)

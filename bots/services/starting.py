"""What has to be right before a bot may start. Every reason that speaks against it is named."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from django.conf import settings
from django.core.exceptions import ValidationError

from bots.domain.decision import Denial
from bots.domain.strategies import STRATEGIES
from bots.engine.account_watch import look_at_start
from bots.engine.incidents import entry_blocks_of_account
from bots.engine.venue import VenueGateway, is_futures, open_gateway
from bots.models import BotConfig, BotState
from exchange.credentials import CredentialsDecryptError
from exchange.domain.budget import Priority, asking_for
from exchange.domain.errors import GatewayError, UnavailableError, UnknownSymbolError
from exchange.domain.rules import TradingRules
from exchange.domain.types import ZERO, Environment
from exchange.models import APIKey
from exchange.permissions import Flags
from exchange.registry import ClientInitError, KeyRevokedError
from exchange.services import UNREACHABLE, check_api_key

logger = logging.getLogger(__name__)

NO_KEY = "This bot has no usable API key. Choose one in its settings."
LIVE_IS_OFF = (
    "Live trading is switched off on this installation. "
    "Its administrator can set LIVE_TRADING_ENABLED=true."
)
_UNDECRYPTABLE = (
    "The API key cannot be decrypted with this installation's FERNET_KEYS. Add it anew."
)
_HEDGE_MODE = (
    "The futures account is in hedge mode, and bots trade in one-way mode only. Switch it at the "
    "venue, while the account has neither positions nor orders."
)


def reasons_not_to_start(bot: BotConfig) -> list[str]:
    """Return everything that keeps the bot from starting, in words; empty when it may.

    Asks the venue. One that does not answer is no reason: the first tick says what is missing, and
    heals by itself. A bot that holds a position is not kept from looking after it by what only
    stands in the way of entries.
    """
    key = bot.api_key
    reasons = _without_the_venue(bot)
    if key is None or key.revoked_at is not None:
        return [NO_KEY, *reasons]
    if key.environment == Environment.LIVE and not settings.LIVE_TRADING_ENABLED:
        return [LIVE_IS_OFF, *reasons]
    with asking_for(Priority.PAGE):  # a person waits, bots come first
        return [*reasons, *_at_the_venue(bot, key)]


def _without_the_venue(bot: BotConfig) -> list[str]:
    return [] if bot.strategy in STRATEGIES else [f"Unknown strategy: {bot.strategy}"]


def _at_the_venue(bot: BotConfig, key: APIKey) -> list[str]:
    try:
        check_api_key(api_key=key)
    except ValidationError as error:
        return [] if error.code == UNREACHABLE else list(error.messages)
    reasons = _missing_permissions(key.permissions, wants_futures=bot.is_futures)
    state = BotState.objects.select_related("bot__api_key__account").get(pk=bot.pk)
    try:
        return [*reasons, *_of_the_symbol(state, open_gateway(bot))]
    except UnavailableError as error:
        logger.warning("bot %s: not all could be asked before its start: %s", bot.pk, error)
        return [*reasons, *_in_words(() if state.in_position else entry_blocks_of_account(state))]
    except KeyRevokedError:
        return [NO_KEY]
    except CredentialsDecryptError:
        return [_UNDECRYPTABLE]
    except (ClientInitError, GatewayError) as error:
        return [*reasons, f"The venue cannot be used: {error}"]


def _missing_permissions(flags: Flags, *, wants_futures: bool) -> list[str]:
    trading = (
        ("can_use_futures", "trade futures (“Enable Futures”)")
        if wants_futures
        else ("can_trade", "trade spot (“Enable Spot & Margin Trading”)")
    )
    needed = (("can_read", "read the account (“Enable Reading”)"), trading)
    missing = [
        f"The API key may not {words}. Switch it on for the key at the venue."
        for name, words in needed
        if flags.get(name) is False
    ]
    if flags.get("is_account_open") is False:
        missing.append("The venue does not let this account trade, whatever its keys may do.")
    return missing


def _of_the_symbol(state: BotState, gateway: VenueGateway) -> list[str]:
    bot, is_flat = state.bot, not state.in_position
    try:
        rules = gateway.rules(bot.symbol)
    except UnknownSymbolError:
        venue = f"The {gateway.environment} venue does not list {bot.symbol}"
        return [f"{venue} on its {gateway.market} market."] if is_flat else []
    reasons = []
    if is_futures(gateway) and gateway.is_hedge_mode():
        reasons.append(_HEDGE_MODE)
    if not is_flat:
        return reasons  # whatever the symbol's trouble is: it must look after what it holds
    if not rules.allows_entries:
        reasons.append(
            f"{bot.symbol} is not being traded at the venue right now (status {rules.status})."
        )
    reasons += _lack_of_money(bot, rules, gateway)
    return [*reasons, *_in_words(look_at_start(state, gateway=gateway))]


def _in_words(blocks: Iterable[Denial]) -> list[str]:
    return [f"{block.detail[:1].upper()}{block.detail[1:]}." for block in blocks]


def _lack_of_money(bot: BotConfig, rules: TradingRules, gateway: VenueGateway) -> list[str]:
    brings_its_own = bot.is_futures and bot.auto_transfer_funds and bot.transfer_amount
    if brings_its_own or gateway.account().free(rules.quote_asset) > ZERO:
        return []
    wallet = f"{bot.get_position_type_display()} wallet of this account"
    return [f"There is no free {rules.quote_asset} in the {wallet}. Pay some in."]

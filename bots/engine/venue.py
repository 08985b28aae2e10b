"""From a bot to the gateway of the market that it trades."""

from __future__ import annotations

from typing import TypeGuard

from bots.engine.answers import KeyMissingError
from bots.models import BotConfig
from exchange.domain.futures_gateway import FuturesGateway
from exchange.domain.spot_gateway import SpotGateway
from exchange.domain.types import Market
from exchange.registry import futures_gateway_for, spot_gateway_for

VenueGateway = SpotGateway | FuturesGateway


def open_gateway(bot: BotConfig) -> VenueGateway:
    """Return the gateway for the bot's key and market.

    KeyMissingError, KeyRevokedError, ClientInitError or CredentialsDecryptError when there is none.
    """
    if bot.api_key is None:
        raise KeyMissingError(f"bot {bot.pk} has no API key")
    if bot.is_futures:
        return futures_gateway_for(bot.api_key)
    return spot_gateway_for(bot.api_key)


def is_futures(gateway: VenueGateway) -> TypeGuard[FuturesGateway]:
    """Say whether it is the futures market that `gateway` opens."""
    return gateway.market is Market.FUTURES

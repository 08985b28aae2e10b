"""From an environment or an API key to a gateway. The only module that names an adapter.

Gateways are kept per thread of one process: their connections must be shared neither with a
forked child nor between threads. What they may ask is shared: one governor for each venue's host
and market in a process, one ledger in Redis for all of them.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar, cast

from django.conf import settings

from exchange.binance.client import CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS
from exchange.binance.futures import BinanceFuturesGateway
from exchange.binance.governor import Governor
from exchange.binance.spot import BinanceSpotGateway
from exchange.binance.urls import UrlSet
from exchange.credentials import Credentials, credentials
from exchange.domain.futures_gateway import FuturesGateway
from exchange.domain.gateway import ExchangeGateway, MarketDataGateway
from exchange.domain.spot_gateway import SpotGateway
from exchange.domain.types import Environment, Market
from exchange.models import APIKey
from exchange.shared_budget import governor

MAX_GATEWAYS: Final = 64  # per thread; the one used longest ago is closed first
# For what everybody may ask: pages and the dispatcher wait for it, and a venue that needs longer
# hangs. Connect and read, seconds.
PUBLIC_TIMEOUT: Final = (2.0, 3.0)
SIGNED_TIMEOUT: Final = (CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS)


AnyGateway = BinanceSpotGateway | BinanceFuturesGateway
Gateway = TypeVar("Gateway", bound=AnyGateway)


class ClientInitError(Exception):
    """No client can be made for this environment; the text says why."""


class KeyRevokedError(Exception):
    """The API key was revoked here and must not be used."""


class _Shelf(threading.local):
    def __init__(self) -> None:
        self.pid = os.getpid()
        self.gateways: OrderedDict[Hashable, AnyGateway] = OrderedDict()


_shelf = _Shelf()


def market_data_gateway(environment: Environment, market: Market) -> MarketDataGateway:
    """Return the gateway for what the venue tells everybody; ClientInitError when there is none."""
    return _public(_kind(market), environment)


def gateway_for(api_key: APIKey, market: Market) -> ExchangeGateway:
    """Return what both markets can do for the holder of `api_key`.

    KeyRevokedError, ClientInitError or CredentialsDecryptError when there can be none.
    """
    return _signed(_kind(market), api_key)


def spot_gateway_for(api_key: APIKey) -> SpotGateway:
    """Return the spot gateway for the holder of `api_key`; errors as of `gateway_for`."""
    return _signed(BinanceSpotGateway, api_key)


def futures_gateway_for(api_key: APIKey) -> FuturesGateway:
    """Return the futures gateway for the holder of `api_key`; errors as of `gateway_for`."""
    return _signed(BinanceFuturesGateway, api_key)


@contextmanager
def temporary_gateway(
    environment: Environment, market: Market, plain: Credentials
) -> Iterator[ExchangeGateway]:
    """Lend a gateway for a key that is not stored yet; ClientInitError when there can be none."""
    urls = _urls(environment)
    shared = governor(urls.origin(market), market)
    gateway = _opened(_kind(market), environment, urls, plain, shared)
    try:
        yield gateway
    finally:
        gateway.close()


def close_gateways() -> None:
    """Close the connections of this thread's gateways."""
    while _shelf.gateways:
        _shelf.gateways.popitem()[1].close()


def _kind(market: Market) -> type[AnyGateway]:
    return BinanceFuturesGateway if market is Market.FUTURES else BinanceSpotGateway


def _public(kind: type[Gateway], environment: Environment) -> Gateway:
    urls = _urls(environment)
    shared = governor(urls.origin(kind.market), kind.market)
    return _kept((kind, environment, urls), lambda: _opened(kind, environment, urls, None, shared))


def _signed(kind: type[Gateway], api_key: APIKey) -> Gateway:
    if api_key.is_revoked:
        raise KeyRevokedError(f"the API key {api_key.label} was revoked")
    environment = Environment(api_key.environment)
    urls = _urls(environment)
    shared = governor(urls.origin(kind.market), kind.market).for_account(api_key.account.uid)
    # The ciphertexts are part of the name, so that replaced credentials are never used again.
    stored = (api_key.pk, api_key.encrypted_key, api_key.encrypted_secret)
    return _kept(
        (kind, environment, urls, stored),
        lambda: _opened(kind, environment, urls, credentials(api_key), shared),
    )


def _urls(environment: Environment) -> UrlSet:
    try:
        urls: UrlSet = settings.EXCHANGE_URLS[environment.value]
    except KeyError:
        raise ClientInitError(f"no URLs are configured for {environment}") from None
    return urls


def _opened(
    kind: type[Gateway],
    environment: Environment,
    urls: UrlSet,
    plain: Credentials | None,
    shared: Governor,
) -> Gateway:
    return kind(
        environment=environment,
        urls=urls,
        key=plain.key if plain else None,
        secret=plain.secret if plain else None,
        recv_window_ms=settings.BINANCE_RECV_WINDOW,
        timeout=SIGNED_TIMEOUT if plain else PUBLIC_TIMEOUT,
        governor=shared,
    )


def _kept(name: Hashable, make: Callable[[], Gateway]) -> Gateway:
    if _shelf.pid != os.getpid():
        # A forked child: the sockets belong to the parent, so they are dropped, not closed.
        _shelf.pid = os.getpid()
        _shelf.gateways = OrderedDict()
    if name not in _shelf.gateways:
        _shelf.gateways[name] = make()
    _shelf.gateways.move_to_end(name)
    while len(_shelf.gateways) > MAX_GATEWAYS:
        _shelf.gateways.popitem(last=False)[1].close()
    return cast("Gateway", _shelf.gateways[name])

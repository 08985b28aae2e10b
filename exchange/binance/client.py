"""python-binance's client, pinned to the hosts of one environment and to committed timestamps."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from exchange.binance.errors import RefusedReplyError, UnreadableReplyError
from exchange.binance.urls import UrlSet

CONNECT_TIMEOUT_SECONDS: Final = 3.0
READ_TIMEOUT_SECONDS: Final = 10.0
LOOPBACK_HOSTS: Final = frozenset({"127.0.0.1", "::1", "localhost"})

# Family of python-binance's *_URL attributes -> (field of UrlSet, path). The testnet and demo
# twins of a family (API_TESTNET_URL ...) get the same value.
URL_FAMILIES: Final = {
    "API": ("spot", "/api"),
    "MARGIN_API": ("spot", "/sapi"),
    "WEBSITE": ("spot", ""),
    "FUTURES": ("futures", "/fapi"),
    "FUTURES_DATA": ("futures", "/futures/data"),
    "FUTURES_COIN": ("futures", "/dapi"),
    "FUTURES_COIN_DATA": ("futures", "/futures/data"),
    "OPTIONS": ("futures", "/eapi"),
    "PAPI": ("futures", "/papi"),
    "WS_API": ("spot_ws_api", "/ws-api/v3"),
    "WS_FUTURES": ("futures_ws", "/ws-fapi/v1"),
}


class ForbiddenHostError(requests.exceptions.InvalidURL):
    """A request was about to leave for a host that its environment does not name."""


class PinnedAdapter(HTTPAdapter):
    """Transport that refuses every origin but those it was made for."""

    def __init__(self, origins: Iterable[str]) -> None:
        self.hosts = frozenset(_host(origin) for origin in origins)
        super().__init__(max_retries=0)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        """Send `request`, or raise ForbiddenHostError before anything leaves."""
        host = _host(request.url or "")
        if host not in self.hosts:
            raise ForbiddenHostError(f"{host[1]} is not a host of this environment")
        return super().send(request, *args, **kwargs)


def _host(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)


class PinnedClientMixin:
    """What we change in python-binance's client; mixed in before it by `build_client`."""

    _committed: tuple[int, int] | None = None

    @contextmanager
    def committed_timestamp(self, *, signed_at_ms: int, recv_window_ms: int) -> Iterator[None]:
        """Sign with the given timestamp and recvWindow instead of this moment's.

        python-binance overwrites both when they are passed as arguments.
        """
        self._committed = (signed_at_ms, recv_window_ms)
        try:
            yield
        finally:
            self._committed = None

    def _generate_signature(self, data: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        if self._committed:
            data["timestamp"], data["recvWindow"] = self._committed
        return super()._generate_signature(data, *args, **kwargs)  # type: ignore[misc]

    @staticmethod
    def _handle_response(response: requests.Response) -> Any:
        # Not the library's: its exceptions keep the request, whose headers hold the API key,
        # and an error body that is a JSON list makes it raise AttributeError.
        if not HTTPStatus.OK <= response.status_code < HTTPStatus.MULTIPLE_CHOICES:
            raise RefusedReplyError.read(response)
        try:
            return response.json()
        except (ValueError, RecursionError):  # the latter: brackets without end
            pass
        raise UnreadableReplyError(response.status_code)


def build_client(
    urls: UrlSet,
    *,
    key: str | None = None,
    secret: str | None = None,
    recv_window_ms: int = 5000,
    timeout: tuple[float, float] = (CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS),
) -> Any:
    """Return a python-binance Client that can reach the hosts of `urls` only; does no I/O.

    Redirects are not followed: one would send an order a second time.
    `timeout` is (connect, read) in seconds. One client serves one thread of one process.
    """
    # Imported here because it takes most of a second, which web pages and commands
    # that never talk to a venue should not pay.
    from binance.client import Client  # noqa: PLC0415

    attributes = {**url_attributes(Client, urls), "REQUEST_RECVWINDOW": recv_window_ms}
    pinned_class = type("PinnedClient", (PinnedClientMixin, Client), attributes)
    client = _construct(
        pinned_class,
        api_key=key,
        api_secret=secret,
        ping=False,
        requests_params={"timeout": timeout, "allow_redirects": False},
    )
    _pin(client.session, urls)
    return client


def url_attributes(client_class: type, urls: UrlSet) -> dict[str, str]:
    """Return a replacement for every `*_URL` attribute of `client_class`, known or not."""
    names = (name for name in dir(client_class) if name.endswith("_URL"))
    return {name: _url(name, urls) for name in names}


def _url(name: str, urls: UrlSet) -> str:
    family = name.removesuffix("_URL").removesuffix("_TESTNET").removesuffix("_DEMO")
    # A family that a later python-binance adds must not reach its own host either.
    field, path = URL_FAMILIES.get(family, ("spot", "/unknown-family"))
    return str(getattr(urls, field)) + path


def _construct(client_class: Any, **arguments: Any) -> Any:
    async def construct() -> Any:
        return client_class(**arguments)

    # The library asks asyncio for the thread's event loop and creates one where there is none,
    # never to be closed. In a thread of its own it finds one that is closed properly.
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(asyncio.run, construct()).result()


def _pin(session: requests.Session, urls: UrlSet) -> None:
    origins = (urls.spot, urls.futures)
    adapter = PinnedAdapter(origins)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    if {urlsplit(origin).hostname for origin in origins} <= LOOPBACK_HOSTS:
        session.trust_env = False  # HTTP_PROXY of the machine cannot reach our own loopback

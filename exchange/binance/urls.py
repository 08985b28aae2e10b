"""Which hosts an environment may talk to, and no others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final
from urllib.parse import SplitResult, urlsplit

from exchange.domain.types import Market

HTTP_SCHEMES: Final = ("http", "https")
WEBSOCKET_SCHEMES: Final = ("ws", "wss")
# testnet/general-info.md and demo-mode/general-info.md of binance-spot-api-docs.
HOSTS_WITHOUT_SAPI: Final = frozenset({"testnet.binance.vision", "demo-api.binance.com"})


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlSet:
    """Origins of one environment, each `scheme://host[:port]` without a path.

    ValueError names the environment variable of the origin that is none, with `*` for the
    environment; `url_set` knows the environment and names the variable in full.
    """

    spot: str
    spot_ws: str
    spot_ws_api: str
    futures: str
    futures_ws: str

    def __post_init__(self) -> None:
        for field in fields(self):
            check_origin(variable_name("*", field.name), getattr(self, field.name), field.name)

    def origin(self, market: Market) -> str:
        """Return where the REST requests of `market` go."""
        return self.futures if market is Market.FUTURES else self.spot

    @property
    def has_sapi(self) -> bool:
        """Say whether the spot origin answers below /sapi (wallet, permissions of a key)."""
        return urlsplit(self.spot).hostname not in HOSTS_WITHOUT_SAPI


def variable_name(environment: str, field: str) -> str:
    """Return the environment variable that sets `field` of `environment`."""
    return f"BINANCE_{environment.upper()}_{field.upper()}_URL"


def url_set(environment: str, origins: Mapping[str, str]) -> UrlSet:
    """Return the origins of `environment`; ValueError names the variable that is wrong."""
    for field, origin in origins.items():
        check_origin(variable_name(environment, field), origin, field)
    return UrlSet(**origins)


def check_origin(variable: str, origin: str, field: str) -> None:
    """Refuse what is no bare origin of the right scheme; ValueError begins with `variable`."""
    schemes = WEBSOCKET_SCHEMES if "_ws" in field else HTTP_SCHEMES
    problem = _origin_problem(origin, schemes)
    if problem:
        example = f"{schemes[1]}://host or {schemes[0]}://host:port"
        # The value itself may hold a password, so it is left out.
        raise ValueError(f"{variable} {problem}; expected {example}, without a path.")


def _origin_problem(origin: str, schemes: tuple[str, ...]) -> str | None:
    try:
        parts = urlsplit(origin)
        port_is_zero = parts.port == 0  # reading the port raises on nonsense
    except ValueError:
        return "is not a URL"
    if parts.scheme not in schemes:
        return f"must start with {' or '.join(f'{scheme}://' for scheme in schemes)}"
    if not parts.hostname or port_is_zero or _has_odd_characters(origin):
        return "is not a URL with a host"
    if "@" in parts.netloc:
        return "must not hold a user name or password"
    return "must not have a path, query or fragment" if _has_more(parts, origin) else None


def _has_odd_characters(origin: str) -> bool:
    # python-binance runs str.format over its URLs, so a brace would be read as a placeholder.
    return any(character.isspace() or character in "{}\\" for character in origin)


def _has_more(parts: SplitResult, origin: str) -> bool:
    return origin != f"{parts.scheme}://{parts.netloc}"


# https://github.com/binance/binance-spot-api-docs/blob/master/testnet/general-info.md
# and the USD-M general info page; futures on the testnet are the venue's demo trading.
TESTNET_URLS: Final = UrlSet(
    spot="https://testnet.binance.vision",
    spot_ws="wss://stream.testnet.binance.vision",
    spot_ws_api="wss://ws-api.testnet.binance.vision",
    futures="https://demo-fapi.binance.com",
    futures_ws="wss://fstream.binancefuture.com",
)
LIVE_URLS: Final = UrlSet(
    spot="https://api.binance.com",
    spot_ws="wss://stream.binance.com:9443",
    spot_ws_api="wss://ws-api.binance.com",
    futures="https://fapi.binance.com",
    futures_ws="wss://fstream.binance.com",
)

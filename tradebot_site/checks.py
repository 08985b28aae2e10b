"""System checks that refuse dangerous combinations before anything trades."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

MAX_RECV_WINDOW_MS = 60_000  # the venue's limit


@register
def check_secrets(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """Refuse live trading on a published secret key."""
    if settings.SECRET_KEY != settings.INSECURE_SECRET_KEY or settings.DEBUG:
        return []
    if settings.LIVE_TRADING_ENABLED:
        return [
            Error(
                "LIVE_TRADING_ENABLED is true but SECRET_KEY is the one of the source code.",
                hint="Set SECRET_KEY and FERNET_KEYS; `./tradebotctl up` generates both.",
                id="tradebot.E001",
            )
        ]
    return []


@register
def check_live(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """Refuse live trading with debug pages, which would show secrets of a failing request."""
    if settings.LIVE_TRADING_ENABLED and settings.DEBUG:
        return [
            Error("LIVE_TRADING_ENABLED and DEBUG are both true.", id="tradebot.E002"),
        ]
    return []


@register
def check_recv_window(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """Refuse a receive window that the venue would answer with -1131."""
    if settings.BINANCE_RECV_WINDOW > MAX_RECV_WINDOW_MS:
        return [
            Error(
                f"BINANCE_RECV_WINDOW is {settings.BINANCE_RECV_WINDOW} ms; "
                f"the venue accepts at most {MAX_RECV_WINDOW_MS}.",
                id="tradebot.E003",
            )
        ]
    return []


@register
def check_environments_are_apart(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """Refuse paper environments that point at the live venue, and the reverse."""
    live = {settings.EXCHANGE_URLS["live"].spot, settings.EXCHANGE_URLS["live"].futures}
    return [
        Error(
            f"The {name} environment uses a URL of the live environment.",
            hint=f"Check the BINANCE_{name.upper()}_*_URL variables.",
            id="tradebot.E004",
        )
        for name in ("demo", "testnet")
        if live & {settings.EXCHANGE_URLS[name].spot, settings.EXCHANGE_URLS[name].futures}
    ]


@register
def check_hosts(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """Warn when any host name is served without TLS cookies."""
    if "*" in settings.ALLOWED_HOSTS and not settings.DEBUG:
        return [
            Warning(
                "ALLOWED_HOSTS is *: pages answer to any host name.",
                hint="List the names under which this installation is reached.",
                id="tradebot.W001",
            )
        ]
    return []

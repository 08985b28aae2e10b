"""What the shared market data are called in Redis.

Keys name the installation and the venue's origin: another demo exchange is another market, even
where its environment has the same name. Channels name the database number too, which publish and
subscribe do not know.
"""

from __future__ import annotations

import hashlib
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings

from exchange.binance.urls import UrlSet
from exchange.domain.streams import Series
from exchange.domain.types import Environment, Market

_ORIGIN_DIGITS: Final = 8


def place(environment: Environment, market: Market) -> str:
    """Return the beginning of every key about one market of one venue."""
    urls: UrlSet = settings.EXCHANGE_URLS[environment.value]
    origin = hashlib.sha256(urls.origin(market).encode()).hexdigest()[:_ORIGIN_DIGITS]
    return f"tradebot:{settings.INSTALLATION_ID}:{environment}:{market}:{origin}"


def closed_klines(series: Series) -> str:
    """Return the key of the closed klines of a series, a sorted set by open time in ms."""
    return f"{place(series.environment, series.market)}:{series.symbol}:{series.interval}:closed"


def newest(series: Series) -> str:
    """Return the key of what is newest about a series: the open kline, ages, source (a hash)."""
    return f"{place(series.environment, series.market)}:{series.symbol}:{series.interval}:newest"


def klines_request(series: Series) -> str:
    """Return the key of the lock that the one who asks the venue for klines holds."""
    return f"{place(series.environment, series.market)}:{series.symbol}:{series.interval}:asking"


def market_time(environment: Environment, market: Market) -> str:
    """Return the key of a market's clock; what hangs on it begins with the same words."""
    return f"{place(environment, market)}:time"


def wanted_by_pages() -> str:
    """Return the key of the series that pages have asked for, a sorted set by wall time in ms."""
    return f"tradebot:{settings.INSTALLATION_ID}:wanted"


def feed_status() -> str:
    """Return the key of what the market feed says about itself, a hash by connection."""
    return f"tradebot:{settings.INSTALLATION_ID}:feed"


def closed_channel() -> str:
    """Return the channel on which a newly closed kline is announced."""
    return f"{_channels()}:closed"


def account_channel() -> str:
    """Return the channel of account events."""
    return f"{_channels()}:accounts"


def _channels() -> str:
    database = urlsplit(settings.REDIS_URL).path.strip("/") or "0"
    return f"tradebot:{settings.INSTALLATION_ID}:{database}"

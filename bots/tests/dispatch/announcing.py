"""Messages on the channels, as the market feed publishes them."""

from __future__ import annotations

import json
import time
from datetime import datetime
from typing import Any

from exchange.domain.clock import to_milliseconds
from exchange.domain.streams import AccountEvent, AccountEventKind
from exchange.domain.types import Environment, Market
from exchange.feed.announcing import AccountNews, encode


def closed_message(
    *, symbol: str = "BTCUSDT", interval: str = "5m", open_time: datetime | None = None
) -> str:
    """Return what says that a kline of a spot symbol of the demo has closed."""
    return json.dumps(
        {
            "environment": "demo",
            "market": "spot",
            "symbol": symbol,
            "interval": interval,
            "open_time": to_milliseconds(open_time) if open_time else 0,
            "stored_at": int(time.time() * 1000),
        }
    )


def account_message(*, kind: str = "order", account_id: int = 1, **event: Any) -> str:
    """Return what tells of a spot account of the demo."""
    news = AccountNews(
        account_id=account_id,
        environment=Environment.DEMO,
        market=Market.SPOT,
        event=AccountEvent(kind=AccountEventKind(kind), **event),
    )
    return encode(news)

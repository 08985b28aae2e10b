"""What the tests of transfers do again and again."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from exchange.binance import clock
from exchange.domain.transfers import TransferDirection
from exchange.models import APIKey, Transfer
from exchange.transfers import request_transfer

HUNDRED = Decimal(100)
PATH = "/sapi/v1/asset/transfer"
SENDING = f"POST {PATH}"
HISTORY = f"GET {PATH}"
AFTER_THE_WINDOW = 70  # seconds: recvWindow 5 s, then a minute, and a little


def move(api_key: APIKey, **changes: Any) -> Transfer:
    """Ask for 100 USDT to be moved to the futures wallet."""
    values: dict[str, Any] = {
        "direction": TransferDirection.TO_FUTURES,
        "asset": "USDT",
        "amount": HUNDRED,
    }
    return request_transfer(api_key, **(values | changes))


def let_signing_time_pass(monkeypatch: pytest.MonkeyPatch, seconds: int) -> None:
    """Let this machine's and the venue's wall clock move on, as far as open gateways know it.

    A gateway that measures its clock only now is not fooled.
    """
    real = clock.wall_milliseconds
    monkeypatch.setattr(clock, "wall_milliseconds", lambda: real() + seconds * 1000)

"""An account that may trade BTCUSDT at 100000, and short words for what it asks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import pytest
import requests

from exchange.demo.conftest import Caller
from exchange.demo.fapi.tests.order_samples import ALGOS
from exchange.demo.testing import RunningExchange

SYMBOL: Final = "BTCUSDT"
ORDER: Final = "/fapi/v1/order"
ALGO: Final = "/fapi/v1/algoOrder"
# What a taker pays and gets while the price is 100000: half a basis point to either side.
ASK, BID = "100005.00", "99995.00"


@dataclass(frozen=True, slots=True)
class Trader:
    """Asks in the name of one account; `demo` stands still unless told."""

    demo: RunningExchange
    caller: Caller

    def ask(self, method: str, path: str, **params: Any) -> requests.Response:
        """Send a signed request below /fapi; None leaves a parameter out."""
        sent = {name: value for name, value in params.items() if value is not None}
        return self.caller.signed(method, f"/fapi/{path}", **sent)

    def order(self, **params: Any) -> requests.Response:
        """Ask for an order: by default 0.01 BTC bought at the market."""
        usual = {"symbol": SYMBOL, "side": "BUY", "type": "MARKET", "quantity": "0.010"}
        return self.ask("POST", "v1/order", **(usual | params))

    def limit(self, price: str, **params: Any) -> requests.Response:
        """Ask for a limit order, good till canceled."""
        usual = {"type": "LIMIT", "timeInForce": "GTC", "price": price}
        return self.order(**(usual | params))

    def algo(self, kind: str = "STOP_MARKET", **params: Any) -> requests.Response:
        """Ask for a conditional order that does not trigger at 100000."""
        return self.ask("POST", "v1/algoOrder", **(ALGOS[kind] | params))

    def find(self, order_id: int) -> dict[str, Any]:
        """Return one order."""
        return dict(self.ask("GET", "v1/order", symbol=SYMBOL, orderId=order_id).json())

    def find_algo(self, algo_id: int) -> dict[str, Any]:
        """Return one conditional order."""
        return dict(self.ask("GET", "v1/algoOrder", algoId=algo_id).json())

    def trades(self, **params: Any) -> list[dict[str, Any]]:
        """Return trades."""
        return list(self.ask("GET", "v1/userTrades", symbol=SYMBOL, **params).json())

    def move(self, price: str, *, seconds: float = 1) -> None:
        """Hold another price from now on and let market time pass."""
        self.demo.set_price(SYMBOL, price)
        self.wait(seconds=seconds)

    def wait(self, **span: float) -> None:
        """Let market time pass."""
        later = self.demo.market_time() + timedelta(**span)
        self.demo.set_clock(market_time=later.isoformat())


def placed(response: requests.Response) -> dict[str, Any]:
    """Return the reply to what must have succeeded."""
    assert response.status_code == 200, response.text
    return dict(response.json())


@pytest.fixture
def trader(demo: RunningExchange, caller: Caller) -> Iterator[Trader]:
    """An account in isolated mode, ten times leveraged, while the price is 100000."""
    demo.set_price(SYMBOL, "100000")
    one = Trader(demo, caller)
    placed(one.ask("POST", "v1/marginType", symbol=SYMBOL, marginType="ISOLATED"))
    placed(one.ask("POST", "v1/leverage", symbol=SYMBOL, leverage="10"))
    yield one
    assert set(demo.ledger()["differences"].values()) <= {"0.00000000"}

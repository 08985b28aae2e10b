"""The futures world with conditional orders."""

from __future__ import annotations

from typing import Any

from exchange.demo.futures.asked import AlgoRequest
from exchange.demo.futures.tests.futures_world import BTC, FuturesWorld
from exchange.demo.futures.values import AlgoOrder, Order
from exchange.demo.trading.tests.engine_world import D

_AMOUNTS = ("quantity", "price", "trigger_price", "activate_price", "callback_rate")


class AlgoWorld(FuturesWorld):
    """Places conditional orders and shows what became of them."""

    def ask_algo(self, side: str, kind: str, **more: Any) -> AlgoRequest:
        """Return a request; plain numbers become amounts."""
        symbol = self.market.symbols[more.pop("symbol", BTC)]
        fields: dict[str, Any] = {
            key: D(value) if key in _AMOUNTS else value for key, value in more.items()
        }
        return AlgoRequest(symbol=symbol, side=side, type=kind, **fields)

    def algo(self, side: str, kind: str, **more: Any) -> int:
        """Place a conditional order now and return its id."""
        asked = self.ask_algo(side, kind, **more)
        return self.engine.place_algo(self.uid, asked, at_ms=self.now).algo_id

    def stop(self, trigger_price: Any, **more: Any) -> int:
        """Place a stop that sells 1 at the market, if nothing else is said."""
        closes = more.get("close_position", False)
        fields = ({} if closes else {"quantity": 1}) | {"trigger_price": trigger_price} | more
        return self.algo(fields.pop("side", "SELL"), fields.pop("kind", "STOP_MARKET"), **fields)

    def cancel_algo(self, algo_id: int) -> AlgoOrder:
        """Cancel a conditional order now."""
        return self.engine.cancel_algo(self.uid, algo_id=algo_id, at_ms=self.now)

    def found(self, algo_id: int) -> AlgoOrder:
        """Return a conditional order as it is now."""
        found = self.books.algo_by_id(self.uid, algo_id)
        assert found is not None
        return found

    def statuses(self, *algo_ids: int) -> list[str]:
        """Return the statuses of some conditional orders."""
        return [self.found(one).status for one in algo_ids]

    def child(self, algo_id: int) -> Order:
        """Return the order that a conditional order has become."""
        return self.order(self.found(algo_id).child_id)

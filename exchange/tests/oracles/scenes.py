"""Play every kind of request against a running demo exchange and keep what it answered."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlencode

import requests

from exchange.demo.testing import TEST_KEY, TEST_SECRET, RunningExchange

SYMBOL: Final = "BTCUSDT"
START_PRICE: Final = "100000"
ORDER: Final = "/api/v3/order"
LIST: Final = "/api/v3/orderList"
Form = dict[str, Any]  # what a request sends, by parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One reply: `endpoint` is method and path, `scene` what was going on."""

    scene: str
    endpoint: str
    status: int
    reply: Any


@dataclass(slots=True)
class Stage:
    """Asks and records. Signs by itself, so that no code of ours stands between."""

    demo: RunningExchange
    recorded: list[Recorded] = field(default_factory=list)
    scene: str = ""
    session: requests.Session = field(default_factory=requests.Session)

    def ask(
        self,
        method: str,
        path: str,
        *,
        is_signed: bool = True,
        has_key: bool = True,
        **params: Any,
    ) -> Any:
        """Send one request, record its reply and return it."""
        query = urlencode(params | ({"timestamp": int(time.time() * 1000)} if is_signed else {}))
        if is_signed:
            digest = hmac.new(TEST_SECRET.encode(), query.encode(), hashlib.sha256).hexdigest()
            query += f"&signature={digest}"
        response = self.session.request(
            method,
            f"{self.demo.url}{path}?{query}",
            headers={"X-MBX-APIKEY": TEST_KEY} if has_key else {},
            timeout=20,
        )
        reply = response.json()
        self.recorded.append(
            Recorded(
                scene=self.scene,
                endpoint=f"{method} {path}",
                status=response.status_code,
                reply=reply,
            )
        )
        return reply

    def look(self, path: str, **params: Any) -> Any:
        """Ask what everybody may ask."""
        return self.ask("GET", path, is_signed=False, has_key=False, **params)

    def order(self, **params: Any) -> Any:
        """Place an order: by default 0.01 BTC bought in the usual symbol."""
        return self.ask("POST", ORDER, **({"symbol": SYMBOL, "side": "BUY"} | params))

    def move(self, price: str, *, seconds: float = 1) -> None:
        """Hold another price from now on and let market time pass."""
        self.demo.set_price(SYMBOL, price)
        self.wait(seconds)

    def wait(self, seconds: float) -> None:
        """Let market time pass."""
        later = self.demo.market_time() + timedelta(seconds=seconds)
        self.demo.set_clock(market_time=later.isoformat())


def play_all(demo: RunningExchange) -> list[Recorded]:
    """Play every scene, each from the same price and with nothing open."""
    stage = Stage(demo)
    for scene in SCENES:
        stage.scene = "reset"
        stage.move(START_PRICE)
        stage.ask("DELETE", "/api/v3/openOrders", symbol=SYMBOL)
        stage.scene = scene.__name__
        scene(stage)
    stage.session.close()
    return stage.recorded


def market_data(stage: Stage) -> None:
    """Everything that needs no key."""
    stage.look("/api/v3/ping")
    stage.look("/api/v3/time")
    chosen: Form
    for chosen in ({}, {"symbol": SYMBOL}, {"symbols": f'["{SYMBOL}","ETHUSDT"]'}):
        stage.look("/api/v3/exchangeInfo", **chosen)
        stage.look("/api/v3/ticker/price", **chosen)
        stage.look("/api/v3/ticker/bookTicker", **chosen)
        for kind in ("FULL", "MINI"):
            stage.look("/api/v3/ticker/24hr", **chosen, type=kind)
    stage.look("/api/v3/avgPrice", symbol=SYMBOL)
    for interval in ("1m", "5m", "1h", "1d"):
        stage.look("/api/v3/klines", symbol=SYMBOL, interval=interval, limit=3)


def account(stage: Stage) -> None:
    """What an account may see of itself."""
    for omit in ("true", "false"):
        stage.ask("GET", "/api/v3/account", omitZeroBalances=omit)
    stage.ask("GET", "/api/v3/account/commission", symbol=SYMBOL)
    stage.ask("GET", "/api/v3/rateLimit/order")
    stage.ask("GET", "/api/v3/myFilters", symbol=SYMBOL)
    stage.ask("GET", "/sapi/v1/account/apiRestrictions")
    stage.ask("POST", "/sapi/v1/bnbBurn", spotBNBBurn="true")
    stage.ask("GET", "/sapi/v1/bnbBurn")
    stage.ask("GET", "/api/v3/account/commission", symbol=SYMBOL)
    stage.ask("POST", "/sapi/v1/bnbBurn", spotBNBBurn="false")


def market_orders(stage: Stage) -> None:
    """Market orders in each form of request and reply."""
    for kind in ("ACK", "RESULT", "FULL"):
        stage.order(type="MARKET", quantity="0.01", newOrderRespType=kind)
    stage.order(type="MARKET", quoteOrderQty="500", side="SELL")
    placed = stage.order(
        type="MARKET", quantity="0.01", newClientOrderId="m1", strategyId=7, strategyType=1000000
    )
    stage.ask("GET", ORDER, symbol=SYMBOL, orderId=placed["orderId"])
    stage.ask("GET", "/api/v3/myTrades", symbol=SYMBOL, orderId=placed["orderId"])
    stage.ask("GET", "/api/v3/myTrades", symbol=SYMBOL)
    stage.ask("GET", "/api/v3/rateLimit/order")


def checked_orders(stage: Stage) -> None:
    """Orders that are only checked."""
    path = f"{ORDER}/test"
    order: Form = {"symbol": SYMBOL, "side": "BUY", "type": "MARKET", "quantity": "0.01"}
    stage.ask("POST", path, **order)
    stage.ask("POST", path, **order, computeCommissionRates="true")


def limit_orders(stage: Stage) -> None:
    """Limit orders that rest, fill, and are canceled."""
    limit: Form = {"type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
    for kind in ("ACK", "RESULT", "FULL"):
        stage.order(**limit, price="99000", newOrderRespType=kind)
    stage.order(**limit, price="101000")  # crosses: taken at once
    stage.order(type="LIMIT_MAKER", quantity="0.01", price="99500", newClientOrderId="lm")
    stage.order(**limit | {"timeInForce": "IOC"}, price="99000")
    stage.order(**limit | {"timeInForce": "FOK"}, price="99000")
    _look_at_orders(stage)
    stage.ask("DELETE", ORDER, symbol=SYMBOL, origClientOrderId="lm")
    stage.move("98900", seconds=120)
    _look_at_orders(stage)


def labeled_orders(stage: Stage) -> None:
    """Orders with a strategy's numbers, and with a stop, through every reply that shows them."""
    label: Form = {"strategyId": 7, "strategyType": 1000001}
    stop: Form = {"side": "SELL", "type": "STOP_LOSS", "quantity": "0.01", "stopPrice": "99000"}
    placed = stage.order(**stop, **label)
    _look_at_orders(stage)
    replaced = stage.ask(
        "POST",
        f"{ORDER}/cancelReplace",
        **{"symbol": SYMBOL, **stop, **label, "newOrderRespType": "FULL"},
        cancelReplaceMode="STOP_ON_FAILURE",
        cancelOrderId=placed["orderId"],
    )
    expiring: Form = {
        "symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "timeInForce": "IOC",
        "quantity": "0.01", "price": "99000", "cancelReplaceMode": "STOP_ON_FAILURE",
    }  # fmt: skip
    order_id = replaced["newOrderResponse"]["orderId"]
    stage.ask("POST", f"{ORDER}/cancelReplace", **expiring, cancelOrderId=order_id)
    filled = expiring | {"price": "101000"}
    placed = stage.order(**stop, **label)
    stage.ask("POST", f"{ORDER}/cancelReplace", **filled, cancelOrderId=placed["orderId"])
    stage.ask("DELETE", ORDER, symbol=SYMBOL, orderId=stage.order(**stop, **label)["orderId"])


def partial_fill(stage: Stage) -> None:
    """A limit order that is too large for the volume of its time."""
    placed = stage.order(type="LIMIT", timeInForce="GTC", quantity="80", price="99000")
    stage.move("98990", seconds=1)
    stage.ask("GET", ORDER, symbol=SYMBOL, orderId=placed["orderId"])
    stage.ask("GET", "/api/v3/openOrders", symbol=SYMBOL)
    stage.ask("GET", "/api/v3/myTrades", symbol=SYMBOL, orderId=placed["orderId"])
    stage.ask("DELETE", ORDER, symbol=SYMBOL, orderId=placed["orderId"])


def stop_orders(stage: Stage) -> None:
    """Stops and targets, waiting and triggered."""
    for kind in ("ACK", "RESULT", "FULL"):
        placed = stage.order(
            side="SELL",
            type="STOP_LOSS",
            quantity="0.01",
            stopPrice="99000",
            newOrderRespType=kind,
        )
        if kind != "FULL":  # a symbol has room for five
            stage.ask("DELETE", ORDER, symbol=SYMBOL, orderId=placed["orderId"])
    limit: Form = {"timeInForce": "GTC", "quantity": "0.01"}
    stage.order(side="SELL", type="STOP_LOSS_LIMIT", stopPrice="99000", price="98000", **limit)
    stage.order(side="SELL", type="TAKE_PROFIT", stopPrice="101000", quantity="0.01")
    stage.order(side="SELL", type="TAKE_PROFIT_LIMIT", stopPrice="101000", price="102000", **limit)
    _look_at_orders(stage)
    stage.move("98990", seconds=60)
    stage.move("101010", seconds=60)
    _look_at_orders(stage)


def oco(stage: Stage) -> None:
    """One-cancels-the-other: waiting, canceled, and each leg filled."""
    exits: Form = {
        "symbol": SYMBOL, "side": "SELL", "quantity": "0.01",
        "aboveType": "LIMIT_MAKER", "abovePrice": "101000",
        "belowType": "STOP_LOSS", "belowStopPrice": "99000",
    }  # fmt: skip
    for kind in ("ACK", "RESULT", "FULL"):
        stage.ask("POST", f"{LIST}/oco", **exits, newOrderRespType=kind)
    limits: Form = {
        "belowType": "STOP_LOSS_LIMIT",
        "belowPrice": "98000",
        "belowTimeInForce": "GTC",
    }
    stage.ask("POST", f"{LIST}/oco", **exits | limits, listClientOrderId="oco1")
    _look_at_lists(stage, "oco1")
    stage.ask("DELETE", LIST, symbol=SYMBOL, listClientOrderId="oco1")
    placed = stage.ask("POST", f"{LIST}/oco", **exits)
    stage.ask("DELETE", ORDER, symbol=SYMBOL, orderId=placed["orders"][0]["orderId"])
    stage.ask("POST", f"{LIST}/oco", **exits, listClientOrderId="oco2")
    stage.move("101010", seconds=60)
    _look_at_orders(stage)
    _look_at_lists(stage, "oco2")


def old_oco(stage: Stage) -> None:
    """The deprecated way to place one."""
    stage.ask(
        "POST",
        f"{ORDER}/oco",
        symbol=SYMBOL,
        side="SELL",
        quantity="0.01",
        price="101000",
        stopPrice="99000",
        newOrderRespType="RESULT",
    )


def _entry(**pending: str) -> Form:
    return {
        "symbol": SYMBOL, "workingType": "LIMIT", "workingSide": "BUY", "workingPrice": "99500",
        "workingQuantity": "0.01", "workingTimeInForce": "GTC", "pendingSide": "SELL",
        "workingStrategyId": 7, "workingStrategyType": 1000001, **pending,
    }  # fmt: skip


_STOP: Final[Form] = {"pendingType": "STOP_LOSS", "pendingStopPrice": "98000"}
_BOTH: Final[Form] = {
    "pendingAboveType": "LIMIT_MAKER", "pendingAbovePrice": "101000",
    "pendingBelowType": "STOP_LOSS", "pendingBelowStopPrice": "98000",
}  # fmt: skip


def entry_lists(stage: Stage) -> None:
    """OTO, OTOCO, OPO and OPOCO: waiting for the entry, and after it."""
    forms = {
        "oto": _entry(**_STOP, pendingQuantity="0.01"),
        "otoco": _entry(**_BOTH, pendingQuantity="0.01"),
        "opo": _entry(**_STOP),
        "opoco": _entry(**_BOTH),
    }
    for name, form in forms.items():
        for kind in ("ACK", "RESULT", "FULL"):
            placed = stage.ask("POST", f"{LIST}/{name}", **form, newOrderRespType=kind)
            stage.ask("DELETE", LIST, symbol=SYMBOL, orderListId=placed["orderListId"])
        stage.ask("POST", f"{LIST}/{name}", **form | {"workingTimeInForce": "IOC"})  # expires
        stage.ask("POST", f"{LIST}/{name}", **form, listClientOrderId=name)
        _look_at_lists(stage, name)
    _look_at_orders(stage)
    stage.move("99400", seconds=60)
    _look_at_orders(stage)
    stage.move("101010", seconds=60)
    stage.move("97900", seconds=60)
    _look_at_orders(stage)
    for name in forms:
        _look_at_lists(stage, name)


def cancel_replace(stage: Stage) -> None:
    """A cancel and a new order in one: both, one, or neither succeeds."""
    new: Form = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
           "quantity": "0.01", "price": "98500"}  # fmt: skip
    # No filter stands in its way, only the engine: it would take what rests.
    refused: Form = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT_MAKER",
               "quantity": "0.01", "price": "300000"}  # fmt: skip
    path = f"{ORDER}/cancelReplace"
    for mode in ("STOP_ON_FAILURE", "ALLOW_FAILURE"):
        for form in (new, refused):
            resting = stage.order(type="LIMIT", timeInForce="GTC", quantity="0.01", price="99000")
            known, unknown = str(resting["orderId"]), "999999"
            for target in (unknown, known):
                stage.ask("POST", path, **form, cancelReplaceMode=mode, cancelOrderId=target)


def cancel_all(stage: Stage) -> None:
    """Everything of one symbol at once: an order and a list."""
    stage.order(type="LIMIT", timeInForce="GTC", quantity="0.01", price="99000")
    stage.ask("POST", f"{LIST}/opoco", **_entry(**_BOTH))
    stage.ask("DELETE", "/api/v3/openOrders", symbol=SYMBOL)
    stage.ask("DELETE", "/api/v3/openOrders", symbol=SYMBOL)  # nothing is left: -2011


def refusals(stage: Stage) -> None:
    """Errors of every kind."""
    stage.look("/api/v3/klines", symbol="NOSUCH", interval="1m")
    stage.look("/api/v3/nothing")
    stage.order(type="MARKET", quantity="0.000001")
    stage.order(type="MARKET", quantity="1e-05")
    stage.order(type="MARKET", quantity="100000")
    stage.order(type="LIMIT", quantity="0.01")
    stage.ask("GET", ORDER, symbol=SYMBOL, orderId=999999)
    stage.ask("DELETE", ORDER, symbol=SYMBOL, orderId=999999)
    stage.ask("GET", LIST, orderListId=999999)


def _look_at_orders(stage: Stage) -> None:
    stage.ask("GET", "/api/v3/openOrders", symbol=SYMBOL)
    stage.ask("GET", "/api/v3/openOrders")
    for row in stage.ask("GET", "/api/v3/allOrders", symbol=SYMBOL, limit=12):
        stage.ask("GET", ORDER, symbol=SYMBOL, orderId=row["orderId"])
    stage.ask("GET", "/api/v3/myTrades", symbol=SYMBOL)


def _look_at_lists(stage: Stage, client_order_id: str) -> None:
    stage.ask("GET", LIST, origClientOrderId=client_order_id)
    stage.ask("GET", "/api/v3/openOrderList")
    stage.ask("GET", "/api/v3/allOrderList")


SCENES: Final[tuple[Callable[[Stage], None], ...]] = (
    market_data,
    account,
    market_orders,
    checked_orders,
    limit_orders,
    labeled_orders,
    partial_fill,
    stop_orders,
    oco,
    old_oco,
    entry_lists,
    cancel_replace,
    cancel_all,
    refusals,
)

"""Play every kind of futures request against a running demo exchange."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, Final

from exchange.demo.testing import RunningExchange
from exchange.tests.oracles.scenes import START_PRICE, SYMBOL, Form, Recorded, Stage

ORDER: Final = "/fapi/v1/order"
ALGO: Final = "/fapi/v1/algoOrder"
TRANSFER: Final = "/sapi/v1/asset/transfer"
_BTC: Final[Form] = {"symbol": SYMBOL}
_PEER: Final = "127.0.0.1"
_MINUTE_OF_WEIGHT: Final = 2400
_EIGHT_HOURS: Final = 8 * 3600
_STOP: Final[Form] = {"side": "SELL", "type": "STOP_MARKET", "triggerPrice": "99000"}


def play_all_futures(demo: RunningExchange) -> list[Recorded]:
    """Play every scene, each from the same price, with nothing open and no position."""
    stage = Stage(demo)
    for scene in SCENES:
        stage.scene = "reset"
        _reset(stage)
        stage.scene = scene.__name__
        scene(stage)
    stage.session.close()
    return stage.recorded


def order(stage: Stage, **params: Any) -> Any:
    """Place an order: by default 0.01 BTC bought at the market."""
    usual: Form = _BTC | {"side": "BUY", "type": "MARKET", "quantity": "0.010"}
    return stage.ask("POST", ORDER, **(usual | params))


def limit(stage: Stage, price: str, **params: Any) -> Any:
    """Place a limit order: by default 0.01 BTC bought, good till canceled."""
    usual: Form = {"type": "LIMIT", "timeInForce": "GTC", "price": price}
    return order(stage, **(usual | params))


def algo(stage: Stage, **params: Any) -> Any:
    """Place a conditional order: by default one that sells 0.01 BTC at 99000."""
    usual: Form = {"algoType": "CONDITIONAL", "quantity": "0.010"}
    sent = _BTC | usual | _STOP | params
    return stage.ask("POST", ALGO, **{name: one for name, one in sent.items() if one is not None})


def market_data(stage: Stage) -> None:
    """Everything that needs no key."""
    stage.look("/fapi/v1/ping")
    stage.look("/fapi/v1/time")
    stage.look("/fapi/v1/exchangeInfo")
    for chosen in ({}, _BTC):
        stage.look("/fapi/v1/ticker/price", **chosen)
        stage.look("/fapi/v2/ticker/price", **chosen)
        stage.look("/fapi/v1/ticker/bookTicker", **chosen)
        stage.look("/fapi/v1/ticker/24hr", **chosen)
        stage.look("/fapi/v1/premiumIndex", **chosen)
        stage.look("/fapi/v1/fundingRate", **chosen)
    stage.look("/fapi/v1/fundingInfo")
    for path in ("klines", "markPriceKlines"):
        for interval in ("1m", "5m", "1h", "1d"):
            stage.look(f"/fapi/v1/{path}", symbol=SYMBOL, interval=interval, limit=3)


def account(stage: Stage) -> None:
    """What an account may see of itself before it has done anything."""
    _look_at_account(stage)
    for path in ("accountConfig", "multiAssetsMargin", "rateLimit/order", "positionSide/dual"):
        stage.ask("GET", f"/fapi/v1/{path}")
    for chosen in ({}, _BTC):
        stage.ask("GET", "/fapi/v1/leverageBracket", **chosen)
        stage.ask("GET", "/fapi/v1/symbolConfig", **chosen)
    stage.ask("GET", "/fapi/v1/commissionRate", **_BTC)
    for method in ("POST", "PUT", "DELETE"):
        stage.ask(method, "/fapi/v1/listenKey", is_signed=False)


def settings(stage: Stage) -> None:
    """How a symbol and an account are set up; what follows trades in isolated mode."""
    stage.ask("POST", "/fapi/v1/marginType", **_BTC, marginType="ISOLATED")
    stage.ask("POST", "/fapi/v1/leverage", **_BTC, leverage=10)
    stage.ask("GET", "/fapi/v1/symbolConfig", **_BTC)
    for is_hedged in ("true", "false"):
        stage.ask("POST", "/fapi/v1/positionSide/dual", dualSidePosition=is_hedged)
        stage.ask("GET", "/fapi/v1/positionSide/dual")


def market_orders(stage: Stage) -> None:
    """Market orders in each form of request and reply, and a position that grows and shrinks."""
    for kind in ("ACK", "RESULT"):
        order(stage, newOrderRespType=kind)
    placed = order(stage, newClientOrderId="m1")
    stage.ask("GET", ORDER, **_BTC, orderId=placed["orderId"])
    stage.ask("GET", ORDER, **_BTC, origClientOrderId="m1")
    stage.ask("GET", "/fapi/v1/userTrades", **_BTC, orderId=placed["orderId"])
    _look_at_account(stage)
    for direction, amount in ((1, "5.5"), (2, "3")):  # more, and some of it back
        stage.ask("POST", "/fapi/v1/positionMargin", **_BTC, amount=amount, type=direction)
    order(stage, side="SELL", reduceOnly="true", newOrderRespType="RESULT")
    order(stage, side="SELL", quantity="0.050")  # turns it around
    _look_at_account(stage)
    _look_at_orders(stage)
    stage.ask("GET", "/fapi/v1/rateLimit/order")


def checked_orders(stage: Stage) -> None:
    """Orders that are only checked."""
    form: Form = _BTC | {"side": "BUY", "quantity": "0.010"}
    stage.ask("POST", f"{ORDER}/test", **form, type="MARKET")
    stage.ask("POST", f"{ORDER}/test", **form, type="LIMIT", timeInForce="GTC", price="99000")


def limit_orders(stage: Stage) -> None:
    """Limit orders that rest, fill, expire and are canceled."""
    for kind in ("ACK", "RESULT"):
        limit(stage, "99000", newOrderRespType=kind)
    limit(stage, "101000", newOrderRespType="RESULT")  # crosses: taken at once
    limit(stage, "99500", timeInForce="GTX", newClientOrderId="maker")
    for kind in ("ACK", "RESULT"):
        limit(stage, "99000", timeInForce="IOC", newOrderRespType=kind)
    ends = int(stage.demo.control("clock")["market_time_ms"]) + 700_000
    limit(stage, "98500", timeInForce="GTD", goodTillDate=ends)
    _look_at_orders(stage)
    _look_at_account(stage)
    stage.ask("GET", "/fapi/v1/openOrder", **_BTC, origClientOrderId="maker")
    stage.ask("DELETE", ORDER, **_BTC, origClientOrderId="maker")
    stage.move("98900", seconds=120)
    _look_at_orders(stage)
    stage.wait(700)
    _look_at_orders(stage)
    limit(stage, "98000")
    stage.ask("DELETE", "/fapi/v1/allOpenOrders", **_BTC)


def partial_fill(stage: Stage) -> None:
    """A limit order that is too large for the volume of its time."""
    placed = limit(stage, "99000", quantity="90")
    stage.move("98990", seconds=1)
    stage.ask("GET", ORDER, **_BTC, orderId=placed["orderId"])
    stage.ask("GET", "/fapi/v1/openOrder", **_BTC, orderId=placed["orderId"])
    _look_at_account(stage)
    _look_at_orders(stage)
    stage.ask("DELETE", ORDER, **_BTC, orderId=placed["orderId"])


def waiting_algos(stage: Stage) -> None:
    """Conditional orders of every type that wait and are canceled."""
    order(stage)
    for kind in ("ACK", "RESULT"):
        algo(stage, newOrderRespType=kind, reduceOnly="true")
    algo(stage, workingType="MARK_PRICE", priceProtect="TRUE", quantity=None, closePosition="true")
    algo(stage, type="TAKE_PROFIT_MARKET", triggerPrice="101000", clientAlgoId="target")
    ends = int(stage.demo.control("clock")["market_time_ms"]) + 700_000
    algo(stage, type="STOP", price="98900", timeInForce="GTD", goodTillDate=ends)
    algo(stage, type="TAKE_PROFIT", triggerPrice="101000", price="101000")
    trail: Form = {"type": "TRAILING_STOP_MARKET", "triggerPrice": None, "callbackRate": "0.5"}
    trailing = algo(stage, **trail)
    algo(stage, **trail, activatePrice="100500")
    _look_at_algos(stage)
    stage.ask("GET", "/fapi/v1/openAlgoOrders", algoId=trailing["algoId"], algoType="CONDITIONAL")
    stage.ask("DELETE", ALGO, clientAlgoId="target")
    stage.ask("DELETE", ALGO, algoId=trailing["algoId"])
    _look_at_algos(stage)
    stage.wait(700)
    _look_at_algos(stage)
    stage.ask("DELETE", "/fapi/v1/algoOpenOrders", **_BTC)
    _look_at_algos(stage)


def triggered_algos(stage: Stage) -> None:
    """Conditional orders of every type that become orders: filled, resting and canceled."""
    order(stage, quantity="0.100")
    algo(stage, reduceOnly="true")
    algo(stage, type="STOP", price="99900")  # its child rests above the market
    algo(stage, type="TAKE_PROFIT_MARKET", triggerPrice="101000")
    algo(stage, type="TAKE_PROFIT", triggerPrice="101000", price="101500")
    trail: Form = {"type": "TRAILING_STOP_MARKET", "triggerPrice": None, "callbackRate": "0.5"}
    algo(stage, **trail, activatePrice="100500")
    algo(stage, triggerPrice="98000", quantity=None, closePosition="true")
    stage.move("98900", seconds=60)
    _look_at_algos(stage)
    _look_at_orders(stage)
    stage.ask("DELETE", "/fapi/v1/allOpenOrders", **_BTC)  # the child of one that triggered
    stage.move("101050", seconds=60)
    _look_at_algos(stage)
    stage.move("97900", seconds=60)
    _look_at_algos(stage)
    _look_at_orders(stage)
    _look_at_account(stage)


def algos_that_go_wrong(stage: Stage) -> None:
    """A child that comes late, never, unseen or not at all."""
    order(stage, quantity="0.100")
    for number, hitch in enumerate(("late", "stuck", "missing", "refuse")):
        seconds = {"seconds": 3600} if hitch in ("late", "missing") else {}
        stage.demo.control("algo", {"symbol": SYMBOL, "on_trigger": hitch, "times": 1, **seconds})
        stage.move(START_PRICE)
        algo(stage, clientAlgoId=f"{hitch}-{number}", reduceOnly="true")
        stage.move("98900", seconds=60)
        _look_at_algos(stage)
        if hitch == "missing":
            stage.ask("GET", ORDER, **_BTC, origClientOrderId=f"{hitch}-{number}")
    stage.demo.control("algo", method="DELETE")
    _look_at_orders(stage)
    stage.wait(3600)
    _look_at_algos(stage)


def closing_nothing(stage: Stage) -> None:
    """A stop that closes a position which is not there any more."""
    order(stage)
    algo(stage, quantity=None, closePosition="true")
    order(stage, side="SELL")
    stage.move("98900", seconds=60)
    _look_at_algos(stage)


def hedge_mode(stage: Stage) -> None:
    """Long and short at the same time."""
    with _hedged(stage):
        order(stage, positionSide="LONG")
        order(stage, side="SELL", positionSide="SHORT")
        limit(stage, "99000", positionSide="LONG")
        algo(stage, positionSide="LONG")
        _look_at_account(stage)
        _look_at_orders(stage)
        _look_at_algos(stage)
        stage.ask(
            "POST", "/fapi/v1/positionMargin", **_BTC, positionSide="LONG", amount="5", type=1
        )


def funding(stage: Stage) -> None:
    """A position that is held over a funding stamp."""
    order(stage)
    stage.wait(_EIGHT_HOURS)
    stage.look("/fapi/v1/fundingRate", **_BTC)
    _look_at_account(stage)


def liquidation(stage: Stage) -> None:
    """A position that is lost."""
    stage.ask("POST", "/fapi/v1/leverage", **_BTC, leverage=50)
    order(stage)
    _look_at_account(stage)
    stage.move("97000", seconds=60)
    _look_at_account(stage)
    _look_at_orders(stage)
    stage.ask("POST", "/fapi/v1/leverage", **_BTC, leverage=10)


def transfers(stage: Stage) -> None:
    """Money from one wallet to the other and back."""
    for direction in ("MAIN_UMFUTURE", "UMFUTURE_MAIN"):
        stage.ask("POST", TRANSFER, type=direction, asset="USDT", amount="12.5")
        stage.ask("GET", TRANSFER, type=direction)
    stage.ask("GET", "/fapi/v1/income", incomeType="TRANSFER")
    _look_at_account(stage)


def refusals(stage: Stage) -> None:
    """Errors of every kind."""
    stage.look("/fapi/v1/klines", symbol="NOSUCH", interval="1m")
    stage.look("/fapi/v1/nothing")
    stage.ask("POST", "/fapi/v1/batchOrders", batchOrders="[]")
    order(stage, quantity="1e-05")
    order(stage, quantity="0")
    order(stage, quantity="0.0001")
    limit(stage, "40000", quantity="0.001")
    order(stage, quantity="120.001")
    order(stage, quantity="100")
    order(stage, side="SELL", reduceOnly="true")
    order(stage, positionSide="LONG")
    order(stage, type="STOP_MARKET", stopPrice="99000")
    order(stage, stopPrice="99000")
    limit(stage, "99000.05")
    limit(stage, "120000")
    limit(stage, "99000", quantity="0.000")
    limit(stage, "101000", timeInForce="GTX")
    limit(stage, "99000", timeInForce="FOK")
    limit(stage, "99000", newClientOrderId="twice")
    limit(stage, "99000", newClientOrderId="twice")
    algo(stage, triggerPrice="101000")
    algo(stage, stopPrice="99000", triggerPrice=None)
    stage.ask("GET", ORDER, **_BTC, orderId=999_999)
    stage.ask("DELETE", ORDER, **_BTC, orderId=999_999)
    stage.ask("GET", ALGO, algoId=999_999)
    stage.ask("DELETE", ALGO, algoId=999_999)
    stage.ask("POST", "/fapi/v1/leverage", **_BTC, leverage=126)
    stage.ask("POST", "/fapi/v1/marginType", **_BTC, marginType="ISOLATED")
    stage.ask("POST", "/fapi/v1/positionSide/dual", dualSidePosition="false")
    stage.ask("POST", TRANSFER, type="MAIN_UMFUTURE", asset="USDT", amount="1000000000")


def _reset(stage: Stage) -> None:
    # All scenes together weigh more than a minute allows.
    stage.demo.run_inside(lambda venue: venue.futures_limits.refund(_PEER, _MINUTE_OF_WEIGHT))
    stage.move(START_PRICE)
    stage.ask("DELETE", "/fapi/v1/allOpenOrders", **_BTC)
    stage.ask("DELETE", "/fapi/v1/algoOpenOrders", **_BTC)
    _close_all(stage)


def _close_all(stage: Stage) -> None:
    for row in stage.ask("GET", "/fapi/v3/positionRisk", **_BTC):
        amount = Decimal(row["positionAmt"])
        if not amount:
            continue
        side = "SELL" if amount > 0 else "BUY"
        is_one_way = row["positionSide"] == "BOTH"
        mode = {"reduceOnly": "true"} if is_one_way else {"positionSide": row["positionSide"]}
        order(stage, side=side, quantity=f"{abs(amount):f}", **mode)


@contextmanager
def _hedged(stage: Stage) -> Iterator[None]:
    stage.ask("POST", "/fapi/v1/positionSide/dual", dualSidePosition="true")
    yield
    stage.ask("DELETE", "/fapi/v1/allOpenOrders", **_BTC)
    stage.ask("DELETE", "/fapi/v1/algoOpenOrders", **_BTC)
    _close_all(stage)
    stage.ask("POST", "/fapi/v1/positionSide/dual", dualSidePosition="false")


def _look_at_account(stage: Stage) -> None:
    for version in ("v2", "v3"):
        for path in ("account", "balance", "positionRisk"):
            stage.ask("GET", f"/fapi/{version}/{path}")
    stage.ask("GET", "/fapi/v1/income")


def _look_at_orders(stage: Stage) -> None:
    stage.ask("GET", "/fapi/v1/openOrders", **_BTC)
    stage.ask("GET", "/fapi/v1/openOrders")
    for row in stage.ask("GET", "/fapi/v1/allOrders", **_BTC, limit=12):
        stage.ask("GET", ORDER, **_BTC, orderId=row["orderId"])
    stage.ask("GET", "/fapi/v1/userTrades", **_BTC)


def _look_at_algos(stage: Stage) -> None:
    stage.ask("GET", "/fapi/v1/openAlgoOrders", **_BTC)
    stage.ask("GET", "/fapi/v1/openAlgoOrders")
    for row in stage.ask("GET", "/fapi/v1/allAlgoOrders", **_BTC, limit=12):
        stage.ask("GET", ALGO, algoId=row["algoId"])


SCENES: Final[tuple[Callable[[Stage], None], ...]] = (
    market_data,
    account,
    settings,
    market_orders,
    checked_orders,
    limit_orders,
    partial_fill,
    waiting_algos,
    triggered_algos,
    closing_nothing,
    hedge_mode,
    funding,
    liquidation,
    transfers,
    algos_that_go_wrong,  # late: the one that hangs keeps the position mode from changing
    refusals,
)

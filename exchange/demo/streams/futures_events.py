"""What happens to futures accounts, in the words of the venue's user data streams.

A fill is told three times in this order, as clients have recorded it: TRADE_LITE, ACCOUNT_UPDATE,
ORDER_TRADE_UPDATE. Amounts carry no needless zeros, but for TRADE_LITE; `E` is `T`, the market time
at which it happened. Source: the events' sections of the USD-M user data streams.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final

from exchange.demo.amounts import UNIT, ZERO
from exchange.demo.fapi.replies import plain, with_decimals
from exchange.demo.futures.changes import (
    AccountPart,
    AlgoPart,
    Execution,
    FuturesChange,
    LeveragePart,
    OrderPart,
    Part,
    PositionState,
)
from exchange.demo.futures.desk import MARGIN_ASSET, NOTHING_TO_REDUCE
from exchange.demo.futures.figures import break_even
from exchange.demo.futures.liquidation import AUTOCLOSE
from exchange.demo.futures.taking import NO_LIQUIDITY, NOT_IMMEDIATE
from exchange.demo.futures.values import ISOLATED, AlgoOrder, Order

Event = dict[str, Any]
_NONE: Final = "NONE"
_LIQUIDATION: Final = "LIQUIDATION"
_NO_REASON: Final = "0"
# The venue has no number for the end of a GTD order, nor for a fill that nothing backs any more.
_EXPIRY_REASONS: Final = {NOT_IMMEDIATE: "2", NOTHING_TO_REDUCE: "4", NO_LIQUIDITY: "9"}
# How the venue calls the life of an order that ends with its position.
_WITH_POSITION: Final = "GTE_GTC"


def payloads(change: object) -> list[Event]:
    """Return the events of a change of a futures account, in order; none for other changes."""
    if not isinstance(change, FuturesChange):
        return []
    return [event for part in change.parts for event in _events(part)]


def listen_key_expired(listen_key: str, at_ms: int) -> Event:
    """Return what the sockets of a key that is valid no longer are told last."""
    return {"e": "listenKeyExpired", "E": at_ms, "listenKey": listen_key}


def _events(part: Part) -> list[Event]:
    if isinstance(part, OrderPart):
        return _order_events(part)
    if isinstance(part, AlgoPart):
        return [_event("ALGO_UPDATE", part.algo.updated_ms, o=_algo(part.algo, part.child))]
    if isinstance(part, AccountPart):
        return [_account_event(part)]
    return [_leverage_event(part)]


def _event(name: str, at_ms: int, **fields: Any) -> Event:
    return {"e": name, "T": at_ms, "E": at_ms, **fields}


def _leverage_event(part: LeveragePart) -> Event:
    config = {"s": part.symbol, "l": part.leverage}
    return _event("ACCOUNT_CONFIG_UPDATE", part.at_ms, ac=config)


def _order_events(part: OrderPart) -> list[Event]:
    order, execution = part.order, part.execution
    update = _event("ORDER_TRADE_UPDATE", order.updated_ms, o=_order(part))
    if execution is None:
        return [update]
    account = _account_event(execution.account)
    if _is_forced(order):
        return [account, update]
    return [_trade_lite(order, execution), account, update]


def _trade_lite(order: Order, execution: Execution) -> Event:
    fill, symbol = execution.fill, execution.symbol
    return {
        "e": "TRADE_LITE",
        "E": fill.at_ms,
        "T": fill.at_ms,
        "s": order.symbol,
        "q": with_decimals(order.quantity, symbol.quantity_precision),
        "p": with_decimals(order.price, symbol.price_precision),
        "m": fill.is_maker,
        "c": order.client_order_id,
        "S": order.side,
        "L": with_decimals(fill.price, symbol.price_precision),
        "l": with_decimals(fill.quantity, symbol.quantity_precision),
        "t": fill.trade_id,
        "i": order.order_id,
    }


def _order(part: OrderPart) -> Event:
    order = part.order
    is_forced = _is_forced(order)
    return {
        "s": order.symbol,
        "c": order.client_order_id,
        "S": order.side,
        "o": _LIQUIDATION if is_forced else order.type,
        "f": order.time_in_force,
        "q": plain(order.quantity),
        "p": plain(order.price),
        "ap": _average(order),
        "sp": plain(order.stop_price),
        "x": _execution_type(part),
        "X": order.status,
        "i": order.order_id,
        **_last_fill(part.execution),
        "z": plain(order.executed),
        "T": order.updated_ms,
        "b": plain(part.bids),
        "a": plain(part.asks),
        "R": order.reduce_only,
        "wt": order.working_type,
        "ot": _LIQUIDATION if is_forced else order.original_type,
        "ps": order.position_side,
        "cp": order.close_position,
        **_trail(part.origin),
        "pP": order.price_protect,
        "si": 0,
        "ss": 0,
        "V": order.prevention_mode,
        "pm": _NONE,
        "gtd": order.good_till_ms,
        "er": _EXPIRY_REASONS.get(order.expiry_reason or "", _NO_REASON),
    }


def _execution_type(part: OrderPart) -> str:
    if part.execution is None:
        return part.order.status
    return "CALCULATED" if _is_forced(part.order) else "TRADE"


def _last_fill(execution: Execution | None) -> Event:
    if execution is None:
        nothing = dict.fromkeys(("l", "L", "n", "rp"), "0")
        return nothing | {"N": MARGIN_ASSET, "t": 0, "m": False}
    fill = execution.fill
    return {
        "l": plain(fill.quantity),
        "L": plain(fill.price),
        "n": plain(fill.commission),
        "N": fill.commission_asset,
        "t": fill.trade_id,
        "m": fill.is_maker,
        "rp": plain(fill.realized_pnl),
    }


def _trail(origin: AlgoOrder | None) -> Event:
    if origin is None or not origin.callback_rate:
        return {}
    return {"AP": plain(origin.activate_price), "cr": plain(origin.callback_rate)}


def _algo(algo: AlgoOrder, child: Order | None) -> Event:
    return {
        "caid": algo.client_algo_id,
        "aid": algo.algo_id,
        "at": "CONDITIONAL",
        "o": algo.type,
        "s": algo.symbol,
        "S": algo.side,
        "ps": algo.position_side,
        "f": _WITH_POSITION if algo.close_position else algo.time_in_force,
        "q": plain(algo.quantity),
        "X": algo.status,
        "ai": str(child.order_id) if child else "",
        **_became(child),
        "tp": plain(algo.trigger_price),
        "p": plain(algo.price),
        "V": algo.prevention_mode,
        "wt": algo.working_type,
        "pm": _NONE,
        "cp": algo.close_position,
        "pP": algo.price_protect,
        "R": algo.reduce_only or algo.close_position,
        "tt": algo.triggered_ms,
        "gtd": algo.good_till_ms,
        **({"rm": algo.reject_reason} if algo.reject_reason else {}),
        "ia": algo.is_trailing,
    }


def _became(child: Order | None) -> Event:
    if child is None:
        return {}
    return {"ap": _average(child), "aq": plain(child.executed), "act": child.type}


def _account_event(part: AccountPart) -> Event:
    balance = {
        "a": part.asset,
        "wb": plain(part.wallet),
        "cw": plain(part.cross),
        "bc": plain(part.change),
    }
    update = {
        "B": [balance],
        "P": [_position(state) for state in part.positions],
        "m": part.reason,
    }
    return _event(
        "ACCOUNT_UPDATE", part.at_ms, a=update | ({"S": part.symbol} if part.symbol else {})
    )


def _position(state: PositionState) -> Event:
    position = state.position
    return {
        "s": position.symbol,
        "pa": plain(position.amount),
        "ep": _rounded(position.entry_price),
        "cr": plain(state.realized),
        "up": plain(state.unrealized),
        "mt": "isolated" if state.margin_type == ISOLATED else "cross",
        "iw": plain(position.isolated_wallet),
        "ps": position.side,
        "ma": MARGIN_ASSET,
        "bep": _rounded(break_even(position)),
    }


def _average(order: Order) -> str:
    return _rounded(order.executed_quote / order.executed if order.executed else ZERO)


def _rounded(price: Decimal) -> str:
    return plain(price.quantize(UNIT, rounding=ROUND_HALF_EVEN))


def _is_forced(order: Order) -> bool:
    return order.client_order_id.startswith(AUTOCLOSE)

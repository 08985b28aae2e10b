"""Signed endpoint about why a futures wallet changed."""

from __future__ import annotations

from typing import Any, Final

from exchange.demo.amounts import text
from exchange.demo.fapi.parameters import read_limit
from exchange.demo.futures.values import Income
from exchange.demo.http.endpoint import Call, futures_signed
from exchange.demo.times import DAY_MS

_USUAL_ROWS: Final = 100
_MOST_ROWS: Final = 1000
_EVERY_ROW: Final = -1
_KEPT_MS: Final = 90 * DAY_MS
_USUAL_SPAN_MS: Final = 7 * DAY_MS
# Of these, this exchange knows TRANSFER to COMMISSION and INSURANCE_CLEAR.
_TYPES: Final = (
    *("TRANSFER", "REALIZED_PNL", "FUNDING_FEE", "COMMISSION", "INSURANCE_CLEAR"),
    *("WELCOME_BONUS", "REFERRAL_KICKBACK", "COMMISSION_REBATE", "API_REBATE", "CONTEST_REWARD"),
    *("CROSS_COLLATERAL_TRANSFER", "OPTIONS_PREMIUM_FEE", "OPTIONS_SETTLE_PROFIT"),
    *("INTERNAL_TRANSFER", "AUTO_EXCHANGE", "DELIVERED_SETTELMENT", "COIN_SWAP_DEPOSIT"),
    *("COIN_SWAP_WITHDRAW", "POSITION_LIMIT_INCREASE_FEE", "STRATEGY_UMFUTURES_TRANSFER"),
    *("FEE_RETURN", "BFUSD_REWARD", "SPECIAL_FUNDING_FEE"),
)


def income(call: Call) -> list[dict[str, Any]]:
    """Return changes of the last three months, oldest first.

    From `startTime` on the first ones; without it the newest of the seven days up to `endTime`.
    """
    params = call.params
    symbol = call.futures_symbol_if_sent()
    kind = params.choice("incomeType", _TYPES, default="") or None
    start, end = params.moment("startTime"), params.moment("endTime")
    limit = read_limit(params, default=_USUAL_ROWS, maximum=_MOST_ROWS)
    params.finish()
    last_ms = call.now_ms if end is None else min(end, call.now_ms)
    first_ms = last_ms - _USUAL_SPAN_MS if start is None else start
    found = call.books.futures.incomes(
        call.uid,
        symbol=symbol.name if symbol else None,
        type=kind,
        span=(max(first_ms, call.now_ms - _KEPT_MS), last_ms),
        limit=_EVERY_ROW if start is None else limit,
    )
    return [_row(one) for one in found[-limit:]]


def _row(one: Income) -> dict[str, Any]:
    return {
        "symbol": one.symbol,
        "incomeType": one.type,
        "income": text(one.amount),
        "asset": one.asset,
        "info": one.info,
        "time": one.at_ms,
        "tranId": one.income_id,
        "tradeId": str(one.trade_id) if one.trade_id else "",
    }


ENDPOINTS: Final = {("GET", "/fapi/v1/income"): futures_signed(income, 30)}

"""What an account pays for its trades, as the endpoints show it.

Source: `faqs/commission_faq.md`; the discount for paying in BNB binds the standard part only, and
this exchange has no other part.
"""

from __future__ import annotations

from typing import Any, Final

from exchange.demo.amounts import ZERO, text
from exchange.demo.http.endpoint import Call
from exchange.demo.trading.fees import BNB, BNB_DISCOUNT, CommissionRates

_NO_RATES: Final = CommissionRates(ZERO, ZERO)
_NO_SIDES: Final = {"buyer": text(ZERO), "seller": text(ZERO)}


def rates_row(rates: CommissionRates) -> dict[str, str]:
    """Return rates with those of the sides, which are nothing."""
    return _short(rates) | _NO_SIDES


def symbol_rates(call: Call) -> dict[str, Any]:
    """Return what `account/commission` says of any symbol."""
    nothing = rates_row(_NO_RATES)
    return {
        "standardCommission": rates_row(call.venue.engine.commission_rates(call.uid)),
        "specialCommission": nothing,
        "taxCommission": nothing,
        "discount": _discount(call),
    }


def order_rates(call: Call) -> dict[str, Any]:
    """Return what `order/test` says of the order's commission."""
    nothing = _short(_NO_RATES)
    return {
        "standardCommissionForOrder": _short(call.venue.engine.commission_rates(call.uid)),
        "specialCommissionForOrder": nothing,
        "taxCommissionForOrder": nothing,
        "discount": _discount(call),
    }


def _short(rates: CommissionRates) -> dict[str, str]:
    return {"maker": text(rates.maker), "taker": text(rates.taker)}


def _discount(call: Call) -> dict[str, Any]:
    return {
        "enabledForAccount": call.venue.engine.bnb_burn(call.uid),
        "enabledForSymbol": True,
        "discountAsset": BNB,
        "discount": text(BNB_DISCOUNT),
    }

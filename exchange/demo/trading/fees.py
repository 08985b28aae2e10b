"""What a fill costs: a share of what was received or, for accounts that want it, less in BNB.

Source: `faqs/commission_faq.md` of binance-spot-api-docs. BNB is taken when the exchange can price
it and the account has enough of it free; else the full fee comes out of what was received.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final, NamedTuple

from exchange.demo.amounts import ZERO, round_down
from exchange.demo.market.symbols import Symbol
from exchange.demo.trading.ledger import Ledger
from exchange.demo.trading.quotes import Quotes

MAKER_RATE: Final = Decimal("0.001")
TAKER_RATE: Final = Decimal("0.001")
BNB: Final = "BNB"
BNB_DISCOUNT: Final = Decimal("0.25")
_BRIDGE: Final = "USDT"


class CommissionRates(NamedTuple):
    """Shares of what a fill brings, before any discount."""

    maker: Decimal
    taker: Decimal


class Money(NamedTuple):
    """An amount of an asset."""

    asset: str
    amount: Decimal


class Fees:
    """Computes fees of fills; who pays them in BNB is part of the account."""

    def __init__(self, ledger: Ledger, quotes: Quotes, symbols: Mapping[str, Symbol]) -> None:
        self._ledger, self._quotes, self._symbols = ledger, quotes, symbols

    def of_fill(self, uid: int, received: Money, *, is_maker: bool, at_ms: int) -> Money:
        """Return what an account pays for a fill that brought `received`, already credited."""
        full = received.amount * (MAKER_RATE if is_maker else TAKER_RATE)
        if self._ledger.bnb_burn(uid):
            price = self._bnb_price(received.asset, at_ms)
            in_bnb = round_down(full * (1 - BNB_DISCOUNT) / price) if price else ZERO
            if price and self._ledger.free(uid, BNB) >= in_bnb:
                return Money(BNB, in_bnb)
        return Money(received.asset, round_down(full))

    def _bnb_price(self, asset: str, at_ms: int) -> Decimal | None:
        if asset == BNB:
            return Decimal(1)
        if direct := self._price(BNB, asset, at_ms):
            return direct
        bridge, back = self._price(BNB, _BRIDGE, at_ms), self._price(asset, _BRIDGE, at_ms)
        return bridge / back if bridge and back else None

    def _price(self, base: str, quote: str, at_ms: int) -> Decimal | None:
        name = base + quote
        return self._quotes.last(name, at_ms) if name in self._symbols else None

"""What commissions were worth in quote currency at the time of their fills."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from bots import journal
from bots.models import Fill
from exchange.domain.errors import OrderRejectedError, UnavailableError
from exchange.domain.gateway import MarketDataGateway
from exchange.domain.rules import TradingRules

# Market time. After it the worth of a commission is asked for no more; a person sees it missing.
TRIED_FOR: Final = timedelta(days=1)
_PLACES: Final = 12  # as all folded figures
READS_AT_MOST: Final = 5  # of one call, so that a tick never waits for many


def value_commissions(
    fills: Iterable[Fill], *, rules: TradingRules, gateway: MarketDataGateway | None
) -> None:
    """Note what each commission that is not valued yet was worth. Safe to repeat.

    Base currency counts at the fill's price, a third asset at the close of the minute's kline
    of ASSET + quote. Where that cannot be read, or without a gateway, it stays open for later.
    """
    prices = _Prices(gateway, rules.quote_asset)
    for fill in fills:
        if fill.commission_quote is None:
            worth = _worth(fill, rules, prices)
            if worth is not None:
                journal.set_commission_quote(fill, worth)


def is_awaited(fill: Fill, *, now: datetime) -> bool:
    """Say whether the worth of its commission is still to be found out (`now`: market time)."""
    return fill.commission_quote is None and now - fill.market_time < TRIED_FOR


def _worth(fill: Fill, rules: TradingRules, prices: _Prices) -> Decimal | None:
    commission: Decimal = fill.commission
    if not commission or fill.commission_asset == rules.quote_asset:
        return commission
    price: Decimal | None = fill.price
    if fill.commission_asset != rules.base_asset:
        price = prices.at(fill.commission_asset, fill.market_time)
    return None if price is None else round(commission * price, _PLACES)


class _Prices:
    def __init__(self, gateway: MarketDataGateway | None, quote_asset: str) -> None:
        self._gateway = gateway
        self._quote_asset = quote_asset
        self._known: dict[tuple[str, datetime], Decimal | None] = {}
        self._silent: set[str] = set()  # assets that the venue said nothing about

    def at(self, asset: str, moment: datetime) -> Decimal | None:
        minute = moment.replace(second=0, microsecond=0)
        if (asset, minute) not in self._known:
            if asset in self._silent or len(self._known) >= READS_AT_MOST:
                return None
            self._known[asset, minute] = self._read(asset, minute)
        return self._known[asset, minute]

    def _read(self, asset: str, minute: datetime) -> Decimal | None:
        if self._gateway is None:
            return None
        try:
            klines = self._gateway.klines(
                f"{asset}{self._quote_asset}", "1m", limit=1, end_time=minute
            )
        except (UnavailableError, OrderRejectedError):
            self._silent.add(asset)  # the trade itself is not held up by it
            return None
        # Of a minute that is not over yet the close is the newest price, which is as good.
        return klines[-1].close if klines else None

"""The venue's side of the rules, for tests: filters as filters.md and the futures pages state them.

Written from the raw rows of `exchangeInfo` in exact fractions, and kept apart from the adapter's
reading of the same rows on purpose: it must not import anything that it is there to check.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor, lcm
from typing import Any

Number = Fraction | Decimal | int


@dataclass(frozen=True, kw_only=True)
class Asked:
    """An order as a client would send it; `reference` is the venue's reference price."""

    type: str
    side: str
    quantity: Fraction
    reference: Fraction
    price: Fraction | None = None
    stop_price: Fraction | None = None

    @property
    def becomes_market(self) -> bool:
        return self.price is None

    @property
    def value(self) -> Fraction:
        return self.quantity * (self.price or self.stop_price or self.reference)


class VenueFilters:
    """One symbol's filters; `refusals` names those that an order fails."""

    def __init__(self, row: Mapping[str, Any]) -> None:
        self.row = row
        self.is_futures = "contractType" in row
        self.filters = {each["filterType"]: each for each in row["filters"]}

    def number(self, kind: str, name: str) -> Fraction:
        return Fraction(self.filters.get(kind, {}).get(name, "0"))

    def refusals(self, asked: Asked) -> list[str]:
        return [name for name, passed in self._checks(asked) if not passed]

    def _checks(self, asked: Asked) -> Iterator[tuple[str, bool]]:
        yield "type", asked.type in self.row.get("orderTypes", [asked.type])
        yield "quantity", asked.quantity > 0
        yield "LOT_SIZE", self._is_within("LOT_SIZE", "Qty", "stepSize", asked.quantity)
        if asked.becomes_market:
            yield (
                "MARKET_LOT_SIZE",
                self._is_within("MARKET_LOT_SIZE", "Qty", "stepSize", asked.quantity),
            )
        for price in (asked.price, asked.stop_price):
            if price is not None:
                yield "PRICE_FILTER", self._is_price(price)
        yield "precision", self._is_coarse_enough(asked)
        yield "NOTIONAL", self._is_notional(asked)
        if asked.price is not None:
            yield "PERCENT_PRICE", self._is_near(asked)

    def _is_within(self, kind: str, suffix: str, step_name: str, value: Fraction) -> bool:
        low, high = self.number(kind, f"min{suffix}"), self.number(kind, f"max{suffix}")
        step = self.number(kind, step_name)
        start = low if self.is_futures else Fraction(0)
        on_grid = not step or (value - start) % step == 0
        return value >= low and (not high or value <= high) and on_grid

    def _is_coarse_enough(self, asked: Asked) -> bool:
        prices = [each for each in (asked.price, asked.stop_price) if each is not None]
        return (asked.quantity / self.unit("baseAssetPrecision")).denominator == 1 and all(
            (price / self.unit("quotePrecision")).denominator == 1 for price in prices
        )

    def unit(self, name: str) -> Fraction:
        return Fraction(1, 10 ** self.row.get(name, 8))

    def _is_price(self, price: Fraction) -> bool:
        return price > 0 and self._is_within("PRICE_FILTER", "Price", "tickSize", price)

    def _is_notional(self, asked: Asked) -> bool:
        low, high = [], []
        notional, old = self.filters.get("NOTIONAL", {}), self.filters.get("MIN_NOTIONAL", {})
        is_market = asked.becomes_market
        if not is_market or notional.get("applyMinToMarket", True):
            low.append(self.number("NOTIONAL", "minNotional"))
        if not is_market or notional.get("applyMaxToMarket", False):
            high.append(self.number("NOTIONAL", "maxNotional"))
        if not is_market or old.get("applyToMarket", True):
            low.append(self.number("MIN_NOTIONAL", "minNotional"))
        low.append(self.number("MIN_NOTIONAL", "notional"))
        return all(asked.value >= each for each in low) and all(
            asked.value <= each for each in high if each
        )

    def _is_near(self, asked: Asked) -> bool:
        assert asked.price is not None
        price, reference = asked.price, asked.reference
        if self.is_futures and asked.stop_price is not None:
            reference = asked.stop_price  # -4183 and -4184 name the stop price
        if "PERCENT_PRICE_BY_SIDE" in self.filters:
            who = "bid" if asked.side == "BUY" else "ask"
            up = self.number("PERCENT_PRICE_BY_SIDE", f"{who}MultiplierUp")
            down = self.number("PERCENT_PRICE_BY_SIDE", f"{who}MultiplierDown")
            return reference * down <= price <= reference * up
        if "PERCENT_PRICE" not in self.filters:
            return True
        up = reference * self.number("PERCENT_PRICE", "multiplierUp")
        down = reference * self.number("PERCENT_PRICE", "multiplierDown")
        if self.is_futures:
            return price <= up if asked.side == "BUY" else price >= down
        return down <= price <= up

    def nearest(self, asked: Asked) -> Asked:
        """Return the order a careful client would send instead: smaller, and priced safely."""
        price, stop = (self._rounded(asked.side, each) for each in (asked.price, asked.stop_price))
        each_costs = price or stop or asked.reference
        limits = [asked.quantity, self.number("LOT_SIZE", "maxQty")]
        steps = [self.number("LOT_SIZE", "stepSize") or self.unit("baseAssetPrecision")]
        if asked.becomes_market:
            limits.append(self.number("MARKET_LOT_SIZE", "maxQty"))
            steps.append(self.number("MARKET_LOT_SIZE", "stepSize"))
        applies = self.filters.get("NOTIONAL", {}).get("applyMaxToMarket", False)
        if applies or not asked.becomes_market:
            limits.append(self.number("NOTIONAL", "maxNotional") / each_costs)
        quantity = min(each for each in limits if each)
        return Asked(
            type=asked.type,
            side=asked.side,
            quantity=_floor(quantity, _common([step for step in steps if step])),
            reference=asked.reference,
            price=price,
            stop_price=stop,
        )

    def _rounded(self, side: str, price: Fraction | None) -> Fraction | None:
        if price is None:
            return None
        tick = self.number("PRICE_FILTER", "tickSize") or self.unit("quotePrecision")
        return _ceil(price, tick) if side == "SELL" else _floor(price, tick)


def _floor(value: Fraction, step: Fraction) -> Fraction:
    return floor(value / step) * step


def _ceil(value: Fraction, step: Fraction) -> Fraction:
    return ceil(value / step) * step


def _common(steps: list[Fraction]) -> Fraction:
    scale = lcm(*(step.denominator for step in steps))
    return Fraction(lcm(*(int(step * scale) for step in steps)), scale)

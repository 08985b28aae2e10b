"""The steps of the walk, in order; each says in words what it found, or raises."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal
from typing import Final

from django.conf import settings

from exchange.domain.gateway import ExchangeGateway, MarketDataGateway
from exchange.domain.orders import MarketOrderRequest
from exchange.domain.rules import TradingRules
from exchange.domain.types import Environment, KeyPermissions, Side, Ticker
from exchange.permissions import as_stored, in_words, warnings_about
from exchange.smoke.report import StepStatus

# Of a signed request the venue takes a timestamp at most a second ahead of its clock.
MOST_CLOCK_DIFFERENCE_MS: Final = 1000
CLOCK_HINT: Final = "synchronise the clock of this machine (NTP)"
KLINES: Final = 5
# A test order worth a little more than the least, so that the price may fall meanwhile.
_MARGIN: Final = Decimal("1.1")


class FindingError(Exception):
    """The venue answered, but not what a bot needs; the text is for people."""

    def __init__(self, detail: str, hint: str, status: StepStatus = StepStatus.FAILED) -> None:
        super().__init__(detail)
        self.hint = hint
        self.status = status


class SkippedError(Exception):
    """A step cannot be taken; the text says why."""


@dataclass(slots=True)
class Walk:
    """What the steps share. `why_no_key` is raised where a key is needed and there is none.

    spot_rights   asks spot's /sapi what the key may do, where the steps are not of spot and the
                  venue has one: no other market tells it
    """

    symbol: str
    environment: Environment
    public: MarketDataGateway
    signed: ExchangeGateway | None
    why_no_key: SkippedError | FindingError
    spot_rights: Callable[[], KeyPermissions] | None = None
    rules: TradingRules | None = None
    ticker: Ticker | None = None

    def account_gateway(self) -> ExchangeGateway:
        """Return the gateway for the key, or raise why there is none."""
        if self.signed is None:
            raise self.why_no_key
        return self.signed


def least_quantity(rules: TradingRules, price: Decimal) -> Decimal:
    """Return about the smallest quantity of a market order that the rules allow at `price`."""
    limits = rules.market_size
    by_notional = (limits.min_notional * _MARGIN / price).quantize(Decimal("1e-12"), ROUND_UP)
    return limits.grid.ceil(max(limits.min_quantity, by_notional, rules.quantity_increment))


def _now_seconds() -> float:
    return time.time()


def connect(walk: Walk) -> str:
    walk.public.server_time_ms()
    return "the venue answers"


def compare_clocks(walk: Walk) -> str:
    asked = _now_seconds()
    venue_ms = walk.public.server_time_ms()
    difference = round(venue_ms - (asked + _now_seconds()) * 500)  # the middle of both, in ms
    words = f"the venue's clock is {abs(difference)} ms {'ahead' if difference > 0 else 'behind'}"
    if abs(difference) > MOST_CLOCK_DIFFERENCE_MS:
        raise FindingError(words, CLOCK_HINT, StepStatus.WARNING)
    return words


def read_rules(walk: Walk) -> str:
    walk.rules = rules = walk.public.rules(walk.symbol)
    words = (
        f"{rules.status}; price in steps of {plain(rules.price_increment)}, quantity of"
        f" {plain(rules.quantity_increment)}, at least {plain(rules.min_notional)}"
        f" {rules.quote_asset}"
    )
    if not rules.allows_entries:
        raise FindingError(words, "the symbol is not trading; bots open nothing in it")
    return words


def read_price(walk: Walk) -> str:
    walk.ticker = ticker = walk.public.ticker(walk.symbol)
    return f"{plain(ticker.price)} at {ticker.market_time:%Y-%m-%d %H:%M:%S} UTC of market time"


def read_klines(walk: Walk) -> str:
    klines = walk.public.klines(walk.symbol, "1m", limit=KLINES)
    if len(klines) < KLINES:
        raise FindingError(f"{len(klines)} of {KLINES} klines", "the symbol has hardly traded yet")
    return f"{len(klines)} of one minute, the last opened {klines[-1].open_time:%H:%M} UTC"


def _read_account(walk: Walk) -> str:
    info = walk.account_gateway().account()
    words = f"account {info.uid}, {len(info.balances)} assets"
    if not info.can_trade:
        raise FindingError(f"{words}, not allowed to trade", "ask the venue why")
    return f"{words}, allowed to trade"


def read_permissions(walk: Walk) -> str:
    permissions = walk.account_gateway().key_permissions()
    flags = as_stored(permissions, is_account_open=True)
    words = "; ".join(in_words(flags))
    if warnings := warnings_about(walk.environment, flags):
        raise FindingError(words, " ".join(warnings), StepStatus.WARNING)
    return words


def read_commission(walk: Walk) -> str:
    rates = walk.account_gateway().commission_rates(walk.symbol).standard
    return f"maker {_percent(rates.maker)}, taker {_percent(rates.taker)}"


def test_order(walk: Walk) -> str:
    gateway = walk.account_gateway()
    if walk.rules is None or walk.ticker is None:
        raise SkippedError("needs the rules and the price")
    quantity = least_quantity(walk.rules, walk.ticker.price)
    signed_at_ms = gateway.signing_time_ms()
    gateway.check_order(
        MarketOrderRequest(
            symbol=walk.symbol,
            side=Side.BUY,
            quantity=quantity,
            client_order_id=f"smoke-{signed_at_ms}",
            signed_at_ms=signed_at_ms,
            recv_window_ms=settings.BINANCE_RECV_WINDOW,
        )
    )
    return f"the venue would take a market order for {plain(quantity)} {walk.rules.base_asset}"


def plain(number: Decimal) -> str:
    return f"{number.normalize():f}"


def _percent(share: Decimal) -> str:
    return f"{plain(share * 100)} %"


STEPS: Final[dict[str, Callable[[Walk], str]]] = {
    "connect": connect,
    "time": compare_clocks,
    "rules": read_rules,
    "price": read_price,
    "klines": read_klines,
    "account": _read_account,
    "permissions": read_permissions,
    "commission": read_commission,
    "test_order": test_order,
}

"""Bring a symbol of a futures account to how a bot trades it, and say what came of it.

Isolated margin, one-way mode, a leverage. What the venue reports in the end is what counts. The
account's position mode is never switched from here: another person's or program's hedged positions
may hang on it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from exchange.domain.errors import (
    GatewayError,
    OrderRejectedError,
    OutcomeUnknownError,
    RateLimitedError,
    UnavailableError,
)
from exchange.domain.futures import MAX_LEVERAGE, MAX_LEVERAGE_USED, MarginType, SymbolConfig
from exchange.domain.futures_gateway import FuturesGateway

logger = logging.getLogger(__name__)

ISOLATED: Final = MarginType.ISOLATED
HEDGE_MODE: Final = (
    "the account is in hedge mode; bots trade in one-way mode only, which a person must switch on "
    "at the venue (it needs an account without positions and orders)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolSetup:
    """How a symbol is set up now, as the venue reports it.

    wanted_leverage   what was configured, or the most that is ever used
    problems          what could not be set or is not as wanted, in words with the venue's reason
    """

    symbol: str
    wanted_leverage: int
    leverage: int
    margin_type: MarginType
    is_hedge_mode: bool
    problems: tuple[str, ...] = ()

    @property
    def entry_block(self) -> str | None:
        """Say why no position may be opened; None when one may. A lower leverage is no reason."""
        reasons = []
        if self.is_hedge_mode:
            reasons.append(HEDGE_MODE)
        if self.margin_type is not MarginType.ISOLATED:
            reasons.append(f"{self.symbol} is margined {self.margin_type}, not {ISOLATED}")
        if self.leverage > self.wanted_leverage:
            reasons.append(
                f"{self.symbol} has leverage {self.leverage} at the venue, "
                f"above the {self.wanted_leverage} configured"
            )
        return "; ".join(reasons) or None


def leverage_used(configured: int) -> int:
    """Return the leverage to ask a venue for: never above 50.

    ValueError when `configured` is not 1 to 125.
    """
    if not 1 <= configured <= MAX_LEVERAGE:
        raise ValueError(f"leverage must be 1 to {MAX_LEVERAGE}, not {configured}")
    return min(configured, MAX_LEVERAGE_USED)


def set_up_symbol(gateway: FuturesGateway, symbol: str, *, leverage: int) -> SymbolSetup:
    """Ask for isolated margin and `leverage` where it is not so yet; return what the venue says.

    leverage   as configured, 1 to 125 (ValueError otherwise)

    A refusal, or an answer that never came, is logged and part of the result, and the venue is
    asked again for what holds. In hedge mode nothing is changed. Errors of reads pass, and those
    that say to wait or that the key or the clock is wrong.
    """
    wanted = leverage_used(leverage)
    if gateway.is_hedge_mode():
        config = gateway.symbol_config(symbol)
        logger.warning("%s: %s", symbol, HEDGE_MODE)
        return _setup(config, wanted, is_hedge_mode=True, problems=(HEDGE_MODE,))
    before = gateway.symbol_config(symbol)
    asking = _Asking(gateway, before)
    if before.margin_type is not ISOLATED:
        asking.isolate()
    if asking.config.leverage != wanted:
        asking.lever(wanted)
    return _setup(asking.config, wanted, is_hedge_mode=False, problems=tuple(asking.problems))


class _Asking:
    def __init__(self, gateway: FuturesGateway, config: SymbolConfig) -> None:
        self.config = config
        self.problems: list[str] = []
        self._gateway = gateway

    def isolate(self) -> None:
        symbol = self.config.symbol

        def ask() -> SymbolConfig:
            self._gateway.set_margin_type(symbol, ISOLATED)
            return replace(self.config, margin_type=ISOLATED)

        reason = self._try(ask, f"margin type {ISOLATED}")
        if reason or self.config.margin_type is not ISOLATED:
            self._note(f"margin type {ISOLATED}", self.config.margin_type, reason)

    def lever(self, wanted: int) -> None:
        symbol = self.config.symbol

        def ask() -> SymbolConfig:
            report = self._gateway.set_leverage(symbol, wanted)
            return replace(self.config, leverage=report.leverage, max_notional=report.max_notional)

        reason = self._try(ask, f"leverage {wanted}")
        if reason or self.config.leverage != wanted:
            self._note(f"leverage {wanted}", self.config.leverage, reason)

    def _try(self, ask: Callable[[], SymbolConfig], what: str) -> str:
        """Return why it failed, "" when it did not; `config` holds what is so now."""
        try:
            self.config = ask()
        except RateLimitedError:
            raise
        except (OrderRejectedError, OutcomeUnknownError, UnavailableError) as error:
            reason = str(error)
        else:
            return ""
        try:
            self.config = self._gateway.symbol_config(self.config.symbol)
        except GatewayError:
            logger.warning("%s: wanted %s, has nobody knows: %s", self.config.symbol, what, reason)
            raise
        return reason

    def _note(self, what: str, reported: object, reason: str) -> None:
        why = reason or "the venue gave no reason"
        logger.warning("%s: wanted %s, has %s: %s", self.config.symbol, what, reported, why)
        self.problems.append(f"{what} was asked for, {reported} is reported: {why}")


def _setup(
    config: SymbolConfig, wanted: int, *, is_hedge_mode: bool, problems: tuple[str, ...]
) -> SymbolSetup:
    return SymbolSetup(
        symbol=config.symbol,
        wanted_leverage=wanted,
        leverage=config.leverage,
        margin_type=config.margin_type,
        is_hedge_mode=is_hedge_mode,
        problems=problems,
    )

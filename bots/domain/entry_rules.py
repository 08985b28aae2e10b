"""Every rule that an entry has to pass, asked in one fixed order, each with its numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from bots.domain.decision import Check, Denial, DenialCode
from bots.domain.direction import Direction
from bots.domain.exits import guarding_stop, levels_at_entry
from bots.domain.limits import daily_limit, unrealized_pnl
from bots.domain.liquidation import clearance, estimated_liquidation, stop_beyond_liquidation
from bots.domain.protections.account_caps import account_caps
from bots.domain.reading import Reading
from bots.domain.sizing import entry_quantity, leverage_in_use, size_words
from bots.domain.snapshot import Parameters, Snapshot
from bots.domain.symbol import symbol_trouble
from bots.domain.wording import money
from exchange.domain.types import ZERO

SIGNAL: Final = "signal"
BLOCKS: Final = "entry_blocks"
SIZE: Final = "size"
ACCOUNT_CAPS: Final = "account_caps"
SIZE_CODES: Final = (DenialCode.QUANTITY_BELOW_FILTERS, DenialCode.INSUFFICIENT_BALANCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One rule's answer: a refusal, or `code` and why it has nothing against an entry."""

    refusal: Denial | None
    code: str
    passed: str = ""

    @property
    def check(self) -> Check:
        """Return the answer as it is recorded."""
        if self.refusal is None:
            return Check(code=self.code, passed=True, detail=self.passed)
        return Check(code=self.refusal.code.value, passed=False, detail=self.refusal.detail)


def entry_verdicts(
    snapshot: Snapshot, reading: Reading, direction: Direction
) -> tuple[tuple[Verdict, ...], Decimal | None]:
    """Return every rule's answer to an entry in `direction`, and its quantity when it has one.

    Order: what the caller found in the way, symbol, daily limits, trend, size, stop against
    liquidation, caps of the account.
    """
    size = entry_quantity(
        parameters=snapshot.parameters,
        rules=snapshot.rules,
        price=snapshot.price,
        free_quote=snapshot.free_quote,
        total_realized_pnl=snapshot.total_realized_pnl,
        direction=direction,
        futures=snapshot.futures,
    )
    quantity = None if isinstance(size, Denial) else size
    verdicts = (
        *_blocks(snapshot),
        _symbol(snapshot),
        *_daily_limits(snapshot),
        Verdict(
            refusal=reading.against_trend,
            code=DenialCode.TREND_FILTER.value,
            passed=reading.trend,
        ),
        _size(snapshot, size),
        *_of_futures(snapshot, direction, quantity),
        *_caps(snapshot, quantity),
    )
    return verdicts, quantity


def _blocks(snapshot: Snapshot) -> Iterator[Verdict]:
    if snapshot.close_request is not None:
        detail = f"the position is to be closed ({snapshot.close_request.reason})"
        yield Verdict(refusal=Denial(code=DenialCode.CLOSE_REQUESTED, detail=detail), code=BLOCKS)
    if not snapshot.entry_blocks:
        yield Verdict(refusal=None, code=BLOCKS, passed="no halt, lock or incident is in the way")
    for block in snapshot.entry_blocks:
        yield Verdict(refusal=block, code=BLOCKS)


def _symbol(snapshot: Snapshot) -> Verdict:
    trouble = symbol_trouble(snapshot.rules)
    code = DenialCode.SYMBOL_NOT_TRADING
    return Verdict(
        refusal=None if trouble is None else Denial(code=code, detail=trouble),
        code=code.value,
        passed=f"{snapshot.symbol} is trading at the venue",
    )


def _daily_limits(snapshot: Snapshot) -> Iterator[Verdict]:
    parameters, day = snapshot.parameters, snapshot.day
    pnl = day.realized_pnl + unrealized_pnl(snapshot.position, snapshot.price)
    today = f"{money(pnl)} {snapshot.rules.quote_asset} today"
    percent = max(day.start_equity, ZERO) / 100
    loss, target = parameters.max_daily_loss_perc, parameters.daily_target_perc
    most = parameters.max_daily_trades
    none = "no limit is set"
    yield Verdict(
        refusal=_alone(snapshot, DenialCode.MAX_DAILY_LOSS),
        code=DenialCode.MAX_DAILY_LOSS.value,
        passed=none if loss is None else f"{today}, the limit is {money(-loss * percent)}",
    )
    yield Verdict(
        refusal=_alone(snapshot, DenialCode.DAILY_TARGET),
        code=DenialCode.DAILY_TARGET.value,
        passed=none if target is None else f"{today}, the target is {money(target * percent)}",
    )
    yield Verdict(
        refusal=_alone(snapshot, DenialCode.MAX_DAILY_TRADES),
        code=DenialCode.MAX_DAILY_TRADES.value,
        passed=none if most is None else f"{day.trades_count} of {most} trades today",
    )


def _alone(snapshot: Snapshot, code: DenialCode) -> Denial | None:
    """Return what one daily limit says when no other one speaks before it."""
    found = daily_limit(replace(snapshot, parameters=_with_only(snapshot.parameters, code)))
    return found if found is not None and found.code is code else None


def _with_only(parameters: Parameters, code: DenialCode) -> Parameters:
    loss, target = parameters.max_daily_loss_perc, parameters.daily_target_perc
    return replace(
        parameters,
        max_daily_loss_perc=loss if code is DenialCode.MAX_DAILY_LOSS else None,
        daily_target_perc=target if code is DenialCode.DAILY_TARGET else None,
        max_daily_trades=(
            parameters.max_daily_trades if code is DenialCode.MAX_DAILY_TRADES else None
        ),
    )


def _size(snapshot: Snapshot, size: Decimal | Denial) -> Verdict:
    if isinstance(size, Denial):
        return Verdict(refusal=size, code=SIZE)
    words = size_words(
        size,
        parameters=snapshot.parameters,
        rules=snapshot.rules,
        price=snapshot.price,
        free_quote=snapshot.free_quote,
        futures=snapshot.futures,
    )
    return Verdict(refusal=None, code=SIZE, passed=words)


def _of_futures(
    snapshot: Snapshot, direction: Direction, quantity: Decimal | None
) -> Iterator[Verdict]:
    futures, price = snapshot.futures, snapshot.price
    if futures is None or quantity is None:
        return
    levels = levels_at_entry(
        price=price,
        direction=direction,
        parameters=snapshot.parameters,
        price_increment=snapshot.rules.price_increment,
    )
    stop = guarding_stop(levels, direction)
    liquidation = estimated_liquidation(
        price=price,
        quantity=quantity,
        direction=direction,
        leverage=leverage_in_use(snapshot.parameters, futures),
        brackets=futures.brackets,
    )
    yield Verdict(
        refusal=stop_beyond_liquidation(
            stop=stop, liquidation=liquidation, price=price, direction=direction
        ),
        code=DenialCode.STOP_BEYOND_LIQUIDATION.value,
        passed=clearance(stop, liquidation),
    )


def _caps(snapshot: Snapshot, quantity: Decimal | None) -> Iterator[Verdict]:
    if quantity is None:
        return
    notional, asset = quantity * snapshot.price, snapshot.rules.quote_asset
    exposure = snapshot.exposure
    held = f"{exposure.open_positions} positions of {money(exposure.notional)} {asset}"
    yield Verdict(
        refusal=account_caps(exposure, snapshot.caps, notional=notional, asset=asset),
        code=ACCOUNT_CAPS,
        passed=f"the account's bots hold {held}",
    )

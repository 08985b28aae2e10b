"""What the venue tells about a USD-M futures account, as domain values."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from exchange.binance.parsing import (
    amount,
    boolean,
    decimal,
    integer,
    known_word,
    mapping,
    moment,
    rows,
    sequence,
    text,
    word,
)
from exchange.domain.errors import UnknownSymbolError
from exchange.domain.futures import (
    FuturesAccountInfo,
    FuturesBalance,
    IncomeReport,
    IncomeType,
    LeverageReport,
    MarginType,
    PositionReport,
    PositionSide,
    SymbolConfig,
)
from exchange.domain.types import (
    ZERO,
    AccountInfo,
    Balance,
    CommissionRates,
    KeyPermissions,
    RateSet,
)

UNLIMITED: Final = Decimal("Infinity")
NO_RATES: Final = RateSet(maker=ZERO, taker=ZERO, buyer=ZERO, seller=ZERO)


def futures_account(reply: Any) -> FuturesAccountInfo:
    """Read `GET v3/account`; assets of which there is nothing are left out."""
    listed = rows(mapping(reply, "account"), "assets")
    balances = {text(row, "asset"): _balance(row) for row in listed}
    kept = {asset: one for asset, one in balances.items() if one.wallet or one.margin}
    return FuturesAccountInfo(balances=MappingProxyType(kept))


def account(info: FuturesAccountInfo, *, can_trade: bool) -> AccountInfo:
    """Say of a futures wallet what a spot account says of itself: free is what is available."""
    balances = {asset: _free_and_locked(one) for asset, one in info.balances.items()}
    return AccountInfo(uid="", can_trade=can_trade, balances=MappingProxyType(balances))


def key_permissions(reply: Any) -> KeyPermissions:
    """Read `GET accountConfig`: what the key may do here; its other rights only sapi tells."""
    can_trade = boolean(mapping(reply, "accountConfig"), "canTrade")
    return KeyPermissions(can_trade=can_trade, can_use_futures=can_trade)


def is_hedge_mode(reply: Any) -> bool:
    """Read the position mode of `GET accountConfig`."""
    return boolean(mapping(reply, "accountConfig"), "dualSidePosition")


def positions(reply: Any) -> list[PositionReport]:
    """Read `GET v3/positionRisk`, without the rows that only stand there for an open order."""
    listed = [mapping(entry, "positionRisk") for entry in sequence(reply, "positionRisk")]
    return [_position(row) for row in listed if decimal(row, "positionAmt")]


def symbol_config(reply: Any, symbol: str) -> SymbolConfig:
    """Read `GET symbolConfig`; UnknownSymbolError when `symbol` is not in it."""
    for row in (mapping(entry, "symbolConfig") for entry in sequence(reply, "symbolConfig")):
        if text(row, "symbol") == symbol:
            return SymbolConfig(
                symbol=symbol,
                margin_type=known_word(row, "marginType", MarginType),
                leverage=integer(row, "leverage"),
                max_notional=_max_notional(row),
            )
    raise UnknownSymbolError(f"the venue tells no configuration of {symbol}")


def leverage(reply: Any) -> LeverageReport:
    """Read `POST leverage`: what it is now, which need not be what was asked for."""
    row = mapping(reply, "leverage")
    return LeverageReport(
        symbol=text(row, "symbol"),
        leverage=integer(row, "leverage"),
        max_notional=_max_notional(row),
    )


def done(reply: Any) -> None:
    """Read a reply that says nothing but that it was done."""
    mapping(reply, "reply")


def income(reply: Any) -> list[IncomeReport]:
    """Read `GET income`."""
    return [_income(mapping(entry, "income")) for entry in sequence(reply, "income")]


def commission_rates(reply: Any) -> CommissionRates:
    """Read `GET commissionRate`: shares of the notional, paid in the margin asset."""
    row = mapping(reply, "commissionRate")
    return CommissionRates(
        symbol=text(row, "symbol"),
        standard=RateSet(
            maker=decimal(row, "makerCommissionRate"),
            taker=decimal(row, "takerCommissionRate"),
            buyer=ZERO,
            seller=ZERO,
        ),
        special=NO_RATES,
        tax=NO_RATES,
        discount_asset="",
        discount=Decimal(1),
        is_discount_active=False,
    )


def listen_key(reply: Any) -> str:
    """Read `POST listenKey`."""
    return text(mapping(reply, "listenKey"), "listenKey")


def _max_notional(row: Mapping[str, Any]) -> Decimal:
    # "INF" where the venue has no limit, as it has told for the lowest leverages.
    told = text(row, "maxNotionalValue")
    return UNLIMITED if told.upper() == "INF" else amount(row, "maxNotionalValue")


def _balance(row: Mapping[str, Any]) -> FuturesBalance:
    return FuturesBalance(
        wallet=decimal(row, "walletBalance"),
        unrealized_pnl=decimal(row, "unrealizedProfit"),
        margin=decimal(row, "marginBalance"),
        available=decimal(row, "availableBalance"),
        initial_margin=amount(row, "initialMargin"),
        maintenance_margin=amount(row, "maintMargin"),
    )


def _free_and_locked(balance: FuturesBalance) -> Balance:
    free = max(balance.available, ZERO)
    return Balance(free=free, locked=max(balance.wallet - free, ZERO))


def _position(row: Mapping[str, Any]) -> PositionReport:
    liquidation_price = max(decimal(row, "liquidationPrice"), ZERO)  # zero where there is none
    return PositionReport(
        symbol=text(row, "symbol"),
        side=known_word(row, "positionSide", PositionSide),
        quantity=decimal(row, "positionAmt"),
        entry_price=amount(row, "entryPrice"),
        break_even_price=decimal(row, "breakEvenPrice"),
        mark_price=amount(row, "markPrice"),
        unrealized_pnl=decimal(row, "unRealizedProfit"),
        liquidation_price=liquidation_price or None,
        isolated_wallet=decimal(row, "isolatedWallet"),
        notional=decimal(row, "notional"),
        initial_margin=amount(row, "initialMargin"),
        maintenance_margin=amount(row, "maintMargin"),
        market_time=moment(row, "updateTime"),
    )


def _income(row: Mapping[str, Any]) -> IncomeReport:
    return IncomeReport(
        type=word(row, "incomeType", IncomeType),
        symbol=_told(row, "symbol"),
        amount=decimal(row, "income"),
        asset=text(row, "asset"),
        transaction_id=text(row, "tranId"),
        market_time=moment(row, "time"),
        trade_id=_told(row, "tradeId"),
    )


def _told(row: Mapping[str, Any], name: str) -> str | None:
    return text(row, name) if row.get(name) not in (None, "") else None

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from exchange.binance import futures_account_replies as replies
from exchange.binance.parsing import MalformedReplyError
from exchange.binance.tests.futures_account_samples import (
    ACCOUNT,
    ACCOUNT_CONFIG,
    ASSET,
    AT,
    COMMISSION,
    INCOME,
    LEVERAGE,
    PAID_IN,
    POSITION,
    SYMBOL_CONFIG,
)
from exchange.domain.clock import from_milliseconds
from exchange.domain.errors import UnknownSymbolError
from exchange.domain.futures import (
    FuturesBalance,
    IncomeReport,
    IncomeType,
    LeverageReport,
    MarginType,
    PositionReport,
    PositionSide,
    SymbolConfig,
)
from exchange.domain.types import ZERO, Balance, KeyPermissions, Side


def account_with(**changes: str) -> dict[str, Any]:
    return ACCOUNT | {"assets": [ASSET | changes]}


def test_a_wallet_is_read_by_asset_without_those_that_are_empty() -> None:
    info = replies.futures_account(ACCOUNT)

    assert info.balances == {
        "USDT": FuturesBalance(
            wallet=Decimal(1000),
            unrealized_pnl=Decimal("-20.5"),
            margin=Decimal("979.5"),
            available=Decimal(900),
            initial_margin=Decimal(100),
            maintenance_margin=Decimal(4),
        )
    }


@pytest.mark.parametrize(
    ("wallet", "margin"),
    [
        ("0.00000000", "0.50000000"),  # nothing was paid in, yet a position in it gains
        ("20.00000000", "0.00000000"),  # all that was paid in is lost, if it were closed now
        ("-3.00000000", "0.00000000"),
    ],
)
def test_an_asset_with_a_wallet_or_a_result_is_kept(wallet: str, margin: str) -> None:
    usdc = ASSET | {"asset": "USDC", "walletBalance": wallet, "marginBalance": margin}
    empty = ASSET | {"asset": "BTC", "walletBalance": "0.00000000", "marginBalance": "0.0"}

    info = replies.futures_account(ACCOUNT | {"assets": [usdc, empty]})

    assert set(info.balances) == {"USDC"}
    assert info.balances["USDC"].wallet == Decimal(wallet)
    assert info.balances["USDC"].margin == Decimal(margin)


@pytest.mark.parametrize(
    ("available", "free", "locked"),
    [("900", "900", "100"), ("1100", "1100", "0"), ("-5", "0", "1000"), ("1000", "1000", "0")],
)
def test_free_is_what_new_positions_may_use_and_locked_the_rest(
    available: str, free: str, locked: str
) -> None:
    info = replies.futures_account(account_with(availableBalance=available))

    account = replies.account(info, can_trade=False)

    assert (account.uid, account.can_trade) == ("", False)
    assert account.balances == {"USDT": Balance(free=Decimal(free), locked=Decimal(locked))}


def test_leave_to_trade_and_the_position_mode_are_read_and_nothing_is_guessed() -> None:
    assert replies.key_permissions(ACCOUNT_CONFIG) == KeyPermissions(
        can_trade=True, can_use_futures=True
    )
    assert replies.key_permissions({"canTrade": False}) == KeyPermissions(
        can_trade=False, can_use_futures=False
    )
    assert replies.is_hedge_mode(ACCOUNT_CONFIG) is False
    assert replies.is_hedge_mode({"dualSidePosition": True}) is True


def test_a_short_position_is_negative() -> None:
    assert replies.positions([POSITION]) == [
        PositionReport(
            symbol="BTCUSDT",
            side=PositionSide.BOTH,
            quantity=Decimal("-0.01"),
            entry_price=Decimal(60000),
            break_even_price=Decimal(59970),
            mark_price=Decimal(61000),
            unrealized_pnl=Decimal(-10),
            liquidation_price=Decimal("65672.5"),
            isolated_wallet=Decimal(60),
            notional=Decimal(-610),
            initial_margin=Decimal(61),
            maintenance_margin=Decimal("2.44"),
            market_time=from_milliseconds(AT),
        )
    ]


def test_a_row_that_stands_there_for_an_open_order_is_no_position() -> None:
    order_only = POSITION | {"positionAmt": "0.000", "entryPrice": "0.0", "updateTime": 0}

    assert replies.positions([order_only]) == []
    assert len(replies.positions([order_only, POSITION])) == 1


@pytest.mark.parametrize("price", ["0", "0.00000000", "-12.5"])
def test_a_liquidation_price_of_nothing_is_none(price: str) -> None:
    (position,) = replies.positions([POSITION | {"liquidationPrice": price}])

    assert position.liquidation_price is None


def test_the_configuration_of_a_symbol_is_found_among_others() -> None:
    other = SYMBOL_CONFIG | {"symbol": "ETHUSDT", "marginType": "ISOLATED"}

    assert replies.symbol_config([other, SYMBOL_CONFIG], "BTCUSDT") == SymbolConfig(
        symbol="BTCUSDT",
        margin_type=MarginType.CROSSED,
        leverage=21,
        max_notional=Decimal(1_000_000),
    )
    with pytest.raises(UnknownSymbolError, match="no configuration of MOONUSDT"):
        replies.symbol_config([other], "MOONUSDT")


@pytest.mark.parametrize(
    ("told", "most"),
    [
        ("1000000", "1000000"),
        ("9.223372036854776E18", "9223372036854776000"),
        ("INF", "Infinity"),  # at the lowest leverages of some symbols
        ("inf", "Infinity"),
    ],
)
def test_the_leverage_that_was_given_is_read(told: str, most: str) -> None:
    assert replies.leverage(LEVERAGE | {"maxNotionalValue": told}) == LeverageReport(
        symbol="BTCUSDT", leverage=5, max_notional=Decimal(most)
    )
    config = replies.symbol_config([SYMBOL_CONFIG | {"maxNotionalValue": told}], "BTCUSDT")
    assert config.max_notional == Decimal(most)


def test_income_tells_what_is_behind_it() -> None:
    assert replies.income([INCOME, PAID_IN, INCOME | {"incomeType": "WELCOME_BONUS"}]) == [
        IncomeReport(
            type=IncomeType.COMMISSION,
            symbol="BTCUSDT",
            amount=Decimal("-0.01"),
            asset="USDT",
            transaction_id="9689322392",
            market_time=from_milliseconds(AT),
            trade_id="2059192",
        ),
        IncomeReport(
            type=IncomeType.TRANSFER,
            symbol=None,
            amount=Decimal(100),
            asset="USDT",
            transaction_id="9689322393",
            market_time=from_milliseconds(AT),
        ),
        IncomeReport(
            type=IncomeType.OTHER,
            symbol="BTCUSDT",
            amount=Decimal("-0.01"),
            asset="USDT",
            transaction_id="9689322392",
            market_time=from_milliseconds(AT),
            trade_id="2059192",
        ),
    ]


def test_commission_is_a_share_of_the_notional_without_a_discount() -> None:
    rates = replies.commission_rates(COMMISSION)

    for side in Side:
        assert rates.of(side, is_maker=True) == Decimal("0.0002")
        assert rates.of(side, is_maker=False) == Decimal("0.0005")
    assert (rates.discount_asset, rates.discount) == ("", Decimal(1))
    assert not rates.is_discount_active
    assert rates.tax.maker == ZERO


def position_of(row: Any) -> Any:
    return replies.positions([row])


def config_of(row: Any) -> Any:
    return replies.symbol_config([row], "BTCUSDT")


def income_of(row: Any) -> Any:
    return replies.income([row])


@pytest.mark.parametrize(
    ("read", "row", "problem"),
    [
        (replies.futures_account, [], "account: expected an object"),
        (replies.futures_account, {}, "no field assets"),
        (replies.futures_account, account_with(walletBalance="x"), "walletBalance is not a number"),
        (replies.futures_account, account_with(maintMargin="-1"), "maintMargin is negative"),
        (replies.key_permissions, {"canTrade": "true"}, "canTrade is neither true nor false"),
        (replies.is_hedge_mode, {}, "no field dualSidePosition"),
        (replies.positions, {}, "positionRisk: expected a list"),
        (position_of, {}, "no field positionAmt"),
        (
            position_of,
            POSITION | {"positionSide": "UP"},
            "positionSide is none of BOTH, LONG, SHORT: 'UP'",
        ),
        (position_of, POSITION | {"entryPrice": "-1"}, "entryPrice is negative"),
        (config_of, SYMBOL_CONFIG | {"leverage": "21"}, "leverage is not a whole number: '21'"),
        (config_of, SYMBOL_CONFIG | {"leverage": True}, "leverage is not a whole number: True"),
        (
            config_of,
            SYMBOL_CONFIG | {"marginType": "cross"},
            "marginType is none of ISOLATED, CROSSED: 'cross'",
        ),
        (replies.leverage, {"symbol": "BTCUSDT"}, "no field leverage"),
        (replies.done, [], "reply: expected an object"),
        (income_of, INCOME | {"tranId": None}, "tranId is not a text"),
        (income_of, INCOME | {"time": None}, "time is not a time"),
        (replies.commission_rates, {"symbol": "X"}, "no field makerCommissionRate"),
    ],
)
def test_a_reply_that_makes_no_sense_names_its_field(read: Any, row: Any, problem: str) -> None:
    with pytest.raises(MalformedReplyError, match=problem):
        read(row)

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from exchange.binance import account_replies
from exchange.binance.parsing import MalformedReplyError
from exchange.binance.tests.samples import COMMISSION, RESTRICTIONS
from exchange.domain.types import Balance, KeyPermissions, Side


def test_an_account_has_uid_permission_and_balances() -> None:
    account = account_replies.account(
        {
            "uid": 354937868,
            "canTrade": True,
            "balances": [{"asset": "BTC", "free": "1.5", "locked": "0.5"}],
        }
    )

    assert (account.uid, account.can_trade) == ("354937868", True)
    assert account.balances["BTC"] == Balance(free=Decimal("1.5"), locked=Decimal("0.5"))
    assert account.free("ETH") == 0


def test_a_permission_that_is_neither_yes_nor_no_is_refused() -> None:
    with pytest.raises(MalformedReplyError, match="canTrade"):
        account_replies.account({"uid": 1, "canTrade": "true", "balances": []})


def test_the_permissions_of_a_key_are_read_flag_by_flag() -> None:
    assert account_replies.key_permissions(RESTRICTIONS) == KeyPermissions(
        can_trade=True,
        can_read=True,
        can_withdraw=False,
        can_use_futures=True,
        can_transfer=True,
        is_ip_restricted=True,
    )


def test_a_permission_that_the_venue_leaves_out_is_not_known() -> None:
    told = account_replies.key_permissions({"enableSpotAndMarginTrading": False})

    assert told == KeyPermissions(can_trade=False)
    assert told.can_withdraw is None


@pytest.mark.parametrize(
    ("reply", "field"),
    [
        ({}, "enableSpotAndMarginTrading"),
        (RESTRICTIONS | {"enableWithdrawals": "false"}, "enableWithdrawals"),
        (RESTRICTIONS | {"ipRestrict": 0}, "ipRestrict"),
    ],
)
def test_a_permission_is_never_guessed(reply: dict[str, Any], field: str) -> None:
    with pytest.raises(MalformedReplyError, match=field):
        account_replies.key_permissions(reply)


def test_commission_rates_add_up_by_role_and_side() -> None:
    rates = account_replies.commission_rates(COMMISSION)

    assert rates.standard.of(Side.BUY, is_maker=True) == Decimal("0.0013")
    assert rates.of(Side.BUY, is_maker=True) == Decimal("0.0413")
    assert rates.of(Side.SELL, is_maker=False) == Decimal("0.0624")
    assert (rates.discount_asset, rates.discount) == ("BNB", Decimal("0.75"))
    assert rates.is_discount_active


@pytest.mark.parametrize("flag", ["enabledForAccount", "enabledForSymbol"])
def test_a_discount_needs_the_account_and_the_symbol(flag: str) -> None:
    reply = COMMISSION | {"discount": COMMISSION["discount"] | {flag: False}}

    assert not account_replies.commission_rates(reply).is_discount_active


def test_rates_that_are_missing_are_named() -> None:
    reply = {name: value for name, value in COMMISSION.items() if name != "taxCommission"}

    with pytest.raises(MalformedReplyError, match="taxCommission"):
        account_replies.commission_rates(reply)

"""What the venue tells about an account and its keys, as domain values."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from exchange.binance.parsing import boolean, decimal, mapping, required, rows, text
from exchange.domain.types import AccountInfo, Balance, CommissionRates, KeyPermissions, RateSet


def account(reply: Any) -> AccountInfo:
    """Read `GET account`."""
    row = mapping(reply, "account")
    balances = {
        text(entry, "asset"): Balance(free=decimal(entry, "free"), locked=decimal(entry, "locked"))
        for entry in rows(row, "balances")
    }
    return AccountInfo(
        uid=text(row, "uid"),
        can_trade=boolean(row, "canTrade"),
        balances=MappingProxyType(balances),
    )


def key_permissions(reply: Any) -> KeyPermissions:
    """Read `GET /sapi/v1/account/apiRestrictions`; a flag that is missing is one not told.

    Leave to trade is required: everything else may be None, but a guess there could cost money.
    """
    row = mapping(reply, "apiRestrictions")
    return KeyPermissions(
        can_trade=boolean(row, "enableSpotAndMarginTrading"),
        can_read=_flag(row, "enableReading"),
        can_withdraw=_flag(row, "enableWithdrawals"),
        can_use_futures=_flag(row, "enableFutures"),
        can_transfer=_flag(row, "permitsUniversalTransfer"),
        is_ip_restricted=_flag(row, "ipRestrict"),
    )


def commission_rates(reply: Any) -> CommissionRates:
    """Read `GET account/commission`."""
    row = mapping(reply, "commission")
    discount = mapping(required(row, "discount"), "discount")
    return CommissionRates(
        symbol=text(row, "symbol"),
        standard=_rates(row, "standardCommission"),
        special=_rates(row, "specialCommission"),
        tax=_rates(row, "taxCommission"),
        discount_asset=text(discount, "discountAsset"),
        discount=decimal(discount, "discount"),
        is_discount_active=boolean(discount, "enabledForAccount")
        and boolean(discount, "enabledForSymbol"),
    )


def _rates(row: Mapping[str, Any], name: str) -> RateSet:
    rates = mapping(required(row, name), name)
    return RateSet(
        maker=decimal(rates, "maker"),
        taker=decimal(rates, "taker"),
        buyer=decimal(rates, "buyer"),
        seller=decimal(rates, "seller"),
    )


def _flag(row: Mapping[str, Any], name: str) -> bool | None:
    return boolean(row, name) if name in row else None

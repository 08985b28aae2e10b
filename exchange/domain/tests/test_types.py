from __future__ import annotations

import dataclasses
from decimal import Decimal
from types import MappingProxyType

import pytest

from exchange.domain.errors import (
    GatewayError,
    OrderRejectedError,
    OutcomeUnknownError,
    RateLimitedError,
    UnavailableError,
    UnknownSymbolError,
)
from exchange.domain.reports import VenueOrderStatus
from exchange.domain.types import AccountInfo, Balance


def test_only_statuses_that_can_change_are_not_final() -> None:
    open_ones = {status for status in VenueOrderStatus if not status.is_final}

    assert open_ones == {
        VenueOrderStatus.PENDING_NEW,
        VenueOrderStatus.NEW,
        VenueOrderStatus.PARTIALLY_FILLED,
        VenueOrderStatus.PENDING_CANCEL,
        VenueOrderStatus.OTHER,
    }


def test_an_asset_that_the_venue_does_not_list_is_not_there() -> None:
    balances = MappingProxyType({"BTC": Balance(free=Decimal(1), locked=Decimal(2))})
    account = AccountInfo(uid="1", can_trade=True, balances=balances)

    assert account.free("BTC") == 1
    assert account.free("ETH") == 0
    assert AccountInfo(uid="1", can_trade=True).free("BTC") == 0


def test_a_value_cannot_be_changed_on_its_way() -> None:
    account = AccountInfo(uid="1", can_trade=True)

    with pytest.raises(dataclasses.FrozenInstanceError):
        account.can_trade = False  # type: ignore[misc]


def test_an_unknown_outcome_is_never_taken_for_one_that_did_not_happen() -> None:
    assert not issubclass(OutcomeUnknownError, UnavailableError)
    assert not issubclass(OutcomeUnknownError, OrderRejectedError)
    assert issubclass(RateLimitedError, UnavailableError)
    assert issubclass(UnknownSymbolError, OrderRejectedError)


def test_an_error_carries_the_venues_code_and_the_wait() -> None:
    assert GatewayError("no").code is None
    assert RateLimitedError("wait", code=-1003, retry_after=7.0).retry_after == 7.0

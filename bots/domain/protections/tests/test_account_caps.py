from __future__ import annotations

from decimal import Decimal

import pytest

from bots.domain.decision import DenialCode
from bots.domain.protections import NO_CAPS, AccountCaps, Exposure, account_caps

D = Decimal
HELD = Exposure(open_positions=2, notional=D(1500))


def test_an_account_without_caps_takes_any_entry() -> None:
    assert account_caps(HELD, NO_CAPS, notional=D(10**9)) is None


@pytest.mark.parametrize(("most", "refused"), [(1, True), (2, True), (3, False)])
def test_the_position_that_would_be_one_too_many_is_refused(*, most: int, refused: bool) -> None:
    found = account_caps(HELD, AccountCaps(max_open_positions=most), notional=D(1))
    assert (found is not None) is refused


def test_the_refusal_of_a_position_says_how_many_there_are() -> None:
    found = account_caps(HELD, AccountCaps(max_open_positions=2), notional=D(1))
    assert found is not None
    assert found.code is DenialCode.MAX_OPEN_POSITIONS
    assert found.detail == (
        "the account's bots hold 2 of at most 2 positions; "
        "one has to close first, or the account's cap be raised"
    )


def test_exposure_may_reach_its_cap_and_not_a_cent_more() -> None:
    caps = AccountCaps(max_exposure=D(2000))
    assert account_caps(HELD, caps, notional=D(500)) is None
    found = account_caps(HELD, caps, notional=D("500.01"))
    assert found is not None
    assert found.code is DenialCode.MAX_EXPOSURE
    assert found.detail == (
        "the account's bots hold 1500.00 USDT, and 500.01 more would be above the cap of 2000.00"
    )


def test_a_cap_of_nothing_stops_every_entry() -> None:
    nothing = Exposure()
    assert account_caps(nothing, AccountCaps(max_open_positions=0), notional=D(1)) is not None
    assert account_caps(nothing, AccountCaps(max_exposure=D(0)), notional=D(1)) is not None

"""Funding rates at stamps of the first play, of later ones, and where nothing was recorded."""

from __future__ import annotations

from decimal import Decimal

import pytest

from exchange.demo.market.funding import DEFAULT_RATE, FundingRates

HOUR = 3_600_000
STAMP = 1_746_374_400_000  # 2025-05-04 16:00 UTC
START = STAMP - 27 * 60_000
FIRST, SECOND = Decimal("0.00003745"), Decimal("-0.0002")


def rates(length_hours: int = 20) -> FundingRates:
    recorded = {STAMP: FIRST, STAMP + 8 * HOUR: SECOND}
    return FundingRates(recorded, start_ms=START, length_ms=length_hours * HOUR)


def test_the_first_play_has_the_recorded_rates() -> None:
    assert [rates().rate(STAMP + hours * HOUR) for hours in (0, 8)] == [FIRST, SECOND]


def test_a_rate_stays_in_force_where_a_row_is_missing() -> None:
    assert rates().rate(STAMP + 16 * HOUR) == SECOND


@pytest.mark.parametrize(
    ("hours", "own_hours", "rate"),
    [(24, 4, FIRST), (32, 12, SECOND), (40, 0, FIRST), (72, 12, SECOND)],
)
def test_a_later_play_has_the_rate_in_force_at_the_recordings_own_time(
    hours: int, own_hours: int, rate: Decimal
) -> None:
    stamp = STAMP + hours * HOUR
    assert (stamp - START) % (20 * HOUR) == STAMP - START + own_hours * HOUR
    assert rates().rate(stamp) == rate


def test_nothing_recorded_means_the_interest_part_alone() -> None:
    assert FundingRates().rate(STAMP) == DEFAULT_RATE == Decimal("0.0001")
    assert rates().rate(STAMP - 8 * HOUR) == DEFAULT_RATE


def test_stamps_stand_at_every_eighth_hour() -> None:
    found = FundingRates()
    assert found.next_stamp(STAMP - 1) == STAMP
    assert found.next_stamp(STAMP) == STAMP + 8 * HOUR
    assert (found.last_stamp(STAMP - 1), found.last_stamp(STAMP)) == (STAMP - 8 * HOUR, STAMP)
    both = [STAMP, STAMP + 8 * HOUR]
    assert list(found.stamps(STAMP, STAMP + 8 * HOUR)) == both
    assert list(found.stamps(STAMP - 1, STAMP + 16 * HOUR - 1)) == both
    assert list(found.stamps(STAMP + 1, STAMP + 8 * HOUR - 1)) == []

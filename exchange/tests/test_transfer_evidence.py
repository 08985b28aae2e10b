"""Which rows of a history can be a transfer whose answer was lost."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from exchange.domain.clock import from_milliseconds
from exchange.domain.transfers import TransferDirection, TransferReport, TransferStatus
from exchange.transfer_evidence import age_text, deadline_ms, is_in_time, possible_rows

SIGNED_AT = 1_790_000_000_000
WINDOW = 5_000


@dataclass(kw_only=True)
class Sent:
    """A transfer as it was signed."""

    direction: str = TransferDirection.TO_FUTURES.value
    asset: str = "USDT"
    amount: Decimal = Decimal("100.000000000000000000")
    signed_at_ms: int = SIGNED_AT
    recv_window_ms: int = WINDOW
    transaction_id: str = ""


def report(after_ms: int = 0, *, number: str = "1") -> TransferReport:
    """Return a row of the history made `after_ms` after the transfer was signed."""
    return TransferReport(
        transaction_id=number,
        direction=TransferDirection.TO_FUTURES,
        asset="USDT",
        amount=Decimal(100),
        status=TransferStatus.CONFIRMED,
        made_at=from_milliseconds(SIGNED_AT + after_ms),
    )


def possible(*reports: TransferReport, **context: object) -> list[str]:
    """Return the ids of the rows that can be the transfer."""
    values: dict[str, object] = {"known_before": (), "claims": ()} | context
    found = possible_rows(Sent(), reports, **values)  # type: ignore[arg-type]
    return [one.transaction_id for one in found]


def test_a_row_of_the_same_kind_amount_and_time_can_be_it() -> None:
    assert possible(report(3)) == ["1"]


def test_a_row_that_differs_in_anything_cannot_be_it() -> None:
    same = report(3)
    others = (
        replace(same, direction=TransferDirection.TO_SPOT),
        replace(same, asset="USDC"),
        replace(same, amount=Decimal("100.00000001")),
        replace(same, amount=Decimal("99.99999999")),
    )

    assert possible(*others) == []


def test_only_the_time_around_the_signed_window_counts() -> None:
    inside = (-5_000, 0, WINDOW, WINDOW + 60_000)
    outside = (-5_001, -600_000, WINDOW + 60_001, 600_000)

    assert possible(*(report(one, number=str(n)) for n, one in enumerate(inside))) == list("0123")
    assert possible(*(report(one) for one in outside)) == []
    assert deadline_ms(Sent()) == SIGNED_AT + WINDOW + 60_000


def test_what_was_there_before_it_was_sent_cannot_be_it() -> None:
    assert possible(report(number="7"), report(number="8"), known_before=["7"]) == ["8"]


def test_a_row_of_another_transfer_cannot_be_it() -> None:
    claim = Sent(transaction_id="7", signed_at_ms=SIGNED_AT - 1_000)

    assert possible(report(number="7"), report(number="8"), claims=[claim]) == ["8"]


def test_an_old_number_that_a_venue_set_up_anew_gives_again_is_no_claim() -> None:
    claim = Sent(transaction_id="7", signed_at_ms=SIGNED_AT - 86_400_000)

    assert possible(report(number="7"), claims=[claim]) == ["7"]


@given(
    signed_after=st.integers(-1_000, 0),
    taken_after=st.integers(0, 60_000),
    window=st.integers(1, 60_000),
)
def test_whatever_the_venue_can_have_accepted_is_in_time(
    signed_after: int, taken_after: int, window: int
) -> None:
    sent = Sent(signed_at_ms=SIGNED_AT - signed_after, recv_window_ms=window)
    made_at = from_milliseconds(SIGNED_AT + min(taken_after, window))

    assert is_in_time(sent, made_at)


def test_a_moment_is_told_to_the_millisecond() -> None:
    assert age_text(from_milliseconds(1_544_433_328_012)) == "2018-12-10 09:15:28.012 UTC"

"""Funding and the cost of liquidations as the venue has booked them, once per transaction."""

from __future__ import annotations

from bots.journal.connection import JOURNAL
from bots.models import FundingPayment
from exchange.domain.futures import IncomeReport, IncomeType

CLEARANCE = "clear-"  # the venue's numbers are unique per type of income only


def record_funding(
    bot_id: int, report: IncomeReport, *, account_id: int, symbol: str
) -> FundingPayment | None:
    """Write down one payment, or the cost of a liquidation; None when it was known.

    Whichever bot it was known of. Safe to repeat.
    """
    payment, is_new = FundingPayment.objects.using(JOURNAL).get_or_create(
        account_id=account_id,
        transaction_id=_number(report),
        defaults={
            "bot_id": bot_id,
            "symbol": symbol,
            "amount": report.amount,
            "asset": report.asset,
            "market_time": report.market_time,
        },
    )
    return payment if is_new else None


def _number(report: IncomeReport) -> str:
    is_clearance = report.type is IncomeType.INSURANCE_CLEAR
    return f"{CLEARANCE if is_clearance else ''}{report.transaction_id}"

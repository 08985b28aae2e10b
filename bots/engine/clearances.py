"""What liquidations cost beyond their executions: the fee that the insurance fund takes."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from bots import journal
from bots.domain.decision import IntentReason
from bots.engine.facts import Books
from bots.models import BotState, EventKind
from bots.models.fields import plain
from exchange.domain.errors import UnavailableError
from exchange.domain.futures import IncomeReport, IncomeType
from exchange.domain.futures_gateway import FuturesGateway
from exchange.domain.types import ZERO

logger = logging.getLogger(__name__)

# Market time. Closing by deleveraging costs nothing, so not every wait has an end of its own.
WAITS_FOR_BOOKING: Final = timedelta(minutes=10)


def clearances_since(
    state: BotState, since: datetime, *, gateway: FuturesGateway
) -> list[IncomeReport]:
    """Return what the insurance fund has taken or given on the symbol; weight 30."""
    return gateway.income(start=since, symbol=state.bot.symbol, type=IncomeType.INSURANCE_CLEAR)


def book_clearances(state: BotState, incomes: Iterable[IncomeReport]) -> int:
    """Write them down as payments of the bot; return how many are new. Safe to repeat."""
    books, new = Books.of(state.bot), 0
    if books.account_id is None:
        return 0
    for income in incomes:
        payment = journal.record_funding(
            books.bot_id, income, account_id=books.account_id, symbol=books.symbol
        )
        if payment is not None:
            new += 1
            _tell(state, income)
    return new


def read_late_clearances(state: BotState, *, gateway: FuturesGateway) -> int:
    """Ask for what the venue had not booked yet when a liquidation was found; return how many.

    Costs nothing unless the bot was liquidated within the last minutes of market time.
    """
    since = _open_liquidation(state)
    if since is None:
        return 0
    try:
        return book_clearances(state, clearances_since(state, since, gateway=gateway))
    except UnavailableError as error:
        # Only the books wait for it; stops and exits must not.
        logger.warning("bot %s: its liquidation is read later: %s", state.pk, error)
        return 0


def _open_liquidation(state: BotState) -> datetime | None:
    """Return when the newest liquidation was executed whose cost may still come."""
    now, newest = state.last_market_time, state.last_order_time
    if now is None or newest is None or now - newest >= WAITS_FOR_BOOKING:
        return None
    books = Books.of(state.bot)
    moments = books.fills.filter(
        order__intent_reason=IntentReason.LIQUIDATION.value,
        market_time__gt=now - WAITS_FOR_BOOKING,
    ).values_list("market_time", flat=True)
    executed = max(moments, default=None)
    if executed is None:
        return None
    booked = books.funding.filter(
        transaction_id__startswith=journal.CLEARANCE, market_time__gte=executed
    )
    return None if booked.exists() else executed


def _tell(state: BotState, income: IncomeReport) -> None:
    verb, where = ("Received", "from") if income.amount > ZERO else ("Paid", "to")
    journal.record_event(
        state.pk,
        EventKind.FUNDING,
        f"{verb} {plain(abs(income.amount))} {income.asset} {where} the insurance fund after a "
        "liquidation.",
        data={"amount": f"{income.amount:f}", "market_time": income.market_time.isoformat()},
    )

"""Funding that futures positions pay and receive, read once per stamp that passed."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from bots import journal
from bots.engine.clearances import read_late_clearances
from bots.engine.facts import Books
from bots.engine.venue import VenueGateway, is_futures
from bots.models import BotState, EventKind, Fill
from bots.models.fields import plain
from exchange.domain.errors import UnavailableError
from exchange.domain.futures import FundingRate, IncomeReport, IncomeType
from exchange.domain.futures_gateway import FuturesGateway
from exchange.domain.types import ZERO, Market, Side

logger = logging.getLogger(__name__)

# Market time. Stamps fall on full hours; the venue books them within the minute after.
_HOUR: Final = timedelta(hours=1)
BOOKED_WITHIN: Final = timedelta(minutes=1)
WAITS_FOR_BOOKING: Final = timedelta(minutes=10)
KEPT_BY_THE_VENUE: Final = timedelta(days=89)  # three months of income


def read_funding(state: BotState, *, gateway: VenueGateway) -> int:
    """Write down the funding of stamps that have passed; return how many payments are new.

    Call it when the orders are settled and `state.last_market_time` is this tick's, and fold the
    books again when something is new. Costs nothing on spot, without a position, and within the
    hour; one look at the rates (no weight) per full hour with a position, and weight 30 when a
    stamp has passed in it. Reads again for a few minutes when the venue has not booked a stamp yet,
    and at the next tick when it does not answer. Safe to repeat: a payment counts once.
    """
    now, books = state.last_market_time, Books.of(state.bot)
    if now is None or not is_futures(gateway) or books.market is not Market.FUTURES:
        return 0
    late = read_late_clearances(state, gateway=gateway)
    until = _full_hour(now - BOOKED_WITHIN)
    if state.funding_read_until is not None and until <= state.funding_read_until <= now:
        return late
    try:
        return late + _read_until(until, state, books, now=now, gateway=gateway)
    except UnavailableError as error:
        # Only the books wait for it; stops and exits must not.
        logger.warning("bot %s: funding is read later: %s", state.pk, error)
        return late


def _read_until(
    until: datetime, state: BotState, books: Books, *, now: datetime, gateway: FuturesGateway
) -> int:
    held = _Held(books.fills.order_by("market_time", "id"))
    since = _since(state, held, now=now)
    stamps = []
    if since is not None and held.between(since, now):
        stamps = _stamps(gateway, books.symbol, since=since, now=now)
    if since is None or not stamps:
        state.funding_read_until = until
        return 0
    incomes = gateway.income(start=since, symbol=books.symbol, type=IncomeType.FUNDING_FEE)
    new = _write(state, books, incomes, held)
    if _is_all_booked(stamps, incomes, held, now=now):
        state.funding_read_until = until
    return new


def _since(state: BotState, held: _Held, *, now: datetime) -> datetime | None:
    read_until = state.funding_read_until
    if read_until is not None and read_until > now:
        read_until = None  # of a recording that has been started anew
    since = read_until or held.first
    # Whoever comes after an hour has begun pays at a later one.
    return _full_hour(max(since, now - KEPT_BY_THE_VENUE)) if since else None


def _stamps(
    gateway: FuturesGateway, symbol: str, *, since: datetime, now: datetime
) -> list[FundingRate]:
    # A stamp is dated a few milliseconds off its hour.
    rates = gateway.funding_rates(symbol, start=since, end=now)
    return [rate for rate in rates if rate.market_time - since >= BOOKED_WITHIN]


def _write(state: BotState, books: Books, incomes: Iterable[IncomeReport], held: _Held) -> int:
    if books.account_id is None:
        return 0
    new = 0
    for income in incomes:
        if not held.at(_full_hour(income.market_time)):
            continue  # of a position that was not this bot's
        payment = journal.record_funding(
            books.bot_id, income, account_id=books.account_id, symbol=books.symbol
        )
        if payment is not None:
            new += 1
            _tell(state, income)
    return new


def _tell(state: BotState, income: IncomeReport) -> None:
    verb = "Received" if income.amount > ZERO else "Paid"
    journal.record_event(
        state.pk,
        EventKind.FUNDING,
        f"{verb} {plain(abs(income.amount))} {income.asset} of funding.",
        data={"amount": f"{income.amount:f}", "market_time": income.market_time.isoformat()},
    )


def _is_all_booked(
    stamps: Iterable[FundingRate],
    incomes: Iterable[IncomeReport],
    held: _Held,
    *,
    now: datetime,
) -> bool:
    booked = {_full_hour(income.market_time) for income in incomes}
    for stamp in stamps:
        hour = _full_hour(stamp.market_time)
        expected = stamp.rate != ZERO and held.at(hour)
        if expected and hour not in booked and now - hour < WAITS_FOR_BOOKING:
            return False
    return True


def _full_hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


class _Held:
    """When the fills of one symbol left a position, and when they did not."""

    def __init__(self, fills: Iterable[Fill]) -> None:
        self._after: list[tuple[datetime, Decimal]] = []
        amount = ZERO
        for fill in fills:
            amount += fill.quantity if fill.side == Side.BUY else -fill.quantity
            self._after.append((fill.market_time, amount))

    @property
    def first(self) -> datetime | None:
        """Return the market time of the first fill."""
        return self._after[0][0] if self._after else None

    def at(self, moment: datetime) -> bool:
        """Say whether a position was held just before `moment`: who comes at a stamp pays none."""
        before = [amount for time, amount in self._after if time < moment]
        return bool(before and before[-1])

    def between(self, start: datetime, end: datetime) -> bool:
        """Say whether a position was held at any time from `start` to `end`."""
        return self.at(start) or any(
            start <= time <= end and amount for time, amount in self._after
        )

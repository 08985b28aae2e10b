"""Is the venue's futures position the one in the books? What its own history proves is booked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from bots import journal
from bots.domain.client_order_id import is_ours
from bots.domain.decision import IntentReason, Leg
from bots.domain.direction import Direction
from bots.domain.foreign import ForeignOrder, explains, is_forced
from bots.domain.orders import OrderStatus
from bots.domain.wording import plain
from bots.engine.clearances import book_clearances, clearances_since
from bots.engine.incidents import POSITION_KINDS, Look, was_dismissed
from bots.journal import External
from bots.models import BotState, EventKind, Fill, IncidentKind, Order, PositionType
from exchange.domain.futures import IncomeReport, PositionReport
from exchange.domain.futures_gateway import FuturesGateway
from exchange.domain.reports import TradeReport
from exchange.domain.types import ZERO

_MOST_ORDERS_ASKED: Final = 20  # more than that is somebody trading, not a position being closed
# Of these nobody knows what they have done to the position by now.
_IN_FLIGHT: Final = (
    OrderStatus.INTENDED,
    OrderStatus.SENT,
    OrderStatus.UNKNOWN,
    OrderStatus.PARTIALLY_FILLED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Difference:
    """Signed quantities: what the venue has, what the books have."""

    symbol: str
    venue: Decimal
    books: Decimal
    report: PositionReport | None

    @property
    def size(self) -> Decimal:
        return self.venue - self.books

    @property
    def key(self) -> str:
        return f"{self.symbol}:{plain(self.size)}"

    @property
    def kind(self) -> IncidentKind:
        return IncidentKind.POSITION_DIFFERS if self.books else IncidentKind.FOREIGN_POSITION

    @property
    def words(self) -> str:
        if not self.books:
            return f"The venue has a position in {self.symbol} that is no bot's: {self._there}"
        return (
            f"The venue's position in {self.symbol} is {self._there}, but the books say "
            f"{plain(self.books)}"
        )

    @property
    def _there(self) -> str:
        if self.report is None:
            return plain(self.venue)
        return f"{plain(self.venue)} at {plain(self.report.entry_price)}"

    def data(self) -> dict[str, Any]:
        report = self.report
        return {
            "symbol": self.symbol,
            "venue": plain(self.venue),
            "books": plain(self.books),
            "difference": plain(self.size),
            "entry_price": plain(report.entry_price) if report else None,
            "market_time": report.market_time.isoformat() if report else None,
        }


def look_at_position(state: BotState, *, gateway: FuturesGateway, is_settled: bool) -> bool:
    """Compare the position with the books; True when something was booked, so fold anew.

    is_settled   no order of the bot is of unknown outcome; without it nothing is concluded

    Equal: incidents of an earlier difference are gone. Smaller at the venue, and its executions
    prove by whose hand: they are booked as an order of the venue (liquidation) or of a person.
    Else a look that finds the same again opens an incident. Weight 5, more when they differ.
    """
    found = _difference(state, gateway.positions(state.bot.symbol))
    state.liquidation_price = found.report.liquidation_price if found.report else None
    if not is_settled or _others_in_flight(state):
        return False
    look = Look.of(state)
    is_booked = False
    if found.size == look.agreed or was_dismissed(state.pk, POSITION_KINDS, found.key):
        _agree(state, look, found)
    else:
        is_booked = _explain(state, look, found, gateway=gateway)
    look.keep(state)
    return is_booked


def _difference(state: BotState, reports: list[PositionReport]) -> _Difference:
    return _Difference(
        symbol=state.bot.symbol,
        venue=sum((report.quantity for report in reports), ZERO),
        books=_held(state) + _held_by_others(state),
        report=reports[0] if reports else None,
    )


def _held(state: BotState) -> Decimal:
    quantity: Decimal = state.current_position_size_coins
    return quantity * Direction(state.direction).sign


def _held_by_others(state: BotState) -> Decimal:
    others = BotState.objects.filter(
        bot__api_key__account_id=_account_id(state),
        bot__position_type=PositionType.FUTURES,
        bot__symbol=state.bot.symbol,
    )
    return sum((_held(other) for other in others.exclude(pk=state.pk)), ZERO)


def _others_in_flight(state: BotState) -> bool:
    rows = Order.objects.using(journal.JOURNAL).filter(
        account_id=_account_id(state),
        market=PositionType.FUTURES,
        symbol=state.bot.symbol,
        status__in=_IN_FLIGHT,
    )
    return rows.exclude(bot_id=state.pk).exists()


def _agree(state: BotState, look: Look, found: _Difference) -> None:
    look.agreed, look.agreed_at = found.size, state.last_market_time
    look.forget(f"{found.symbol}:")
    for kind in POSITION_KINDS:
        journal.close_gone(state.pk, kind, still_there=())


def _explain(state: BotState, look: Look, found: _Difference, *, gateway: FuturesGateway) -> bool:
    held = _held(state)
    unknown = _unknown_trades(state, look.agreed_at, gateway=gateway) if held else []
    orders = _foreign_orders(state, unknown, gateway=gateway)
    if orders is None:
        return False  # an execution of ours that is not in the books yet: the next tick has it
    if explains(orders, held=held, difference=found.size - look.agreed):
        _book_all(state, orders, gateway=gateway)
        return True
    look.forget(f"{found.symbol}:", but=found.key)
    if look.is_confirmed(found.key, found.words):
        _open(state, found)
    return False


def _unknown_trades(
    state: BotState, since: datetime | None, *, gateway: FuturesGateway
) -> list[TradeReport]:
    """Return the venue's executions since the last look that agreed, less those we know."""
    if since is None:
        return []
    trades = gateway.trades(state.bot.symbol, start=since)
    known = set(
        Fill.objects.using(journal.JOURNAL)
        .filter(
            account_id=_account_id(state),
            market=PositionType.FUTURES,
            symbol=state.bot.symbol,
            trade_id__in=[trade.trade_id for trade in trades],
        )
        .values_list("trade_id", flat=True)
    )
    return [trade for trade in trades if trade.trade_id not in known]


def _foreign_orders(
    state: BotState, trades: Iterable[TradeReport], *, gateway: FuturesGateway
) -> list[ForeignOrder] | None:
    """Return whose executions they are; None when some are of an order of ours."""
    by_order: dict[str, list[TradeReport]] = {}
    for trade in trades:
        by_order.setdefault(trade.venue_order_id or "", []).append(trade)
    if len(by_order) > _MOST_ORDERS_ASKED:
        return []
    found = []
    for number, executions in by_order.items():
        report = gateway.order_by_venue_id(state.bot.symbol, number) if number else None
        if report is None:
            return []  # nobody can tell whose it was
        if _has_row(state, number, report.client_order_id):
            return None
        found.append(
            ForeignOrder(
                venue_order_id=number,
                client_order_id=report.client_order_id,
                side=report.side,
                trades=tuple(executions),
            )
        )
    return found


def _has_row(state: BotState, number: str, name: str) -> bool:
    by_number = Q(symbol=state.bot.symbol, market=PositionType.FUTURES) & (
        Q(venue_order_id=number) & ~Q(route="algo") | Q(child_venue_order_id=number)
    )
    rows = Order.objects.using(journal.JOURNAL).filter(account_id=_account_id(state))
    return rows.filter(by_number | Q(client_order_id=name)).exists()


def _book_all(state: BotState, orders: Sequence[ForeignOrder], *, gateway: FuturesGateway) -> None:
    forced = [order for order in orders if is_forced(order.client_order_id)]
    costs: list[IncomeReport] = []
    if forced:
        first = min(trade.market_time for order in forced for trade in order.trades)
        costs = clearances_since(state, first, gateway=gateway)
    with transaction.atomic(using=journal.JOURNAL):  # a liquidation is booked with what it cost
        for order in orders:
            _book(state, order)
        book_clearances(state, costs)


def _book(state: BotState, order: ForeignOrder) -> None:
    forced = is_forced(order.client_order_id)
    words = (
        f"{_by_whom(order)} {'closed' if forced else 'sold or bought back'} "
        f"{plain(order.quantity)} of the position in {state.bot.symbol} "
        f"(order {order.venue_order_id}, {order.client_order_id})."
    )
    external = External(
        name=journal.external_name(state.pk, order.venue_order_id),
        side=order.side,
        leg=Leg.EXIT,
        reason=IntentReason.LIQUIDATION if forced else IntentReason.ADOPTED,
        direction=Direction(state.direction),
        quantity=order.quantity,
        venue_order_id=order.venue_order_id,
        message=words,
    )
    data = {"order": order.venue_order_id, "client_order_id": order.client_order_id}
    with transaction.atomic(using=journal.JOURNAL):
        if journal.book_external(state.bot, external, order.trades) is not None:
            journal.record_event(state.pk, EventKind.RECONCILED, words, data=data)


def _by_whom(order: ForeignOrder) -> str:
    if is_forced(order.client_order_id):
        return "The venue itself (liquidation or deleveraging)"
    if is_ours(order.client_order_id, installation=settings.INSTALLATION_ID):
        return "An order of this installation that its books have lost"
    return "Somebody else"


def _open(state: BotState, found: _Difference) -> None:
    journal.open_incident(
        state.pk,
        found.kind,
        found.key,
        f"{found.words}.",
        data=found.data(),
        account_id=_account_id(state),
    )
    for kind in POSITION_KINDS:
        here = (found.key,) if kind is found.kind else ()
        journal.close_gone(state.pk, kind, still_there=here)


def _account_id(state: BotState) -> int | None:
    return state.bot.api_key.account_id if state.bot.api_key else None

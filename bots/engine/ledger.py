"""Prove that a bot's books balance: everything that is shown, computed anew from the facts.

The cash and coin identities go over the plain sums of the fills, not over the fold that the books
are made with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from django.db.models import Count, F, QuerySet, Sum

from bots import journal
from bots.domain.orders import UNSETTLED, OrderStatus
from bots.domain.positions import Position
from bots.engine.facts import Books, fold_facts
from bots.engine.trades import by_order, results_by_order
from bots.models import BotState, Fill, Order, Trade
from bots.models.fields import plain
from exchange.domain.rules import TradingRules
from exchange.domain.types import ZERO, Market, Side

_NOT_FILLED: Final = (
    OrderStatus.INTENDED.value,
    OrderStatus.SENT.value,
    OrderStatus.UNKNOWN.value,
    OrderStatus.OPEN.value,
    OrderStatus.REJECTED.value,
    OrderStatus.DENIED.value,
)
_DIGIT: Final = Decimal("1E-12")  # what one rounding of the fold can make of a longer number
_CENT: Final = Decimal("1E-8")  # what one rounding of the venue's can


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not add up: what was compared, and both figures."""

    what: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.what}: expected {self.expected}, found {self.found}"


@dataclass(slots=True)
class LedgerReport:
    """What was verified of one bot.

    notes   what could not be compared now, and why; no error
    """

    bot_id: int
    name: str
    books: str
    figures: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def is_balanced(self) -> bool:
        """Say whether everything that was compared agrees."""
        return not self.findings

    def compare(self, what: str, *, expected: Any, found: Any) -> None:
        """Note a difference; amounts are compared as numbers, to the last digit."""
        if expected != found:
            self.findings.append(Finding(what, _text(expected), _text(found)))


def verify_books(state: BotState, *, rules: TradingRules) -> LedgerReport:
    """Compare state, trades, orders and fills of a bot with each other; changes nothing.

    The caller holds the bot's lock, or nothing ticks it.
    """
    books = Books.of(state.bot)
    report = LedgerReport(state.pk, state.bot.name, books.name)
    verify_orders(report)
    fills = list(books.fills.select_related("order").order_by("id"))
    position = fold_facts(fills, books.funding, rules=rules)
    _verify_trades(report, fills, position)
    _verify_sums(report, fills, position, rules=rules)
    _verify_state(report, state, books, position, rules=rules)
    report.figures |= _figures(fills, position)
    if position.unvalued:
        report.notes.append(f"{position.unvalued} commission(s) have no known worth in quote")
    return report


def verify_orders(report: LedgerReport) -> None:
    """Compare every order of a bot with its fills, whatever books they belong to."""
    orders = Order.objects.using(journal.JOURNAL).filter(bot_id=report.bot_id)
    sums = orders.annotate(quantities=Sum("fills__quantity"), quotes=Sum("fills__quote_quantity"))
    for order in sums.order_by("pk"):
        quantity, name = order.quantities or ZERO, order.client_order_id
        if order.status not in UNSETTLED:
            report.compare(
                f"filled quantity of {name}", expected=quantity, found=order.filled_quantity
            )
            report.compare(
                f"filled value of {name}",
                expected=order.quotes or ZERO,
                found=order.filled_quote_quantity,
            )
        if order.status == OrderStatus.FILLED:
            report.compare(f"quantity of {name}, filled", expected=order.quantity, found=quantity)
        if order.status in _NOT_FILLED:
            report.compare(f"fills of {name}, {order.status}", expected=ZERO, found=quantity)
    _verify_belonging(report)


def _verify_belonging(report: LedgerReport) -> None:
    fills = Fill.objects.using(journal.JOURNAL).filter(order__bot_id=report.bot_id)
    strangers = fills.exclude(
        side=F("order__side"),
        symbol=F("order__symbol"),
        market=F("order__market"),
        account_id=F("order__account_id"),
        bot_id=F("order__bot_id"),
    )
    report.compare("fills that are not their order's", expected=0, found=strangers.count())


def _verify_trades(report: LedgerReport, fills: Sequence[Fill], position: Position) -> None:
    done = {
        group[0].order_id: group
        for group in by_order(fills)
        if group[0].order.status not in UNSETTLED
    }
    results = results_by_order(fills, position)
    trades = {trade.order_id: trade for trade in _trades(report).filter(order_id__in=done)}
    for order_id, group in done.items():
        name, trade = group[0].order.client_order_id, trades.get(order_id)
        if trade is None:
            report.findings.append(Finding(f"trade of {name}", "one", "none"))
            continue
        pnl, net = results.get(order_id, (None, None))
        quote = sum((fill.quote_quantity for fill in group), ZERO)
        quantity = sum((fill.quantity for fill in group), ZERO)
        report.compare(f"pnl of {name}", expected=pnl, found=trade.pnl)
        report.compare(f"net result of {name}", expected=net, found=trade.realized_pnl)
        report.compare(f"quantity of {name}", expected=quantity, found=trade.quantity_filled)
        report.compare(f"value of {name}", expected=quote, found=trade.quote_quantity_filled)
    without = _trades(report).annotate(count=Count("order__fills")).filter(count=0)
    report.compare("trades without fills", expected=0, found=without.count())


def _trades(report: LedgerReport) -> QuerySet[Trade]:
    return Trade.objects.using(journal.JOURNAL).filter(bot_id=report.bot_id)


def _verify_sums(
    report: LedgerReport, fills: Sequence[Fill], position: Position, *, rules: TradingRules
) -> None:
    is_futures = rules.market is Market.FUTURES
    coins, cash = ZERO, position.funding
    for fill in fills:
        sign = 1 if fill.side == Side.BUY else -1
        coins += sign * fill.quantity
        cash -= sign * fill.quote_quantity
        if fill.commission_asset == rules.base_asset and not is_futures:
            coins -= fill.commission
        elif fill.commission_asset == rules.quote_asset:
            cash -= fill.commission
        else:
            cash -= fill.commission_quote or ZERO
    room = _DIGIT * (len(fills) + 1)
    held = position.signed_quantity
    _compare_sums(report, "coins bought less sold", coins + position.oversold, held, room=room)
    if position.oversold:
        report.compare("sold without being held", expected=ZERO, found=position.oversold)
        return  # what those coins had cost is not known
    booked = position.realized_net - position.direction.sign * position.cost
    _compare_sums(report, "cash brought less paid", cash, booked, room=room)
    if is_futures:
        _verify_venue_results(report, fills, position)


def _verify_venue_results(report: LedgerReport, fills: Sequence[Fill], position: Position) -> None:
    closed = {each.trade_id: each.gross_pnl for each in position.closed}
    told = [fill for fill in fills if fill.trade_id in closed]
    if any(fill.venue_realized_pnl is None for fill in told):
        report.notes.append("the venue has not told the result of every fill")
        return
    theirs = sum((fill.venue_realized_pnl for fill in told), ZERO)
    ours = sum((closed[fill.trade_id] for fill in told), ZERO)
    _compare_sums(report, "gross result as the venue says", theirs, ours, room=_CENT * len(told))


def _compare_sums(
    report: LedgerReport, what: str, expected: Decimal, found: Decimal, *, room: Decimal
) -> None:
    # `room` is what rounding may do to facts with more digits than the books keep.
    if abs(expected - found) > room:
        report.compare(what, expected=expected, found=found)


def _verify_state(
    report: LedgerReport,
    state: BotState,
    books: Books,
    position: Position,
    *,
    rules: TradingRules,
) -> None:
    if (why := _not_folded(state, books)) is not None:
        report.notes.append(f"the state was not compared: {why}")
        return
    in_position = not position.is_flat(rules)
    for what, expected, found in (
        ("in position", in_position, state.in_position),
        ("quantity held", position.quantity, state.current_position_size_coins),
        ("direction", position.direction.value, state.direction),
        ("entry price", position.entry_price if in_position else None, state.entry_price),
        ("cost", position.cost, state.position_cost),
        ("opened at", position.opened_at, state.position_opened_at),
        ("realized profit", position.realized_net, state.total_realized_pnl),
        ("funding", position.funding, state.total_funding),
    ):
        report.compare(f"state, {what}", expected=expected, found=found)


def _not_folded(state: BotState, books: Books) -> str | None:
    if state.folded_for != books.name:
        return "these books have not been opened yet"
    newer = books.fills.filter(id__gt=state.last_folded_fill_id)
    paid = books.funding.filter(id__gt=state.last_folded_funding_id)
    if newer.exists() or paid.exists():
        return "the next tick folds newer fills or funding, or waits for an order"
    return None


def _figures(fills: Sequence[Fill], position: Position) -> dict[str, str]:
    figures = {
        "fills": str(len(fills)),
        "held": plain(position.signed_quantity),
        "cost": plain(position.cost),
        "realized": plain(position.realized_net),
        "fees": plain(position.fees),
        "funding": plain(position.funding),
    }
    return {name: value or "0" for name, value in figures.items()}


def _text(value: Any) -> str:
    return str(plain(value)) if isinstance(value, Decimal) else str(value)

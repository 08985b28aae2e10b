"""What holds after every scenario: the venue's ledger, our books and the protection agree.

Everything is counted from the ledger as the control door tells it, with sums of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from django.conf import settings

from bots.domain.orders import UNSETTLED, OrderStatus
from bots.engine.ledger_at_venue import verify_bot
from bots.models import BotConfig, Fill, Order, Trade
from bots.tests.faults.stage import SYMBOL, Stage

ZERO: Final = Decimal(0)
_NEVER_AT_VENUE: Final = (OrderStatus.INTENDED.value, OrderStatus.DENIED.value)
_NEVER_THERE: Final = ("never placed", "not delivered", "never sent", "superseded", "halted")
_MOVES_FROM: Final = Decimal("0.0005")  # a smaller step is not worth an order
_OPEN: Final = ("NEW", "PARTIALLY_FILLED", "PENDING_NEW", "TRIGGERING")


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """An order of this installation as the venue has it; a triggered one with what it became."""

    name: str
    venue_id: str
    side: str
    status: str
    quantity: Decimal
    filled: Decimal
    trigger: Decimal
    is_reducing: bool

    @property
    def is_open(self) -> bool:
        return self.status in _OPEN


def placed_by_us(ledger: dict[str, Any]) -> list[Placed]:
    """Return every order at the venue that carries a name of this installation."""
    prefix = f"tb{settings.INSTALLATION_ID}-"
    return [one for one in _all_placed(ledger) if one.name.startswith(prefix)]


def _all_placed(ledger: dict[str, Any]) -> Iterator[Placed]:
    for one in ledger["orders"]:
        yield _placed(one, Decimal(one["stopPrice"]), is_reducing=one["side"] == "SELL")
    children = {str(one["orderId"]): one for one in ledger["futures_orders"] if one["algoId"]}
    for one in ledger["futures_orders"]:
        if not one["algoId"]:
            yield _placed(one, ZERO, is_reducing=one["reduceOnly"])
    for one in ledger["algo_orders"]:
        yield _placed_algo(one, children.get(str(one["actualOrderId"])))


def _placed(row: dict[str, Any], trigger: Decimal, *, is_reducing: bool) -> Placed:
    return Placed(
        name=row["clientOrderId"],
        venue_id=str(row["orderId"]),
        side=row["side"],
        status=row["status"],
        quantity=Decimal(row["origQty"]),
        filled=Decimal(row["executedQty"]),
        trigger=trigger,
        is_reducing=is_reducing,
    )


def _placed_algo(row: dict[str, Any], child: dict[str, Any] | None) -> Placed:
    return Placed(
        name=row["clientAlgoId"],
        venue_id=str(row["algoId"]),
        side=row["side"],
        status=child["status"] if child else row["algoStatus"],
        quantity=Decimal(row["quantity"]),
        filled=Decimal(child["executedQty"]) if child else ZERO,
        trigger=Decimal(row["triggerPrice"]),
        is_reducing=row["reduceOnly"],
    )


def assert_at_most_once(stage: Stage) -> None:
    """Every order at the venue was written down before, under a name that it has once."""
    placed = placed_by_us(stage.ledger())
    twice = [name for name, count in Counter(one.name for one in placed).items() if count > 1]
    assert twice == []
    rows = {one.client_order_id: one for one in Order.objects.all()}
    for one in placed:
        assert one.name in rows, f"{one.name} is at the venue and was never written down"
        row = rows[one.name]
        assert row.status not in _NEVER_AT_VENUE, f"{row} is at the venue ({one.status})"
        assert row.closed_reason not in _NEVER_THERE, f"{row}: {row.closed_reason}, but {one}"
        assert row.side == one.side


def assert_promises(stage: Stage) -> None:
    """Hold a bot at rest to everything that was promised. Its account has no other bot."""
    ledger = stage.ledger()
    placed = placed_by_us(ledger)
    assert_at_most_once(stage)
    _assert_orders_agree(stage, placed)
    _assert_fills_agree(stage, ledger)
    _assert_position_agrees(stage, ledger)
    _assert_wallets_agree(stage, ledger)
    _assert_books_balance(stage)
    _assert_protection(stage, placed)
    _assert_nothing_foreign_touched(stage)
    assert stage.state.bot.is_active == (stage.state.state != "stopped")


def _assert_orders_agree(stage: Stage, placed: list[Placed]) -> None:
    at_venue = {one.name: one for one in placed}
    for row in _own_orders(stage.bot):
        there = at_venue.get(row.client_order_id)
        if there is None:
            assert row.status in ("denied", "rejected", "expired"), f"{row} is not at the venue"
            assert row.filled_quantity == ZERO
            continue
        assert row.filled_quantity == there.filled, f"{row}: {row.filled_quantity} != {there}"
        assert (row.status in UNSETTLED) == there.is_open, f"{row}: {there}"
        assert there.is_open or row.status == there.status.lower(), f"{row}: {there}"
        # How much a leg of a list is for is only known when its entry was filled.
        assert there.quantity in (ZERO, row.quantity) or row.route == "LIST"


def _own_orders(bot: BotConfig) -> list[Order]:
    outside = ("adopted", "liquidation")
    return list(Order.objects.filter(bot=bot).exclude(intent_reason__in=outside).order_by("pk"))


def _assert_fills_agree(stage: Stage, ledger: dict[str, Any]) -> None:
    rows = ledger["futures_fills"] if stage.is_futures else _split_by_hand(ledger)[0]
    theirs = {
        str(one["id"]): (Decimal(one["qty"]), Decimal(one["price"]), Decimal(one["commission"]))
        for one in rows
    }
    ours = {
        one.trade_id: (one.quantity, one.price, one.commission)
        for one in Fill.objects.filter(bot=stage.bot)
    }
    assert ours == theirs
    with_fills = set(Fill.objects.filter(bot=stage.bot).values_list("order_id", flat=True))
    settled = set(Order.objects.filter(pk__in=with_fills).exclude(status__in=UNSETTLED))
    trades = Counter(Trade.objects.filter(bot=stage.bot).values_list("order_id", flat=True))
    assert {one.pk for one in settled} <= set(trades)
    assert all(count == 1 for count in trades.values())


def _split_by_hand(ledger: dict[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the spot executions of our orders, and those of somebody else's."""
    names = {one.venue_id for one in placed_by_us(ledger)}
    ours = [one for one in ledger["fills"] if str(one["orderId"]) in names]
    return ours, [one for one in ledger["fills"] if one not in ours]


def _assert_position_agrees(stage: Stage, ledger: dict[str, Any]) -> None:
    state, held = stage.state, ZERO
    for one in Fill.objects.filter(bot=stage.bot):
        held += one.quantity if one.side == "BUY" else -one.quantity
        if not stage.is_futures and one.commission_asset == "BTC":
            held -= one.commission
    signed = state.current_position_size_coins * (-1 if state.direction == "short" else 1)
    assert signed == held
    if stage.is_futures:
        amounts = [Decimal(one["positionAmt"]) for one in ledger["positions"]]
        assert sum(amounts, ZERO) == signed


def _assert_wallets_agree(stage: Stage, ledger: dict[str, Any]) -> None:
    assert all(Decimal(one) == ZERO for one in _leaves(ledger["differences"]))
    if stage.is_futures:
        return  # what is open counts at cost there: the position and every fill were compared
    (balances,) = ledger["balances"].values()
    owned = {asset: _total(one) for asset, one in balances["spot"].items()}
    explained = {"USDT": Decimal(10000), **stage.deposits}
    for one in Fill.objects.filter(bot=stage.bot):
        sign = 1 if one.side == "BUY" else -1
        _add(explained, "BTC", sign * one.quantity)
        _add(explained, "USDT", -sign * one.quote_quantity)
        _add(explained, one.commission_asset, -one.commission)
    for row in _split_by_hand(ledger)[1]:
        sign = 1 if row["isBuyer"] else -1
        _add(explained, "BTC", sign * Decimal(row["qty"]))
        _add(explained, "USDT", -sign * Decimal(row["quoteQty"]))
        _add(explained, row["commissionAsset"], -Decimal(row["commission"]))
    assert {asset: owned.get(asset, ZERO) for asset in explained} == explained


def _leaves(tree: Any) -> Iterator[str]:
    if isinstance(tree, dict):
        for branch in tree.values():
            yield from _leaves(branch)
    else:
        yield tree


def _total(balance: dict[str, str]) -> Decimal:
    return Decimal(balance["free"]) + Decimal(balance["locked"])


def _add(sums: dict[str, Decimal], asset: str, amount: Decimal) -> None:
    sums[asset] = sums.get(asset, ZERO) + amount


def _assert_books_balance(stage: Stage) -> None:
    report = verify_bot(stage.bot, at_venue=True)
    assert [str(one) for one in report.findings] == []
    assert not any("not compared" in note for note in report.notes), report.notes


def _assert_protection(stage: Stage, placed: list[Placed]) -> None:
    state = stage.state
    legs = {one.client_order_id: one.leg for one in _own_orders(stage.bot)}
    stops = [one for one in placed if one.is_open and legs[one.name] == "s"]
    targets = [one for one in placed if one.is_open and legs[one.name] == "t"]
    if not state.in_position:
        assert (stops, targets) == ([], []), "flat, and orders of ours rest"
        assert state.unprotected_since is None
        return
    if not _wants_stop(stage):
        return
    if not stops:
        assert state.unprotected_since is not None, "naked, and no date says since when"
        assert state.unprotected_reason, "naked, and nothing says why"
        return
    (stop,) = stops
    assert len(targets) <= 1
    assert (state.unprotected_since, state.unprotected_reason) == (None, "")
    assert state.unprotected_seconds >= 0
    for one in (*stops, *targets):
        assert one.is_reducing
        assert one.side == ("BUY" if state.direction == "short" else "SELL")
        assert 0 <= state.current_position_size_coins - one.quantity < stage.step
    assert stop.trigger == state.resting_stop_price
    wanted = _tighter(stage)
    assert wanted is not None
    assert abs(stop.trigger - wanted) <= wanted * _MOVES_FROM


def _wants_stop(stage: Stage) -> bool:
    parameters = stage.state.bot.parameters
    return parameters.stop_loss_perc is not None or parameters.trailing_stop_perc is not None


def _tighter(stage: Stage) -> Decimal | None:
    state = stage.state
    levels = [one for one in (state.stop_loss_price, state.trailing_stop_price) if one is not None]
    if not levels:
        return None
    tighter: Decimal = min(levels) if state.direction == "short" else max(levels)
    return tighter


def _assert_nothing_foreign_touched(stage: Stage) -> None:
    if stage.foreign is not None:
        assert stage.foreign_now() == stage.foreign
        assert stage.foreign["symbol"] == SYMBOL

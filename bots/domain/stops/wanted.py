"""Which stop and which target should rest, as far as the venue's rules allow."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from bots.domain.decision import IntentReason, Leg
from bots.domain.residue import is_residue
from bots.domain.stops.view import RestingOrder, StopsView
from bots.domain.wording import plain
from exchange.domain.algo_orders import AlgoOrderType
from exchange.domain.filters import Violation
from exchange.domain.orders import OrderType
from exchange.domain.types import ZERO

# A move costs order count, and on spot a moment without a stop: not for less than this share of
# the price.
LEAST_MOVE: Final = Decimal("0.0005")


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedExits:
    """What should rest.

    quantity      base currency, within the rules of all orders below
    stop          None: no stop is configured
    stop_reason   the rule behind the stop
    target        None: none is configured, or the venue would not take it (see `notes`)
    obstacle      why the venue would not take the stop; empty when it would
    """

    quantity: Decimal
    stop: Decimal | None
    stop_reason: IntentReason
    target: Decimal | None
    obstacle: str = ""
    notes: tuple[str, ...] = ()

    @property
    def is_oco(self) -> bool:
        """Say whether both are wanted."""
        return self.stop is not None and self.target is not None


def wanted_exits(view: StopsView) -> WantedExits:
    """Return the stop and the target that `view` asks for.

    The stop is the tighter one of stop-loss and trailing stop, and never looser than the one that
    rests unless entry or settings have changed. What rests already is not checked anew.
    """
    stop, reason = _stop(view)
    target = _rounded(view, view.take_profit)
    quantity = _quantity(view, stop=stop, target=target)
    wanted = WantedExits(
        quantity=quantity,
        stop=stop,
        stop_reason=reason,
        target=target,
        notes=_left_over(view, quantity),
    )
    return _with_target_checked(view, _with_stop_checked(view, wanted))


def is_worth_a_move(
    rests: Decimal, level: Decimal, *, price: Decimal, increment: Decimal = ZERO
) -> bool:
    """Say whether `level` is so far from where an order rests that it is moved.

    An edit, or another average entry, moves it by less as well.
    """
    return rests != level and abs(rests - level) >= max(increment, price * LEAST_MOVE)


def differs(view: StopsView, order: RestingOrder, level: Decimal) -> bool:
    """Say whether `order` has to be moved to `level`."""
    if view.basis_changed:
        return order.level != level
    return is_worth_a_move(
        order.level, level, price=view.price, increment=view.rules.price_increment
    )


def is_as_wanted(
    view: StopsView, order: RestingOrder, *, level: Decimal, quantity: Decimal
) -> bool:
    """Say whether `order` can stay where it is."""
    return (
        order.quantity <= quantity
        and guards(view, order, quantity)
        and not differs(view, order, level)
    )


def guards(view: StopsView, order: RestingOrder, quantity: Decimal) -> bool:
    """Say whether `order` is over all of `quantity`, but for what could not be sold by itself.

    On spot the dust of earlier round trips may add up to an increment right after an entry: no
    reason to take its stop down for a moment.
    """
    missing = quantity - order.quantity
    return missing <= ZERO or (not view.is_futures and is_residue(missing, view.price, view.rules))


def rests_as_wanted(view: StopsView) -> bool:
    """Say whether stop and target rest as the levels want them, where they want any."""
    wanted = wanted_exits(view)
    for leg, level in ((Leg.STOP, wanted.stop), (Leg.TARGET, wanted.target)):
        rests = view.waiting(leg)
        if level is None:
            if rests:
                return False
        elif not any(
            is_as_wanted(view, each, level=level, quantity=wanted.quantity) for each in rests
        ):
            return False
    return True


def covering(view: StopsView, quantity: Decimal) -> RestingOrder | None:
    """Return a stop that waits at the venue for all of `quantity` (see `guards`), or None."""
    stops = (each for each in view.waiting(Leg.STOP) if guards(view, each, quantity))
    return next(stops, None)


def _stop(view: StopsView) -> tuple[Decimal | None, IntentReason]:
    fixed, trailing = _rounded(view, view.stop_loss), _rounded(view, view.trailing_stop)
    levels = [each for each in (fixed, trailing) if each is not None]
    if not levels:
        return None, IntentReason.STOP_LOSS
    level = view.tighter(*levels)
    reason = IntentReason.STOP_LOSS if level == fixed else IntentReason.TRAILING_STOP
    if not view.basis_changed:
        level = view.tighter(level, *(each.level for each in view.waiting(Leg.STOP)))
    return level, reason


def _rounded(view: StopsView, level: Decimal | None) -> Decimal | None:
    if level is None:
        return None
    rounded = view.rules.round_price(view.direction.exit_side, level)
    return rounded if rounded > ZERO else None  # a percentage that no price can reach


def _quantity(view: StopsView, *, stop: Decimal | None, target: Decimal | None) -> Decimal:
    """Return the largest quantity that every order takes."""
    rules, quantity = view.rules, view.quantity
    if target is not None and not view.is_futures:
        quantity = rules.priced_size.largest(quantity, price=target)
    if stop is not None or view.is_futures:
        quantity = rules.market_size.largest(quantity, price=stop or view.price)
    return quantity


def _left_over(view: StopsView, quantity: Decimal) -> tuple[str, ...]:
    left = view.quantity - quantity
    if left < max(view.rules.quantity_increment, view.rules.min_quantity) or not quantity:
        return ()
    return (f"one order takes {plain(quantity)} at most; {plain(left)} are watched by the bot",)


def _with_stop_checked(view: StopsView, wanted: WantedExits) -> WantedExits:
    if wanted.stop is None:
        return wanted
    resting = covering(view, wanted.quantity)
    if resting is not None and is_as_wanted(
        view, resting, level=wanted.stop, quantity=wanted.quantity
    ):
        return wanted
    problem = _stop_violation(view, wanted, wanted.stop)
    if problem is None:
        return wanted
    return replace(wanted, obstacle=f"the stop {plain(wanted.stop)} cannot be placed: {problem}")


def _stop_violation(view: StopsView, wanted: WantedExits, level: Decimal) -> Violation | None:
    return view.rules.stop_order_violation(
        order_type=AlgoOrderType.STOP_MARKET if view.is_futures else OrderType.STOP_LOSS,
        side=view.direction.exit_side,
        quantity=wanted.quantity,
        stop_price=level,
        reduces_only=view.is_futures,
    )


def _with_target_checked(view: StopsView, wanted: WantedExits) -> WantedExits:
    if wanted.target is None or any(
        is_as_wanted(view, each, level=wanted.target, quantity=wanted.quantity)
        for each in view.waiting(Leg.TARGET)
    ):
        return wanted
    problem = _target_problem(view, wanted, wanted.target)
    if problem is None:
        return wanted
    words = f"the bot itself watches the target {plain(wanted.target)}: {problem}"
    return replace(
        wanted,
        target=None,
        quantity=_quantity(view, stop=wanted.stop, target=None),
        notes=(*wanted.notes, words),
    )


def _target_problem(view: StopsView, wanted: WantedExits, target: Decimal) -> str | None:
    if view.is_reached(target, by=view.price, is_stop=False):
        return f"the price {plain(view.price)} has reached it"
    if target == view.refused_target:
        # In a pair it would take the stop down with it, again and again.
        return "the venue has refused it"
    violation = _target_violation(view, wanted, target)
    if violation is not None:
        return str(violation)
    if wanted.stop is not None and not view.is_futures and not view.rules.allows_oco:
        return f"{view.rules.symbol} takes no stop and target that end each other"
    return None


def _target_violation(view: StopsView, wanted: WantedExits, target: Decimal) -> Violation | None:
    side = view.direction.exit_side
    if view.is_futures:
        return view.rules.stop_order_violation(
            order_type=AlgoOrderType.TAKE_PROFIT_MARKET,
            side=side,
            quantity=wanted.quantity,
            stop_price=target,
            reduces_only=True,
        )
    return view.rules.limit_order_violation(
        side=side,
        quantity=wanted.quantity,
        price=target,
        reference_price=view.price,
        order_type=OrderType.LIMIT if wanted.stop is None else OrderType.LIMIT_MAKER,
    )

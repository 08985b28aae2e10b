"""Everything that an invariant looks at, read once: our rows and the venue's books."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Final

from bots.domain.orders import UNSETTLED
from bots.journal import JOURNAL
from bots.models import BotConfig, BotState, Fill, FundingPayment, Order
from bots.simulation.truth import Truth
from exchange.domain.types import Market
from exchange.models import APIKey, ExchangeAccount

RESTING_LEGS: Final = ("s", "t")


@dataclass(slots=True)
class Promises:
    """What people were promised in a run, by signing time.

    stopped    since when each bot stands still; absent while it is active
    halted     since when nothing may be opened, by scope: `all`, `account N`, `bot N`
    ticked     bots whose last tick went through unharmed, with its short answer
    foreign    names of orders that strangers placed and that rest far from the price
    paused     since when a bot has shown that a day's loss or target ends its entries, by bot and
               day of market time; until somebody starts it anew
    """

    stopped: dict[int, datetime] = field(default_factory=dict)
    halted: dict[str, datetime] = field(default_factory=dict)
    ticked: dict[int, str] = field(default_factory=dict)
    foreign: list[str] = field(default_factory=list)
    paused: dict[tuple[int, date], datetime] = field(default_factory=dict)


class View:
    """One look at everything. Make a new one for every check.

    is_quiet          nothing goes wrong any more and every bot has ticked until nothing changed
    expects_stops     whether the engine keeps stops at the venue
    now               signing time
    """

    def __init__(
        self,
        truth: Truth,
        promises: Promises,
        *,
        is_quiet: bool,
        expects_stops: bool,
        now: datetime,
    ) -> None:
        self.truth = truth
        self.promises = promises
        self.is_quiet = is_quiet
        self.expects_stops = expects_stops
        self.now = now

    @cached_property
    def bots(self) -> dict[int, BotConfig]:
        """Return every bot by number."""
        return {bot_id: state.bot for bot_id, state in self.states.items()}

    @cached_property
    def states(self) -> dict[int, BotState]:
        """Return every bot's state by its number, with the bot."""
        rows = BotState.objects.select_related("bot").order_by("pk")
        return {one.pk: one for one in rows}

    @cached_property
    def orders(self) -> list[Order]:
        """Return every order that was ever written down, oldest first."""
        return list(Order.objects.using(JOURNAL).order_by("pk"))

    @cached_property
    def orders_by_client_id(self) -> dict[str, Order]:
        """Return our orders by their name."""
        return {one.client_order_id: one for one in self.orders}

    @cached_property
    def fills(self) -> list[Fill]:
        """Return every execution that was applied, oldest first."""
        return list(Fill.objects.using(JOURNAL).order_by("pk"))

    @cached_property
    def fills_by_order(self) -> dict[int, list[Fill]]:
        """Return the executions of each order of ours."""
        result: dict[int, list[Fill]] = {}
        for fill in self.fills:
            result.setdefault(fill.order_id, []).append(fill)
        return result

    @cached_property
    def funding(self) -> list[FundingPayment]:
        """Return every funding payment that was written down."""
        return list(FundingPayment.objects.using(JOURNAL).order_by("pk"))

    @cached_property
    def uids(self) -> dict[int, int]:
        """Return the venue's number of each account of ours."""
        rows = APIKey.objects.values_list("account_id", "account__uid").distinct()
        return {account: int(uid) for account, uid in rows}

    @cached_property
    def caps(self) -> dict[int, int | None]:
        """Return how many positions each account may have open at once."""
        return dict(ExchangeAccount.objects.values_list("pk", "max_open_positions"))

    def account_of(self, bot_id: int) -> int:
        """Return the account that a bot trades with, by our number."""
        return self._account_by_key[self.bots[bot_id].api_key_id]

    @cached_property
    def _account_by_key(self) -> dict[object, int]:
        return dict(APIKey.objects.values_list("pk", "account_id"))

    def has_unsettled(self, bot_id: int) -> bool:
        """Say whether the outcome of an order of the bot is not known yet."""
        return any(
            one.status in UNSETTLED and not is_resting(one)
            for one in self.orders
            if one.bot_id == bot_id
        )

    def has_news(self, bot_id: int) -> bool:
        """Say whether something was executed on the bot's symbol that no books hold yet."""
        place = (self.market_of(bot_id), self.uids[self.account_of(bot_id)])
        symbol = self.bots[bot_id].symbol
        known = {(one.market, one.symbol, one.trade_id) for one in self.fills}
        return any(
            (one.market, one.symbol, one.trade_id) not in known
            for one in self.truth.fills
            if (one.market, one.uid) == place and one.symbol == symbol
        )

    def market_of(self, bot_id: int) -> Market:
        """Return the market that a bot trades."""
        return Market(self.bots[bot_id].position_type)


def is_resting(order: Order) -> bool:
    """Say whether an order waits at the venue as a stop or target should."""
    return order.leg in RESTING_LEGS and order.status in ("open", "partially_filled")


def plain_fills(fills: list[Fill]) -> dict[str, tuple[object, ...]]:
    """Return what must agree with the venue of each execution, by trade id."""
    return {
        one.trade_id: (
            one.side == "BUY",
            one.price.normalize(),
            one.quantity.normalize(),
            one.quote_quantity.normalize(),
            one.commission.normalize(),
            one.commission_asset,
        )
        for one in fills
    }

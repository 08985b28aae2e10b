"""One bot at one demo exchange, ticked as beat and worker do: claimed, then run as a task."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import pytest
from django.conf import settings
from django.db import connections
from django.db.models import Q
from django.utils import timezone

from bots.domain.orders import UNSETTLED, OrderStatus
from bots.engine import reconciliation, schedule
from bots.engine.schedule import Claim, claim_due_bots
from bots.engine.venue import is_futures, open_gateway
from bots.models import BotConfig, BotState, Order
from bots.services import start_bot
from bots.tasks import run_bot_task
from bots.tests.faults.striking import Blow, Killed, Request, Victim, struck
from exchange.binance.rules_cache import drop_rules_caches
from exchange.demo.testing import RunningExchange
from exchange.domain.clock import to_milliseconds
from exchange.domain.futures import MarginType
from exchange.domain.orders import LimitOrderRequest
from exchange.domain.types import Side
from exchange.registry import close_gateways

SYMBOL: Final = "BTCUSDT"
CHECK: Final = timedelta(seconds=31)  # market time: a little more than a check interval
FOREIGN: Final = "web_somebody"
_IN_DOUBT: Final = [one.value for one in UNSETTLED if one is not OrderStatus.OPEN]


def until(what: Callable[[], Any], *, seconds: float = 20) -> Any:
    """Wait until `what` is true and return it; AssertionError when that takes too long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := what():
            return answer
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


def in_a_worker(work: Callable[[], Any]) -> Any:
    """Run `work` in a thread with connections of its own, and wait for it."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(as_a_worker, work).result(60)


def as_a_worker(work: Callable[[], Any]) -> Any:
    """Run `work` and leave no connection of this thread behind."""
    try:
        return work()
    finally:
        close_gateways()
        connections.close_all()


def _of(uid: str, part: Any) -> Any:
    if not isinstance(part, list):
        return part
    return [one for one in part if str(one.get("uid", uid)) == uid]


@dataclass
class Stage:
    """A started bot and its venue. `answers` are those of all ticks so far."""

    venue: RunningExchange
    bot: BotConfig
    patch: pytest.MonkeyPatch
    answers: list[str] = field(default_factory=list)
    foreign: dict[str, Any] | None = None
    deposits: dict[str, Decimal] = field(default_factory=dict)
    new_step: Decimal | None = None

    @property
    def is_futures(self) -> bool:
        return bool(self.bot.is_futures)

    @property
    def step(self) -> Decimal:
        """Return the increment of quantities."""
        return self.new_step or Decimal("0.001" if self.is_futures else "0.00001")

    @property
    def state(self) -> BotState:
        return BotState.objects.select_related("bot__api_key__account").get(pk=self.bot.pk)

    def ledger(self) -> dict[str, Any]:
        """Return the truth at the venue about the bot's account, without anybody else's."""
        whole = self.venue.ledger()
        assert self.bot.api_key is not None
        uid = self.bot.api_key.account.uid
        found = {name: _of(uid, part) for name, part in whole.items()}
        return found | {"balances": {uid: whole["balances"][uid]}}

    def configure(self, **columns: Any) -> None:
        """Change the bot as an edit would, without its checks."""
        BotConfig.objects.filter(pk=self.bot.pk).update(**columns)
        self.bot = BotConfig.objects.select_related("api_key__account").get(pk=self.bot.pk)

    def start(self) -> None:
        self.bot = start_bot(bot_id=self.bot.pk, actor=None)

    def go_to(self, moment: datetime) -> None:
        """Move the market's clock forward and hold it."""
        self.venue.set_clock(market_time=moment.isoformat())

    def pass_time(self, span: timedelta = CHECK) -> None:
        self.go_to(self.venue.market_time() + span)

    def move_price(self, price: Decimal | str, *, span: timedelta = CHECK) -> None:
        """Hold another price, and let market time pass so that what waits for it acts."""
        self.venue.set_price(SYMBOL, f"{price}")
        self.pass_time(span)

    def claims(self) -> list[Claim]:
        """Do what the beat does every second."""
        now = self.venue.market_time()
        return claim_due_bots(lambda *_: now)

    def tick(self) -> bool:
        """Tick the bot when it is due; say whether it was."""
        due = [claim for claim in self.claims() if claim.bot_id == self.bot.pk]
        self.answers += [run_bot_task(claim.bot_id) for claim in due]
        return bool(due)

    def strike(self, point: Any, blow: Blow) -> None:
        """Tick the bot in a worker that is struck at `point`. AssertionError: never reached."""
        assert self.claims(), "the bot was not due"
        if isinstance(point, Request) and blow is Blow.LOST:
            when = "after" if point.is_after else "before"
            self.venue.set_fault(endpoint=point.endpoint, when=when, action="drop", times=1)
            self.answers.append(run_bot_task(self.bot.pk))
            assert [fault["hits"] for fault in self.venue.faults()] == [1]
            return
        victim = Victim(point, blow)
        self.answers.append(in_a_worker(lambda: self._die(victim)))
        assert victim.was_struck, f"{point} was never reached: {self.answers}"

    def strike_when_due(self, point: Any, blow: Blow) -> None:
        """Let a check interval pass, then strike."""
        self.pass_time()
        self.strike(point, blow)

    def _die(self, victim: Victim) -> str:
        with struck(victim):
            try:
                return str(run_bot_task(self.bot.pk))
            except Killed:
                return "killed"

    def place_foreign(self, price: str = "50000") -> None:
        """Leave an order of somebody else on the bot's symbol, far away from the price."""
        self.set_up_margin()
        gateway = open_gateway(self.bot)
        request = LimitOrderRequest(
            symbol=SYMBOL,
            side=Side.BUY,
            quantity=Decimal("0.002"),
            price=Decimal(price),
            client_order_id=FOREIGN,
            signed_at_ms=to_milliseconds(timezone.now()),
            recv_window_ms=settings.BINANCE_RECV_WINDOW,
        )
        gateway.place_limit_order(request, permit=gateway.permit_orders())
        self.foreign = self.foreign_now()

    def set_up_margin(self) -> None:
        """Make the futures symbol isolated, as a bot does before its first entry."""
        gateway = open_gateway(self.bot)
        if not is_futures(gateway):
            return
        if gateway.symbol_config(SYMBOL).margin_type is not MarginType.ISOLATED:
            gateway.set_margin_type(SYMBOL, MarginType.ISOLATED)

    def foreign_now(self) -> dict[str, Any]:
        """Return the foreign order as the venue has it."""
        name = "futures_orders" if self.is_futures else "orders"
        (found,) = (o for o in self.venue.ledger()[name] if o["clientOrderId"] == FOREIGN)
        return dict(found)

    def deposit(self, asset: str, amount: str) -> None:
        """Pay money in from outside."""
        self.venue.control("deposits", {"key_number": 1, "asset": asset, "amount": amount})
        held = {"USDT": Decimal(10_000)}.get(asset, Decimal(0))
        self.deposits[asset] = self.deposits.get(asset, held) + Decimal(amount)

    def set_symbol(self, market: str, **rules: str) -> None:
        """Change the symbol's status or increments at the venue."""
        self.venue.control("symbols", {"symbol": SYMBOL, "market": market, **rules})
        if "step" in rules:
            self.new_step = Decimal(rules["step"])

    def forget_rules(self) -> None:
        """Let the rules that this process keeps be too old."""
        drop_rules_caches()

    def wait_for_the_venue(self) -> None:
        """Wait until the venue may be asked again after it refused for a second."""
        time.sleep(1.1)

    def forget_waits(self) -> None:
        """Let waits of wall time be over: a dead worker's claim, and what may still arrive."""
        self.patch.setattr(schedule, "CLAIM_LASTS", timedelta(0))

    def let_nothing_arrive(self) -> None:
        """Let it be later than the venue would take anything that was sent so far."""
        over = -settings.BINANCE_RECV_WINDOW - 1000
        self.patch.setattr(reconciliation, "VISIBILITY_MARGIN_MS", over)

    def doubtful(self) -> list[Order]:
        """Return the bot's orders whose outcome is not known, or that the venue does not find."""
        in_doubt = Q(status__in=_IN_DOUBT) | Q(status=OrderStatus.OPEN, not_found_looks__gt=0)
        return list(Order.objects.filter(in_doubt, bot=self.bot))

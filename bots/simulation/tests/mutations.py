"""An engine that is wrong on purpose, so that the invariants have something to find."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.db.models import F

from bots import journal
from bots.engine import reconciliation, tick
from bots.journal import sending
from bots.models import BotState
from bots.simulation import world
from exchange.binance.calls import Caller
from exchange.domain.errors import OutcomeUnknownError

Mutation = Callable[[pytest.MonkeyPatch], None]


def sends_again_what_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repeat a write whose reply was lost, as a client library with retries would."""
    once = Caller._exchange

    def twice(self: Caller, ask: Callable[[], Any], *, changes: bool) -> Any:
        answer = once(self, ask, changes=changes)
        if changes and isinstance(answer.failure, OutcomeUnknownError):
            answer = once(self, ask, changes=changes)
        return answer

    monkeypatch.setattr(Caller, "_exchange", twice)


def sends_what_another_has_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let two workers send one order: nobody looks who turned it `sent`, or who has the lock."""
    once = Caller._exchange

    def twice(self: Caller, ask: Callable[[], Any], *, changes: bool) -> Any:
        if changes:
            once(self, ask, changes=changes)
        return once(self, ask, changes=changes)

    monkeypatch.setattr(Caller, "_exchange", twice)


def applies_executions_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tell executions apart by more than the venue's number of them."""
    once = journal.apply_report

    def twice(order: Any, report: Any, trades: Any, **rest: Any) -> Any:
        known = list(trades)
        copies = [replace(one, trade_id=f"{one.trade_id}9999") for one in known]
        return once(order, report, [*known, *copies], **rest)

    monkeypatch.setattr(journal, "apply_report", twice)


def gives_up_at_the_first_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Believe a venue that does not know an order yet."""
    monkeypatch.setattr(reconciliation, "VISIBILITY_MARGIN_MS", -1_000_000)
    monkeypatch.setattr(reconciliation, "LOOKS_BEFORE_GIVING_UP", 1)


def ignores_halts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Send whatever the halts say."""
    monkeypatch.setattr(sending, "is_stopped", lambda *_: False)


def ignores_that_a_bot_was_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Send entries of bots that a person has just stopped."""
    monkeypatch.setattr(sending, "bot_is_active_for_share", lambda *_, **__: True)


def loses_count_of_what_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add a little to every position that a tick has looked at."""
    once = tick.run_tick

    def drifting(bot_id: int) -> str:
        answer = once(bot_id)
        BotState.objects.filter(pk=bot_id, in_position=True).update(
            current_position_size_coins=F("current_position_size_coins") + 1
        )
        return answer

    monkeypatch.setattr(world, "run_tick", drifting)

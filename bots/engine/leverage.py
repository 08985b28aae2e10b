"""Before a futures bot opens a position: isolated margin, one-way mode and its leverage.

The venue's answer is what counts. What it reports is kept on the bot's state; where it is more than
was configured, or the margin is not the position's own, the entry is refused: no order is written.
"""

from __future__ import annotations

from dataclasses import replace

from bots import journal
from bots.domain.decide import decide_again
from bots.domain.decision import Decision, Denial, DenialCode
from bots.domain.snapshot import Snapshot
from bots.engine.venue import VenueGateway, is_futures
from bots.models import BotEvent, BotState, EventKind
from exchange.domain.budget import Priority, asking_for
from exchange.domain.futures_setup import SymbolSetup, set_up_symbol


def prepare_entry(
    state: BotState, snapshot: Snapshot, decision: Decision, *, gateway: VenueGateway
) -> tuple[Snapshot, Decision]:
    """Set the symbol up before an entry is written down; return what is decided then.

    Anything but a futures entry passes untouched. Where the symbol cannot be set up the entry is
    refused, and its signal is not spent: the next tick asks again. A leverage below the one that
    was configured makes the position smaller. Errors of reads pass, and nothing was written.
    """
    if not (decision.wants_entry and is_futures(gateway)):
        return snapshot, decision
    wanted = snapshot.parameters.leverage
    with asking_for(Priority.ENTRY):
        setup = set_up_symbol(gateway, snapshot.symbol, leverage=wanted)
    _note(state, setup)
    if setup.entry_block is not None:
        denial = Denial(code=DenialCode.ENTRY_BLOCKED, detail=setup.entry_block)
        return decide_again(snapshot, denial)
    if setup.leverage == wanted:
        return snapshot, decision
    parameters = replace(snapshot.parameters, leverage=setup.leverage)
    return decide_again(replace(snapshot, parameters=parameters))


def _note(state: BotState, setup: SymbolSetup) -> None:
    is_other = state.leverage_reported != setup.leverage
    state.leverage_reported = setup.leverage
    problems = "".join(f" {problem}." for problem in setup.problems)
    message = (
        f"{setup.symbol}: leverage {setup.leverage} at the venue, {setup.wanted_leverage} wanted,"
        f" {setup.margin_type} margin.{problems}"
    )
    if not is_other and (not setup.problems or message == _last_told(state)):
        return
    journal.record_event(
        state.pk,
        EventKind.LEVERAGE,
        message,
        data={
            "symbol": setup.symbol,
            "leverage": setup.leverage,
            "wanted": setup.wanted_leverage,
            "margin_type": setup.margin_type.value,
            "hedge_mode": setup.is_hedge_mode,
        },
    )


def _last_told(state: BotState) -> str | None:
    events = BotEvent.objects.using(journal.JOURNAL).filter(
        bot_id=state.pk, kind=EventKind.LEVERAGE
    )
    return events.order_by("-id").values_list("message", flat=True).first()

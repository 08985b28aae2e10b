"""A futures entry is set up before it is written down; what cannot be set up is a refusal."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bots.domain.decide import decide
from bots.domain.decision import Decision, DenialCode
from bots.domain.snapshot import Snapshot
from bots.domain.tests.builders import ENTRY, QUIET, D, futures_snapshot, holding, snapshot
from bots.engine.leverage import prepare_entry
from bots.engine.venue import VenueGateway, open_gateway
from bots.locks import bot_lock
from bots.models import BotConfig, BotEvent, BotState, EventKind, Order
from exchange.demo.testing import RunningExchange
from exchange.domain.errors import GatewayError
from exchange.registry import futures_gateway_for

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])


@pytest.fixture
def state(bot: BotConfig, venue: RunningExchange) -> Iterator[BotState]:
    BotConfig.objects.filter(pk=bot.pk).update(position_type="futures")
    with bot_lock(bot.pk) as locked:
        yield locked


@pytest.fixture
def gateway(state: BotState) -> VenueGateway:
    return open_gateway(state.bot)


def prepare(state: BotState, now: Snapshot, gateway: VenueGateway) -> tuple[Snapshot, Decision]:
    return prepare_entry(state, now, decide(now), gateway=gateway)


def refuse_leverage(venue: RunningExchange) -> None:
    venue.set_fault(endpoint="POST /fapi/v1/leverage", action="error", code=-4161, times=None)


def events(state: BotState) -> list[str]:
    rows = BotEvent.objects.filter(bot_id=state.pk, kind=EventKind.LEVERAGE)
    return list(rows.order_by("id").values_list("message", flat=True))


def test_an_entry_that_could_be_set_up_is_decided_as_before(
    state: BotState, gateway: VenueGateway
) -> None:
    now = futures_snapshot(ENTRY)
    prepared, decision = prepare(state, now, gateway)
    assert (prepared, decision) == (now, decide(now))
    assert state.leverage_reported == 10
    assert state.bot.api_key is not None
    config = futures_gateway_for(state.bot.api_key).symbol_config("BTCUSDT")
    assert (config.margin_type, config.leverage) == ("ISOLATED", 10)
    assert events(state) == ["BTCUSDT: leverage 10 at the venue, 10 wanted, ISOLATED margin."]


def test_nothing_is_asked_where_no_futures_entry_is_wanted(
    state: BotState, gateway: VenueGateway, venue: RunningExchange
) -> None:
    venue.set_fault(endpoint="GET /fapi/v1/symbolConfig", action="error", code=-1001, times=None)
    for now in (futures_snapshot(QUIET), futures_snapshot(QUIET, position=holding())):
        assert prepare(state, now, gateway) == (now, decide(now))
    assert state.leverage_reported is None
    (fault,) = venue.faults()
    assert fault["hits"] == 0


def test_a_higher_leverage_that_stays_is_a_refusal_and_no_order(
    state: BotState, gateway: VenueGateway, venue: RunningExchange
) -> None:
    refuse_leverage(venue)
    prepared, decision = prepare(state, futures_snapshot(ENTRY), gateway)
    (denial,) = decision.denials
    assert decision.intents == ()
    assert denial.code is DenialCode.ENTRY_BLOCKED
    assert denial.detail == "BTCUSDT has leverage 20 at the venue, above the 10 configured"
    assert decide(prepared) == decision  # so the record decides the same again
    assert Order.objects.count() == 0


def test_a_refusal_does_not_spend_the_signal_and_is_told_once(
    state: BotState, gateway: VenueGateway, venue: RunningExchange
) -> None:
    refuse_leverage(venue)
    for _ in range(3):
        assert prepare(state, futures_snapshot(ENTRY), gateway)[1].intents == ()
    assert len(events(state)) == 1
    venue.clear_faults()
    assert len(prepare(state, futures_snapshot(ENTRY), gateway)[1].intents) == 1
    assert len(events(state)) == 2


def test_a_lower_leverage_makes_the_position_smaller(
    state: BotState, gateway: VenueGateway, venue: RunningExchange
) -> None:
    assert state.bot.api_key is not None
    futures_gateway_for(state.bot.api_key).set_leverage("BTCUSDT", 5)
    refuse_leverage(venue)
    now = futures_snapshot(ENTRY)
    prepared, decision = prepare(state, now, gateway)
    assert prepared.parameters.leverage == 5
    (intent,), (before,) = decision.intents, decide(now).intents
    assert intent.quantity == D("0.023")
    assert before.quantity == D("0.047")
    assert decide(prepared) == decision


def test_a_read_that_fails_writes_nothing_down(
    state: BotState, gateway: VenueGateway, venue: RunningExchange
) -> None:
    venue.set_fault(endpoint="GET /fapi/v1/symbolConfig", action="error", code=-1001, times=None)
    for _ in range(2):
        with pytest.raises(GatewayError):
            prepare(state, futures_snapshot(ENTRY), gateway)
    assert Order.objects.count() == 0
    assert events(state) == []
    venue.clear_faults()
    assert len(prepare(state, futures_snapshot(ENTRY), gateway)[1].intents) == 1


def test_a_spot_entry_passes_untouched(bot: BotConfig, venue: RunningExchange) -> None:
    now = snapshot(ENTRY)
    with bot_lock(bot.pk) as state:
        assert prepare(state, now, open_gateway(bot)) == (now, decide(now))

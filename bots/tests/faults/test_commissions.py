"""Real incidents with fees: the asset that they are taken in changes on the way."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from bots.models import Fill, Trade
from bots.tests.engine.conftest import AT_SELL
from bots.tests.faults.conftest import MakeStage
from bots.tests.faults.demos import another_demo
from bots.tests.faults.recovery import recover
from bots.tests.faults.scenarios import Market
from bots.tests.faults.striking import Blow, Call
from bots.tests.faults.table import Row
from bots.tests.faults.test_stops_and_positions import is_flat, is_guarded
from exchange.demo.testing import RunningExchange

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "journal"]),
    pytest.mark.long,
]


@pytest.fixture
def venue(clean_redis: Any) -> Iterator[RunningExchange]:
    """Run a demo exchange that knows what BNB is worth."""
    with another_demo(walks={"BNBUSDT": Decimal(600)}) as exchange:
        exchange.set_price("BNBUSDT", "600")
        yield exchange


def _pay_in_bnb(venue: RunningExchange, *, wanted: bool) -> None:
    (account,) = venue.control("keys")
    venue.run_inside(lambda inside: inside.engine.set_bnb_burn(account["uid"], wanted))


def test_bnb_runs_out_in_the_middle_of_an_order_and_is_switched_off_before_the_next(
    make_stage: MakeStage, row: Row
) -> None:
    row.did = "taken BNB, then the coin itself"
    stage = make_stage(Market.SPOT, entry_slippage_perc=None, position_size_fixed=Decimal(400_000))
    stage.deposit("USDT", "5000000")
    stage.deposit("BNB", "0.2")  # enough for some executions of the entry
    _pay_in_bnb(stage.venue, wanted=True)
    stage.strike(Call(target="bots.journal.apply_report"), Blow.KILL)
    row.ticks = recover(stage, until=is_guarded)
    entry = Trade.objects.get()
    assert entry.commission_asset == "BNB+BTC"
    held = stage.state.current_position_size_coins
    in_coins = Fill.objects.filter(commission_asset="BTC")
    assert held == entry.quantity_filled - sum(one.commission for one in in_coins)
    _pay_in_bnb(stage.venue, wanted=False)
    stage.go_to(AT_SELL)
    row.ticks += recover(stage, until=is_flat)
    assert Trade.objects.latest("pk").commission_asset == "USDT"
    assert not Fill.objects.filter(commission_quote=None).exists()
    worth = {one.commission_asset: one.commission_quote / one.commission for one in _some_fills()}
    assert (worth["USDT"], worth["BNB"]) == (1, 600)


def _some_fills() -> list[Fill]:
    return list(Fill.objects.order_by("commission_asset", "pk").distinct("commission_asset"))

"""What one tick costs, as counts: statements and request weight."""

from __future__ import annotations

import pytest
import requests
from django.db import connections
from django.test.utils import CaptureQueriesContext

from bots.engine.tick import run_tick
from bots.models import BotConfig
from bots.tests.engine.conftest import AT_BUY, BEFORE_BUY, GoTo
from exchange.demo.testing import RunningExchange

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])


def _used_weight(venue: RunningExchange) -> int:
    reply = requests.get(f"{venue.url}/api/v3/ping", timeout=10)
    return int(reply.headers["X-MBX-USED-WEIGHT-1M"])


def test_a_quiet_tick_costs_weight_22_and_a_fixed_number_of_statements(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    go_to(BEFORE_BUY)
    run_tick(started_bot.pk)  # the first one also asks for rules and clock
    before = _used_weight(venue)
    with (
        CaptureQueriesContext(connections["default"]) as default,
        CaptureQueriesContext(connections["journal"]) as journal,
    ):
        run_tick(started_bot.pk)
    # ticker 2, account 20, no klines: none has closed; and the ping that asks costs 1.
    assert _used_weight(venue) - before == 22 + 1
    assert (len(default), len(journal)) == (12, 13), [q["sql"] for q in (*default, *journal)]


def test_an_order_costs_no_weight_of_its_own(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    go_to(BEFORE_BUY)
    run_tick(started_bot.pk)
    go_to(AT_BUY)
    before = _used_weight(venue)
    run_tick(started_bot.pk)
    assert len(venue.ledger()["orders"]) == 1
    # The look for foreign orders right before an entry costs 6, the ping 1.
    assert _used_weight(venue) - before == 24 + 6 + 1

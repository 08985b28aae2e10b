"""The chart's data, read from a real demo exchange."""

from __future__ import annotations

import json
import socket
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from django.conf import settings
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone

from bots.domain.indicators import ema
from bots.models import BotConfig
from bots.tests.views.conftest import MARKET_TIME, add_history, hold_position
from exchange.binance.urls import UrlSet
from exchange.demo.testing import RunningExchange
from exchange.domain.types import Environment, Market
from exchange.registry import close_gateways, market_data_gateway

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])


def _chart(client: Client, bot: BotConfig) -> tuple[int, dict[str, Any]]:
    answer = client.get(reverse("bot-chart", args=[bot.pk]))
    return answer.status_code, json.loads(answer.content)


def test_the_chart_holds_klines_with_both_averages_aligned(
    bot: BotConfig, as_trader: Client
) -> None:
    status, chart = _chart(as_trader, bot)
    assert status == 200
    assert len(chart["klines"]) == len(chart["ema_fast"]) == len(chart["ema_slow"]) == 600
    times = [row[0] for row in chart["klines"]]
    assert times == list(range(times[0], times[0] + 600 * 300, 300))
    assert (chart["seconds"], chart["periods"]) == (300, {"fast": 9, "slow": 21})
    assert None not in chart["ema_slow"]  # the warm-up lies before the first kline shown


def test_averages_and_prices_are_those_of_the_venue(bot: BotConfig, as_trader: Client) -> None:
    klines = market_data_gateway(Environment.DEMO, Market.SPOT).klines("BTCUSDT", "5m", limit=999)
    closes = np.array([float(kline.close) for kline in klines])
    _, chart = _chart(as_trader, bot)
    newest = klines[-1]
    assert chart["klines"][-1] == [
        int(newest.open_time.timestamp()),
        *map(float, (newest.open, newest.high, newest.low, newest.close, newest.volume)),
    ]
    assert chart["ema_fast"][-1] == pytest.approx(ema(closes, 9)[-1], rel=1e-9)
    assert chart["ema_slow"][-1] == pytest.approx(ema(closes, 21)[-1], rel=1e-9)


def test_the_chart_says_when_and_how_its_klines_were_seen(
    bot: BotConfig, as_trader: Client, venue: RunningExchange
) -> None:
    before = timezone.now() - timedelta(milliseconds=1)
    _, chart = _chart(as_trader, bot)
    assert before <= datetime.fromisoformat(chart["seen_at"]) <= timezone.now()
    assert chart["source"] == "request"

    fault = {"endpoint": "GET /api/v3/klines", "when": "before", "action": "html", "times": None}
    venue.set_fault(**fault)  # and what was seen a moment ago is shown again
    assert _chart(as_trader, bot) == (200, chart)


def test_slow_averages_are_warm_too_where_the_venue_s_answers_are_shorter(
    bot: BotConfig, as_trader: Client
) -> None:
    BotConfig.objects.filter(pk=bot.pk).update(ema_slow=100)
    status, chart = _chart(as_trader, bot)
    assert (status, len(chart["klines"]), len(chart["ema_slow"])) == (200, 600, 600)
    assert None not in chart["ema_slow"]


def test_trades_become_markers_and_levels_become_lines(bot: BotConfig, as_trader: Client) -> None:
    add_history(bot)
    hold_position(bot)
    _, chart = _chart(as_trader, bot)
    assert chart["markers"] == [
        {
            "time": int(MARKET_TIME.timestamp()),
            "side": "BUY",
            "price": "100000",
            "reason": "entry_signal",
            "realized_pnl": None,
        }
    ]
    assert chart["levels"] == {
        "entry": "100000",
        "stop": "98000",
        "target": "104000",
        "trail": None,
    }


def test_a_venue_that_does_not_answer_is_said_in_words(
    bot: BotConfig, as_trader: Client, venue: RunningExchange
) -> None:
    with socket.socket() as unheard:  # bound, and nobody listens
        unheard.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{unheard.getsockname()[1]}"
        status, answer = _chart_at(nobody, as_trader, bot)
    assert status == 503
    assert answer["retry"] is True
    assert "The venue does not answer" in answer["message"]
    assert "127.0.0.1" not in answer["message"]


def _chart_at(nobody: str, client: Client, bot: BotConfig) -> tuple[int, dict[str, Any]]:
    sockets = nobody.replace("http", "ws", 1)
    urls = UrlSet(
        spot=nobody, spot_ws=sockets, spot_ws_api=sockets, futures=nobody, futures_ws=sockets
    )
    with override_settings(EXCHANGE_URLS={**settings.EXCHANGE_URLS, "demo": urls}):
        answer = _chart(client, bot)
        close_gateways()
    return answer


def test_a_bot_without_a_key_has_no_venue_to_ask(bot: BotConfig, as_trader: Client) -> None:
    BotConfig.objects.filter(pk=bot.pk).update(api_key=None, initial_capital=Decimal(1))
    status, answer = _chart(as_trader, bot)
    assert (status, answer["retry"]) == (503, False)
    assert "no API key" in answer["message"]

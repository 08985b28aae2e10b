"""What the whole process needs before seeds can be played: time, network, settings, connections."""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

from django.conf import settings
from django.test.utils import override_settings

from bots import feed
from bots.simulation.clock import VirtualClock, virtual_time
from bots.simulation.database import quick_connections
from bots.simulation.second_worker import SecondWorker
from bots.simulation.wire import no_network
from exchange import registry
from exchange.binance.governor import Governor
from exchange.binance.listing_cache import drop_listing_caches
from exchange.binance.rules_cache import drop_rules_caches
from exchange.binance.urls import UrlSet
from exchange.domain.types import Market
from exchange.market_data import not_shared

_ORIGIN: Final = "http://127.0.0.1:9"  # nobody listens on the discard port, and nobody asks
_SOCKETS: Final = "ws://127.0.0.1:9"
# What a person waits for a tick in services. Here the tick stands still meanwhile.
_WAITS: Final = "_WAITS_SECONDS"
_SHORT_WAIT: Final = 0.01


class Stage:
    """Where seeds are played, one after the other, in one process."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.second_worker = SecondWorker()
        self._governors: dict[tuple[str, Market], Governor] = {}

    def clear(self) -> None:
        """Forget what a process remembers of its venue: every seed meets a new one."""
        self._governors.clear()
        registry.close_gateways()
        self.second_worker.run(registry.close_gateways)
        drop_rules_caches()
        drop_listing_caches()

    def governor(self, origin: str, market: Market) -> Governor:
        """Stand in for the governor that shares its budgets through Redis."""
        if (origin, market) not in self._governors:
            self._governors[origin, market] = Governor(
                origin=origin, market=market, sleep=self.clock.sleep
            )
        return self._governors[origin, market]


@contextmanager
def set_stage() -> Iterator[Stage]:
    """Lead time and network of this process through a stage while the block runs.

    The databases of `default` and `journal` are emptied by every seed: see `own_database`.
    """
    importlib.import_module("binance.client")  # late, by the first gateway, it would see real time
    stage = Stage()
    with ExitStack() as stack:
        stack.enter_context(quick_connections())
        stack.enter_context(no_network())
        stack.enter_context(virtual_time(stage.clock))
        stack.enter_context(_settings())
        stack.enter_context(not_shared())
        stack.enter_context(_replaced(registry, "governor", stage.governor))
        stack.enter_context(_replaced(feed, "_send", lambda _groups, _frame: None))
        for module in _services():
            for name in [one for one in vars(module) if one.endswith(_WAITS)]:
                stack.enter_context(_replaced(module, name, _SHORT_WAIT))
        stack.enter_context(_quiet_logs())
        stack.callback(stage.second_worker.close)
        stack.callback(stage.clear)
        yield stage


def _settings() -> override_settings:
    urls = UrlSet(
        spot=_ORIGIN, spot_ws=_SOCKETS, spot_ws_api=_SOCKETS, futures=_ORIGIN, futures_ws=_SOCKETS
    )
    return override_settings(
        EXCHANGE_URLS={**settings.EXCHANGE_URLS, "demo": urls},
        INSTALLATION_ID="sims",
        BINANCE_RECV_WINDOW=5000,
    )


def _services() -> list[Any]:
    return [
        module for name, module in sorted(sys.modules.items()) if name.startswith("bots.services")
    ]


@contextmanager
def _replaced(target: Any, name: str, value: Any) -> Iterator[None]:
    before = getattr(target, name)
    setattr(target, name, value)
    try:
        yield
    finally:
        setattr(target, name, before)


@contextmanager
def _quiet_logs() -> Iterator[None]:
    # A run of faults logs little else; what matters of it stands in the trace.
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)

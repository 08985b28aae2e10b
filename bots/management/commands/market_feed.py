"""Listen to the venues for all bots and pages."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

from django.core.management.base import BaseCommand

from bots.selectors.feed import wanted_streams
from exchange.feed.process import run_feed


class Command(BaseCommand):
    """Serve until SIGTERM or SIGINT. Safe to start twice: it only costs twice the connections."""

    help = (
        "Keep the klines of every bot and page up to date in Redis from the venues' streams, fill "
        "gaps by REST, and tell what happens to the bots' accounts. Ends on SIGTERM."
    )
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Listen; print one line when everything in use is listened to."""
        asyncio.run(self._listen())

    async def _listen(self) -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        feed = asyncio.create_task(run_feed(wanted_streams, on_ready=self._say_ready))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait((feed, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if feed.done():
            feed.result()  # it never ends by itself: this raises what ended it
        feed.cancel()
        await asyncio.gather(feed, return_exceptions=True)

    def _say_ready(self) -> None:
        self.stdout.write("market feed: listening")
        self.stdout.flush()

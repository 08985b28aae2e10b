"""The dispatcher: hears what makes bots due, and looks by itself every second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import redis
from django.db import InterfaceError, InternalError, OperationalError, connections
from django.utils import timezone
from kombu.exceptions import OperationalError as QueueAway
from psycopg.errors import IdleInTransactionSessionTimeout

from bots.dispatch.closes import Closes
from bots.dispatch.ears import Ears
from bots.dispatch.pending import PendingHints
from bots.dispatch.queue import dispatch_due_bots, enqueue
from exchange.market_data.connection import Outage

# Wall time.
ROUND_SECONDS: Final = 1.0
AGAIN_SECONDS: Final = 0.2  # when something waits for a tick to end
LISTEN_SECONDS: Final = 0.5  # at most, so that a wish to stop is seen
AWAY_SECONDS: Final = 1.0  # between two tries of what is away
LAST_ROUND_SECONDS: Final = 1.0

_AWAY: Final = (redis.RedisError, QueueAway, OperationalError, InterfaceError)


class Dispatcher:
    """Two threads: one hears and claims at once, one makes the round that needs no message.

    A venue that hangs can hold up a round, and must not hold up who trades elsewhere. Redis or
    PostgreSQL that is away is waited for. Any number of dispatchers may run.
    """

    def __init__(self, *, on_listening: Callable[[], None] = lambda: None) -> None:
        self._on_listening = on_listening
        self._ears = Ears()
        self._closes = Closes()
        self._hints = PendingHints()
        self._stopping = threading.Event()
        self._round_wanted = threading.Event()
        self._rounds_failed = False

    def stop(self) -> None:
        """End `run` within two seconds; may be called by a signal handler."""
        self._stopping.set()
        self._round_wanted.set()

    def run(self) -> None:
        """Work until `stop`. RuntimeError when the thread of the rounds has died of a fault."""
        rounds = threading.Thread(target=self._make_rounds, name="rounds", daemon=True)
        rounds.start()
        outage = Outage("dispatcher: what it listens to is")
        try:
            while not self._stopping.is_set():
                with self._waiting_out(outage):
                    self._hear_and_claim()
        finally:
            self.stop()
            self._ears.close()
            rounds.join(LAST_ROUND_SECONDS)
            connections.close_all()
        if self._rounds_failed:
            raise RuntimeError("the rounds of the dispatcher have ended; the log says why")

    def _hear_and_claim(self) -> None:
        if not self._ears.is_open:
            self._ears.open()
            self._on_listening()
            self._round_wanted.set()  # whatever was announced meanwhile is due by itself
        heard = self._ears.listen(self._patience())
        self._closes.note(heard.closed)
        self._hints.note(heard.news, heard_at=timezone.now())
        if self._closes:
            enqueue(self._closes.claim())
        if self._hints:
            enqueue(self._hints.claim())

    def _patience(self) -> float:
        return AGAIN_SECONDS if self._closes or self._hints else LISTEN_SECONDS

    def _make_rounds(self) -> None:
        outage = Outage("dispatcher: what its rounds need is")
        try:
            while not self._stopping.is_set():
                began = time.monotonic()
                with self._waiting_out(outage):
                    dispatch_due_bots()
                self._round_wanted.wait(max(0.0, ROUND_SECONDS - (time.monotonic() - began)))
                if not self._stopping.is_set():
                    self._round_wanted.clear()
        finally:
            connections.close_all()
            # Without rounds there is no safety net: whoever started this starts it anew.
            self._rounds_failed = not self._stopping.is_set()
            self._stopping.set()

    @contextmanager
    def _waiting_out(self, outage: Outage) -> Iterator[None]:
        """Wait a moment when Redis or PostgreSQL is away; anything else is a fault and passes."""
        try:
            yield
        except _AWAY as error:
            self._wait_out(outage, error)
        except InternalError as error:
            if not isinstance(error.__cause__, IdleInTransactionSessionTimeout):
                raise
            # A machine that slept in the middle of a round: a connection lost like any other.
            self._wait_out(outage, error)
        else:
            outage.ends()

    def _wait_out(self, outage: Outage, error: Exception) -> None:
        connections.close_all()
        outage.begins(error)
        self._stopping.wait(AWAY_SECONDS)

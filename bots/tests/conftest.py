"""Fixtures of the trader's world."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections

from exchange.registry import close_gateways


@pytest.fixture
def worker_thread() -> Iterator[Callable[[Callable[[], Any]], Future[Any]]]:
    """Return a function that runs another in a thread with database connections of its own."""
    pool = ThreadPoolExecutor(max_workers=24)

    def run(work: Callable[[], Any]) -> Any:
        try:
            return work()
        finally:
            close_gateways()
            connections.close_all()

    yield lambda work: pool.submit(run, work)
    pool.shutdown()

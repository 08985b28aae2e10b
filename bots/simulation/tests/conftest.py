"""A stage for the tests of the simulation; every test begins with an empty database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bots.simulation.stage import Stage, set_stage


@pytest.fixture
def stage(transactional_db: None) -> Iterator[Stage]:
    """Lend the stage: virtual time, no network, the demo exchange in this process."""
    with set_stage() as stage:
        yield stage

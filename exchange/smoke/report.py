"""What the walk found, for people and machines."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from exchange.domain.types import Environment, Market


class StepStatus(StrEnum):
    """How one step went. A warning is something to put right although the venue works."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of the walk.

    hint      what a person can do about it, empty when there is nothing to do
    seconds   wall time; None when nothing was asked
    weight    request weight by the venue's own counter; None when the counter began anew or
              was not told. Others who ask from the same address meanwhile are counted in
    """

    name: str
    status: StepStatus
    detail: str
    hint: str = ""
    seconds: float | None = None
    weight: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SmokeReport:
    """The whole walk. `key` is the label of the API key, None when there was none."""

    environment: Environment
    market: Market
    symbol: str
    key: str | None
    steps: tuple[Step, ...]

    @property
    def is_fine(self) -> bool:
        """Say whether no step failed or warned."""
        return all(one.status in (StepStatus.OK, StepStatus.SKIPPED) for one in self.steps)

    def as_json(self) -> dict[str, Any]:
        """Return the report for machines; keys are added, never renamed."""
        return {
            "environment": self.environment.value,
            "market": self.market.value,
            "symbol": self.symbol,
            "key": self.key,
            "is_fine": self.is_fine,
            "steps": [asdict(one) for one in self.steps],
        }

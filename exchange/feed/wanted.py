"""What the feed is asked to listen to."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from exchange.domain.streams import Series
from exchange.domain.types import Environment, Market


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class AccountLine:
    """An account whose events are wanted in one market, and the key that opens its stream.

    account_id    primary key of the ExchangeAccount
    fingerprint   changes with the stored credentials, so that replaced ones are never used again
    """

    environment: Environment
    market: Market
    account_id: int
    api_key_id: UUID
    fingerprint: str = field(default="", repr=False)

    def __str__(self) -> str:
        return f"account {self.account_id} {self.environment} {self.market}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Everything in use at one moment."""

    series: frozenset[Series] = frozenset()
    accounts: frozenset[AccountLine] = frozenset()

    def series_of(self, environment: Environment, market: Market) -> frozenset[Series]:
        """Return the series of one market of one venue."""
        place = (environment, market)
        return frozenset(one for one in self.series if (one.environment, one.market) == place)

    @property
    def places(self) -> frozenset[tuple[Environment, Market]]:
        """Return the markets that any series belongs to."""
        return frozenset((one.environment, one.market) for one in self.series)

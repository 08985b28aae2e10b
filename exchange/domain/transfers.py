"""Moving money between the wallets of one account.

A transfer has no id of the client's at the venue, so it is not idempotent: whoever does not know
what became of one reads the history before anything else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from exchange.domain.orders import check_positive, check_signing

_ASSET: Final = re.compile(r"[A-Z0-9]{1,20}")


class TransferDirection(StrEnum):
    """From which wallet to which, in the venue's words."""

    TO_FUTURES = "MAIN_UMFUTURE"
    TO_SPOT = "UMFUTURE_MAIN"


class TransferStatus(StrEnum):
    """What the venue's history says of a transfer; unheard-of words map to OTHER."""

    CONFIRMED = "CONFIRMED"
    PENDING = "PENDING"
    FAILED = "FAILED"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferRequest:
    """A transfer exactly as it will be signed; times as of `exchange.domain.orders`."""

    direction: TransferDirection
    asset: str
    amount: Decimal
    signed_at_ms: int
    recv_window_ms: int

    def __post_init__(self) -> None:
        if _ASSET.fullmatch(self.asset) is None:
            raise ValueError("asset must be 1 to 20 capital letters and digits")
        check_positive(amount=self.amount)
        check_signing(self.signed_at_ms, self.recv_window_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferReport:
    """One row of the venue's history of transfers. `made_at` is the venue's wall time."""

    transaction_id: str
    direction: TransferDirection
    asset: str
    amount: Decimal
    status: TransferStatus
    made_at: datetime

"""What the venue's own counter says that we have used of the request weight of this minute."""

from __future__ import annotations

from typing import Any, Final

HEADER: Final = "X-MBX-USED-WEIGHT-1M"


class WeightMeter:
    """Follows the counter in the replies to some gateways. It counts everybody at this address."""

    def __init__(self) -> None:
        self.used: int | None = None  # as of the last reply that told it

    def listen_to(self, gateway: Any) -> None:
        """Read the replies to `gateway` from now on."""
        # The interface has no word for headers, and needs none for trading.
        gateway._client.session.hooks["response"].append(self._hear)

    def since(self, before: int | None) -> int | None:
        """Return what was used since `before`; None when unknown or a new minute has begun."""
        if self.used is None or before is None or self.used < before:
            return None
        return self.used - before

    def _hear(self, response: Any, **_: Any) -> None:
        told = response.headers.get(HEADER, "")
        if told.isdecimal():
            self.used = int(told)

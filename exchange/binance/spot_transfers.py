"""Moving money between the spot and the futures wallet, which the venue offers below /sapi.

Its own weights are 300 of the account (UID) for a transfer (older pages say 900) and 1 of the
address for the history.
The pools of /sapi are none of the spot market's; what is taken here from the spot budget is a
small courtesy, so that a loop of transfers is slowed down like everything else.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Final

from exchange.binance import transfer_replies
from exchange.binance.spot_base import SpotBase
from exchange.binance.spot_parameters import plain
from exchange.binance.transfer_replies import HistoryPage
from exchange.domain.clock import from_milliseconds, to_milliseconds
from exchange.domain.errors import OrderRejectedError, OutcomeUnknownError, UnavailableError
from exchange.domain.transfers import TransferDirection, TransferReport, TransferRequest

WEIGHT: Final = 1
PAGE: Final = 100  # the venue's limit of one answer
# The documentation names no longest span, only that without one the last seven days are told. A
# week at a time is right whatever the venue makes of a span without an end.
WINDOW: Final = timedelta(days=7)
# Refusals that are believed: of the request's form (11xx), of the asset or the account (5003,
# 5011), for lack of money (3020, 5002, 5013, 9000). After any other code, such as -5010 ("Asset
# transfer fail.") and -5012 ("... is in pending."), the money may move all the same.
REFUSALS: Final = frozenset({*range(-1199, -1099), -3020, -5002, -5003, -5011, -5013, -9000})


class SpotTransfers(SpotBase):
    """Everything about transfers between the wallets of the key's account."""

    def transfer(self, request: TransferRequest) -> str:
        """Move money between the account's wallets, sent once; return the venue's id of it.

        OutcomeUnknownError, an error whose code does not say why included, means that only
        `transfers` tells. UnavailableError that is lasting, before anything is sent, where the
        venue has no sapi.
        """
        self._require_sapi()
        try:
            return self._calls.write(
                "POST /sapi/v1/asset/transfer",
                lambda: self._send_transfer(request),
                transfer_replies.transaction_id,
                weight=WEIGHT,
            )
        except OrderRejectedError as error:
            if error.code in REFUSALS:
                raise
            unknown = OutcomeUnknownError(str(error), code=error.code)
        raise unknown

    def transfers(
        self, direction: TransferDirection, *, start: datetime, end: datetime | None = None
    ) -> list[TransferReport]:
        """Return the history of one direction, oldest first; times are the venue's wall time.

        The venue remembers six months. UnavailableError when it counts more rows than it shows,
        and, lasting, where it has no sapi.
        """
        self._require_sapi()
        found: dict[str, TransferReport] = {}
        for window in self._windows(start, end):
            self._read_window(direction, window, found)
        return sorted(found.values(), key=lambda one: (one.made_at, int(one.transaction_id)))

    def _send_transfer(self, request: TransferRequest) -> Any:
        with self._client.committed_timestamp(
            signed_at_ms=request.signed_at_ms, recv_window_ms=request.recv_window_ms
        ):
            return self._client.make_universal_transfer(
                type=request.direction.value, asset=request.asset, amount=plain(request.amount)
            )

    def _windows(self, start: datetime, end: datetime | None) -> Iterator[dict[str, int]]:
        self._calls.require_key()
        until = end or from_milliseconds(self._calls.clock.now_ms())
        while until - start > WINDOW:
            # Ends are part of a window: a row on the seam is told twice and kept once.
            yield {"startTime": to_milliseconds(start), "endTime": to_milliseconds(start + WINDOW)}
            start += WINDOW
        last = {"startTime": to_milliseconds(start)}
        yield last | ({"endTime": to_milliseconds(end)} if end else {})

    def _read_window(
        self,
        direction: TransferDirection,
        window: dict[str, int],
        found: dict[str, TransferReport],
    ) -> None:
        rows: dict[str, TransferReport] = {}
        for number in count(1):
            page = self._read_page(direction, window, number)
            known = len(rows)
            # By id, since rows move on to the next page when new ones arrive meanwhile.
            rows |= {report.transaction_id: report for report in page.reports}
            if len(rows) >= page.total:
                break
            if len(rows) == known:
                # A gap may be the very row that somebody looks for: it is no proof of anything.
                raise UnavailableError(
                    f"{self._host}: the history of transfers has {page.total} rows and shows only "
                    f"{known} of them; ask again."
                )
        found |= rows

    def _read_page(
        self, direction: TransferDirection, window: dict[str, int], number: int
    ) -> HistoryPage:
        return self._calls.signed_read(
            "GET /sapi/v1/asset/transfer",
            lambda: self._client.query_universal_transfer_history(
                type=direction.value, current=number, size=PAGE, **window
            ),
            transfer_replies.history,
            weight=WEIGHT,
        )

    def _require_sapi(self) -> None:
        if not self._urls.has_sapi:
            raise UnavailableError(
                f"{self._host} does not offer transfers between wallets: it has no /sapi. "
                "Nothing was sent. Move the money on the venue's own pages.",
                is_lasting=True,
            )

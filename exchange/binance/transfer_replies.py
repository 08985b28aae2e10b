"""What the venue says of transfers between the wallets of one account, as domain values.

Source: the wallet documentation, "User Universal Transfer" and "Query User Universal Transfer
History".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from exchange.binance.parsing import (
    MalformedReplyError,
    amount,
    mapping,
    moment,
    number_text,
    required,
    rows,
    text,
    word,
)
from exchange.domain.transfers import TransferDirection, TransferReport, TransferStatus


class HistoryPage(NamedTuple):
    """Some rows of the history, and how many there are on all pages together."""

    reports: list[TransferReport]
    total: int


def transaction_id(reply: Any) -> str:
    """Read `POST /sapi/v1/asset/transfer`."""
    return number_text(mapping(reply, "transfer"), "tranId")


def history(reply: Any) -> HistoryPage:
    """Read one page of `GET /sapi/v1/asset/transfer`, in the venue's order.

    A page without `rows` is an empty one only where `total` is 0: to take a broken reply for an
    empty history would mean to send a transfer twice.
    """
    page = mapping(reply, "transfers")
    total = _total(page)
    if total == 0 and page.get("rows") is None:
        return HistoryPage([], 0)
    return HistoryPage([_report(row) for row in rows(page, "rows")], total)


def _total(page: Mapping[str, Any]) -> int:
    value = required(page, "total")
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise MalformedReplyError(f"total is not a number of rows: {value!r:.60}")
    return value


def _report(row: Mapping[str, Any]) -> TransferReport:
    return TransferReport(
        transaction_id=number_text(row, "tranId"),
        direction=_direction(row),
        asset=text(row, "asset"),
        amount=amount(row, "amount"),
        status=word(row, "status", TransferStatus),
        made_at=moment(row, "timestamp"),
    )


def _direction(row: Mapping[str, Any]) -> TransferDirection:
    value = text(row, "type")
    try:
        return TransferDirection(value)
    except ValueError:
        raise MalformedReplyError(f"type is not one that was asked for: {value!r:.60}") from None

"""Parameters that several endpoints of the futures API read in the same way."""

from __future__ import annotations

from exchange.demo.errors import invalid_data
from exchange.demo.http.wire import Params


def read_limit(params: Params, *, default: int, maximum: int) -> int:
    """Return `limit`; unlike the spot API this one refuses what is over the maximum (-1130)."""
    limit = params.integer("limit")
    if limit is None:
        return default
    if not 0 < limit <= maximum:
        raise invalid_data("limit")
    return limit

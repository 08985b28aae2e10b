"""Log lines."""

from __future__ import annotations

import logging

from tradebot_site.logs import UtcFormatter, WithoutHeartbeat


def _record(text: str) -> logging.LogRecord:
    return logging.LogRecord("celery.beat", logging.INFO, "", 0, text, (), None)


def test_the_heartbeat_is_left_out_and_other_lines_stay() -> None:
    keep = WithoutHeartbeat().filter
    assert not keep(_record("Scheduler: Sending due task %s (%s)"))
    assert keep(_record("beat: Starting..."))


def test_a_line_is_stamped_in_utc() -> None:
    record = _record("hello")
    record.created, record.msecs = 0.0, 0
    assert (
        UtcFormatter("%(asctime)s %(message)s").format(record) == "1970-01-01 00:00:00.000Z hello"
    )

"""How a log line looks, and which lines nobody needs."""

from __future__ import annotations

import logging
import time
from typing import Final

_HEARTBEAT: Final = "Scheduler: Sending due task"


class UtcFormatter(logging.Formatter):
    """Stamp lines in UTC, like everything else in this project."""

    converter = staticmethod(time.gmtime)
    default_msec_format = "%s.%03dZ"


class WithoutHeartbeat(logging.Filter):
    """Leave out the beat's line of every round; its other lines stay."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep every record but the heartbeat."""
        return not str(record.msg).startswith(_HEARTBEAT)

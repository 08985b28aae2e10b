"""How a log line looks."""

from __future__ import annotations

import logging
import time


class UtcFormatter(logging.Formatter):
    """Stamp lines in UTC, like everything else in this project."""

    converter = staticmethod(time.gmtime)
    default_msec_format = "%s.%03dZ"

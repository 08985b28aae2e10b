#!/usr/bin/env python
"""Django's command line for this project."""

from __future__ import annotations

import os
import sys

from django.core.management import execute_from_command_line
from django.db import OperationalError


def main() -> None:
    """Run one management command; a database that cannot be reached is said in one sentence."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tradebot_site.settings")
    try:
        execute_from_command_line(sys.argv)
    except OperationalError as error:
        # Without an SQLSTATE there was no server that could have answered.
        if "--traceback" in sys.argv or getattr(error.__cause__, "sqlstate", None):
            raise
        first_line = str(error).partition("\n")[0]
        sys.exit(
            f"The database cannot be reached: {first_line}.\n"
            "Start TradeBot first (./tradebotctl up), or set DATABASE_URL."
        )


if __name__ == "__main__":
    main()

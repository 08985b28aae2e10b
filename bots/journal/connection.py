"""The connection that everything in this room is written on."""

from __future__ import annotations

from typing import Final

JOURNAL: Final = "journal"

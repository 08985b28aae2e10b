"""Typed reading of environment variables; `NAME_FILE` names a file that holds the value."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from exchange.binance.urls import UrlSet, url_set, variable_name

env = environ.FileAwareEnv()


def positive_int(name: str, default: int, *, most: int | None = None) -> int:
    """Return a whole number of at least one, at most `most`; the error names the variable."""
    try:
        value = int(env.int(name, default=default))
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number.") from None
    if value < 1:
        raise ImproperlyConfigured(f"{name} must be 1 or more, not {value}.")
    if most is not None and value > most:
        raise ImproperlyConfigured(f"{name} must be {most} or less, not {value}.")
    return value


def positive_float(name: str, default: float, *, most: float | None = None) -> float:
    """Return a number above zero, at most `most`; the error names the variable."""
    try:
        value = float(env.float(name, default=default))
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a number.") from None
    if not 0 < value < float("inf"):
        raise ImproperlyConfigured(f"{name} must be above 0, not {value}.")
    if most is not None and value > most:
        raise ImproperlyConfigured(f"{name} must be {most} or less, not {value}.")
    return value


def boolean(name: str, *, default: bool) -> bool:
    """Return true or false; anything that is neither is refused instead of read as false."""
    text = str(env.str(name, default="true" if default else "false")).strip().lower()
    if text in {"1", "true", "yes", "on"}:
        return True
    if text in {"0", "false", "no", "off", ""}:
        return False
    raise ImproperlyConfigured(f"{name} must be true or false, not {text!r}.")


def text(name: str, default: str = "") -> str:
    """Return the value without surrounding blanks (files end in a newline)."""
    return str(env.str(name, default=default)).strip()


def text_list(name: str, default: str = "") -> list[str]:
    """Return a comma-separated list without empty items."""
    return [item.strip() for item in text(name, default).split(",") if item.strip()]


def database(name: str, default: str) -> dict[str, object]:
    """Return Django's settings of a PostgreSQL URL; other databases lack what the promises need."""
    url = text(name, default)
    if urlsplit(url).scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured(f"{name} must be a postgres:// URL.")
    return dict(env.db_url_config(url))


def exchange_urls(environment: str, defaults: Mapping[str, str]) -> UrlSet:
    """Return the venue's addresses: `defaults` where no BINANCE_<environment>_*_URL says else."""
    names = {field: variable_name(environment, field) for field in defaults}
    try:
        return url_set(environment, {f: text(names[f], defaults[f]) for f in defaults})
    except ValueError as error:
        raise ImproperlyConfigured(str(error)) from None

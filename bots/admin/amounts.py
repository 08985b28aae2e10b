"""Amounts as people write them: 0.024, not the 18 decimals of the column."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import admin
from django.core.exceptions import FieldDoesNotExist
from django.db.models import DecimalField, Model

from bots.models.fields import plain


def in_short(model: type[Model], entries: Iterable[Any]) -> list[Any]:
    """Replace the names of amounts by columns in the shortest plain notation, sortable as before.

    entries   what `list_display` or `fields` holds; anything but an amount's name stays as it is
    """
    return [_column(model, name) if _is_amount(model, name) else name for name in entries]


def _is_amount(model: type[Model], name: Any) -> bool:
    if not isinstance(name, str):
        return False
    try:
        return isinstance(model._meta.get_field(name), DecimalField)
    except FieldDoesNotExist:
        return False


def _column(model: type[Model], name: str) -> Callable[[Model], str | None]:
    description = model._meta.get_field(name).verbose_name  # type: ignore[union-attr]

    @admin.display(description=description, ordering=name, empty_value="-")
    def column(row: Model) -> str | None:
        return plain(getattr(row, name))

    column.__name__ = name  # the admin takes it for CSS classes
    return column

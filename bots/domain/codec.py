"""Frozen dataclasses to JSON-able values and back, driven by their annotations.

Decimals travel as strings, times as ISO 8601, enums as their values. A key that a record of an
older version lacks takes the field's default; a key that no field knows is an error.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import TypeVar

Record = dict[str, object]
T = TypeVar("T")


def encode(value: object) -> object:
    """Return `value` as dicts, lists, strings, numbers, booleans and None."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return [encode(each) for each in value]
    if is_dataclass(value):
        return {field.name: encode(getattr(value, field.name)) for field in fields(value)}
    if value is None or isinstance(value, str | int | float):
        return value
    raise TypeError(f"cannot record a {type(value).__name__}")


def decode(kind: type[T], value: object, *, path: str = "") -> T:
    """Return `value` as a `kind`; ValueError names the place that does not fit."""
    return typing.cast("T", _decode(kind, value, path or kind.__name__))


def _decode(kind: object, value: object, path: str) -> object:
    origin = typing.get_origin(kind)
    if origin in (types.UnionType, typing.Union):
        return _decode_optional(typing.get_args(kind), value, path)
    if origin is tuple:
        return _decode_tuple(typing.get_args(kind), value, path)
    if is_dataclass(kind) and isinstance(kind, type):
        return _decode_dataclass(kind, value, path)
    return _decode_plain(kind, value, path)


def _decode_optional(kinds: tuple[object, ...], value: object, path: str) -> object:
    if value is None:
        return None
    (kind,) = (each for each in kinds if each is not types.NoneType)
    return _decode(kind, value, path)


def _decode_tuple(kinds: tuple[object, ...], value: object, path: str) -> object:
    if not isinstance(value, list):
        raise ValueError(f"{path}: expected a list, found {value!r}")
    if kinds[-1] is Ellipsis:
        kinds = (kinds[0],) * len(value)
    if len(kinds) != len(value):
        raise ValueError(f"{path}: expected {len(kinds)} values, found {len(value)}")
    pairs = enumerate(zip(kinds, value, strict=True))
    return tuple(_decode(kind, each, f"{path}[{i}]") for i, (kind, each) in pairs)


def _decode_dataclass(kind: type, value: object, path: str) -> object:
    if not isinstance(value, Mapping):
        raise ValueError(f"{path}: expected an object, found {value!r}")
    kinds = typing.get_type_hints(kind)
    unknown = sorted(set(value) - set(kinds))
    if unknown:
        raise ValueError(f"{path}: unknown {', '.join(unknown)}")
    known = {name: _decode(kinds[name], each, f"{path}.{name}") for name, each in value.items()}
    try:
        return kind(**known)
    except TypeError as error:
        raise ValueError(f"{path}: {error}") from error


def _decode_plain(kind: object, value: object, path: str) -> object:
    try:
        if kind is Decimal and isinstance(value, str):
            return Decimal(value)
        if kind is datetime and isinstance(value, str):
            return datetime.fromisoformat(value)
        if isinstance(kind, type) and issubclass(kind, Enum):
            return kind(value)
    except (ValueError, ArithmeticError) as error:
        raise ValueError(f"{path}: {value!r} is no {getattr(kind, '__name__', kind)}") from error
    if kind is float and isinstance(value, int | float):
        return float(value)
    if isinstance(kind, type) and type(value) is kind:
        return value
    raise ValueError(f"{path}: {value!r} is no {getattr(kind, '__name__', kind)}")

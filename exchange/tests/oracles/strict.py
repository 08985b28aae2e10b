"""Compare a reply with an SDK model more strictly than the SDK does itself.

The models declare every field optional and drop what they do not know, so parsing alone proves
little. Here every key must be known to the model, and every value be of the declared type.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Union, get_args, get_origin

from pydantic import BaseModel, StrictBool, StrictFloat, StrictInt, StrictStr

Field = tuple[str, str]  # name of the model, key in the JSON
_ORDER_KEY: Final = "cummulativeQuoteQty"  # what tells a model of an order from others
_PLAIN: Final[dict[Any, type]] = {StrictBool: bool, StrictInt: int, StrictStr: str}
_NUMBER: Final = {StrictFloat, StrictInt}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong with one reply, and which fields of which models it had.

    extras   type by key, as a model would declare it: what objects that describe a spot order may
             have beyond their model; or by model and key, what objects of that model may have
    nulls    fields, by model and key, that are null
    """

    extras: Mapping[str, Any]
    nulls: Collection[str] = ()
    problems: list[str] = field(default_factory=list)
    seen: set[Field] = field(default_factory=set)


def judge(
    model: Any,
    reply: Any,
    *,
    extras: Mapping[str, Any] = MappingProxyType({}),
    nulls: Collection[str] = (),
) -> Verdict:
    """Return the verdict on `reply`, the decoded JSON, as a whole reply of `model`."""
    verdict = Verdict(extras, nulls)
    if _is_one_of(model):
        _judge_one_of(model, reply, "reply", verdict)
    elif model.is_array():
        _judge_list(model, reply, "reply", verdict)
    else:
        _judge_object(model, reply, "reply", verdict)
    if not verdict.problems:
        model.from_dict(reply)  # the SDK's own parser has to take it, too
    return verdict


def fields_of(model: Any) -> set[Field]:
    """Return every field that `model` and the models inside it declare."""
    if _is_one_of(model):
        alternatives = (fields_of(one) for one in _alternatives(model))
        return {known for fields in alternatives for known in fields}
    found: set[Field] = set()
    for key, annotation in _declared(model).items():
        found.add((model.__name__, key))
        for inner in _models_in(annotation):
            found |= fields_of(inner)
    return found


def _judge_object(model: Any, value: Any, path: str, verdict: Verdict) -> None:
    if not isinstance(value, dict):
        verdict.problems.append(f"{path}: expected an object, got {_name(value)}")
        return
    declared = _declared(model)
    for key, item in value.items():
        verdict.seen.add((model.__name__, key))
        wanted = declared.get(key) or _extra(model, declared, key, verdict)
        if wanted is None:
            verdict.problems.append(f"{path}.{key}: {model.__name__} has no such key")
        elif item is not None or f"{model.__name__}.{key}" not in verdict.nulls:
            _judge_value(wanted, item, f"{path}.{key}", verdict)


def _extra(model: Any, declared: Mapping[str, Any], key: str, verdict: Verdict) -> Any:
    of_model = verdict.extras.get(f"{model.__name__}.{key}")
    return verdict.extras.get(key) if of_model is None and _ORDER_KEY in declared else of_model


def _judge_list(item_type: Any, value: Any, path: str, verdict: Verdict) -> None:
    if not isinstance(value, list):
        verdict.problems.append(f"{path}: expected a list, got {_name(value)}")
        return
    for number, item in enumerate(value):
        _judge_value(item_type, item, f"{path}[{number}]", verdict)


def _judge_value(annotation: Any, value: Any, path: str, verdict: Verdict) -> None:
    wanted = _without_none(annotation)
    if get_origin(wanted) is list:
        _judge_list(get_args(wanted)[0], value, path, verdict)
    elif wanted in _PLAIN:
        _judge_type(_PLAIN[wanted], value, path, verdict)
    elif set(get_args(wanted)) - {type(None)} == _NUMBER:
        _judge_number(value, path, verdict)
    elif _is_one_of(wanted):
        _judge_one_of(wanted, value, path, verdict)
    elif isinstance(wanted, type) and issubclass(wanted, BaseModel):
        _judge_object(wanted, value, path, verdict)
    else:
        verdict.problems.append(f"{path}: the model declares {wanted}, which judges nothing")


def _judge_type(wanted: type, value: Any, path: str, verdict: Verdict) -> None:
    if type(value) is not wanted:  # isinstance would let True pass as a number
        verdict.problems.append(f"{path}: expected {wanted.__name__}, got {_name(value)}")


def _judge_number(value: Any, path: str, verdict: Verdict) -> None:
    if type(value) not in (int, float):
        verdict.problems.append(f"{path}: expected a number, got {_name(value)}")


def _judge_one_of(model: Any, value: Any, path: str, verdict: Verdict) -> None:
    if isinstance(value, dict) and "filterType" in value:
        by_type = {_filter_type(one): one for one in _alternatives(model)}
        if value["filterType"] in by_type:
            _judge_object(by_type[value["filterType"]], value, path, verdict)
        else:
            verdict.problems.append(f"{path}: {value['filterType']!r} is no known filter")
        return
    for one in _alternatives(model):
        if one.is_array() is isinstance(value, list):
            (_judge_list if one.is_array() else _judge_object)(one, value, path, verdict)
            return
    verdict.problems.append(f"{path}: none of {model.__name__}'s models is for {_name(value)}")


def _filter_type(model: Any) -> str:
    # PriceFilter -> PRICE_FILTER, LotSizeFilter -> LOT_SIZE
    words = "".join(f"_{letter}" if letter.isupper() else letter for letter in model.__name__)
    name = words.strip("_").upper()
    return name if name == "PRICE_FILTER" else name.removesuffix("_FILTER")


def _alternatives(model: Any) -> list[Any]:
    names = (name for name in model.model_fields if name.startswith("oneof_schema_"))
    return [_without_none(model.model_fields[name].annotation) for name in names]


def _declared(model: Any) -> dict[str, Any]:
    return {
        one.alias or name: one.annotation
        for name, one in model.model_fields.items()
        if name != "additional_properties"
    }


def _models_in(annotation: Any) -> list[Any]:
    wanted = _without_none(annotation)
    if get_origin(wanted) is list:
        return _models_in(get_args(wanted)[0])
    is_model = isinstance(wanted, type) and issubclass(wanted, BaseModel)
    return [wanted] if is_model else []


def _without_none(annotation: Any) -> Any:
    if get_origin(annotation) is Union:
        rest = [one for one in get_args(annotation) if one is not type(None)]
        return rest[0] if len(rest) == 1 else annotation
    return annotation


def _is_one_of(model: Any) -> bool:
    return bool(getattr(model, "is_oneof_model", lambda: False)())


def _name(value: Any) -> str:
    return type(value).__name__

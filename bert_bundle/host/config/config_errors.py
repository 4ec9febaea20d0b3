"""Validation of plain data against a pydantic model, with one ConfigError. Does not know any particular model.

The `description` of a field is the "wanted" part of its error and its first example is part of the fix, so that both
are written once, in the model.
"""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from bert_bundle.errors import ConfigError

# In the words of YAML, instead of pydantic's, which name Python types.
_YAML_WORDS = {
    "model_type": "not a mapping",
    "tuple_type": "not a list",
    "string_pattern_mismatch": "the value has the wrong form",
}

Record = TypeVar("Record", bound=BaseModel)


def validated(model: type[Record], data: object, *, source: str) -> Record:
    """Return `data` as a `model`.

    Raises ConfigError for the first fault, with the place "SOURCE: path.to.it"; an element of a list is named by its
    "id" if it has one. A validator may raise PydanticCustomError with `place` (a path) and `found` in its context.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise _refusal(model, data, source, _first_fault(error)) from None


def _first_fault(error: ValidationError) -> ErrorDetails:
    """Return the first unknown key, else the first fault: a misspelt key is reported as missing too."""
    faults = error.errors(include_url=False)
    return next((fault for fault in faults if fault["type"] == "extra_forbidden"), faults[0])


def _refusal(model: type[BaseModel], data: object, source: str, fault: ErrorDetails) -> ConfigError:
    context = fault.get("ctx", {})
    path = tuple(context.get("place", fault["loc"]))
    place = f"{source}: {'.'.join(_names(path, data))}".removesuffix(": ")
    owner, field = _field(model, path)
    if fault["type"] == "extra_forbidden":
        key = str(path[-1])
        close = difflib.get_close_matches(key, owner.model_fields, n=1)
        fix = f"did you mean {close[0]}?" if close else "remove it"
        return ConfigError(
            "unknown key", place=place, wanted="one of " + ", ".join(owner.model_fields), found=key, fix=fix
        )
    wanted = (field.description if field else None) or "a mapping"
    example = field.examples[0] if field and field.examples else ""
    if fault["type"] == "missing":
        return ConfigError("a key is missing", place=place, wanted=wanted, fix=f"add it: {example}")
    return ConfigError(
        _message(fault),
        place=place,
        wanted=wanted,
        found=context.get("found", repr(fault["input"])),
        fix=f"write it like this: {example}" if example else "correct it",
    )


def _message(fault: ErrorDetails) -> str:
    text = (
        str(fault["ctx"]["error"]) if fault["type"] == "value_error" else _YAML_WORDS.get(fault["type"], fault["msg"])
    )
    text = text.replace("Input should", "The value should", 1)
    return text[:1].lower() + text[1:]


def _names(path: Sequence[object], data: object) -> list[str]:
    names: list[str] = []
    for part in path:
        data = _element(data, part)
        names.append(str(data["id"] if isinstance(data, Mapping) and "id" in data else part))
    return names


def _element(data: Any, part: Any) -> Any:
    try:
        return data[part]
    except (LookupError, TypeError):
        return None


def _field(model: type[BaseModel], path: Sequence[Any]) -> tuple[type[BaseModel], FieldInfo | None]:
    """Return the model that the end of `path` belongs to, and the innermost field on `path`."""
    owner, field = model, None
    for part in path:
        if isinstance(part, int):
            continue
        if field is not None:
            owner = next(iter(_models(field.annotation)), owner)
        field = owner.model_fields.get(part)
    return owner, field


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for argument in get_args(annotation) for found in _models(argument)]

"""The JSON schema of the matrix file, for editors, made from the records that read it. Checks no file itself."""

from collections.abc import Mapping
from typing import Any

from bert_bundle.host.config.matrix_file import Expectation, Matrix
from bert_bundle.interpreter.known_breakages import RULES

SCHEMA_NAME = "compat_matrix.schema.json"

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_UNUSED = ("title", "examples", "default")  # the examples of a field are lines of YAML


def matrix_schema() -> dict[str, Any]:
    """Return the schema of the file as the user writes it: a mapping from ids to rows, each with one kind of lock."""
    found: dict[str, Any] = _without(Matrix.model_json_schema(), _UNUSED)
    row = found["$defs"]["Environment"]
    identifier = row["properties"].pop("id")
    row["required"] = [key for key in row["required"] if key != "id"]
    row["oneOf"] = [{"required": ["lock"]}, {"required": ["as_of", "packages"]}]
    row["properties"]["packages"]["minItems"] = 1
    found["properties"]["environments"] = {
        "type": "object",
        "description": Matrix.model_fields["environments"].description,
        "minProperties": 1,
        "propertyNames": identifier,
        "additionalProperties": {"$ref": "#/$defs/Environment"},
    }
    exception = found["$defs"][Expectation.__name__]
    exception["properties"]["rule"]["anyOf"][0]["enum"] = [rule.id for rule in RULES]
    exception["required"] = [key for key in exception["required"] if key != "reason"]
    exception["anyOf"] = [{"required": ["reason"]}, {"required": ["rule"]}]
    return {"$schema": _DIALECT, "$id": SCHEMA_NAME, "title": "compat_matrix.yaml of bert-bundle", **found}


def _without(part: Any, names: tuple[str, ...]) -> Any:
    """Return a schema without the annotations `names`; properties of that name stay."""
    if isinstance(part, Mapping):
        kept = {key: value for key, value in part.items() if key not in names or isinstance(value, Mapping)}
        return {key: _without(value, names) for key, value in kept.items()}
    return [_without(value, names) for value in part] if isinstance(part, list) else part

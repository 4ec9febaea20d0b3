"""The published schemas of documents, and whether a document fits its schema."""

import json
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from support.paths import ROOT

SCHEMAS = {path.name: json.loads(path.read_text()) for path in sorted((ROOT / "docs" / "schema").glob("*.json"))}


def validate(name: str, document: dict[str, Any]) -> None:
    """Raise jsonschema.ValidationError for a document that does not fit the schema of this name."""
    registry: Registry[Any] = Registry().with_resources(
        (key, Resource.from_contents(schema)) for key, schema in SCHEMAS.items()
    )
    Draft202012Validator(SCHEMAS[name], registry=registry).validate(document)

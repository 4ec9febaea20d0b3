"""The JSON schema of the matrix file: it accepts what the reader accepts, and refuses what it refuses."""

from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from support.paths import ROOT

from bert_bundle.host.config.matrix_file import FILE_NAME
from bert_bundle.host.config.matrix_schema import matrix_schema


def faults(text: str) -> list[str]:
    """Return what the schema says about YAML as an editor reads it: a date is a text."""
    loaded: Any = yaml.load(text, _WithoutDates)
    return [fault.message for fault in Draft202012Validator(matrix_schema()).iter_errors(loaded)]


class _WithoutDates(yaml.SafeLoader):
    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in found if not tag.endswith("timestamp")]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def test_it_is_a_schema_and_the_matrix_file_of_this_repository_fits() -> None:
    Draft202012Validator.check_schema(matrix_schema())
    assert faults((ROOT / FILE_NAME).read_text("utf-8")) == []


OWN = 'version: 1\nenvironments: {today: {python: "3.11", lock: x.txt, runtime: native}}\n'


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("lock: x.txt, ", "", "is not valid under any of the given schemas"),
        ("lock: x.txt", "lock: x.txt, as_of: 2024-05-15, packages: [a==1]", "valid under each of"),
        ("lock:", "loc:", "'loc' was unexpected"),
        ("today:", "../today:", "does not match"),
        ("native", "jax", "not one of"),
        ("version: 1", "expect: [{environment: a, outcome: drift}]\nversion: 1", "not valid under any"),
        ("version: 1", "expect: [{environment: a, outcome: drift, rule: x}]\nversion: 1", "not valid under any"),
    ],
)
def test_a_fault_is_found(old: str, new: str, words: str) -> None:
    assert faults(OWN) == []
    assert any(words in fault for fault in faults(OWN.replace(old, new, 1)))

"""What an environment lacks of what a classifier needs."""

import dataclasses
from datetime import date
from pathlib import Path

import pytest
from support.made_up_results import made, not_made

from bert_bundle.classifiers import catalogue
from bert_bundle.host.config.matrix_file import Environment
from bert_bundle.host.environments.locks import Lock
from bert_bundle.host.environments.prepare import TemporaryEnvironment
from bert_bundle.host.runs.needs import lacking

NEEDS = {"transformers": ["transformers>=4.25", "tensorflow>=2.6"], "native": []}
PACKAGES = {"tensorflow-cpu": "2.10.1", "transformers": "4.25.1"}


def lacks(changed: dict[str, str | None], runtime: str = "transformers", needs: object = NEEDS) -> str:
    packages = {**PACKAGES, **changed}
    kept = {name: version for name, version in packages.items() if version}
    return lacking({"writers": needs}, "writers", dataclasses.replace(made("a"), runtime=runtime, packages=kept))


@pytest.mark.parametrize(
    ("found", "changed"),
    [
        ("", {}),
        ("", {"transformers": "4.57.6"}),
        ("", {"tensorflow-cpu": None, "tensorflow": "2.21.0"}),
        ("", {"tensorflow-cpu": "2.7.0rc1"}),
        ("needs transformers>=4.25", {"transformers": "4.5.1"}),
        ("needs tensorflow>=2.6", {"tensorflow-cpu": "2.4.4"}),
        ("needs tensorflow>=2.6", {"tensorflow-cpu": None}),
    ],
)
def test_the_first_requirement_that_is_not_met_is_named(found: str, changed: dict[str, str | None]) -> None:
    assert lacks(changed) == found


def test_a_runtime_without_requirements_lacks_nothing_and_one_that_is_not_named_is_said() -> None:
    assert lacks({"tensorflow-cpu": None, "transformers": None}, "native") == ""
    assert lacks({}, "native", {"transformers": []}) == "needs the transformers runtime"


def test_without_needs_or_a_row_or_an_environment_nothing_is_lacking() -> None:
    assert lacks({}, needs=None) == ""
    assert lacks({}, "auto") == ""
    assert lacking({"readers": NEEDS}, "writers", made("a")) == ""
    assert lacking({"writers": NEEDS}, "writers", not_made("a")) == ""


def test_an_environment_that_is_not_made_yet_is_judged_by_its_lock() -> None:
    row = Environment(id="a", python="3.9", as_of=date(2022, 1, 1), packages=("a==1",), runtime="transformers")
    lock = Lock(path=Path("lock"), text="", digest="0" * 64, pins={**PACKAGES, "transformers": "4.5.1"})
    waiting = TemporaryEnvironment(environment=row, lock=lock)
    assert lacking({"writers": NEEDS}, "writers", waiting) == "needs transformers>=4.25"


def test_every_need_of_the_catalogue_can_be_read_and_is_met_somewhere() -> None:
    newest = {"transformers": "4.57.6", "tensorflow-cpu": "2.21.0"}
    for specification in catalogue.specifications():
        for part in ("writers", "readers"):
            runtimes = specification.get(part, {"transformers": []})
            met = [
                lacking(specification, part, dataclasses.replace(made("a"), runtime=runtime, packages=newest))
                for runtime in runtimes
            ]
            assert set(met) == {""}, specification


def test_a_classifier_that_not_every_environment_writes_says_who_reads_it() -> None:
    limited = [s for s in catalogue.specifications() if "writers" in s]
    assert {s["name"] for s in limited if "readers" not in s} == {
        "integer_lookup",
        "category_encoding",
        "discretization",
        "bert_ForMultipleChoice",
    }

"""Tests of tools/grades.py: the table of a real cause for each grade, and the checks of its results."""

import importlib.util
import sys
from types import ModuleType
from typing import Any

import pytest
from support import reader_faults
from support.made_up_results import verdict
from support.paths import ROOT

from bert_bundle.host.config.matrix_file import FILE_NAME, read_matrix
from bert_bundle.host.runs.verdict import MEANING


def _script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("grades", ROOT / "tools" / "grades.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look up the names in annotations there
    spec.loader.exec_module(module)
    return module


GRADES = _script()


def rows(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split(" | ")] for line in table.replace("\n|", "\n").splitlines()[2:]]


def test_every_grade_has_a_cause_in_order_and_no_cause_appears_twice() -> None:
    grades = [cause.grade for cause in GRADES.CAUSES]
    assert list(dict.fromkeys(grades)) == list(MEANING)
    assert grades == sorted(grades, key=list(MEANING).index)
    assert len({cause.what for cause in GRADES.CAUSES}) == len(GRADES.CAUSES)


def test_causes_name_environments_classifiers_and_faults_that_exist() -> None:
    ids = {row.id for row in read_matrix(ROOT / FILE_NAME).environments}
    assert {cause.reader for cause in GRADES.CAUSES} - ids == {GRADES.NOWHERE}
    assert {cause.classifier for cause in GRADES.CAUSES} == set(GRADES.SPECIFICATIONS)
    assert {cause.fault for cause in GRADES.CAUSES} - {""} <= set(reader_faults.FAULTS)


def test_the_page_has_a_row_for_each_cause_with_the_required_result() -> None:
    ((_, table, _),) = GRADES.BLOCK.findall(GRADES.PAGE.read_text("utf-8"))
    found = rows(table)
    assert len(found) == len(GRADES.CAUSES)
    for cause, (grade, what, classifier, reader, double, single, floor, _, layer, reason) in zip(
        GRADES.CAUSES, found, strict=True
    ):
        assert (grade, what, classifier, reader) == (
            f"`{cause.grade}`",
            cause.what,
            cause.classifier,
            f"`{cause.reader}`",
        )
        assert layer == (f"`{cause.layer}`" if cause.layer else "")
        assert reason.removesuffix(" |")
        if cause.hidden:
            assert float(single) <= float(floor)
        if double and "which these predictions hide" not in reason:
            assert (float(double) > 5e-7) == (cause.grade in ("drift", "flip", "retokenized"))


def test_a_row_has_the_figures_of_its_verdict_and_no_path() -> None:
    cause = GRADES.Cause(grade="drift", what="a cause", layer="a layer")
    v = verdict("w", "a", grade="drift", first_layer="a layer", reason="a | b @ /here, wanted: c", labels_changed=2)
    (row,) = rows(GRADES.table([(cause, v, 3.8e-6)]))
    assert row == [
        "`drift`",
        "a cause",
        "float32",
        "`a`",
        "3.1e-15",
        "2.0e-07",
        "3.8e-06",
        "2",
        "`a layer`",
        r"a \| b |",
    ]


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({}, ""),
        ({"grade": "identical"}, "wanted drift, found identical: same function"),
        ({"first_layer": "another"}, "wanted a layer as the first layer, found another"),
        ({"first_layer": None}, "wanted a layer as the first layer, found None"),
        ({"native_difference": 1e-3}, "wanted float32 within 1.0e-04, found 0.001"),
        ({"native_difference": None}, "wanted float32 within 1.0e-04, found None"),
    ],
)
def test_a_cause_with_another_result_is_reported(changed: dict[str, Any], fault: str) -> None:
    cause = GRADES.Cause(grade="drift", what="a cause", layer="a layer", hidden=True)
    v = verdict("w", "a", **{"grade": "drift", "first_layer": "a layer", "native_difference": 1e-4, **changed})
    assert GRADES.missed(cause, v, 1e-4) == fault


def test_a_table_without_some_grade_or_with_a_wrong_result_is_reported() -> None:
    right = [
        (cause, verdict("w", cause.reader, grade=cause.grade, first_layer=cause.layer, native_difference=0.0), 1e-6)
        for cause in GRADES.CAUSES
    ]
    assert GRADES.wrong(right) == []
    assert GRADES.wrong([part for part in right if part[0].grade != "timeout"]) == ["timeout: no cause"]
    cause, _, floor = right[-1]
    other = (cause, verdict("w", cause.reader, grade="crashed", reason="it crashed"), floor)
    assert GRADES.wrong([*right[:-1], other]) == [
        f"{cause.what}: wanted not run, found crashed: it crashed",
        "not run: no cause",
    ]

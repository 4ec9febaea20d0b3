"""Tests of tools/compatibility.py: the page that it makes from the document of a run."""

import json
import runpy
from dataclasses import replace
from pathlib import Path
from typing import Any

from support.made_up_results import made, run, verdict
from support.paths import ROOT

from bert_bundle.host.report.documents import runs
from bert_bundle.host.report.documents.document import document
from bert_bundle.host.runs.needs import LeftOut

PAGE = runpy.run_path(str(ROOT / "tools" / "compatibility.py"))["document"]


def page(*verdicts: Any, left_out: tuple[LeftOut, ...] = ()) -> str:
    found = replace(run(list(verdicts), made("a"), made("b"), made("broken")), left_out=left_out)
    text: str = PAGE(json.loads(document(runs.run(found))))
    return text


def bundle(name: str) -> dict[str, Path]:
    return {"bundle": Path("kept") / name}


def test_the_page_has_a_table_of_grades_a_table_of_spreads_and_the_refusals() -> None:
    refused = {
        "grade": "refused",
        "reason": "known: no TensorFlow (#1); refused: none",
        "float64_difference": None,
        "native_difference": None,
    }
    shown = page(
        verdict("a", "a", grade="bitwise", float64_difference=0.0, **bundle("0-first-token")),
        verdict("a", "b", float64_difference=1.2e-10, **bundle("0-first-token")),
        verdict("a", "broken", labels_changed=None, **refused, **bundle("0-first-token")),
        verdict("a", "a", **bundle("10-siamese")),
        verdict("a", "b", grade="crashed", as_expected=False, float64_difference=None, **bundle("10-siamese")),
        verdict("a", "broken", **refused, **bundle("10-siamese")),
    )
    assert "| writer \\ reader | 1 | 2 |\n| --- | --- | --- |\n| 1 a | ~ | crashed! |\n" in shown
    assert "| 1 a | 14 | 9 |" in shown
    assert "| broken | no TensorFlow (#1) |" in shown
    assert "Classifiers: first-token, siamese." in shown
    assert "5 of 6 cells as expected, 1 not as expected, 0 not run." in shown
    assert "The largest is 1.2e-10." in shown


def test_what_a_classifier_needs_is_a_table_and_not_the_grade_of_a_pair() -> None:
    refused = {"grade": "refused", "reason": "known: needs tensorflow; refused: none", "float64_difference": None}
    shown = page(
        verdict("a", "b", **bundle("0-pooler")),
        verdict("a", "b", **refused, **bundle("1-hashing")),
        verdict("b", "b", **bundle("0-pooler")),
        left_out=(LeftOut(bundle=Path("kept/1-hashing"), writer="b", needs="needs tensorflow", cells=1),),
    )
    assert "| 1 a | ~ |\n| 2 b | ~ |\n" in shown
    assert "| tensorflow | hashing | not written in | 2 | 1 |\n| tensorflow | hashing | refused in | 2 | 1 |" in shown
    assert "Refused, as expected" not in shown


def test_a_page_without_refusals_does_not_list_them() -> None:
    shown = page(verdict("a", "a", **bundle("0-first-token")))
    assert "Refused" not in shown
    assert "need more" not in shown

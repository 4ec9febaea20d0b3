"""JUnit XML, parsed back by the standard library and checked against what Jenkins, GitHub and GitLab need."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from support.made_up_results import FAILED, NOT_ASKED, NOT_RUN, PASSED, audit, gated, made, not_made, run, verdict

from bert_bundle.errors import FormatError
from bert_bundle.host.report import junit
from bert_bundle.host.report.reports import AuditReport, GateReport
from bert_bundle.host.runs.run import Run
from bert_bundle.host.runs.verdict import MEANING, CellGrade

HOSTILE = "]]>&<evil a='\"'>\x00\x1b[31m\r\n\t\ud800\ufffe\uffff\x85\u2028😀é"
SHOWN = "]]>&<evil a='\"'>\\x00\\x1b[31m\\r\\n\\t\\ud800\\ufffe\\uffff\\x85\\u2028😀é"
COUNTS = ("tests", "failures", "errors")
ENDS = {"failure": "failures", "error": "errors"}


def reported(found: Run) -> AuditReport:
    return AuditReport(run=found)


def parsed(text: str) -> ElementTree.Element:
    """Return the document, once it is of the shape that readers of JUnit XML share."""
    root = ElementTree.fromstring(text.encode("utf-8"))
    assert list(faults(root)) == []
    return root


def faults(root: ElementTree.Element) -> Iterator[str]:
    """Yield what contradicts the XSDs of Ant's JUnit task and Jenkins' xUnit plugin, and counts that are wrong."""
    suites = root.findall("testsuite")
    if root.tag != "testsuites" or len(suites) != len(root):
        yield "not a testsuites of testsuite"
    for part in (root, *suites):
        if (
            set(part.attrib) - (set() if part is root else {"skipped"}) != {"name", "time", *COUNTS}
            or not part.attrib["name"]
        ):
            yield f"{part.tag}: has other attributes"
    for name in COUNTS:
        if sum(int(suite.attrib[name]) for suite in suites) != int(root.attrib[name]):
            yield f"{name} of the suites are not those of the whole"
    names: list[tuple[str, str]] = []
    for suite in suites:
        cases = suite.findall("testcase")
        if [part.tag for part in suite] != ["properties"] * (suite.find("properties") is not None) + ["testcase"] * len(
            cases
        ):
            yield f"{suite.get('name')}: properties, then cases"
        counted = {"tests": len(cases), "failures": 0, "errors": 0}
        for case in cases:
            names.append((case.attrib["classname"], case.attrib["name"]))
            if not float(case.attrib["time"]) >= 0 or [part.tag for part in case] not in (
                ["failure"], ["error"], ["system-out"],
            ):  # fmt: skip
                yield f"{case.get('name')}: a time, and one end"
            for part in case:
                if part.tag in ENDS:
                    counted[ENDS[part.tag]] += 1
                    if not part.get("message") or not part.get("type") or not part.text:
                        yield f"{case.get('name')}: an end without words"
        if {name: int(suite.attrib[name]) for name in COUNTS} != counted or not float(suite.attrib["time"]) >= 0:
            yield f"{suite.get('name')}: its counts are not those of its cases"
    if len(set(names)) != len(names):
        yield "two cases of one class and one name: the second would be ignored"


def test_a_document_of_another_shape_is_found() -> None:
    whole = junit.audit(reported(audit()))
    for old, new, fault in (
        ('" time="61.7"', '" skipped="0" time="61.7"', "testsuites: has other attributes"),
        ('failures="1"', 'failures="2"', "failures of the suites are not those of the whole"),
        ('<testsuite name="tf2.6-hf4.25-py3.9" tests="1"', '<testsuite name="a" tests="0"', "tests of the suites are"),
        ('type="drift"', 'type=""', "router in tf2.13-hf4.25-py3.9: an end without words"),
        ("router in tf2.15-hf4.25-py3.9", "router in tf2.6-hf4.25-py3.9", "two cases of one class and one name"),
    ):
        assert old in whole
        found = next(faults(ElementTree.fromstring(whole.replace(old, new, 1).encode())))
        assert found.startswith(fault)


def test_a_reader_is_a_suite_with_its_versions_and_its_lock() -> None:
    suites = parsed(junit.audit(reported(audit()))).findall("testsuite")
    assert [suite.get("name") for suite in suites] == [f"tf2.{n}-hf4.25-py3.9" for n in (6, 10, 13, 15, 18, 21)]
    assert {p.get("name"): p.get("value") for p in suites[0].iter("property")} == {
        "python": "3.9.18",
        "lock": "0" * 64,
        "package tensorflow-cpu": "2.10.1",
        "package transformers": "4.25.1",
    }


def test_a_cell_is_a_case_of_its_writer_and_what_is_not_as_expected_fails_with_its_figures() -> None:
    suite = parsed(junit.audit(reported(audit()))).findall("testsuite")[2]
    (case,) = suite.findall("testcase")
    assert (case.get("classname"), case.get("name"), case.get("time")) == (
        "tf2.10.1-hf4.25.1-py3.9", "router in tf2.13-hf4.25-py3.9", "12.34",
    )  # fmt: skip
    failure = case.find("failure")
    assert failure is not None
    assert (failure.get("type"), failure.get("message")) == ("drift", "drift: the function changed")
    assert (failure.text or "").splitlines()[1:] == [
        "bundle: models/router",
        "writer: tf2.10.1-hf4.25.1-py3.9",
        "reader: tf2.13-hf4.25-py3.9",
        "float64: 2.4e-04",
        "float32: 2.0e-07",
        "labels changed: 0",
        "first layer that differs: encoder/layer_3/intermediate",
    ]


def test_a_known_exception_passes_and_says_why() -> None:
    known = verdict("w", "a", grade="refused", reason="known: no TensorFlow; refused: none", float64_difference=None)
    root = parsed(junit.audit(reported(run([known], made("a")))))
    assert (root.get("failures"), root.get("errors")) == ("0", "0")
    assert (root.findtext(".//system-out") or "").startswith("refused: known: no TensorFlow; refused: none\n")


@pytest.mark.parametrize("grade", MEANING)
def test_every_grade_that_is_not_expected_ends_badly_and_none_is_skipped(grade: CellGrade) -> None:
    found = run([verdict("w", "a", grade=grade, as_expected=False, reason="")], made("a"))
    root = parsed(junit.audit(reported(found)))
    tag = "error" if grade in ("crashed", "timeout", "not run") else "failure"
    (end,) = root.iter(tag)
    assert (end.get("type"), end.get("message")) == (grade, f"{grade}: {MEANING[grade]}")
    assert root.find(".//skipped") is None


def test_an_environment_that_could_not_be_made_is_an_error_beside_its_cells() -> None:
    cell = verdict(
        "w", "a", grade="not run", as_expected=False, reason="no reader: no interpreter", float64_difference=None
    )
    root = parsed(junit.audit(reported(run([cell], not_made("a"), not_made("never asked to read")))))
    assert [(case.get("classname"), case.get("name")) for case in root.iter("testcase")] == [
        ("a", "the environment"), ("w", "router in a"), ("never asked to read", "the environment"),
    ]  # fmt: skip
    assert (root.get("tests"), root.get("errors")) == ("3", "3")
    assert [end.get("type") for end in root.iter("error")] == [
        "EnvironmentNotMadeError", "not run", "EnvironmentNotMadeError",
    ]  # fmt: skip


def test_cells_of_many_bundles_writers_and_readers_have_a_name_each() -> None:
    names = ("a", "b")
    cells = [verdict(w, r, bundle=Path(w, n)) for w in names for r in names for n in ("0-first", "1-second")]
    assert parsed(junit.audit(reported(run(cells, *map(made, names))))).get("tests") == "8"


@pytest.mark.parametrize("field", ["writer", "reader", "reason", "first_layer", "bundle"])
@pytest.mark.parametrize("as_expected", [True, False])
def test_text_that_xml_cannot_hold_is_escaped_and_comes_back_whole(field: str, as_expected: bool) -> None:
    hostile: Any = Path(HOSTILE) if field == "bundle" else HOSTILE
    parts = {"writer": "w", "reader": "a", "grade": "drift", "as_expected": as_expected, field: hostile}
    cell = verdict(**parts)
    place = dataclasses.replace(made(cell.reader), packages={HOSTILE: HOSTILE})
    root = parsed(junit.audit(reported(run([cell], place))))
    said = [*root.itertext(), *(value for part in root.iter() for value in part.attrib.values())]
    assert sum(SHOWN in text for text in said) >= 3
    assert "evil" not in {part.tag for part in root.iter()}


def test_a_reason_is_not_cut_where_a_terminal_would_be() -> None:
    root = parsed(junit.audit(reported(run([verdict("w", "a", reason="x" * 1000, as_expected=False)], made("a")))))
    assert "x" * 1000 in (root.findtext(".//failure") or "")


def test_an_error_is_a_case_that_is_an_error() -> None:
    root = parsed(junit.error(FormatError("no \x00 bundle", place="a\ud800", wanted="w", found="f", fix="x")))
    (end,) = root.iter("error")
    assert (end.get("type"), end.get("message")) == ("FormatError", "no \\x00 bundle")
    assert end.text == "no \\x00 bundle @ a\\ud800\n  wanted: w\n  found: f\n  fix: x\n"


def test_a_gate_is_a_suite_of_its_checks_before_those_of_its_audit() -> None:
    found = gated(FAILED, PASSED, NOT_RUN, NOT_ASKED, found=run([verdict("w", "a")], made("a")))
    root = parsed(junit.gate(GateReport(gate=found, decision_file=Path("verdict.json"))))
    checks, reader = root.findall("testsuite")
    assert (checks.get("name"), reader.get("name")) == ("new", "a")
    ends = {case.attrib["name"]: [part.tag for part in case] for case in checks.findall("testcase")}
    assert ends == {"behaviour": ["failure"], "size": ["system-out"], "load": ["error"], "card": ["system-out"]}
    properties = {p.get("name"): p.get("value") for p in checks.findall("properties/property")}
    assert properties == {"decision": "refused", "candidate": found.candidate.manifest.digest}

"""The documents that programs read, checked against the published schemas."""

import dataclasses
import json
from pathlib import Path
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator
from support.made_up_results import (
    FAILED,
    NOT_ASKED,
    NOT_RUN,
    PASSED,
    audit,
    bisection,
    gated,
    made,
    run,
    upgraded,
    verdict,
)
from support.schemas import SCHEMAS, validate

from bert_bundle.errors import FormatError
from bert_bundle.format import strict_json
from bert_bundle.host.config.matrix_file import Environment
from bert_bundle.host.diff import Comparison, Difference
from bert_bundle.host.environments.doctor import Diagnosis, Finding
from bert_bundle.host.environments.locks import Lock
from bert_bundle.host.gate.checks import CheckName, Status
from bert_bundle.host.gate.gate import Decision
from bert_bundle.host.gate.label_changes import Kind
from bert_bundle.host.report.documents import bundles, environments, gate, runs
from bert_bundle.host.report.documents.document import document as as_text
from bert_bundle.host.report.documents.document import error as error_document
from bert_bundle.host.report.reports import DemoReport
from bert_bundle.host.report.results import PulledBundle, PushedBundle, Requirement, RescuedBundle, WrittenCard
from bert_bundle.host.runs.verdict import CellGrade
from bert_bundle.keras_files.stored_model import KINDS
from bert_bundle.rescuing.description import Description


def fits(name: str, record: dict[str, Any]) -> dict[str, Any]:
    """Return the document read back, when it fits its schema."""
    document: dict[str, Any] = json.loads(as_text(record), parse_constant=_refuse)
    validate(name, document)
    return document


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=list(SCHEMAS))
def test_a_published_schema_is_a_schema(schema: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=list(SCHEMAS))
def test_every_object_of_a_schema_lists_its_keys_and_allows_no_others(schema: dict[str, Any]) -> None:
    def objects(part: Any) -> Any:
        if isinstance(part, dict):
            if "properties" in part and part.get("type") == "object":
                yield part
            for value in part.values():
                yield from objects(value)

    for found in objects(schema):
        assert found["additionalProperties"] is False
        assert found["required"] == list(found["properties"])


@pytest.mark.parametrize("witness", [None, {"name": "the reference", "float32": 1e-7, "float64": None}])
def test_a_rescued_bundle_is_a_document(witness: dict[str, Any] | None) -> None:
    found = RescuedBundle(
        source=Path("model.h5"),
        kind="h5",
        versions={"keras": "2.10.0"},
        bundle=Path("router"),
        environment="tf2.10-hf4.25-py3.9",
        digest="0" * 64,
        findings=["my_encoder: frozen when it was saved: bert.pooler"],
        witness=witness,
    )
    assert fits("rescue.json", bundles.rescued(found))["witness"] == witness


@pytest.mark.parametrize(("frozen", "proof"), [(None, ""), (("my_encoder",), "the file's own serving function")])
def test_a_model_that_is_not_a_bundle_is_a_document(frozen: tuple[str, ...] | None, proof: str) -> None:
    found = Description(
        path="model",
        kind="saved_model",
        versions={"tensorflow": "2.10.1"},
        encoders={"my_encoder": "BertModel"},
        tensors=41,
        parameters=6370,
        frozen=frozen,
        config=None,
        tokenizer="classifier",
        needs={"--config DIR": "an encoder that was saved without its configuration"},
        proof=proof,
        findings=("my_encoder: frozen",),
        refused="",
        command="bert-bundle rescue model --config DIR -o BUNDLE",
    )
    document = fits("old_model.json", bundles.old_model(found))
    assert document["frozen"] == (list(frozen) if frozen else None)


def test_the_schemas_know_every_kind_of_stored_model() -> None:
    for name in ("old_model.json", "rescue.json"):
        assert sorted(SCHEMAS[name]["properties"]["kind"]["enum"]) == sorted(KINDS)


def test_the_schema_knows_every_grade() -> None:
    assert SCHEMAS["run.json"]["$defs"]["verdict"]["properties"]["grade"]["enum"] == list(get_args(CellGrade))


def test_a_run_is_a_document_with_summary_and_verdicts() -> None:
    document = fits("run.json", runs.run(audit()))
    assert document["summary"] == {
        "cells": 6,
        "as_expected": 4,
        "unexpected": 1,
        "not_run": 1,
        "replays": 5,
        "remembered": 0,
        "seconds": 41.4,
    }
    assert document["verdicts"][2] == {
        "bundle": "models/router",
        "writer": "tf2.10.1-hf4.25.1-py3.9",
        "reader": "tf2.13-hf4.25-py3.9",
        "grade": "drift",
        "as_expected": False,
        "reason": "the function changed",
        "double": 2.4e-4,
        "single": 2e-7,
        "labels_changed": 0,
        "first_layer": "encoder/layer_3/intermediate",
        "accuracy": None,
        "seconds": 12.34,
        "shares": None,
        "remembered": False,
    }
    assert document["disk"] == 0
    assert document["environments"][4]["error"]["class"] == "EnvironmentNotMadeError"
    assert document["environments"][0]["packages"]["tensorflow-cpu"] == "2.10.1"


def test_the_spread_of_a_run_is_the_largest_of_each_pair_and_of_all() -> None:
    doubles = [("a", "a", 0.0), ("a", "b", 1e-10), ("a", "b", 2e-10), ("b", "b", None)]
    document = fits(
        "run.json", runs.run(run([verdict(w, r, float64_difference=d) for w, r, d in doubles], made("a"), made("b")))
    )
    pairs = [{"writer": "a", "reader": "a", "double": 0.0}, {"writer": "a", "reader": "b", "double": 2e-10}]
    assert document["spread"] == {"largest": 2e-10, "pairs": pairs}
    assert (
        fits("run.json", runs.run(run([verdict("a", "a", float64_difference=None)], made("a"))))["spread"]["largest"]
        is None
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_figure_that_is_not_finite_is_null(value: float) -> None:
    document = fits("verify.json", runs.verification(verdict("w", "a", float64_difference=value)))
    assert document["double"] is None


def test_a_demo_is_a_run_with_its_bundle_and_accuracy() -> None:
    found = run([verdict("w", "a")], made("a"))
    report = DemoReport(bundle=Path("demo"), trainer="a", accuracy=0.875, verification=found.verdicts[0], run=found)
    document = fits("demo.json", runs.demo(report))
    assert (document["bundle"], document["accuracy"]) == ("demo", 0.875)


def test_an_error_has_its_six_parts() -> None:
    document = fits("error.json", error_document(FormatError("no", place="p", wanted="w", found="f", fix="x")))
    assert document["error"] == {
        "class": "FormatError", "message": "no", "place": "p", "wanted": "w", "found": "f", "fix": "x",
    }  # fmt: skip


def test_a_comparison_fits_its_schema() -> None:
    changes = (
        Difference(part="weights", place="w", a="float32 (2,)", b="", by=float("inf")),
        Difference(part="writer", place="/python", a="3.8", b="3.9"),
    )
    found = Comparison(
        a=Path("a"), b=Path("b"), tensors=2, tensors_equal=1, examples=3, labels_changed=0, changes=changes
    )
    document = fits("diff.json", bundles.comparison(found))
    assert (document["same"], document["changes"][0]["by"]) == (False, None)


def test_an_upgrade_is_in_the_document_of_its_run() -> None:
    (upgrade,) = fits("run.json", runs.run(upgraded()))["upgrades"]
    assert upgrade == {
        "id": "with-numpy-2.0.2",
        "source": "tf2.18",
        "instead_of": "tf2.16",
        "asked": ["numpy==2.0.2"],
        "package_changes": [
            {"package": "h5py", "before": "3.10", "after": "3.11"}, {"package": "new", "before": None, "after": "1"}
        ],
        "notes": ["a is taken as b"],
        "as_of": "2025-04-01",
    }  # fmt: skip
    assert fits("run.json", runs.run(audit()))["upgrades"] == []


def test_a_bisection_fits_its_schema() -> None:
    document = fits("bisect.json", runs.bisection(bisection()))
    ((culprit,),) = document["culprits"]
    assert [change["package"] for change in culprit["changes"]] == ["tensorflow-cpu", "tf-keras"]
    assert culprit["needs"] == ["numpy"]
    assert (document["found"], document["environments"], document["changes"]) == (True, 5, 4)
    assert (document["release"]["last_good"], document["release"]["first_bad"]) == ("2.18.1", "2.19.0")
    lost = fits("bisect.json", runs.bisection(bisection(release=None, exact=False)))
    assert (lost["found"], lost["release"]) == (False, None)


def test_a_checkup_fits_its_schema() -> None:
    finding = Finding(runtime="native", rule="numpy-2", why="w", found="numpy 2.0", fix="f", see="s")
    checkups = [
        Diagnosis(id="a", asked=("native",), works=(), findings=(finding,), known="known"),
        Diagnosis(id="b", asked=("native",), works=("native",), findings=()),
        Diagnosis(id="c", asked=("native",), works=(), findings=(finding,)),
    ]
    found = fits("doctor.json", environments.doctor(checkups))["environments"]
    assert [checkup["as_expected"] for checkup in found] == [True, True, False]
    assert found[0]["findings"] == [dataclasses.asdict(finding)]


def test_a_gate_fits_its_schema_in_canonical_form() -> None:
    found = gated(FAILED, PASSED, NOT_RUN, NOT_ASKED, changes=2)
    document = fits("gate.json", gate.gate(found))
    assert (document["decision"], document["candidate"]) == ("refused", found.candidate.manifest.digest)
    assert [check["status"] for check in document["checks"]] == ["failed", "passed", "not run", "not asked for"]
    assert [change["kind"] for change in document["changes"]] == ["broke"] * 2
    assert as_text(gate.gate(found)).encode() == strict_json.canonical(gate.gate(found))
    assert fits("gate.json", gate.gate(gated(PASSED, baseline=None)))["baseline"] is None


def test_what_could_not_be_made_is_told_without_what_is_on_this_machine() -> None:
    document = gate.gate(gated(PASSED))
    (unmade,) = (place for place in document["environments"] if place["error"])
    (grade,) = (grade for grade in document["grades"] if grade["grade"] == "not run")
    assert (unmade["error"], grade["reason"]) == ("no interpreter", f"{unmade['id']} could not be made: no interpreter")


def test_the_schema_knows_every_word_of_a_gate() -> None:
    parts = SCHEMAS["gate.json"]["$defs"]
    check = parts["check"]["properties"]
    assert check["status"]["enum"] == list(get_args(Status))
    assert check["name"]["enum"] == list(get_args(CheckName))
    assert parts["label_change"]["properties"]["kind"]["enum"] == list(get_args(Kind))
    assert SCHEMAS["gate.json"]["properties"]["decision"]["enum"] == list(get_args(Decision))


def required(objection: str) -> Requirement:
    return Requirement(decision_file=Path("v.json"), candidate="0" * 64, objection=objection)


def test_what_a_deploy_step_asks_fits_its_schema() -> None:
    assert fits("require.json", gate.requirement(required("")))["ships"] is True
    assert fits("require.json", gate.requirement(required("another bundle")))["ships"] is False


def test_environments_and_locks_fit_their_schemas() -> None:
    row = Environment.model_validate_json(
        '{"id": "tf2.10", "python": "3.9", "as_of": "2022-12-15", "packages": ["transformers==4.25.1"],'
        ' "runtime": "transformers", "groups": ["ci"]}'
    )
    lock = Lock(path=Path("locks/tf2.10.txt"), text="", digest="0" * 64, pins={"numpy": "1.23.5"})
    assert fits("environments.json", environments.environments([(row, True)]))["environments"][0]["locked"]
    assert fits("locks.json", environments.locks([(row, lock)]))["locks"][0]["packages"] == 1


def test_what_travels_fits_its_schemas() -> None:
    place, digest = "hf://me/router@" + "0" * 40, "0" * 64
    pushed = PushedBundle(bundle=Path("router"), address=place, digest=digest, removed=["tokenizer/vocab.txt"])
    assert fits("push.json", bundles.pushed(pushed))["bundle"] == "router"
    pulled = PulledBundle(address=place + "/models", bundle=Path("router"), digest=digest)
    assert fits("pull.json", bundles.pulled(pulled))["address"].endswith("/models")
    card = WrittenCard(bundle=Path("router"), digest=digest, card="# Router", written=False)
    assert fits("card.json", bundles.card(card))["written"] is False


@pytest.mark.parametrize("text", ["é", "日本語", "\x1b[31m", '"\\', "\u2028"])
def test_any_text_survives(text: str) -> None:
    assert fits("verify.json", runs.verification(verdict(text, "a")))["writer"] == text


def test_a_text_that_is_no_unicode_is_escaped() -> None:
    document = as_text(runs.verification(verdict("\ud800", "a")))
    assert document.encode("utf-8")
    assert json.loads(document)["writer"] == "\ud800"


def test_a_bisection_that_was_interrupted_has_no_culprit_yet() -> None:
    cut_short = bisection(culprits=(), needed=(), release=None, interrupted=True)
    document = fits("bisect.json", runs.bisection(cut_short))
    assert (document["interrupted"], document["found"], document["culprits"]) == (True, False, [])

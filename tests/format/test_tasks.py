"""The fields `task`, `scores` and `labels` of an output in the manifest: everything else is refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.bundle_files import read_golden

from bert_bundle import errors
from bert_bundle.format import golden as goldens
from bert_bundle.format.manifest import File, Manifest
from bert_bundle.format.tasks import TASKS, Task, checked

PLAIN: dict[str, Any] = {"name": "p", "dtype": "float32", "shape": [3]}
FIELDS: dict[str, Any] = {
    "writer": {}, "runtime": "native", "labels": (), "tokenizer": {}, "encoders": {}, "proof": {}, "metadata": {},
    "files": {"graph.json": File(0, "0" * 64)},
}  # fmt: skip


def manifest(**fields: Any) -> Manifest:
    output: Any = {**PLAIN, **fields}
    return Manifest(signature={"inputs": [], "outputs": [output]}, **FIELDS)


def test_a_task_and_labels_of_an_output_come_back() -> None:
    written = manifest(task="multilabel", scores="logits", labels=["a", "b", "c"])
    read = Manifest.parse(written.to_bytes())
    assert read.tasks == {"p": Task("multilabel", "logits")}
    assert read.labels_of("p") == ("a", "b", "c")
    assert read.labels_of("q") == ()
    assert read.all_labels == ["p: a", "p: b", "p: c"]
    assert manifest().tasks == manifest().output_labels == {}


UNKNOWN: list[Any] = ["sentiment", "Classes", None, 1, [], {}, ["tokens"]]
NOT_SCORES: list[Any] = ["values", "percent", None, 1, []]
NOT_OF_SPANS: list[Any] = [[3, 2], None, "3", [3.0], ["3"], [True]]
NOT_LABELS: list[Any] = [[], "abc", ["a", 1], ["a", "a"], None, {}, [["a"]]]
WRONG: list[tuple[str, dict[str, Any]]] = [
    *(("task", {"task": task, "scores": "logits"}) for task in UNKNOWN),
    *(("scores", {"task": "multilabel", "scores": scores}) for scores in NOT_SCORES),
    ("scores", {"task": "regression", "scores": "logits"}),
    ("scores", {"task": "multilabel"}),
    ("task", {"scores": "logits"}),
    *(("task", {"task": task, "scores": "logits", "shape": [3]}) for task in ("binary", "tokens")),
    *(("task", {"task": "spans", "scores": "logits", "shape": shape}) for shape in NOT_OF_SPANS),
    *(("labels", {"labels": names}) for names in NOT_LABELS),
]


@pytest.mark.parametrize(("place", "fields"), WRONG)
def test_a_forged_field_is_refused_with_its_place(place: str, fields: dict[str, Any]) -> None:
    with pytest.raises(errors.FormatError, match="the manifest is malformed") as caught:
        Manifest.parse(manifest(**fields).to_bytes())
    assert caught.value.place == "bundle.json#/signature/outputs/0/" + place


@pytest.mark.parametrize("outputs", [None, 5, "p", {}, [1, None, "p"], [{"task": "x"}], [{"name": 1, "task": "x"}]])
def test_outputs_without_names_have_no_tasks(outputs: Any) -> None:
    assert checked(outputs) == {}


def test_a_task_fits_some_shapes() -> None:
    fitting = {name: [s for s in ((), (1,), (3,), (5, 3), (5, 1)) if Task(name, "logits").fits(s)] for name in TASKS}
    assert fitting == {
        "classes": [(3,), (5, 3)],
        "multilabel": [(1,), (3,), (5, 3), (5, 1)],
        "binary": [(), (1,), (5, 1)],
        "tokens": [(5, 3)],
        "spans": [(1,), (3,)],
        "regression": [(), (1,), (3,), (5, 3), (5, 1)],
    }


def test_a_golden_whose_outputs_do_not_fit_their_tasks_is_refused(classic_bundle: Path) -> None:
    golden = read_golden(str(classic_bundle))
    for tasks in ({"probabilities": Task("tokens", "logits")}, {"other": Task("classes", "logits")}):
        with pytest.raises(errors.FormatError, match="an output does not fit its task"):
            goldens._check(replace(golden, tasks=tasks))

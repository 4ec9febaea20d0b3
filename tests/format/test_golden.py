"""The golden: read from verified bytes, its parts checked against each other, and refused when malformed."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.bundle_files import read_golden
from support.forged_bundles import Change, drop, edit, put, retensor, rewrite, small

from bert_bundle.errors import FormatError, IntegrityError
from bert_bundle.format import golden as goldens
from bert_bundle.format import layout, strict_json
from bert_bundle.format.files import sha256
from bert_bundle.format.golden import Golden, from_bundle
from bert_bundle.format.open_bundle import open_bundle


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return small(tmp_path / "home" / "bundle")


def test_a_golden_comes_back_from_its_files(bundle: Path) -> None:
    golden = read_golden(str(bundle))
    again = goldens.to_files(golden)
    assert again == {path: (bundle / path).read_bytes() for path in again}
    assert golden.examples == 3
    assert golden.texts == {"text": ["one", "two", "seed 0"]}
    assert golden.predictions["probabilities"].dtype == np.float32
    assert golden.answers is not None
    assert golden.answers.tolist() == [1, 1, 0]


def test_features_that_are_strings_come_back_from_json(bundle: Path) -> None:
    golden = read_golden(str(bundle))
    cities = np.array([["paris", "a"], ["", "東京"], ["rome", "b"]])
    for path, data in goldens.to_files(Golden(**{**vars(golden), "features": {"city": cities}})).items():
        rewrite(bundle, path, data)
    found = read_golden(str(bundle)).features["city"]
    assert found.tolist() == cities.tolist()
    assert found.dtype.kind == "U"


@pytest.mark.parametrize(
    "rows", [[["a"], ["b"]], [["a"], ["b"], 5], [["a"], ["b"], ["c", "d"]], [[1], [2], [3]], {}, ["a\0"]]
)
def test_strings_that_no_save_writes_are_refused(bundle: Path, rows: Any) -> None:
    inputs = strict_json.parse((bundle / layout.GOLDEN_INPUTS).read_bytes(), layout.GOLDEN_INPUTS)
    rewrite(bundle, layout.GOLDEN_INPUTS, strict_json.canonical({**inputs, "strings": {"city": rows}}))
    with pytest.raises(FormatError, match=r"malformed|differ in length"):
        read_golden(str(bundle))


def test_nan_and_infinity_in_fingerprints_are_read_back_as_nan(bundle: Path) -> None:
    golden = read_golden(str(bundle))
    odd = Golden(**{**vars(golden), "layers": (("a", (1.5, float("nan"), float("inf"))),)})
    for path, data in goldens.to_files(odd).items():
        rewrite(bundle, path, data)
    ((name, values),) = read_golden(str(bundle)).layers
    assert name == "a"
    assert np.isnan(values[1:]).all()


def test_the_bytes_of_a_golden_are_verified(bundle: Path) -> None:
    facts = bundle / layout.GOLDEN_FACTS
    facts.write_bytes(facts.read_bytes().replace(b"32", b"16"))
    with pytest.raises(IntegrityError, match="a file is not what was written"):
        read_golden(str(bundle))


WRONG: dict[tuple[str, str], list[Any]] = {
    (layout.GOLDEN_INPUTS, "texts"): [
        None, [], {"text": 5}, {"text": "one"}, {"text": [1, 2, 3]}, {"text": [["a"], "b", "c"]},
        {"text": [["a", 1], "b", "c"]}, {"text": {"0": "a"}},
    ],
    (layout.GOLDEN_INPUTS, "answers"): [
        "no", {}, ["no", "yes", "no"], [1.5, 0, 0], [True, False, True], [-1, 0, 0], [[0], [0], [0]], [2**70, 0, 0],
    ],
    (layout.GOLDEN_FACTS, "noise"): [
        None, [], *({"probabilities": value} for value in ("1e-6", None, -1, [1e-6], True, 10**400)),
    ],
    (layout.GOLDEN_FACTS, "layers"): [
        None, {}, [1], ["ab"], [["a"]], [["a", 1.0]], [["a", ["x"]]], [[1, [1.0]]], [["a", [[1.0]]]], [["a", [1.0], 2]],
    ],
    (layout.GOLDEN_FACTS, "measured"): [None, [], {"float64": 1e-7}, {"float64": {"probabilities": -1}}],
    (layout.GOLDEN_FACTS, "architecture"): [None, [], {"graph.json": 5}],
    (layout.GOLDEN_FACTS, "labels"): [None, {}, "no, yes", [1, 2]],
    (layout.GOLDEN_FACTS, "inputs"): [
        None, {}, ["ids"], [["ids", "input_ids", "int32"]], [["ids", "input_ids", "int32", 2]],
        [["ids", "input_ids", "int32", ["2"]]], [[1, "input_ids", "int32", [2]]], [["ids", "x", "int32", [True]]],
    ],
    (layout.GOLDEN_FACTS, "alike"): [None, {}, [["a"]], [["a", "b", "c"]], [["a", 1]], ["ab"]],
    (layout.GOLDEN_FACTS, "batch"): ["32", None, [32]],
}  # fmt: skip
DOCUMENTS: list[tuple[str, str, Change]] = [
    *((path, "#/" + field, put(field, value)) for (path, field), values in WRONG.items() for value in values),
    (layout.GOLDEN_FACTS, "", drop("recipe")),
    (layout.GOLDEN_FACTS, "", put("code", "import os")),
    (layout.GOLDEN_INPUTS, "", drop("answers")),
]


@pytest.mark.parametrize(("path", "place", "change"), DOCUMENTS)
def test_a_forged_document_is_malformed(bundle: Path, path: str, place: str, change: Change) -> None:
    edit(bundle, path, change)
    with pytest.raises(FormatError, match="malformed") as caught:
        read_golden(str(bundle))
    assert caught.value.place == path + place


TENSORS: list[tuple[str, Change]] = [
    ("outputs of the golden do not match each other", drop("single/probabilities")),
    ("outputs of the golden do not match each other", drop("double/probabilities")),
    ("outputs of the golden do not match each other", put("single/more", np.zeros((3, 2), "<f4"))),
    ("columns of the golden differ in length", put("single/probabilities", np.zeros((2, 2), "<f4"))),
    ("columns of the golden differ in length", put("token_ids/input_ids", np.zeros((4, 2), "<i4"))),
    ("columns of the golden differ in length", put("features/age", np.zeros((2, 1), "<f4"))),
    ("a column of the golden has no rows", put("features/age", np.array(1.0, "<f4"))),
    ("a column of the golden has no rows", put("single/probabilities", np.array(1.0, "<f4"))),
    ("an output has different shapes in its two precisions", put("double/probabilities", np.zeros((3, 4), "<f8"))),
    ("a tensor that goldens do not have", put("code/x", np.zeros(3, "<f4"))),
    ("a tensor that goldens do not have", put("x", np.zeros(3, "<f4"))),
]


@pytest.mark.parametrize(("message", "change"), TENSORS)
def test_columns_that_do_not_fit_each_other_are_refused(bundle: Path, message: str, change: Change) -> None:
    retensor(bundle, layout.GOLDEN_TENSORS, change)
    with pytest.raises(FormatError, match=message) as caught:
        read_golden(str(bundle))
    assert caught.value.place.startswith(layout.GOLDEN)


def test_a_golden_without_examples_proves_nothing_and_is_refused(bundle: Path) -> None:
    golden = copy.deepcopy(read_golden(str(bundle)))
    empty = {
        kind: {name: array[:0] for name, array in getattr(golden, kind).items()}
        for kind in ("token_ids", "predictions", "float64_predictions")
    }
    for path, data in goldens.to_files(
        Golden(**{**vars(golden), **empty, "texts": {"text": []}, "answers": None})
    ).items():
        rewrite(bundle, path, data)
    with pytest.raises(FormatError, match="columns of the golden differ in length"):
        read_golden(str(bundle))


def test_answers_fit_the_examples(bundle: Path) -> None:
    edit(bundle, layout.GOLDEN_INPUTS, put("answers", [0, 1]))
    with pytest.raises(FormatError, match="columns of the golden differ in length") as caught:
        read_golden(str(bundle))
    assert caught.value.found == "[2, 3]"


def test_the_contract_is_the_digests_of_graph_and_configurations_the_labels_and_every_input(
    classic_bundle: Path,
) -> None:
    bundle = open_bundle(str(classic_bundle))
    paths = ["graph.json", "encoders/bert_encoder/config.json"]
    golden = from_bundle(bundle)
    assert golden.architecture == {path: sha256(bundle.read(path)) for path in paths}
    assert golden.labels == bundle.manifest.labels
    assert golden.inputs == (
        ("input_ids", "input_ids", "int32", (16,)),
        ("attention_mask", "attention_mask", "int32", (16,)),
        ("numerical_features", "feature", "float32", (10,)),
    )
    assert golden.interchangeable == ()

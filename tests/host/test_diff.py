"""What differs between two bundles: each planted difference is found in its part, at its place, and no other is."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.bundle_files import read_golden
from support.forged_bundles import drop, edit, put, resign, retensor, vocabulary_swapped

from bert_bundle.errors import IntegrityError
from bert_bundle.host.cli import main
from bert_bundle.host.diff import Comparison, Difference, compare

CONFIG = "encoders/bert_encoder/config.json"
GOLDEN = "golden/tensors.safetensors"
HEAD = "weights.safetensors"


@pytest.fixture
def pair(classic_bundle: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Return the classic bundle and a copy of it to change."""
    return classic_bundle, shutil.copytree(classic_bundle, tmp_path / "other")


def only(found: Comparison) -> Difference:
    (change,) = found.changes
    assert not found.same
    return change


def test_a_bundle_and_its_copy_are_the_same(pair: tuple[Path, Path]) -> None:
    found = compare(*pair)
    assert (found.changes, found.same) == ((), True)
    assert found.tensors == found.tensors_equal > 30
    assert (found.examples, found.labels_changed) == (8, 0)


def test_a_tensor_that_changed_is_named_with_how_far(pair: tuple[Path, Path]) -> None:
    def move(arrays: dict[str, Any]) -> None:
        arrays["probabilities/bias"] = arrays["probabilities/bias"] + np.float32(0.25)

    retensor(pair[1], HEAD, move)
    found, change = compare(*pair), only(compare(*pair))
    assert (change.part, change.place) == ("weights", "weights.safetensors probabilities/bias")
    assert change.by is not None
    assert change.by > 0.1
    assert found.tensors_equal == found.tensors - 1


def test_a_field_of_a_configuration_is_named_by_its_pointer(pair: tuple[Path, Path]) -> None:
    edit(pair[1], CONFIG, put("layer_norm_eps", 1e-3))
    change = only(compare(*pair))
    assert (change.part, change.place) == ("configuration", "/bert_encoder/layer_norm_eps")
    assert (change.a, change.b) == ("1e-12", "0.001")


def test_a_part_of_the_graph_is_named_by_its_pointer(pair: tuple[Path, Path]) -> None:
    edit(pair[1], "graph.json", put("layers", 3, "config", "activation", "sigmoid"))
    change = only(compare(*pair))
    assert (change.part, change.place) == ("graph", "/layers/3/config/activation")
    assert (change.a, change.b) == ("softmax", "sigmoid")


def test_a_label_of_another_name_is_a_change_of_the_signature(pair: tuple[Path, Path]) -> None:
    resign(pair[1], labels=("class 0", "billing"))
    change = only(compare(*pair))
    assert (change.part, change.place, change.a, change.b) == ("signature", "/labels/1", "class 1", "billing")


def test_tokens_that_changed_places_are_named_with_their_ids(pair: tuple[Path, Path]) -> None:
    vocabulary_swapped(pair[1])
    found = compare(*pair)
    assert [(change.part, change.place) for change in found.changes] == [
        ("tokenizer", "token invoice"),
        ("tokenizer", "token crash"),
    ]
    assert (found.changes[0].a, found.changes[0].b) == (found.changes[1].b, found.changes[1].a)


def test_a_label_that_changed_is_named_with_its_text(pair: tuple[Path, Path]) -> None:
    def flip(arrays: dict[str, Any]) -> None:
        arrays["double/probabilities"] = arrays["double/probabilities"].copy()
        arrays["double/probabilities"][0] = arrays["double/probabilities"][0, ::-1]

    retensor(pair[1], GOLDEN, flip)
    found = compare(*pair)
    output, example = found.changes
    assert (output.part, output.place) == ("behaviour", "output probabilities")
    assert output.by is not None
    assert (example.part, example.place) == ("behaviour", "example 0: my invoice is wrong")
    assert {example.a, example.b} == {"class 0", "class 1"}
    assert found.labels_changed == 1


def test_what_rounding_does_is_no_difference(pair: tuple[Path, Path]) -> None:
    def round_off(arrays: dict[str, Any]) -> None:
        arrays["double/probabilities"] = arrays["double/probabilities"] * (1 + 1e-9)

    retensor(pair[1], GOLDEN, round_off)
    assert compare(*pair).same


def test_only_examples_that_both_have_are_compared(pair: tuple[Path, Path]) -> None:
    edit(pair[1], "golden/inputs.json", put("texts", "text", 0, "another text"))
    found = compare(*pair)
    assert (found.examples, found.same) == (read_golden(str(pair[0])).examples - 1, True)


def test_who_wrote_them_is_shown_and_is_no_difference(pair: tuple[Path, Path]) -> None:
    writer = json.loads((pair[1] / "bundle.json").read_bytes())["writer"]
    drop("packages", "transformers")(writer)
    resign(pair[1], writer=writer)
    found = compare(*pair)
    (change,) = found.changes
    assert (change.part, change.place, change.b) == ("writer", "/packages/transformers", "")
    assert found.same


def test_the_command_ends_with_0_for_the_same_1_for_others_and_5_for_a_damaged_one(
    pair: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = map(str, pair)
    assert main(["diff", a, b]) == 0
    assert "the same, except for who wrote them" in capsys.readouterr().out
    edit(pair[1], CONFIG, put("layer_norm_eps", 1e-3))
    assert main(["diff", a, b]) == 1
    shown = capsys.readouterr().out
    assert "layer_norm_eps" in shown
    assert "they differ" in shown
    assert main(["diff", a, b, "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["same"], [change["part"] for change in document["changes"]]) == (False, ["configuration"])
    (pair[1] / CONFIG).write_bytes(b"{}")
    with pytest.raises(IntegrityError):
        compare(*pair)
    assert main(["diff", a, b]) == 5
    assert CONFIG in capsys.readouterr().err

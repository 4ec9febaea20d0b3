"""Bundles that cross everything at once: the newest TensorFlow to the oldest, a training in Keras 3 on JAX to 2.10."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.bundle_files import read_golden
from support.forged_bundles import retensor

from bert_bundle.api import inspect
from bert_bundle.classifiers.specification import CLASSIC
from bert_bundle.errors import IntegrityError
from bert_bundle.format import tensors
from bert_bundle.grading.differences import FLOAT64_TOLERANCE, difference
from bert_bundle.grading.grades import DRIFT, IDENTICAL, Figures, judge
from bert_bundle.host.environments.environment import ReadyEnvironment
from bert_bundle.host.workers.worker import Worker

NEWEST, OLDEST = "tf2.21-hf4.57-py3.13", "tf2.4-hf4.5-py3.8"
JAX, OLD = "keras3.15-jax0.12-py3.13", "tf2.10-hf4.25-py3.9"
UNTRAINED = {**CLASSIC, "dropout": 0.0, "attention_dropout": 0.0}  # nothing is drawn while it trains
TRAINED = {**UNTRAINED, "steps": 5}
ENCODER = "encoders/bert_encoder/model.safetensors"
WEIGHT = "encoder.layer.1.output.dense.weight"


@pytest.fixture(scope="module")
def old(made: Callable[[str], ReadyEnvironment]) -> Iterator[Worker]:
    with Worker(made(OLD), "reader") as worker:
        yield worker


@pytest.fixture(scope="module")
def tuned(made: Callable[[str], ReadyEnvironment], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return what Keras 3 on JAX wrote: a classifier `before` its training, `after` it, and trained once `more`."""
    folder = tmp_path_factory.mktemp("tuned")
    with Worker(made(JAX), "writer") as worker:
        for name, specification in {"before": UNTRAINED, "after": TRAINED, "more": TRAINED}.items():
            worker.ask("generate", specification=specification, target=str(folder / name / "bundle"))
    return folder


def figures(bundle: Path, reader: Worker) -> Figures:
    return judge(read_golden(str(bundle)), reader.ask("replay", bundle=str(bundle)))


def weights(bundle: Path) -> dict[str, np.ndarray]:
    return dict(tensors.from_bytes((bundle / ENCODER).read_bytes(), ENCODER))


def test_what_the_newest_tensorflow_writes_the_oldest_reads(
    made: Callable[[str], ReadyEnvironment], tmp_path: Path
) -> None:
    with Worker(made(NEWEST), "writer") as writer:
        writer.ask("generate", specification=CLASSIC, target=str(tmp_path / "bundle"))
    with Worker(made(OLDEST), "reader") as reader:
        found = figures(tmp_path / "bundle", reader)
    assert (found.grade, found.labels_changed) == (IDENTICAL, 0)
    assert found.float64_difference is not None
    assert found.float64_difference < FLOAT64_TOLERANCE


def test_a_training_in_keras_3_on_jax_changes_the_predictions_and_repeats_to_the_bit(tuned: Path) -> None:
    before, after = (weights(tuned / name / "bundle") for name in ("before", "after"))
    still = {name for name in before if np.array_equal(before[name], after[name])}
    unseen = {name for name in before if name.endswith("key.bias")}  # by a softmax: rounding alone moves it
    assert still - unseen == {"pooler.dense.bias", "pooler.dense.weight"}  # the classic reads the first token
    first, last = (
        read_golden(str(tuned / name / "bundle")).float64_predictions["probabilities"] for name in ("before", "after")
    )
    assert difference(last, first, of=first) > 1e-2
    assert inspect(str(tuned / "after" / "bundle")).digest == inspect(str(tuned / "more" / "bundle")).digest


def test_what_was_trained_in_keras_3_on_jax_predicts_the_same_in_tensorflow_2_10(tuned: Path, old: Worker) -> None:
    bundle = tuned / "after" / "bundle"
    assert inspect(str(bundle)).runtime == "native"
    assert "tensorflow" not in " ".join(inspect(str(bundle)).writer["packages"])
    found = figures(bundle, old)
    assert (found.grade, found.labels_changed) == (IDENTICAL, 0)
    assert found.float64_difference is not None
    assert found.float64_difference < FLOAT64_TOLERANCE


def test_one_weight_changed_after_the_save_is_caught_with_its_place(tuned: Path, old: Worker, tmp_path: Path) -> None:
    """Planted: one number of one matrix; with the digests as they were, then with a manifest that fits again."""
    bundle = shutil.copytree(tuned / "after" / "bundle", tmp_path / "bundle")
    signed = (bundle / "bundle.json").read_bytes()

    def change(arrays: dict[str, Any]) -> None:
        arrays[WEIGHT][0, 0] += 0.1

    retensor(bundle, ENCODER, change)
    found = figures(bundle, old)
    assert (found.grade, found.first_layer) == (DRIFT, "3 bert_encoder hidden_states.2")
    (bundle / "bundle.json").write_bytes(signed)
    with pytest.raises(IntegrityError, match="not what was written") as caught:
        old.ask("replay", bundle=str(bundle))
    assert caught.value.place == ENCODER

"""Custom classes stored by name, config and weights, and rebuilt when the class is passed to `load`."""

import hashlib
import json
import os

import own_layers
import pytest
import tensorflow as tf
from kept import CONFIG, DIGEST, WEIGHTS, around, weighted

import bert_bundle
from bert_bundle import errors
from bert_bundle.format import strict_json, tensors
from bert_bundle.keras_models import keras2
from bert_bundle.worker import tasks

RUNTIME = "transformers"
KEPT = {"Weighted": own_layers.Weighted}


@pytest.fixture(scope="module", autouse=True)
def as_users_build():
    """AutoGraph with its default setting, since Keras converts user code with it."""
    with keras2.autograph("UNSPECIFIED"):
        yield


@pytest.fixture(scope="module")
def made(keras):
    return around(weighted(own_layers.Weighted, keras), RUNTIME)


@pytest.fixture(scope="module")
def path(made, save, tmp_path_factory):
    return save(made, tmp_path_factory.mktemp("kept") / "bundle", custom_objects=KEPT)


def graph_of(path):
    return strict_json.parse((path / "graph.json").read_bytes(), "graph.json")


def test_a_custom_layer_is_stored_as_class_name_config_and_weights_by_attribute(path):
    graph = (path / "graph.json").read_bytes()
    assert graph_of(path)["layers"][1] == {"class": "Weighted", "custom": True, "name": "pool", "config": CONFIG}
    assert hashlib.sha256(graph).hexdigest()[:16] == DIGEST
    names = set(tensors.from_bytes((path / "weights.safetensors").read_bytes(), ""))
    assert names == WEIGHTS | {"probabilities/bias", "probabilities/kernel"}


def test_manifest_and_card_name_the_classes_that_a_load_needs(path):
    assert bert_bundle.inspect(path).custom_objects == ("Weighted",)
    card = (path / "README.md").read_text(encoding="utf-8")
    assert "custom_objects={'Weighted': Weighted})" in card
    assert "Layers of these classes need code that is not in this folder, passed to `load`: Weighted." in card


def test_with_its_class_a_bundle_loads_as_the_same_model(made, path, save, tmp_path):
    bundle = bert_bundle.load(path, custom_objects=KEPT)
    assert type(bundle.layers["pool"]) is own_layers.Weighted
    verification = bert_bundle.verify(path, custom_objects=KEPT)
    assert verification.figures.grade == "bitwise"
    again = save(made, tmp_path / "bundle", custom_objects=KEPT, prove=False)
    assert bert_bundle.inspect(again).digest == bert_bundle.inspect(path).digest


def test_without_its_class_a_bundle_is_refused_with_what_to_pass(path):
    for read in (
        bert_bundle.load,
        bert_bundle.verify,
        lambda path: tasks.replay(bundle=str(path), progress=lambda _: None),  # what an audit asks a worker
        lambda path: bert_bundle.load(path, custom_objects={"Other": own_layers.Weighted}),
    ):
        with pytest.raises(
            errors.RuntimeUnavailableError, match="a layer needs a class that the bundle does not contain"
        ) as caught:
            read(path)
        assert (caught.value.place, caught.value.wanted) == ("pool", "the class Weighted that the model was saved with")
        assert caught.value.fix == (
            "pass custom_objects={'Weighted': Weighted} to bert_bundle.load or bert_bundle.verify"
        )


def test_a_class_that_a_bundle_does_not_need_is_ignored(classic_bundle, path):
    others = {"activation": tf.nn.relu, "unused": "anything"}
    assert bert_bundle.load(classic_bundle, custom_objects=others)
    assert bert_bundle.load(path, custom_objects={**others, **KEPT})


def test_another_class_of_that_name_is_drift_at_its_layer(path):
    class Weighted(own_layers.Weighted):
        def call(self, states):
            found = super().call(states)
            return {**found, "pooled": found["pooled"] * 1.01}

    found = bert_bundle.verify(path, custom_objects={"Weighted": Weighted}).figures
    assert (found.grade, found.first_layer) == ("drift", "4 pool 1")


def test_a_class_that_changed_its_arguments_or_its_results_is_refused(path):
    class Fewer(own_layers.Weighted):
        def call(self, states):
            return super().call(states)["first"]

    class Other(own_layers.Weighted):
        def __init__(self, units, **kwargs):
            super().__init__(units, name="mine")

    for cls, message in (
        (Fewer, "a custom layer that returns fewer tensors than when it was saved"),
        (Other, "a custom layer that its class does not rebuild from its config"),
    ):
        with pytest.raises(errors.ModelError, match=message) as caught:
            bert_bundle.load(path, custom_objects={"Weighted": cls})
        assert caught.value.place == "pool"
        assert caught.value.fix


def test_a_class_of_a_module_is_proven_in_a_fresh_process_and_its_module_is_in_no_file(made, tmp_path):
    saved = bert_bundle.save(
        made.model,
        tmp_path / "bundle",
        tokenizer=made.tokenizer,
        examples=made.examples,
        max_length=made.max_length,
        custom_objects=KEPT,
    )
    assert saved.proof == {"proven": True}
    for folder, _, names in os.walk(str(tmp_path)):
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                assert b"own_layers" not in file.read()


def test_a_class_that_a_fresh_process_cannot_import_is_saved_unproven_only(keras, save, tmp_path):
    class Local(own_layers.Weighted):
        pass

    made = around(weighted(Local, keras), RUNTIME)
    with pytest.raises(errors.ProofError, match="a custom class that a fresh process cannot import") as caught:
        save(made, tmp_path / "bundle", custom_objects={"Local": Local}, prove=True)
    assert caught.value.place == "custom_objects Local"
    assert caught.value.fix.endswith("or pass prove=False")
    assert os.listdir(str(tmp_path)) == []
    path = save(made, tmp_path / "bundle", custom_objects={"Local": Local})
    assert bert_bundle.verify(path, custom_objects={"Local": Local}).ok


def test_a_module_that_fails_in_a_fresh_process_fails_the_proof(keras, save, tmp_path, monkeypatch):
    """Planted: the module is another one by the time the fresh process imports it."""
    (tmp_path / "own_module.py").write_text("from own_layers import Weighted as Base\n\nclass Mine(Base):\n    pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    from own_module import Mine

    made = around(weighted(Mine, keras), RUNTIME)
    (tmp_path / "own_module.py").write_text("raise OSError('gone')\n")
    with pytest.raises(errors.ProofError, match="could not load the staged bundle: a custom class that") as caught:
        save(made, tmp_path / "bundle", custom_objects={"Mine": Mine}, prove=True)
    assert (caught.value.wanted, caught.value.found) == ("own_module:Mine", "OSError: gone")
    assert not (tmp_path / "bundle").exists()


def test_a_given_class_is_stored_by_name_and_other_classes_are_traced(made, save, tmp_path):
    with pytest.raises(errors.ModelError, match="a custom layer that cannot be traced"):
        save(made, tmp_path / "bundle")

    class Double(tf.keras.layers.Layer):
        def call(self, states):
            return states[:, 0] * 2.0

    traced = save(around(Double(name="double"), RUNTIME), tmp_path / "bundle", custom_objects=KEPT)
    assert "custom_objects" not in json.loads((traced / "bundle.json").read_text())
    assert [layer["class"] for layer in graph_of(traced)["layers"]] == ["BertModel", "Dense"]


def test_a_custom_layer_keeps_its_flag_its_precision_and_its_call_arguments(keras, runtime, save, tmp_path):
    with runtime.dialect.precision(keras, "float64"):
        layer = weighted(own_layers.Weighted, keras)
    layer.trainable = False
    path = save(around(layer, RUNTIME, power=2), tmp_path / "bundle", custom_objects=KEPT)
    record = graph_of(path)
    assert (record["layers"][1]["trainable"], record["layers"][1]["dtype"]) == (False, "float64")
    assert record["nodes"][4]["kwargs"] == {"power": 2}
    again = bert_bundle.load(path, custom_objects=KEPT).layers["pool"]
    assert (again.trainable, again._dtype_policy.name) == (False, "float64")
    assert bert_bundle.verify(path, custom_objects=KEPT).figures.grade == "bitwise"


def test_a_custom_layer_works_in_nested_and_traced_models_and_when_called_twice(keras, save, tmp_path):
    states = keras.Input((12, 16))
    inner = keras.Model(states, weighted(own_layers.Weighted, keras)(states)["pooled"], name="inner")

    class Outer(keras.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.pool = weighted(own_layers.Weighted, keras, name="second")

        def call(self, states):
            return self.pool(states)["pooled"] + self.pool(states * 2.0)["pooled"] + inner(states)

    path = save(around(Outer(name="outer"), RUNTIME), tmp_path / "bundle", custom_objects=KEPT)
    assert bert_bundle.load(path, custom_objects=KEPT).layers["inner/pool"].units == 4
    assert [layer["name"] for layer in graph_of(path)["layers"] if layer.get("custom")] == ["second"]
    assert bert_bundle.verify(path, custom_objects=KEPT).figures.grade == "bitwise"

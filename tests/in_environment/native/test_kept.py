"""Custom classes stored by name, in Keras 3 on any backend: the same bundle that Keras 2 writes."""

import hashlib

import pytest
from kept import CONFIG, DIGEST, WEIGHTS, around, weighted

import bert_bundle
from bert_bundle import errors
from bert_bundle.format import strict_json, tensors
from bert_bundle.grading import grades
from bert_bundle.interpreter import launch
from bert_bundle.saving import proof

RUNTIME = "native"
OWN_MODULE = """
import keras


class Weighted(keras.layers.Layer):
    def __init__(self, units, temperature=1.0, initializer="glorot_uniform", sizes=(1, 2), **kwargs):
        super().__init__(**kwargs)
        self.units, self.temperature, self.sizes = units, temperature, sizes
        self.initializer = keras.initializers.get(initializer)
        self.blocks = [keras.layers.Dense(units, activation="tanh"), keras.layers.Dense(1)]

    def build(self, shape):
        self._scale = self.add_weight(name="s", shape=(), initializer="ones", trainable=False)
        for block in self.blocks:
            block.build(shape)
            shape = (*shape[:-1], block.units)

    def call(self, states):
        weights = keras.ops.softmax(self.blocks[1](self.blocks[0](states)) / self.temperature, axis=1)
        states = keras.ops.cond(keras.ops.max(states) > 1e6, lambda: states / 2.0, lambda: states)
        return {"pooled": keras.ops.sum(weights * states, axis=1) * self._scale, "first": states[:, 0]}

    def get_config(self):
        own = {"units": self.units, "temperature": self.temperature, "sizes": self.sizes}
        return {**super().get_config(), **own, "initializer": keras.initializers.serialize(self.initializer)}
"""


@pytest.fixture(scope="module")
def cls(tmp_path_factory):
    """Yield a class in a module of its own, found where this process finds modules and where it was not installed."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "own_native.py").write_text(OWN_MODULE)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        import own_native

        yield own_native.Weighted


@pytest.fixture(scope="module")
def path(cls, save, tmp_path_factory):
    import keras

    made = around(weighted(cls, keras), RUNTIME)
    return save(made, tmp_path_factory.mktemp("kept") / "bundle", custom_objects={"Weighted": cls}, prove=True)


def test_a_custom_layer_is_written_as_in_keras_2_and_proven_in_a_fresh_process(path):
    graph = (path / "graph.json").read_bytes()
    record = strict_json.parse(graph, "")["layers"][1]
    assert record == {"class": "Weighted", "custom": True, "name": "pool", "config": CONFIG}
    assert hashlib.sha256(graph).hexdigest()[:16] == DIGEST
    names = set(tensors.from_bytes((path / "weights.safetensors").read_bytes(), ""))
    assert names == WEIGHTS | {"probabilities/bias", "probabilities/kernel"}
    assert bert_bundle.inspect(path).proof == {"proven": True}


def test_a_custom_layer_loads_with_its_class_and_is_refused_without_it(cls, path):
    found = bert_bundle.verify(path, runtime=RUNTIME, custom_objects={"Weighted": cls})
    assert found.figures.grade == grades.BITWISE
    with pytest.raises(
        errors.RuntimeUnavailableError, match="a layer needs a class that the bundle does not contain @ pool"
    ):
        bert_bundle.load(path, runtime=RUNTIME)


def test_another_class_of_that_name_is_drift_at_its_layer(cls, path):
    class Weighted(cls):
        def call(self, states):
            found = super().call(states)
            return {**found, "pooled": found["pooled"] * 1.01}

    found = bert_bundle.verify(path, runtime=RUNTIME, custom_objects={"Weighted": Weighted}).figures
    assert (found.grade, found.first_layer) == ("drift", "4 pool 1")


def test_a_class_of_keras_is_not_a_custom_class(path):
    import keras

    with pytest.raises(
        errors.ModelError, match="a custom object that cannot be stored by name @ custom_objects Weighted"
    ):
        bert_bundle.load(path, runtime=RUNTIME, custom_objects={"Weighted": keras.layers.Dense})


def test_kernels_that_compute_something_else_where_users_run_them_fail_the_proof(cls, save, tmp_path, monkeypatch):
    """Planted fault: with all cores and the default kernels the predictions are off by 1e-3."""
    import keras

    honest = proof._ask

    def faulty(task, arguments, setting):
        answer = honest(task, arguments, setting)
        if setting == launch.USER_SETTING:
            answer["probabilities"][0][0] += 1e-3
        return answer

    monkeypatch.setattr(proof, "_ask", faulty)
    made = around(weighted(cls, keras), RUNTIME)
    with pytest.raises(
        errors.ProofError, match="predictions differ when TensorFlow uses all cores and its default kernels"
    ) as caught:
        save(made, tmp_path / "bundle", custom_objects={"Weighted": cls}, prove=True)
    assert caught.value.place == "probabilities"
    assert not (tmp_path / "bundle").exists()

"""Models of code that this TensorFlow saved: the graph of each is read off its serving function, without the code."""

import json
import re
from dataclasses import replace

import numpy as np
import old_models
import pytest

from bert_bundle.errors import ModelError, ProofError
from bert_bundle.graph.graph import Apply
from bert_bundle.graph.signature import slots
from bert_bundle.keras_files.read import read
from bert_bundle.keras_models.prediction import predict
from bert_bundle.rescuing import witness
from bert_bundle.rescuing.model_parts import parts_of

_QUERY, _VALUE = (r"\b({}|{})\.weight".format(name, name[0] + "_lin") for name in ("query", "value"))


@pytest.fixture
def write(tmp_path, as_users_build):
    def written(shape, kind="saved_model"):
        old_models.write(shape, tmp_path / shape, [kind])
        return tmp_path / shape

    return written


def rescued(folder, kind="saved_model"):
    """Return the record of a SavedModel and its parts, given the configuration that was saved beside it."""
    stored = read(folder / kind)
    given = json.loads((folder / "classifier" / "config.json").read_text(encoding="utf-8"))
    return stored, parts_of(stored, lambda: given).parts


def check(folder, stored, parts, runtime):
    """Check the built model against the serving function, and against what the live model predicted."""
    model = parts.build(runtime).model
    witness.of_serving(stored, parts, model, runtime).check(stored.source)
    with np.load(str(folder / "noted.npz")) as file:
        arrays = {name: file[name] for name, _ in parts.graph.inputs}
        wanted = file["predictions"]
    (found,) = predict(runtime, model, parts.graph, slots(parts.graph), arrays, batch=4).values()
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-6)


def test_a_layer_of_the_user_is_read_with_its_own_weights_and_what_is_read_wrong_is_refused(write, runtime):
    """Planted: one constant, and two weights of one shape."""
    folder = write("custom_layer")
    stored, parts = rescued(folder)
    check(folder, stored, parts, runtime)
    variables = {layer.name: layer for layer in parts.graph.layers if layer.class_name == "Variable"}
    assert {name: layer.trainable for name, layer in variables.items()} == {
        "attentive.query": True,
        "attentive.offset": False,
    }
    for planted in (_with_another_constant(parts), _with_swapped_weights(parts)):
        compared = witness.of_serving(stored, planted, planted.build(runtime).model, runtime)
        with pytest.raises(ProofError, match="does not predict what the original predicts"):
            compared.check(stored.source)


def _with_another_constant(parts):
    nodes = [
        replace(node, arguments={**node.arguments, "x2": -0.5})
        if isinstance(node, Apply) and node.arguments.get("x2") == -1e9
        else node
        for node in parts.graph.nodes
    ]
    assert nodes != list(parts.graph.nodes)
    return replace(parts, graph=replace(parts.graph, nodes=tuple(nodes)))


def _with_swapped_weights(parts):
    ((folder, weights),) = parts.encoders.items()
    names = [sorted(name for name in weights if re.search(end, name))[0] for end in (_QUERY, _VALUE)]
    swapped = dict(zip(names, [weights[name] for name in reversed(names)]))
    return replace(parts, encoders={folder: {**weights, **swapped}})


def test_a_model_that_was_saved_without_the_loaders_of_keras_predicts_the_same(write, runtime):
    """Planted: two weights of one shape."""
    folder = write("subclassed", "served")
    stored, parts = rescued(folder, "served")
    check(folder, stored, parts, runtime)
    planted = _with_swapped_weights(parts)
    compared = witness.of_serving(stored, planted, planted.build(runtime).model, runtime)
    with pytest.raises(ProofError, match="does not predict what the original predicts"):
        compared.check(stored.source)


@pytest.mark.parametrize("shape", ["distilbert"])
def test_an_encoder_of_another_family_is_read_off_its_serving_function(shape, write, runtime):
    """Without the stored architecture. Planted: two weights of one shape."""
    folder = write(shape)
    stored = replace(read(folder / "saved_model"), architecture=None)
    found = parts_of(stored)
    assert found.findings[0] == "the architecture was read off the serving function"
    check(folder, stored, found.parts, runtime)
    planted = _with_swapped_weights(found.parts)
    compared = witness.of_serving(stored, planted, planted.build(runtime).model, runtime)
    with pytest.raises(ProofError, match="does not predict what the original predicts"):
        compared.check(stored.source)


def test_a_recurrent_layer_in_a_subclassed_model_is_read_as_a_layer_with_its_mask(write, runtime):
    folder = write("subclassed_masked_recurrent")
    stored, parts = rescued(folder)
    check(folder, stored, parts, runtime)
    (call,) = (node for node in parts.graph.nodes if getattr(node, "layer", "").startswith("bidirectional"))
    assert set(call.kwargs) == {"mask"}
    kept = tuple(each for each in stored.objects if each.class_name not in ("Bidirectional", "LSTM"))
    with pytest.raises(ModelError, match="a loop or branch outside of a layer whose configuration is stored") as caught:
        parts_of(replace(stored, objects=kept))
    assert "/forward_lstm/" in caught.value.place

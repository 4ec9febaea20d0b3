"""Graphs that are read off the serving function of a SavedModel which TensorFlow 2.15 wrote, without the code."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bert_bundle.errors import BundleError, FormatError, LimitError, ModelError
from bert_bundle.graph.graph import Apply, Call
from bert_bundle.keras_files.read import read
from bert_bundle.keras_files.stored_model import StoredModel
from bert_bundle.rescuing.model_parts import parts_of
from bert_bundle.rescuing.serving_function import serving_ops

READ = "the architecture was read off the serving function"


@pytest.fixture(scope="module")
def custom(old_models: Path) -> StoredModel:
    """Return a model whose only layer with an encoder is a class of the user, as it is stored."""
    return read(old_models / "custom_layer" / "saved_model")


def test_a_layer_of_the_user_becomes_the_layers_ops_and_weights_that_it_consists_of(custom: StoredModel) -> None:
    found = parts_of(custom)
    graph, weights = found.parts.graph, found.parts.weights
    assert found.findings == (READ,)
    assert [(name, graph.inputs_form) for name, _ in graph.inputs] == [
        ("input_ids", "list"),
        ("attention_mask", "list"),
    ]
    assert [layer.class_name for layer in graph.layers] == ["BertModel", "Dense", "Variable", "Variable", "Dense"]
    ops = [node.op for node in graph.nodes if isinstance(node, Apply)]
    assert ops == "matmul squeeze add cast subtract multiply add softmax einsum".split()
    (query,) = (array for name, array in custom.arrays.items() if name.endswith("attentive/query"))
    assert np.array_equal(weights["attentive.query"], query)
    assert next(layer for layer in graph.layers if layer.name == "attentive.offset").trainable is False


def test_a_serving_function_gives_the_graph_of_the_stored_configuration(old_models: Path) -> None:
    """Apart from a layer without weights, which is the op that it computes."""
    stored = read(old_models / "with_features" / "saved_model")
    wanted = parts_of(stored).parts
    assert stored.architecture is not None
    config = stored.architecture["config"]
    unknown = [{**each, "class_name": "Lambda"} if each["name"] == "dense" else each for each in config["layers"]]
    architecture = {**stored.architecture, "config": {**config, "layers": unknown}}
    found = parts_of(replace(stored, architecture=architecture))
    graph = found.parts.graph
    assert found.findings == (READ,)
    assert (graph.inputs, graph.outputs_form, graph.name) == (
        wanted.graph.inputs,
        wanted.graph.outputs_form,
        wanted.graph.name,
    )
    assert graph.layers == tuple(layer for layer in wanted.graph.layers if layer.class_name != "Concatenate")
    assert [type(node) for node in graph.nodes].count(Call) == 2
    assert found.parts.configs == wanted.configs
    assert all(np.array_equal(found.parts.weights[name], array) for name, array in wanted.weights.items())


@pytest.mark.parametrize("name", ["exported", "served", "saved_model"])
def test_a_model_without_metadata_of_keras_is_read_by_the_names_of_its_variables(
    name: str, old_models: Path, tmp_path: Path
) -> None:
    """Planted: no configuration beside it, and one of another family."""
    shape = old_models / "with_features"
    folder = Path(shutil.copytree(shape / name, tmp_path / name))
    (folder / "keras_metadata.pb").unlink(missing_ok=True)
    stored, wanted = read(folder), parts_of(read(shape / "saved_model")).parts
    assert (stored.objects, stored.architecture, stored.flags) == ((), None, None)
    config = json.loads((shape / "classifier" / "config.json").read_text())
    found = parts_of(stored, lambda: config)
    assert [layer.class_name for layer in found.parts.graph.layers] == ["BertModel", "Variable", "Variable"]
    assert [node.op for node in found.parts.graph.nodes if isinstance(node, Apply)] == [
        *("getitem", "concatenate", "matmul", "add", "softmax")
    ]
    assert sorted(name for name, _ in found.parts.graph.inputs) == sorted(name for name, _ in wanted.graph.inputs)
    (ours,), (theirs,) = found.parts.encoders.values(), wanted.encoders.values()
    assert ours.keys() == theirs.keys()
    assert all(np.array_equal(ours[key], theirs[key]) for key in ours)
    assert np.array_equal(found.parts.weights["dense.kernel"], wanted.weights["dense/kernel"])
    assert found.findings == (
        READ,
        "without the metadata of Keras: layers other than encoders became ops and variables, "
        "and dropout outside of encoders is left out",
        "bert: the file does not say which parts were frozen; all are trainable",
    )
    with pytest.raises(ModelError, match="an encoder that was saved without its configuration") as caught:
        parts_of(stored)
    assert "--config" in caught.value.fix
    with pytest.raises(ModelError, match="an encoder of another family"):
        parts_of(stored, lambda: {**config, "model_type": "t5"})
    with pytest.raises(ModelError, match="the model has no encoder"):
        parts_of(stored, lambda: {**config, "model_type": "electra"})


def test_an_op_without_an_equivalent_is_refused_with_its_scope(old_models: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(old_models / "custom_layer" / "saved_model", tmp_path / "saved_model"))
    path = folder / "saved_model.pb"
    path.write_bytes(path.read_bytes().replace(b"\x12\x07Squeeze", b"\x12\x07Squeezy"))
    with pytest.raises(
        ModelError, match=r"a tensor op that a bundle cannot represent @ .*/attentive/Squeeze"
    ) as caught:
        parts_of(read(folder))
    assert caught.value.found == "tf.raw_ops.Squeezy"


def test_weights_that_nothing_uses_are_listed_and_one_that_is_missing_is_refused(custom: StoredModel) -> None:
    arrays = dict(custom.arrays)
    found = parts_of(replace(custom, arrays={**arrays, "other/kernel": np.zeros(2, "float32")}))
    assert found.findings == (READ, "weights that no prediction uses, left out: other/kernel")
    name = next(name for name in arrays if "pooler/dense/bias" in name)
    with pytest.raises(FormatError, match="does not fit its configuration"):
        parts_of(replace(custom, arrays={key: array for key, array in arrays.items() if key != name}))
    name = next(name for name in arrays if name.endswith("attentive/query"))
    with pytest.raises(ModelError, match="a variable that a bundle cannot represent"):
        parts_of(replace(custom, arrays={key: array for key, array in arrays.items() if key != name}))


def test_a_model_whose_encoder_is_not_stored_as_one_is_refused(custom: StoredModel) -> None:
    kept = tuple(each for each in custom.objects if not each.class_name.startswith("TFBertM"))
    with pytest.raises(ModelError, match="the model has no encoder"):
        parts_of(replace(custom, objects=kept))


def test_a_serving_function_of_too_many_ops_is_refused(custom: StoredModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving_ops, "MAX_NODES", 100)
    with pytest.raises(LimitError, match="a serving function of too many ops"):
        parts_of(custom)


def test_a_serving_function_without_one_of_its_ops_is_refused_unless_nothing_needs_it(custom: StoredModel) -> None:
    assert custom.serving is not None
    wanted = parts_of(custom).parts.graph
    functions = custom.serving.functions
    largest = max(functions.values(), key=lambda function: "wrapped_model" in function.name)
    refused = 0
    for name in list(largest.nodes)[::3]:
        left = {key: node for key, node in largest.nodes.items() if key != name}
        changed = {**functions, largest.name: replace(largest, nodes=left)}
        try:
            found = parts_of(replace(custom, serving=replace(custom.serving, functions=changed)))
        except BundleError as error:
            refused += "a node that the graph does not have" in str(error)
        else:
            assert found.parts.graph == wanted
    assert refused > len(largest.nodes) / 3 * 0.7

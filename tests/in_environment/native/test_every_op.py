"""Every op of the vocabulary in Keras 3, on the installed backend: built, captured and rebuilt."""

import numpy as np
import pytest
from op_table import CASES, SIZED, Feeds, arrays

from bert_bundle import errors
from bert_bundle.capturing import capture
from bert_bundle.encoders import families
from bert_bundle.graph import graph_json, ops
from bert_bundle.keras_models import rebuild
from bert_bundle.keras_models import runtime as keras_runtime


@pytest.fixture(scope="module")
def native():
    return keras_runtime.bind("native")


@pytest.fixture(scope="module")
def config():
    config = {**families.BERT.fields, "vocab_size": 9, "hidden_size": 4, "num_hidden_layers": 1}
    config.update(num_attention_heads=2, intermediate_size=5, max_position_embeddings=4, model_type="bert")
    return config


def values(native, model):
    found = model([native.dialect.tensor(array) for array in arrays()])
    return [native.dialect.array(value) for value in found][1:]


@pytest.mark.parametrize("case", list(CASES))
def test_an_op_is_captured_as_it_was_built_and_computes_the_same(case, native, config):
    feeds, name = Feeds(native), CASES[case][0]
    encoder = native.encoders.build(families.BERT, config, "encoder")
    state = native.encoders.call(encoder, {"input_ids": feeds.ids}, frozenset())["pooler_output"]
    model = native.keras.Model(feeds.inputs, [state, *feeds.results(case)], name="model")
    graph = capture.capture(model, native).graph
    (node,) = [node for node in graph.nodes if getattr(node, "op", "") == name][-1:]
    assert set(node.arguments) == set(feeds.arguments(case))
    written = graph_json.to_bytes(graph)
    assert graph_json.to_bytes(graph_json.from_bytes(written)) == written
    again = rebuild.rebuild(graph, {"encoder": config}, native).model
    assert graph_json.to_bytes(capture.capture(again, native).graph) == written
    for first, second in zip(values(native, model), values(native, again)):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("case", SIZED)
def test_a_size_is_known_when_keras_compiles_the_model_too(case, native):
    feeds = Feeds(native)
    model = native.keras.Model(feeds.inputs, [feeds.op("cast", x=feeds.x, dtype="float32"), *feeds.results(case)])
    wanted = values(native, model)
    compiled = model.predict(arrays(), verbose=0)[1:]
    for first, second in zip(wanted, compiled):
        np.testing.assert_array_equal(first, second)


REFUSED = {
    "repeat": lambda f: {"x": f.x, "repeats": f.size(1), "axis": 1},
    "one_hot": lambda f: {"x": f.ids, "num_classes": f.size(1), "dtype": "float32"},
}


@pytest.mark.parametrize("name", list(REFUSED))
def test_a_tensor_where_keras_3_takes_a_number_is_refused_by_name(name, native):
    feeds = Feeds(native)
    with pytest.raises(TypeError, match=name + r": \w+ is a tensor where Keras 3 takes a number"):
        feeds.op(name, **REFUSED[name](feeds))


WRITTEN = {
    "a dtype that nobody said": (
        lambda ops, x: ops.one_hot(ops.argmax(x, axis=1), 4),
        {"dtype": "float32", "num_classes": 4},
    ),
    "one axis of a flip": (lambda ops, x: ops.flip(x, axis=1), {"axis": [1]}),
    "one axis of a sum": (lambda ops, x: ops.sum(x, axis=(1,)), {"axis": 1}),
    "two axes": (lambda ops, x: ops.sum(x, axis=(1, 2)), {"axis": [1, 2]}),
}


def written(native, config, make):
    """Return the last node of a graph that is written in Keras 3."""
    feeds = Feeds(native)
    encoder = native.encoders.build(families.BERT, config, "encoder")
    state = native.encoders.call(encoder, {"input_ids": feeds.ids}, frozenset())["pooler_output"]
    model = native.keras.Model(feeds.inputs, [state, make(native.keras.ops, feeds.x)], name="model")
    return capture.capture(model, native).graph.nodes[-1]


@pytest.mark.parametrize("case", list(WRITTEN))
def test_defaults_of_keras_3_are_written_as_tensorflow_takes_them(case, native, config):
    make, wanted = WRITTEN[case]
    assert {k: v for k, v in written(native, config, make).arguments.items() if k != "x"} == wanted


# What is named where Keras 3 has another backend; on TensorFlow the op that it becomes, or what is named.
UNKNOWN = {
    "flip": (lambda ops, x: ops.flip(x), "flip without axis", "flip"),
    "roll": (lambda ops, x: ops.roll(x, 1, axis=1), "keras.ops.roll", "tf.raw_ops.Roll"),
    "argmax": (lambda ops, x: ops.argmax(x), "argmax without axis", "tf.raw_ops.Bitcast"),
}


@pytest.mark.parametrize("case", list(UNKNOWN))
def test_an_op_outside_the_vocabulary_is_what_it_consists_of_or_refused_by_name(case, native, config):
    make, elsewhere, on_tensorflow = UNKNOWN[case]
    found = on_tensorflow if native.keras.config.backend() == "tensorflow" else elsewhere
    if found in ops.BY_NAME:
        assert written(native, config, make).op == found
        return
    with pytest.raises(errors.ModelError, match="a tensor op that a bundle cannot represent") as caught:
        written(native, config, make)
    assert caught.value.found == found
